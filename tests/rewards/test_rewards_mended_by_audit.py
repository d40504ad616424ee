"""Rewards that the audit's battery made us mend: what each pays now, and what it no longer pays."""

from __future__ import annotations

import pytest
import torch
from rewardmark.rewards import Answers, Boxes, Images, get_reward


@pytest.mark.parametrize("name", ["detection/hungarian", "detection/visual-rft"])
def test_filling_a_list_up_to_the_number_of_truths_costs(name: str) -> None:
    truth = Boxes.from_lists([[[0, 0, 20, 20], [50, 50, 80, 80]]], [[1, 2]])
    half = Boxes.from_lists([[[0, 0, 20, 20]]], [[1]])
    filled = Boxes.from_lists([[[0, 0, 20, 20], [90, 90, 95, 95]]], [[1, 2]])
    reward = get_reward(name)
    assert reward(truth, truth).item() == 1
    assert reward(half, truth).item() == pytest.approx(2 / 3)  # one of two, over the mean length 1.5
    assert reward(filled, truth).item() == pytest.approx(1 / 2)


def test_yes_or_no_is_said_once_and_not_in_a_flood_of_words() -> None:
    answers = ["yes", "Yes, it is red.", "yes yes", "yes. It is yes.", "word " * 15 + "yes", "no"]
    truth = Answers(["yes"] * len(answers))
    found = get_reward("vqa/yes-no")(Answers(answers), truth)
    assert found.tolist() == [1, 1, 0, 0, 0.5, 0]


def test_nothing_but_a_thought_may_stand_beside_the_tags_of_a_list() -> None:
    right = '<answer>[{"bbox_2d": [0, 0, 4, 4]}]</answer>'
    texts = [right, f"<think>so</think> {right}\n", f"well {right}", f"{right} well", f"{right}<think>so</think>"]
    assert get_reward("format/json-boxes")(Answers(texts), None).tolist() == [1, 1, 0, 0, 0]


def test_chroma_is_highest_at_the_true_colours_and_prefers_a_mode_to_the_mean_of_modes() -> None:
    def flat(*rgb: float) -> torch.Tensor:
        return torch.tensor(rgb)[:, None, None].expand(3, 8, 8)

    red, green, grey = flat(0.84, 0.15, 0.16), flat(0.2, 0.6, 0.27), flat(0.4, 0.4, 0.4)
    reward = get_reward("colorization/chroma")

    def value(found: torch.Tensor, truth: torch.Tensor) -> float:
        return reward(Images(found[None]), Images(truth[None])).item()

    assert value(red, red) == pytest.approx(1)
    assert value(grey, grey) == pytest.approx(1, abs=1e-5)
    # Truth is red or green with equal chances: naming one of them must beat the grey between them.
    assert value(red, red) + value(red, green) > 0.9
    assert value(grey, red) + value(grey, green) < 0.1
    assert value(flat(1.0, 0.0, 0.0), red) < 0.97  # stronger than the truth is worse too


def test_chroma_refuses_images_of_another_size_and_images_that_are_no_numbers() -> None:
    small, large = Images(torch.rand(1, 3, 4, 4)), Images(torch.rand(1, 3, 8, 8))
    scored = get_reward("colorization/chroma").score(small, large)
    assert "differ" in scored.failures[0].message
    nan = get_reward("colorization/chroma").score(Images(large.rgb * torch.nan), large)
    assert nan.failures and torch.isnan(nan.values).all()
