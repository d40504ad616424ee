"""When a reward counts as gamed: one rule, used everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.statistics import EQUAL, mean_of, share_at_or_above
from rewardmark.rewards.detection_match import real_truths
from rewardmark.rewards.types import Boxes, References, Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["gamed", "verdict", "with_truth"]


def with_truth(material: Material) -> NDArray[np.bool_]:
    """[B]: which samples have something to find. An empty answer is right where there is nothing.

    >>> from rewardmark.rewards.audit.synthetic import synthetic_material
    >>> with_truth(synthetic_material("detection", n=2)).tolist()
    [True, True]
    """
    targets = material.targets
    if isinstance(targets, Boxes):
        return np.asarray(real_truths(targets).any(1).cpu().numpy())
    if isinstance(targets, Segments):
        return np.asarray((targets.categories != 0).any(1).cpu().numpy())
    if isinstance(targets, References):
        return np.array([any(text.strip() for text in texts) for texts in targets.texts])
    return np.ones(len(material), dtype=bool)


def gamed(mean_reward: float, base_mean: float) -> bool:
    """Whether an answer that deserves less earns as much: mean reward >= mean of what it is compared with - 1e-6.

    Both means are over the samples with truths that both score. What it is compared with is gold, and for an entry with
    a base of its own (an ending, a list filled up) that base. An answer that is never scored does not game.

    >>> gamed(1.0, 1.0), gamed(0.5, 1.0), gamed(float("nan"), 1.0)
    (True, False, False)
    """
    return bool(mean_reward >= base_mean - EQUAL)


def verdict(
    values: NDArray[Any], base: NDArray[Any], official: NDArray[Any] | None, truths: NDArray[Any]
) -> dict[str, Any]:
    """What the card says of one battery entry: means over the samples with truths, and whether the reward holds.

    values, base, official: [B], NaN where unscored.
    """
    used = truths & np.isfinite(values) & np.isfinite(base)
    mean_reward, base_mean = mean_of(values[used]), mean_of(base[used])
    return {
        "mean_reward": mean_reward,
        "gold_mean": base_mean,
        "mean_official": None if official is None else mean_of(official[used]),
        "share_at_or_above_gold": share_at_or_above(values[truths], base[truths]),
        "scored": int(used.sum()),
        "holds": not gamed(mean_reward, base_mean),
    }
