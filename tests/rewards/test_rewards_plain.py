"""Every registered reward equals its plain reference, and keeps the invariances that batches must have."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import REFERENCES
from reward_inputs import inputs, scattered
from rewardmark.rewards import Boxes, get_reward, list_rewards, registry

list_rewards()
NAMES = [n for n, e in registry._snapshot().items() if e.function.__module__.startswith("rewardmark.rewards.")]
OF_BOXES = [name for name in NAMES if isinstance(inputs(name, size=2)[0], Boxes)]
#: float32 against float64; colours go through logarithms.
TOLERANCE = {
    "colorization/vivid": 1e-4,
    "colorization/chroma": 1e-4,
    "colorization/hasler": 1e-3,
    "colorization/psnr": 1e-3,
    "captioning/cider": 2e-6,
}


def close(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-6) -> None:
    torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance, equal_nan=True)


def test_every_reward_has_a_reference() -> None:
    assert set(REFERENCES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100_000))
def test_a_reward_equals_its_plain_reference(name: str, seed: int) -> None:
    predictions, targets, options = inputs(name, seed)
    values = get_reward(name, **options)(predictions, targets)
    close(values, torch.tensor(REFERENCES[name](predictions, targets)), TOLERANCE.get(name, 1e-6))


def part(batch: Any, rows: Any) -> Any:
    return None if batch is None else batch[rows]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_a_batch_equals_its_samples_one_by_one_and_in_any_order(name: str, seed: int) -> None:
    predictions, targets, options = inputs(name, seed, size=7)
    reward = get_reward(name, **options)
    together = reward(predictions, targets)
    close(torch.cat([reward(part(predictions, i), part(targets, i)) for i in range(7)]), together)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
    close(reward(part(predictions, order), part(targets, order)), together[order])


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_batch_gives_no_value(name: str) -> None:
    predictions, targets, options = inputs(name, size=3)
    assert get_reward(name, **options)(part(predictions, []), part(targets, [])).tolist() == []


@pytest.mark.parametrize("name", OF_BOXES)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_padding_between_the_boxes_changes_nothing(name: str, seed: int) -> None:
    predictions, targets, _ = inputs(name, seed, size=7)
    reward = get_reward(name)
    close(reward(scattered(predictions, seed), scattered(targets, seed + 1)), reward(predictions, targets))
