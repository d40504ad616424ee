"""Advantages: the baselines by hand, credit by box against the whole reward."""

from __future__ import annotations

import math

import pytest
import torch
from rewardmark.baselines.advantages import advantages, returns_to_go
from rewardmark.rewards import Boxes, get_reward


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[None, :, None]


def test_leave_one_out_subtracts_the_mean_of_the_others():
    got = advantages(column(3.0, 1.0, 2.0), "leave-one-out", False).flatten()
    assert got.tolist() == pytest.approx([3 - 1.5, 1 - 2.5, 2 - 2.0])


def test_unscored_samples_take_no_part():
    got = advantages(column(3.0, math.nan, 1.0), "leave-one-out", False).flatten()
    assert got.tolist() == pytest.approx([2.0, 0.0, -2.0])


def test_a_lone_scored_sample_has_no_advantage():
    assert advantages(column(math.nan, 5.0), "leave-one-out", False).abs().sum() == 0


def test_no_baseline_is_the_reward_itself():
    assert advantages(column(3.0, 1.0), "none", False).flatten().tolist() == [3.0, 1.0]


def test_running_baseline_is_the_number_given():
    assert advantages(column(3.0, 1.0), "running", False, running=2.5).flatten().tolist() == [0.5, -1.5]


def test_normalised_advantages_have_unit_spread():
    raw = advantages(column(3.0, 1.0, 2.0, 7.0), "none", False)
    got = advantages(column(3.0, 1.0, 2.0, 7.0), "none", True)
    torch.testing.assert_close(got, raw / (raw.std(dim=1, keepdim=True) + 1e-4))


def test_equal_rewards_move_nothing():
    assert (
        advantages(column(0.7, 0.7, 0.7), "leave-one-out", True).abs().max() < 1e-2
    )  # float32 rounding over the 1e-4 floor


def test_credit_of_all_boxes_is_the_whole_reward():
    truth = Boxes.from_lists([[[0, 0, 10, 10], [20, 20, 30, 30]]] * 2, [[1, 2]] * 2)
    guess = Boxes.from_lists(
        [[[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 31]], [[50, 50, 60, 60], [20, 20, 30, 30]]], [[1, 1, 2], [1, 2]]
    )
    reward = get_reward("detection/recall")
    values = reward(guess, truth).view(1, 2)
    to_go = returns_to_go(guess, truth, values, 16, reward.parameters)
    assert to_go.shape == (1, 2, 16)
    torch.testing.assert_close(to_go[..., 0], values)  # the first token is credited with everything
    assert to_go[0, 1, 10:].abs().sum() == 0  # nothing is left after the last box


def test_unscored_samples_stay_unscored_to_go():
    truth = Boxes.from_lists([[[0, 0, 10, 10]]], [[1]])
    to_go = returns_to_go(truth, truth, torch.tensor([[math.nan]]), 6, get_reward("detection/recall").parameters)
    assert to_go.isnan().all()
