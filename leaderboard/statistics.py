"""Intervals for a leaderboard: what seeds and images leave uncertain, and whether a change is real.

A run is judged on a fixed set of images, so its numbers vary with the images that happened to be drawn (the image
bootstrap says how much) and with the training seed (only further seeds say how much). Everything here takes the
bootstrap replicates that a run stores: replicate r of two runs on the same images drew the same images, so a difference
is taken replicate by replicate and what both runs find hard cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Interval", "mean_over_seeds", "paired_difference", "paired_ratio", "percentile_interval", "t_interval"]


@dataclass(frozen=True)
class Interval:
    """A mean with its interval. low and high are NaN where nothing says how uncertain the mean is.

    seeds: how many training seeds the mean is over; df: degrees of freedom of a t interval, None for a percentile one;
    image_error and seed_error: the two standard errors that were combined (NaN where not estimated).
    """

    mean: float
    low: float
    high: float
    seeds: int = 1
    df: float | None = None
    image_error: float = math.nan
    seed_error: float = math.nan

    @property
    def known(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def excludes_zero(self) -> bool:
        """True when the whole interval lies on one side of zero.

        >>> Interval(0.2, 0.1, 0.3).excludes_zero, Interval(0.2, -0.1, 0.5).excludes_zero
        (True, False)
        """
        return self.known and (self.low > 0 or self.high < 0)


def percentile_interval(replicates: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """The bootstrap percentile interval (Efron and Tibshirani 1993, ch. 13) of replicates [R]; NaN ones are left out.

    (nan, nan) when fewer than two, or fewer than half of them, are defined.

    >>> percentile_interval([0.0, 1.0, 2.0, 3.0, 4.0], level=0.5)
    (1.0, 3.0)
    """
    import numpy as np

    drawn = np.asarray(replicates, dtype=np.float64)
    finite = drawn[np.isfinite(drawn)]
    if not _enough(len(finite), len(drawn)):
        return math.nan, math.nan
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def t_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Student's t interval of the mean of values [S], one a seed: mean +- t(S - 1) * s / sqrt(S); NaN if S < 2."""
    import numpy as np

    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return math.nan, math.nan
    half = _t(level, len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return float(values.mean()) - half, float(values.mean()) + half


def mean_over_seeds(values: ArrayLike, replicates: ArrayLike, images: int, level: float = 0.95) -> Interval:
    """The mean of a metric over S training seeds, all judged on the same images, with its interval.

    values [S]: the metric itself; replicates [S, R]: its image bootstrap, column r the same resample for every seed
    (R may be 0: then seeds alone speak); images: how many images were resampled.

    One seed: the percentile interval of its replicates. It covers the choice of images only.
    S >= 2 seeds: mean +- t(df) * sqrt(V_images + V_seeds), where
      V_images = variance over r of the mean over seeds of replicate r (the images are shared, so the seeds are averaged
                 first: more seeds do not make more images),
      V_seeds  = variance between the S values / S,
      df       = (V_images + V_seeds)^2 / (V_images^2 / (images - 1) + V_seeds^2 / (S - 1)),
    the degrees of freedom after Satterthwaite (1946, Biometrics Bulletin 2:110). What a seed does to particular images
    is in both terms, so the interval is a little wide rather than narrow.

    Raises ValueError for shapes that do not fit.
    """
    import numpy as np

    observed = np.asarray(values, dtype=np.float64)
    drawn = np.asarray(replicates, dtype=np.float64)
    if observed.ndim != 1 or not len(observed) or drawn.ndim != 2 or len(drawn) != len(observed):
        raise ValueError(f"values {observed.shape} and replicates {drawn.shape} should be [S] and [S, R] with S >= 1")
    seeds, mean = len(observed), float(observed.mean())
    averaged = drawn.mean(axis=0)
    defined = averaged[np.isfinite(averaged)]
    v_images = float(defined.var(ddof=1)) if _enough(len(defined), len(averaged)) else math.nan
    if seeds == 1:
        low, high = percentile_interval(averaged, level)
        return Interval(mean, low, high, 1, None, math.sqrt(v_images))
    if len(averaged) and math.isnan(
        v_images
    ):  # resampled, but hardly ever defined: images leave more open than seeds say
        return Interval(mean, math.nan, math.nan, seeds)
    v_seeds = float(observed.var(ddof=1)) / seeds
    v_known = 0.0 if math.isnan(v_images) else v_images
    df = _satterthwaite(v_known, images - 1, v_seeds, seeds - 1)
    half = _t(level, df) * math.sqrt(v_known + v_seeds)
    return Interval(mean, mean - half, mean + half, seeds, df, math.sqrt(v_images), math.sqrt(v_seeds))


def paired_difference(
    values: ArrayLike,
    starts: ArrayLike,
    replicates: ArrayLike,
    start_replicates: ArrayLike,
    images: int,
    level: float = 0.95,
) -> Interval:
    """The change of a metric against its start: `mean_over_seeds` of the differences, seed by seed and replicate by
    replicate.

    values, starts [S]; replicates, start_replicates [S, R]: row s of the second is the start that seed s came from (the
    same row again where seeds share one start). Raises ValueError for shapes that differ.
    """
    tuned, start, drawn, start_drawn = _paired(values, starts, replicates, start_replicates)
    return mean_over_seeds(tuned - start, drawn - start_drawn, images, level)


def paired_ratio(
    values: ArrayLike,
    starts: ArrayLike,
    replicates: ArrayLike,
    start_replicates: ArrayLike,
    images: int,
    level: float = 0.95,
) -> Interval:
    """The mean of a metric over its start's mean (arguments as in `paired_difference`), for metrics with a true zero.

    The images' share of the uncertainty is that of the ratio of means, replicate by replicate; the seeds' share is that
    of the ratio's linear part, (tuned - ratio * start) / mean start (the delta method), seed by seed. `mean_over_seeds`
    then puts them together. NaN where the start's mean is not above zero; a replicate where it is not is left out.

    >>> paired_ratio([0.3], [0.2], [[0.2, 0.4, 0.3]], [[0.2, 0.2, 0.2]], images=9).mean.__round__(6)
    1.5

    Raises ValueError for shapes that differ.
    """
    import numpy as np

    tuned, start, drawn, start_drawn = _paired(values, starts, replicates, start_replicates)
    if not start.mean() > 0:
        return Interval(math.nan, math.nan, math.nan, len(tuned))
    ratio = tuned.mean() / start.mean()
    each = ratio + (tuned - ratio * start) / start.mean()
    below = start_drawn.mean(axis=0)
    below = np.where(below > 0, below, np.nan)
    ratios = drawn.mean(axis=0) / below
    return mean_over_seeds(each, np.broadcast_to(ratios, drawn.shape), images, level)


def _paired(*sides: ArrayLike) -> list[NDArray[np.float64]]:
    """Values, starts, replicates and start's replicates as arrays; ValueError where the sides' shapes differ."""
    import numpy as np

    tuned, start, drawn, start_drawn = arrays = [np.asarray(side, dtype=np.float64) for side in sides]
    if tuned.shape != start.shape or drawn.shape != start_drawn.shape:
        raise ValueError(f"paired sides differ: {tuned.shape} and {start.shape}, {drawn.shape} and {start_drawn.shape}")
    return arrays


def _enough(defined: int, drawn: int) -> bool:
    return defined >= 2 and defined * 2 >= drawn


def _satterthwaite(first: float, first_df: float, second: float, second_df: float) -> float:
    spread = first**2 / max(first_df, 1) + second**2 / max(second_df, 1)
    return (first + second) ** 2 / spread if spread > 0 else float(second_df)


def _t(level: float, df: float) -> float:
    from scipy.stats import t

    quantile: Any = t.ppf((1 + level) / 2, df)
    return float(quantile)
