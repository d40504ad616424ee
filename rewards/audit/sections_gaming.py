"""Sections of the card that say how a reward can be gamed, and what it leaves a policy to learn from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.audit import statistics as st
from rewardmark.rewards.audit.context import Audit, share_of, shown_samples
from rewardmark.rewards.audit.result import Finding
from rewardmark.rewards.audit.verdict import verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["battery", "best_of_n", "floor", "junk", "signal"]


def junk(audit: Audit) -> dict[str, Any]:
    base = {"gold": audit.gold, "half-right": audit.values(audit.prepared.half)}
    return {
        f"{kind}, {on}": st.junk_gain(base[on], audit.values(predictions), pieces)
        for kind, on, predictions, pieces in audit.prepared.junk
    }


def floor(audit: Audit) -> dict[str, Any]:
    """The best answer that is the same for every sample, beside random answers and beside gold."""
    random = np.concatenate(audit.random)
    fixed = {name: audit.values(predictions) for name, predictions in audit.prepared.fixed.items()}
    found = st.constant_policy_floor(fixed, random)
    gold = st.mean_of(audit.gold)
    found["share_of_gold"] = share_of(found["reward"], found["untrained"], gold)
    return {**found, "gold": gold}


def battery(audit: Audit) -> dict[str, Any]:
    least = st.mean_of(np.concatenate([values[audit.truths] for values in audit.random]))
    table: dict[str, Any] = {}
    for entry, predictions, base in audit.prepared.battery:
        values = audit.values(predictions)
        compared = audit.gold if base is None else audit.values(base)
        official = audit.official(f"battery {entry.name}", predictions)
        found = verdict(values, compared, official, audit.truths)
        found["normalized"] = share_of(found["mean_reward"], least, st.mean_of(audit.gold[audit.truths]))
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


def best_of_n(audit: Audit) -> dict[str, Any]:
    """Reward and metric on one scale: gold 1, the worse of nothing and random answers 0."""
    groups, judged = audit.prepared.groups, audit.judged
    rewards = audit.drawn  # [G, N]
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


def signal(audit: Audit) -> dict[str, Any]:
    """Of the samples that best-of-n drew."""
    return dict(st.signal(audit.drawn))
