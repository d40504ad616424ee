"""Speed and determinism of a reward: the same numbers again, in other batches, on other devices; samples a second."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.statistics import largest_difference
from rewardmark.rewards.reward import Reward

__all__ = ["BATCHES", "determinism", "devices_of", "speed"]

BATCHES = (1, 64, 1024)
#: Seconds that one measurement may take, and seconds beyond which a batch is not even tried.
SECONDS, TOO_LONG = 0.25, 6.0


def devices_of(reward: Reward) -> list[str]:
    """Where the reward can run here: the CPU, and a GPU when there is one and the reward needs no Python objects."""
    return ["cpu"] + (["cuda"] if torch.cuda.is_available() and not reward.card.needs_python else [])


def determinism(reward: Reward, predictions: Any, targets: Any) -> dict[str, float]:
    """Largest difference between the rewards of one batch and the same: again, one by one, in two halves, on a GPU."""
    whole = _values(reward, predictions, targets)
    size = len(predictions)

    def parts(cuts: list[range]) -> Any:
        rows = [list(cut) for cut in cuts if len(cut)]
        return np.concatenate([_values(reward, predictions[r], None if targets is None else targets[r]) for r in rows])

    found = {
        "rerun": largest_difference(whole, _values(reward, predictions, targets)),
        "one_by_one": largest_difference(whole, parts([range(k, k + 1) for k in range(size)])),
        "halves": largest_difference(whole, parts([range(size // 2), range(size // 2, size)])),
    }
    for device in devices_of(reward)[1:]:
        moved = _values(reward, predictions.to(device), None if targets is None else targets.to(device))
        found[device] = largest_difference(whole, moved)
    return found


def speed(reward: Reward, material: Material) -> dict[str, dict[str, float | None]]:
    """Samples a second by device and batch size; None where a batch would have taken more than TOO_LONG seconds.

    Gold predictions, repeated to fill a batch; the best of the calls that fit into SECONDS.
    """
    found: dict[str, dict[str, float | None]] = {}
    for device in devices_of(reward):
        rates: dict[str, float | None] = {}
        for batch in BATCHES:
            known = [rate for rate in rates.values() if rate]
            if known and batch / known[-1] > TOO_LONG:
                rates[str(batch)] = None
                continue
            rows = [k % len(material) for k in range(batch)]
            predictions = material.gold[rows].to(device)
            targets = None if material.targets is None else material.targets[rows].to(device)
            rates[str(batch)] = batch / _seconds(reward, predictions, targets, device)
        found[device] = rates
    return found


def _seconds(reward: Reward, predictions: Any, targets: Any, device: str) -> float:
    best, spent = float("inf"), 0.0
    reward.score(predictions, targets)  # compiled kernels, caches
    while best == float("inf") or spent < SECONDS:
        began = time.perf_counter()
        reward.score(predictions, targets)
        if device != "cpu":
            torch.cuda.synchronize()
        took = time.perf_counter() - began
        best, spent = min(best, took), spent + took
    return best


def _values(reward: Reward, predictions: Any, targets: Any) -> Any:
    return reward.score(predictions, targets).values.detach().cpu().double().numpy()
