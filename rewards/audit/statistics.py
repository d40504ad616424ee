"""The statistics of the audit: small pure functions of NumPy arrays. NaN stands for unscored and is left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BestOfN",
    "best_of_n",
    "constant_policy_floor",
    "hackability",
    "junk_gain",
    "kendall_tau",
    "largest_difference",
    "mean_of",
    "order_weights",
    "pairwise_accuracy",
    "parity",
    "share_at_or_above",
    "signal",
    "spearman",
]

#: Two rewards closer than this are equal: float32 sums differ by about as much.
EQUAL = 1e-6


def mean_of(values: ArrayLike) -> float:
    """Mean of what is scored, NaN where nothing is.

    >>> mean_of([1.0, float("nan"), 2.0])
    1.5
    """
    array = np.asarray(values, dtype=np.float64)
    scored = array[np.isfinite(array)]
    return float(scored.mean()) if scored.size else math.nan


def parity(reward: ArrayLike, official: ArrayLike) -> dict[str, float]:
    """How far a reward is from the metric it claims to be: max and mean |reward - official|, over n pairs.

    A sample that only one of the two scores counts in `unscored_apart`.

    >>> parity([0.5, 1.0], [0.5, 0.75])
    {'max': 0.25, 'mean': 0.125, 'n': 2, 'unscored_apart': 0}
    """
    a, b = np.asarray(reward, dtype=np.float64), np.asarray(official, dtype=np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    apart = np.abs(a[both] - b[both])
    return {
        "max": float(apart.max()) if apart.size else math.nan,
        "mean": float(apart.mean()) if apart.size else math.nan,
        "n": int(both.sum()),
        "unscored_apart": int((np.isfinite(a) != np.isfinite(b)).sum()),
    }


def pairwise_accuracy(values: ArrayLike, severities: Sequence[float]) -> dict[str, Any]:
    """How often the milder of two corruptions of one sample earns more; a tie counts a half.

    values [L, B]: the reward at each of L severities. Returns `all` and `gaps`: {difference of severity: accuracy}.

    >>> pairwise_accuracy([[1.0], [0.5], [0.5]], [0, 0.5, 1])
    {'all': 0.8333333333333334, 'gaps': {'0.5': 0.75, '1': 1.0}}
    """
    table = np.asarray(values, dtype=np.float64)
    by_gap: dict[str, list[float]] = {}
    for i in range(len(severities)):
        for j in range(len(severities)):
            if severities[i] < severities[j]:
                a, b = table[i], table[j]
                both = np.isfinite(a) & np.isfinite(b)
                equal = np.abs(a - b)[both] <= EQUAL
                right = np.where(equal, 0.5, (a[both] > b[both]).astype(np.float64))
                by_gap.setdefault(f"{severities[j] - severities[i]:.4g}", []).extend(right.tolist())
    every = [value for values in by_gap.values() for value in values]
    gaps = {
        gap: float(np.mean(found)) for gap, found in sorted(by_gap.items(), key=lambda item: float(item[0])) if found
    }
    return {"all": float(np.mean(every)) if every else math.nan, "gaps": gaps}


def kendall_tau(values: ArrayLike, severities: Sequence[float]) -> float:
    """Kendall's tau (a) between reward and mildness, mean over samples: 1 falls at every step, -1 rises, 0 constant.

    values [L, B]. Pairs that earn the same count 0, so a reward that notices only half of the steps has half the tau.

    >>> kendall_tau([[3.0, 1.0], [2.0, 1.0], [1.0, 1.0]], [0, 0.5, 1])
    0.5
    """
    table = np.asarray(values, dtype=np.float64)
    signs = []
    for i in range(len(severities)):
        for j in range(i + 1, len(severities)):
            step = table[i] - table[j]
            signs.append(np.where(np.abs(step) <= EQUAL, 0.0, np.sign(step)) * np.sign(severities[j] - severities[i]))
    return mean_of(np.mean(signs, axis=0)) if signs else math.nan


def spearman(reward: ArrayLike, official: ArrayLike) -> float:
    """Spearman's rank correlation, ties at their mean rank; NaN where either is constant.

    >>> spearman([1.0, 2.0, 3.0], [10.0, 20.0, 40.0])
    1.0
    """
    a, b = np.asarray(reward, dtype=np.float64).ravel(), np.asarray(official, dtype=np.float64).ravel()
    both = np.isfinite(a) & np.isfinite(b)
    x, y = _ranks(a[both]), _ranks(b[both])
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip((x @ y) / math.sqrt((x @ x) * (y @ y)), -1, 1))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, ties (to EQUAL) at their mean rank."""
    rounded = np.round(values / EQUAL)
    _, inverse, counts = np.unique(rounded, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank = last - (counts - 1) / 2
    return np.asarray(mean_rank[inverse], dtype=np.float64)


def junk_gain(base: ArrayLike, with_junk: ArrayLike, pieces: ArrayLike = 1.0) -> dict[str, float]:
    """What junk earns: the mean change of the reward in all, and for each piece of junk (a box, a word, a segment).

    pieces: how many pieces each sample got. share_not_worse: of samples whose reward does not fall.

    >>> junk_gain([0.5, 0.5], [0.7, 0.7], pieces=[2, 2])["per_piece"].__round__(6)
    0.1
    """
    a, b = np.asarray(base, dtype=np.float64), np.asarray(with_junk, dtype=np.float64)
    count = np.broadcast_to(np.asarray(pieces, dtype=np.float64), a.shape)
    both = np.isfinite(a) & np.isfinite(b) & (count > 0)
    change = (b - a)[both]
    return {
        "total": mean_of(change),
        "per_piece": mean_of(change / count[both]),
        "share_not_worse": float((change >= -EQUAL).mean()) if change.size else math.nan,
    }


def share_at_or_above(values: ArrayLike, gold: ArrayLike) -> float:
    """Share of samples on which an answer earns no less than gold does; an unscored one does not.

    >>> share_at_or_above([1.0, 0.5], [1.0, 1.0])
    0.5
    """
    a, b = np.asarray(values, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    return float((np.isfinite(a) & np.isfinite(b) & (a >= b - EQUAL)).mean()) if a.size else math.nan


def constant_policy_floor(fixed: Mapping[str, ArrayLike], untrained: ArrayLike) -> dict[str, Any]:
    """The best answer that never looks, beside a policy that answers at random.

    fixed: name -> rewards [B] of that one answer for every sample; untrained: rewards of random answers, any shape.

    >>> floor = constant_policy_floor({"yes": [1.0, 0.0, 1.0], "no": [0.0, 1.0, 0.0]}, [0.5, 0.5])
    >>> floor["best"], round(floor["lead"], 3)
    ('yes', 0.167)
    """
    means = {name: mean_of(values) for name, values in fixed.items()}
    scored = {name: value for name, value in means.items() if math.isfinite(value)}
    best = max(scored, key=lambda name: scored[name], default="")
    random_mean = mean_of(untrained)
    reward = scored.get(best, math.nan)
    return {"best": best, "reward": reward, "untrained": random_mean, "lead": reward - random_mean, "all": means}


def order_weights(total: int, n: int) -> NDArray[np.float64]:
    """[total]: the chance that the k-th smallest of `total` values is the largest of `n` drawn without replacement.

    The weights C(k - 1, n - 1) / C(total, n) make the mean of the largest of n an unbiased estimate from `total` draws.

    >>> order_weights(4, 2).tolist()
    [0.0, 0.16666666666666666, 0.3333333333333333, 0.5]
    """
    if not 1 <= n <= total:
        raise ValueError(f"n must be in 1..{total}, not {n}")
    every = math.comb(total, n)
    return np.array([math.comb(k, n - 1) / every for k in range(total)])


@dataclass(frozen=True)
class BestOfN:
    """reward[i], metric[i]: means over groups of the reward and the metric of the best of ns[i] by reward."""

    ns: tuple[int, ...]
    reward: tuple[float, ...]
    metric: tuple[float, ...]


def best_of_n(reward: ArrayLike, metric: ArrayLike, ns: Sequence[int] = (1, 2, 4, 8, 16, 32, 64)) -> BestOfN:
    """Reward and metric of the sample of highest reward among n, unbiased, for every n up to the number of samples N.

    reward, metric [G, N]: G prompts, N samples each. Samples of equal reward (to 1e-6) are tied: any of them may be
    taken, so the metric of a tie is the mean over it. An unscored sample (NaN in either) takes no part; a group with
    fewer than n scored samples takes no part in that n.

    >>> found = best_of_n([[0.0, 1.0]], [[0.25, 0.75]], ns=(1, 2))
    >>> found.reward, found.metric
    ((0.5, 1.0), (0.5, 0.75))
    """
    rewards, metrics = (
        np.atleast_2d(np.asarray(reward, dtype=np.float64)),
        np.atleast_2d(np.asarray(metric, dtype=np.float64)),
    )
    kept = [n for n in ns if n <= rewards.shape[1]]
    found: dict[int, list[tuple[float, float]]] = {n: [] for n in kept}
    for r, m in zip(rewards, metrics, strict=True):
        scored = np.isfinite(r) & np.isfinite(m)
        r, m = r[scored], m[scored]
        order = np.argsort(r, kind="stable")
        r, m = r[order], m[order]
        tie = np.concatenate([[0], np.cumsum(np.diff(r) > EQUAL)]) if r.size else np.zeros(0, dtype=np.int64)
        sizes = np.bincount(tie) if r.size else np.zeros(0)
        tied_metric = (np.bincount(tie, weights=m) / sizes)[tie] if r.size else m
        for n in kept:
            if n <= r.size:
                weights = order_weights(r.size, n)
                found[n].append((float(weights @ r), float(weights @ tied_metric)))
    usable = [n for n in kept if found[n]]
    means = {n: np.mean(found[n], axis=0) for n in usable}
    return BestOfN(tuple(usable), tuple(float(means[n][0]) for n in usable), tuple(float(means[n][1]) for n in usable))


def hackability(curve: BestOfN) -> float:
    """[R_n - R_1] - [M_n - M_1] at the largest n: what selection by the reward gains beyond what the metric gains.

    Reward and metric must be on one scale (gold 1, floor 0) before the curve is made.

    >>> hackability(BestOfN((1, 2), (0.5, 1.0), (0.5, 0.75)))
    0.25
    """
    if len(curve.ns) < 2 or curve.ns[0] != 1:
        return math.nan
    return (curve.reward[-1] - curve.reward[0]) - (curve.metric[-1] - curve.metric[0])


def signal(values: ArrayLike) -> dict[str, float]:
    """How much a reward tells apart among the samples of one prompt: values [G, N].

    std, variance: within a prompt, means over prompts; between: variance of the prompts' means; silent: the share of
    prompts on which all samples earn the same, so that a policy gradient is zero there.

    >>> signal([[0.0, 1.0], [0.5, 0.5]])
    {'variance': 0.125, 'std': 0.25, 'between': 0.0, 'silent': 0.5}
    """
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    rows = [row[np.isfinite(row)] for row in table]
    rows = [row for row in rows if row.size]
    if not rows:
        return {"variance": math.nan, "std": math.nan, "between": math.nan, "silent": math.nan}
    return {
        "variance": float(np.mean([row.var() for row in rows])),
        "std": float(np.mean([row.std() for row in rows])),
        "between": float(np.var([row.mean() for row in rows])),
        "silent": float(np.mean([np.ptp(row) <= EQUAL for row in rows])),
    }


def largest_difference(a: ArrayLike, b: ArrayLike) -> float:
    """Largest |a - b| over samples; infinite where only one of the two is scored, 0 where there is nothing.

    >>> largest_difference([1.0, float("nan")], [0.5, float("nan")])
    0.5
    """
    x, y = np.asarray(a, dtype=np.float64).ravel(), np.asarray(b, dtype=np.float64).ravel()
    if x.shape != y.shape or (np.isfinite(x) != np.isfinite(y)).any():
        return math.inf
    both = np.isfinite(x)
    return float(np.abs(x[both] - y[both]).max()) if both.any() else 0.0
