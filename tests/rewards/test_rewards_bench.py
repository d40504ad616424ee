"""How fast each reward is on a batch of 256, beside its plain reference: one group a reward, so the ratio is seen.

Run with `pytest -m slow tests/rewards/test_rewards_bench.py --benchmark-group-by=group`.
"""

from __future__ import annotations

from typing import Any

import pytest
from plain import REFERENCES
from reward_inputs import boxes, inputs
from rewardmark.rewards import get_reward
from rewardmark.rewards.detection_recall import recall_credits

pytest.importorskip("pytest_benchmark")
pytestmark = pytest.mark.slow

SIZE = 256


@pytest.mark.parametrize("name", REFERENCES)
def test_reward(benchmark: Any, name: str) -> None:
    benchmark.group = name
    predictions, targets, options = inputs(name, size=SIZE)
    reward = get_reward(name, **options)
    values = benchmark.pedantic(reward, args=(predictions, targets), warmup_rounds=1, rounds=5)
    assert len(values) == SIZE


@pytest.mark.parametrize("name", REFERENCES)
def test_reference(benchmark: Any, name: str) -> None:
    benchmark.group = name
    predictions, targets, _ = inputs(name, size=SIZE)
    values = benchmark.pedantic(REFERENCES[name], args=(predictions, targets), rounds=2)
    assert len(values) == SIZE


def test_recall_credits(benchmark: Any) -> None:
    predictions, targets = boxes(0, SIZE)
    benchmark.pedantic(recall_credits, args=(predictions, targets), warmup_rounds=1, rounds=5)
