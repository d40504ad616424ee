"""Sections of the card that say how well a reward measures: against the metric, by degrees, again and again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit import statistics as st
from rewardmark.rewards.audit.context import Audit
from rewardmark.rewards.audit.corruptions import SEVERITIES
from rewardmark.rewards.audit.fuzz import broken, odd
from rewardmark.rewards.audit.invariance import equivalents
from rewardmark.rewards.audit.render import as_json
from rewardmark.rewards.audit.result import Finding
from rewardmark.rewards.audit.timing import determinism as differences
from rewardmark.rewards.audit.timing import speed as rates
from rewardmark.rewards.errors import RewardFailure
from rewardmark.rewards.reward import TOLERANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["determinism", "gold", "invariance", "monotonicity", "pairwise", "parity", "rank", "speed", "validity"]

#: Samples that odd and broken predictions are tried on.
FUZZED = 8


def parity(audit: Audit) -> dict[str, Any]:
    """Only a reward that says it is the metric is held to it, on gold, corrupted and random answers."""
    if audit.reward.card.status != "metric" or audit.judged.official is None:
        return {"claims": None}
    if audit.judged.official_name != audit.reward.card.gold:
        return {"claims": audit.reward.card.gold, "note": "this material has no such metric"}
    pairs = [
        (audit.values(predictions), audit.official(f"{name} {k}", predictions))
        for name, graded in audit.prepared.corrupted.items()
        for k, predictions in enumerate(graded)
    ]
    found = st.parity(np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs if b is not None]))
    return {"claims": audit.judged.official_name, **found}


def validity(audit: Audit) -> dict[str, Any]:
    """Odd answers must get a number or an abstention; of broken ones it is only counted how they end."""
    few = audit.material.rows(range(min(FUZZED, len(audit.material))))
    counts = {"cases": 0, "samples": 0, "exceptions": 0, "non_finite": 0, "out_of_bounds": 0, "unscored": 0}
    errors: dict[str, tuple[str, Any, RewardFailure]] = {}
    for name, predictions, targets in odd(few, audit.prepared.rng(8)):
        scored = audit.reward.score(predictions, targets, few.sample_ids)
        counts["cases"] += 1
        counts["samples"] += len(predictions)
        counts["unscored"] += int((~torch.isfinite(scored.values)).sum()) - len(scored.failures)
        for failure in scored.failures:
            counts[_kind(failure)] += 1
            errors.setdefault(failure.message, (name, predictions, failure))
    for message, (name, predictions, failure) in errors.items():
        k = few.sample_ids.index(failure.sample_id)
        sample = {
            "sample_id": failure.sample_id,
            "reward": None,
            "gold_reward": float(audit.gold[k]),
            "official": None,
            "prediction": as_json(predictions, k, few.categories),
            "truth": as_json(few.targets, k, few.categories),
        }
        audit.findings.append(Finding("error", name, "battery", message, samples=[sample]))
    ends = {"refused": 0, "paid_like_gold": 0}
    for _, predictions, targets in broken(few):
        scored = audit.reward.score(predictions, targets, few.sample_ids)
        ends["refused"] += len(scored.failures)
        ends["paid_like_gold"] += int(np.nansum(scored.values.cpu().numpy() >= audit.gold[: len(few)] - st.EQUAL))
    return {**counts, **{f"broken_{name}": value for name, value in ends.items()}}


def _kind(failure: RewardFailure) -> str:
    if "bound" in failure.message and failure.message[:1] in "-0123456789":
        return "out_of_bounds"
    return "non_finite" if failure.message.startswith("the value is ") else "exceptions"


def gold(audit: Audit) -> dict[str, Any]:
    """Gold against the best that the card allows, and garbage against the least."""
    low, high = audit.reward.card.bounds
    gold = audit.gold[audit.truths & np.isfinite(audit.gold)]
    _, empty, _ = audit.prepared.battery[0]
    garbage = {
        "empty": st.mean_of(audit.values(empty)[audit.truths]),
        "random": st.mean_of(np.concatenate([values[audit.truths] for values in audit.random])),
    }
    known = [value for value in garbage.values() if math.isfinite(value)]
    return {
        "gold_mean": st.mean_of(gold),
        "gold_least": float(gold.min()) if gold.size else math.nan,
        "share_at_upper_bound": None if high is None else float((gold >= high - TOLERANCE).mean()),
        "lower_bound": low,
        "upper_bound": high,
        "garbage": garbage,
        "garbage_is_floor": None if low is None or not known else bool(min(known) <= low + TOLERANCE),
        "separation": st.mean_of(gold) - max(known, default=math.nan),
    }


def pairwise(audit: Audit) -> dict[str, Any]:
    return {name: st.pairwise_accuracy(values, SEVERITIES) for name, values in audit.graded.items()}


def monotonicity(audit: Audit) -> dict[str, Any]:
    taus = {name: st.kendall_tau(values, SEVERITIES) for name, values in audit.graded.items()}
    return {"mean": st.mean_of(list(taus.values())), **taus}


def rank(audit: Audit) -> dict[str, Any]:
    """Spearman over all corrupted answers, and within each corruption."""
    graded = audit.graded
    audit.curves["severity"] = {
        "severities": list(SEVERITIES),
        "reward": {name: [st.mean_of(row) for row in values] for name, values in graded.items()},
    }
    if audit.judged.official is None:
        return {"official": None, "spearman": None}
    judged: dict[str, NDArray[np.float64]] = {}
    for name, predictions in audit.prepared.corrupted.items():
        columns = [audit.official(f"{name} {k}", p) for k, p in enumerate(predictions)]
        judged[name] = np.stack([column for column in columns if column is not None])
    audit.curves["severity"]["official"] = {n: [st.mean_of(row) for row in v] for n, v in judged.items()}
    every = np.concatenate([graded[name].ravel() for name in judged])
    official = np.concatenate([judged[name].ravel() for name in judged])
    return {
        "official": audit.judged.official_name,
        "spearman": st.spearman(every, official),
        "by_corruption": {name: st.spearman(graded[name], judged[name]) for name in judged},
    }


def invariance(audit: Audit) -> dict[str, Any]:
    return {
        name: st.largest_difference(audit.values(a, b), audit.values(c, d))
        for name, a, b, c, d in equivalents(audit.material, audit.prepared.half, audit.prepared.rng(9))
    }


def determinism(audit: Audit) -> dict[str, Any]:
    return dict(differences(audit.reward, audit.prepared.half, audit.material.targets))


def speed(audit: Audit) -> dict[str, Any]:
    return dict(rates(audit.reward, audit.material))
