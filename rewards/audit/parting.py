"""Where a reward and the official metric part company while a policy is tuned on the reward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["parting"]

RISE, STILL = 0.1, 0.05
"""The reward must still rise by a tenth of its span; the metric must gain no more than a twentieth of its own, or a
tenth of what the reward gains where that is more."""


def parting(
    steps: Sequence[int],
    reward: Sequence[float],
    metric: Sequence[float],
    reward_span: float,
    metric_span: float,
) -> int | None:
    """The first step from which the reward still rises and the metric does not any more; None where there is none.

    reward, metric: their means at each of `steps` (NaN where unknown); reward_span, metric_span: from garbage to gold.
    Both curves are smoothed by a running mean over a twentieth of the steps. Step s is where they part when the reward
    gains at least a tenth of its span from s to the end, and the metric never again stands above its value at s by more
    than a twentieth of its span, or a tenth of the reward's gain (both in spans) where that is more.

    >>> steps = list(range(100))
    >>> both = [min(s, 50) / 100 for s in steps]
    >>> parting(steps, [s / 100 for s in steps], both, 1.0, 1.0)
    45
    >>> parting(steps, both, both, 1.0, 1.0) is None
    True
    """
    if not len(steps) or not reward_span > 0 or not metric_span > 0 or not np.isfinite(metric).any():
        return None
    rewards = _smooth(np.asarray(reward, dtype=np.float64)) / reward_span
    metrics = _smooth(np.asarray(metric, dtype=np.float64)) / metric_span
    gain = rewards[-1] - rewards
    later = np.maximum.accumulate(metrics[::-1])[::-1] - metrics
    apart = (gain >= RISE - 1e-9) & (later <= np.maximum(STILL, gain * RISE) + 1e-9)
    return int(steps[int(np.argmax(apart))]) if apart.any() else None


def _smooth(values: np.ndarray) -> np.ndarray:
    """Running mean over a twentieth of the values, NaN left out (its neighbours' mean, or 0 where all are NaN)."""
    width = max(1, len(values) // 20)
    known = np.isfinite(values)
    kernel = np.ones(width)
    count = np.convolve(known, kernel, "same")
    total = np.convolve(np.where(known, values, 0.0), kernel, "same")
    with np.errstate(invalid="ignore", divide="ignore"):
        smooth = total / count
    good = np.flatnonzero(np.isfinite(smooth))
    if not len(good):
        return np.zeros(len(values))
    return np.interp(np.arange(len(values)), good, smooth[good])
