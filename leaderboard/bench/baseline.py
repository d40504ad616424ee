"""The rule that holds new ratios to a committed baseline.

A ratio has fallen when it is below baseline x (1 - 3 x noise). Noise is the larger relative spread of the two
measurements: half the distance of the quartiles of the ratios of single rounds (for symmetric noise the median absolute
deviation), over the ratio; at least 4% and at most 20%, so that neither a quiet minute makes the rule petty nor a loud
one makes it blind: a ratio below 40% of its baseline always counts as fallen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rewardmark.rewards.errors import DataError

__all__ = ["Finding", "baseline_of", "judge", "noise", "read_baseline", "widened"]

SCHEMA = 1
DEVIATIONS, LEAST_NOISE, MOST_NOISE = 3.0, 0.04, 0.20


@dataclass(frozen=True)
class Finding:
    """One ratio beside its baseline. `floor`: below it the ratio has fallen; measured is None where it is missing."""

    case: str
    peer: str
    baseline: float
    floor: float
    measured: float | None

    @property
    def state(self) -> Literal["held", "fallen", "missing"]:
        if self.measured is None:
            return "missing"
        return "held" if self.measured >= self.floor else "fallen"


def baseline_of(bench: dict[str, Any]) -> dict[str, Any]:
    """What to commit of the figures: the ratios with their quartiles, no seconds."""
    ratios = {
        f"{case['group']}/{case['name']}": {
            peer: {key: round(found[key], 4) for key in ("ratio", "low", "high")}
            for peer, found in sorted(case["ratios"].items())
        }
        for case in bench["cases"]
        if case["ratios"]
    }
    return {"schema": SCHEMA, "measured": bench["measured"], "machine": bench["machine"], "ratios": ratios}


def widened(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A baseline of more than one run: each ratio the mean of both, its spread wide enough for both.

    Ratios differ more from run to run than from round to round within one, and one run does not know by how much.
    Cases and peers that only one has are kept as they are.
    """
    ratios = {case: dict(peers) for case, peers in old["ratios"].items()}
    for case, peers in new["ratios"].items():
        for peer, found in peers.items():
            before = ratios.setdefault(case, {}).get(peer, found)
            ratios[case][peer] = {
                "ratio": round((before["ratio"] + found["ratio"]) / 2, 4),
                "low": min(before["low"], found["low"]),
                "high": max(before["high"], found["high"]),
            }
    return {**new, "ratios": ratios}


def read_baseline(file: Path) -> dict[str, Any]:
    """The baseline in `file`. Raises DataError where it is none."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(file, f"cannot be read as a baseline: {error}") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or not isinstance(data.get("ratios"), dict):
        raise DataError(file, "is no baseline; `rewardmark bench --save-baseline FILE` writes one")
    return data


def noise(found: dict[str, float]) -> float:
    """Relative spread of a ratio, from its quartiles."""
    return (found["high"] - found["low"]) / 2 / found["ratio"]


def judge(bench: dict[str, Any], baseline: dict[str, Any], missing: bool = True) -> list[Finding]:
    """Every ratio of the baseline beside the new one; `missing=False` leaves out those that were not measured."""
    measured = {f"{case['group']}/{case['name']}": case["ratios"] for case in bench["cases"]}
    findings = []
    for case, peers in baseline["ratios"].items():
        for peer, old in peers.items():
            new = measured.get(case, {}).get(peer)
            if new is None and not missing:
                continue
            loudest = max(noise(old), noise(new) if new else 0.0)
            floor = old["ratio"] * (1 - DEVIATIONS * min(MOST_NOISE, max(LEAST_NOISE, loudest)))
            findings.append(Finding(case, peer, old["ratio"], floor, new["ratio"] if new else None))
    return findings
