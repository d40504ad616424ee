"""The audit of one reward: every statistic of its card, from one material."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit import statistics as st
from rewardmark.rewards.audit.corruptions import SEVERITIES
from rewardmark.rewards.audit.fuzz import broken, odd
from rewardmark.rewards.audit.invariance import equivalents
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.prepare import Prepared
from rewardmark.rewards.audit.render import as_json
from rewardmark.rewards.audit.result import SHOWN, AuditResult, Finding
from rewardmark.rewards.audit.timing import determinism, speed
from rewardmark.rewards.audit.verdict import verdict, with_truth
from rewardmark.rewards.errors import RewardFailure, RewardmarkError
from rewardmark.rewards.reward import TOLERANCE, Reward

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SECTIONS", "Progress", "audit_reward", "shown_samples", "suits"]

Progress = Callable[[str, int, int], None]
"""(section, done, total)"""

#: Samples that odd and broken predictions are tried on.
FUZZED = 8


@dataclass(eq=False)
class _Audit:
    """What the sections share. official: by the metric that the card names, where the material has it."""

    reward: Reward
    prepared: Prepared
    judged: Material
    gold: NDArray[np.float64]
    truths: NDArray[np.bool_]
    findings: list[Finding] = field(default_factory=list)
    curves: dict[str, Any] = field(default_factory=dict)

    @property
    def material(self) -> Material:
        return self.prepared.material

    def values(self, predictions: Any, targets: Any = None, material: Material | None = None) -> NDArray[np.float64]:
        """The reward of every sample, NaN where it failed or abstained."""
        of = material or self.material
        scored = self.reward.score(predictions, of.targets if targets is None else targets, of.sample_ids)
        return np.asarray(scored.values.detach().cpu().double().numpy())

    def official(self, key: str, predictions: Any) -> NDArray[np.float64] | None:
        return self.prepared.official(self.judged, key, predictions)


def suits(reward: Reward, material: Material) -> bool:
    """Whether the reward can judge this kind of material: gold is scored, and earns more than the least there is.

    A reward for yes and no is none for open questions, and one for points none for boxes.
    """
    values = reward.score(material.gold, material.targets, material.sample_ids).values
    scored = values[torch.isfinite(values)]
    low = reward.card.bounds[0]
    return bool(len(scored)) and (low is None or bool((scored > low + TOLERANCE).any()))


def audit_reward(
    reward: Reward,
    material: Material,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    prepared: Prepared | None = None,
    fingerprint: str = "",
) -> AuditResult:
    """Measure `reward` on `material`: every section of the card, and a finding for each way in which it is gamed.

    prepared: the predictions of the same material and seed, made for an earlier reward. Nothing that the reward does on
    a sample stops the audit. Raises RewardmarkError when it scores no gold prediction at all: then it is not a reward
    of this material.
    """
    began = time.monotonic()
    ready = prepared if prepared is not None else Prepared(material, seed)
    scored = reward.score(material.gold, material.targets, material.sample_ids)
    gold = scored.values.detach().cpu().double().numpy()
    if not np.isfinite(gold).any():
        why = f": {scored.failures[0].message}" if scored.failures else ""
        raise RewardmarkError(f"reward {reward.name} scores none of the {len(material)} gold predictions{why}")
    audit = _Audit(reward, ready, material.judged_by(reward.card.gold), gold, with_truth(material))
    sections: dict[str, dict[str, Any]] = {}
    for done, (name, measure) in enumerate(SECTIONS.items()):
        if progress is not None:
            progress(name, done, len(SECTIONS))
        sections[name] = measure(audit)
    if progress is not None:
        progress("", len(SECTIONS), len(SECTIONS))
    return AuditResult(
        reward=reward.name,
        task=reward.card.task,
        card={**reward.card.as_dict(), "parameters": reward.parameters},
        fingerprint=fingerprint,
        material=material.source,
        samples=len(material),
        seed=seed,
        sections=sections,
        findings=audit.findings,
        seconds=time.monotonic() - began,
        curves=audit.curves,
    )


def shown_samples(
    material: Material,
    predictions: Any,
    values: NDArray[Any],
    base: NDArray[Any],
    official: NDArray[Any] | None,
    count: int = SHOWN,
) -> list[dict[str, Any]]:
    """The samples that show a finding best, highest reward first: see Finding.samples."""
    ranked = np.argsort(np.where(np.isfinite(values), -values, np.inf), kind="stable")[:count]
    return [
        {
            "sample_id": material.sample_ids[k],
            "reward": float(values[k]),
            "gold_reward": float(base[k]),
            "official": None if official is None else float(official[k]),
            "prediction": as_json(predictions, int(k), material.categories),
            "truth": as_json(material.targets, int(k), material.categories),
        }
        for k in ranked
    ]


def _parity(audit: _Audit) -> dict[str, Any]:
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


def _validity(audit: _Audit) -> dict[str, Any]:
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


def _gold(audit: _Audit) -> dict[str, Any]:
    """Gold against the best that the card allows, and garbage against the least."""
    low, high = audit.reward.card.bounds
    gold = audit.gold[audit.truths & np.isfinite(audit.gold)]
    _, empty, _ = audit.prepared.battery[0]
    garbage = {
        "empty": st.mean_of(audit.values(empty)[audit.truths]),
        "random": st.mean_of(np.concatenate([audit.values(p)[audit.truths] for p in audit.prepared.untrained])),
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


def _graded(audit: _Audit) -> dict[str, NDArray[np.float64]]:
    """Corruption -> rewards [severities, B]; scored once for the three sections that ask."""
    held = audit.curves.get("graded")
    if held is None:
        held = {
            name: np.stack([audit.values(predictions) for predictions in graded])
            for name, graded in audit.prepared.corrupted.items()
        }
        audit.curves["graded"] = held
    return dict(held)


def _pairwise(audit: _Audit) -> dict[str, Any]:
    return {name: st.pairwise_accuracy(values, SEVERITIES) for name, values in _graded(audit).items()}


def _monotonicity(audit: _Audit) -> dict[str, Any]:
    taus = {name: st.kendall_tau(values, SEVERITIES) for name, values in _graded(audit).items()}
    return {"mean": st.mean_of(list(taus.values())), **taus}


def _rank(audit: _Audit) -> dict[str, Any]:
    """Spearman over all corrupted answers, and within each corruption."""
    graded = audit.curves.pop("graded", None) or _graded(audit)
    audit.curves.pop("graded", None)
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


def _invariance(audit: _Audit) -> dict[str, Any]:
    return {
        name: st.largest_difference(audit.values(a, b), audit.values(c, d))
        for name, a, b, c, d in equivalents(audit.material, audit.prepared.half, audit.prepared.rng(9))
    }


def _junk(audit: _Audit) -> dict[str, Any]:
    base = {"gold": audit.gold, "half-right": audit.values(audit.prepared.half)}
    return {
        f"{kind}, {on}": st.junk_gain(base[on], audit.values(predictions), pieces)
        for kind, on, predictions, pieces in audit.prepared.junk
    }


def _floor(audit: _Audit) -> dict[str, Any]:
    """The best answer that is the same for every sample, beside random answers and beside gold."""
    random = np.concatenate([audit.values(predictions) for predictions in audit.prepared.untrained])
    fixed = {name: audit.values(predictions) for name, predictions in audit.prepared.fixed.items()}
    found = st.constant_policy_floor(fixed, random)
    gold = st.mean_of(audit.gold)
    found["share_of_gold"] = _share(found["reward"], found["untrained"], gold)
    return {**found, "gold": gold}


def _share(value: float, floor: float, top: float) -> float:
    return (value - floor) / (top - floor) if top - floor > st.EQUAL else math.nan


def _battery(audit: _Audit) -> dict[str, Any]:
    least = st.mean_of(np.concatenate([audit.values(p)[audit.truths] for p in audit.prepared.untrained]))
    table: dict[str, Any] = {}
    for entry, predictions, base in audit.prepared.battery:
        values = audit.values(predictions)
        compared = audit.gold if base is None else audit.values(base)
        official = audit.official(f"battery {entry.name}", predictions)
        found = verdict(values, compared, official, audit.truths)
        found["normalized"] = _share(found["mean_reward"], least, st.mean_of(audit.gold[audit.truths]))
        table[entry.name] = {**found, "family": entry.family, "cost": entry.cost, "description": entry.description}
        if not found["holds"]:
            audit.findings.append(
                Finding(
                    kind="exploit",
                    name=entry.name,
                    origin="battery",
                    description=entry.description,
                    mean_reward=found["mean_reward"],
                    gold_mean=found["gold_mean"],
                    mean_official=found["mean_official"],
                    share_at_or_above_gold=found["share_at_or_above_gold"],
                    cost=entry.cost,
                    samples=shown_samples(audit.material, predictions, values, compared, official),
                )
            )
    return table


def _best_of_n(audit: _Audit) -> dict[str, Any]:
    """Reward and metric on one scale: gold 1, the worse of nothing and random answers 0."""
    groups, judged = audit.prepared.groups, audit.judged
    rewards = np.stack([audit.values(p, material=groups) for p in audit.prepared.draws], 1)  # [G, N]
    audit.curves["draws"] = rewards
    if judged.official is None:
        return {"official": None, "hackability": None}
    truths = groups.judged_by(judged.official_name)
    columns = [audit.prepared.official(truths, f"draw {k}", p) for k, p in enumerate(audit.prepared.draws)]
    metrics = np.stack([column for column in columns if column is not None], 1)
    _, empty, _ = audit.prepared.battery[0]
    garbage = {"empty": empty, "random": audit.prepared.untrained[0]}
    worst = min(garbage, key=lambda name: _or(st.mean_of(audit.values(garbage[name])), math.inf))
    ends = [
        (st.mean_of(audit.gold), st.mean_of(audit.values(garbage[worst]))),
        (
            st.mean_of(_column(audit.official("gold", audit.material.gold))),
            st.mean_of(_column(audit.official(f"floor {worst}", garbage[worst]))),
        ),
    ]
    curve = st.best_of_n(_scaled(rewards, *ends[0]), _scaled(metrics, *ends[1]))
    audit.curves["best_of_n"] = {"n": list(curve.ns), "reward": list(curve.reward), "official": list(curve.metric)}
    return {
        "official": judged.official_name,
        "n": max(curve.ns, default=0),
        "groups": len(rewards),
        "reward_gain": curve.reward[-1] - curve.reward[0] if curve.ns else math.nan,
        "metric_gain": curve.metric[-1] - curve.metric[0] if curve.ns else math.nan,
        "hackability": st.hackability(curve),
    }


def _or(value: float, other: float) -> float:
    return value if math.isfinite(value) else other


def _column(values: NDArray[np.float64] | None) -> NDArray[np.float64]:
    return np.zeros(0) if values is None else values


def _scaled(values: NDArray[np.float64], top: float, floor: float) -> NDArray[np.float64]:
    """Floor to 0 and gold to 1; only shifted where gold earns no more than garbage."""
    floor = _or(floor, 0.0)
    return (values - floor) / (top - floor if top - floor > st.EQUAL else 1.0)


def _signal(audit: _Audit) -> dict[str, Any]:
    """Of the samples that best-of-n drew."""
    rewards = audit.curves.pop("draws", None)
    if rewards is None:
        rewards = np.stack([audit.values(p, material=audit.prepared.groups) for p in audit.prepared.draws], 1)
    return dict(st.signal(rewards))


def _determinism(audit: _Audit) -> dict[str, Any]:
    return dict(determinism(audit.reward, audit.prepared.half, audit.material.targets))


def _speed(audit: _Audit) -> dict[str, Any]:
    return dict(speed(audit.reward, audit.material))


SECTIONS: dict[str, Callable[[_Audit], dict[str, Any]]] = {
    "parity": _parity,
    "validity": _validity,
    "gold": _gold,
    "battery": _battery,
    "pairwise": _pairwise,
    "monotonicity": _monotonicity,
    "rank": _rank,
    "invariance": _invariance,
    "junk": _junk,
    "floor": _floor,
    "best_of_n": _best_of_n,
    "signal": _signal,
    "determinism": _determinism,
    "speed": _speed,
}
