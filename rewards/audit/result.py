"""What an audit found: plain data that goes to JSON and back."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from rewardmark.rewards.errors import RewardmarkError

__all__ = ["SCHEMA", "AuditResult", "Finding", "Kind", "Origin", "jsonable"]

SCHEMA = 1

Kind = Literal["exploit", "false-pass", "false-fail", "error"]
Origin = Literal["battery", "search", "adversary", "variants"]

#: Samples that a finding shows.
SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """One way in which the reward is gamed, refuses what is right, or fails.

    mean_reward, gold_mean: over the samples that it was found on; mean_official: the official metric there (None where
    there is none). share_at_or_above_gold: of single samples. cost: how many edits or tokens it takes (the cheapest
    exploit has the least). samples: at most three dicts of sample_id, reward, gold_reward, official, prediction and
    truth (JSON strings of `rewards.audit.render.as_json`). holds: False when the reward is gamed by it. repro: a
    stand-alone script, where there is one.
    """

    kind: Kind
    name: str
    origin: Origin
    description: str
    mean_reward: float | None = None
    gold_mean: float | None = None
    mean_official: float | None = None
    share_at_or_above_gold: float | None = None
    cost: int = 0
    samples: list[dict[str, Any]] = field(default_factory=list)
    holds: bool = False
    repro: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or self.origin not in get_args(Origin):
            raise RewardmarkError(f"finding {self.name}: no kind {self.kind!r} or no origin {self.origin!r}")

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON; what is not finite becomes None."""
        return dict(jsonable(asdict(self)))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Finding:
        """Back from `to_json`; raises RewardmarkError for other keys."""
        return cls(**_known(cls, data))


@dataclass(frozen=True)
class AuditResult:
    """All that is known about one reward after its audit.

    reward, task; card: RewardCard.as_dict(); fingerprint: changes with anything that could change the result; material:
    its one line; samples: B; seed. sections: parity, validity, gold, pairwise, monotonicity, rank, invariance, junk,
    floor, best_of_n, signal, determinism, speed, battery (and variants, convention for functions from outside), each a
    dict by name. curves: best_of_n and the adversary's. seconds: what the audit took.
    """

    reward: str
    task: str
    card: dict[str, Any]
    fingerprint: str
    material: str
    samples: int
    seed: int
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    curves: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON; what is not finite becomes None."""
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        data["findings"] = [finding.to_json() for finding in self.findings]
        return dict(jsonable(data))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> AuditResult:
        """Back from `to_json`; raises RewardmarkError for another schema or other keys."""
        if data.get("schema") != SCHEMA:
            raise RewardmarkError(f"audit result of schema {data.get('schema')!r}, expected {SCHEMA}")
        known = _known(cls, data)
        return cls(**{**known, "findings": [Finding.from_json(item) for item in known.get("findings", [])]})

    def exploits(self) -> list[Finding]:
        """The findings that game the reward, cheapest first (fewest edits, then the highest reward)."""
        gamed = [f for f in self.findings if f.kind in ("exploit", "false-pass") and not f.holds]
        return sorted(gamed, key=lambda f: (f.cost, -(f.mean_reward or 0.0), f.name))


def jsonable(value: Any) -> Any:
    """`value` with tuples as lists, string keys, NumPy and torch numbers as Python's, and None for NaN and infinities.

    >>> jsonable({1: (float("nan"), 0.5)})
    {'1': [None, 0.5]}
    """
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return repr(value)


def _known(cls: type, data: dict[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(cls)}
    unknown = sorted(set(data) - names)
    if unknown:
        raise RewardmarkError(
            f"audit {cls.__name__}: unknown key {', '.join(unknown)}; known: {', '.join(sorted(names))}"
        )
    return dict(data)
