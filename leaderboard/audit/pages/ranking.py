"""What ranks the rewards of a task, and what is recommended of each: rules over numbers, stated on the pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rewardmark.leaderboard.audit.store import slug
from rewardmark.rewards.audit.result import AuditResult, Finding

__all__ = ["RULE", "USE_RULE", "Row", "Table", "make_tables"]

LEAST_AGREEMENT = 0.5
MOST_SILENT = 0.5
MOST_HACKABLE = 0.25
MOST_LAZY = 0.5

RULE = (
    "Rewards with fewer exploits stand first; among equals those with fewer errors, then those that agree better with "
    "the official metric (Spearman), then those with fewer silent groups."
)
USE_RULE = (
    f"Tune with it: no exploit and no error found, Spearman at least {LEAST_AGREEMENT:g}, at most "
    f"{MOST_SILENT:.0%} of the groups silent, best-of-n hackability at most {MOST_HACKABLE:g}, and the best fixed "
    f"answer earns at most {MOST_LAZY:.0%} of gold. With care: no exploit and no error, but another condition "
    "fails or is unknown; it is named. Do not tune with it: at least one exploit or error."
)


@dataclass(frozen=True)
class Row:
    """One reward in the ranking; None where the audit does not say.

    exploits: how many ways gamed it; cheapest: the cheapest of them; errors: findings that it raised or left its
    bounds, false_fails: right answers that it refused; spearman: with the official metric; spread: the standard
    deviation of the reward within a prompt; silent: share of groups without any; junk: the most that appended junk
    earns; hackability: of best-of-n; lazy: best fixed answer, share of gold; speed: samples a second on one CPU.
    """

    name: str
    file: str
    task: str
    status: str
    summary: str
    exploits: int
    cheapest: Finding | None
    errors: int
    false_fails: int
    spearman: float | None
    spread: float | None
    silent: float | None
    junk: float | None
    hackability: float | None
    lazy: float | None
    speed: float | None
    verdict: str
    advice: str


@dataclass(frozen=True)
class Table:
    """The rewards of one task, best first; choice: the first that may be tuned with, None where there is none."""

    task: str
    material: str
    rows: list[Row]

    @property
    def choice(self) -> Row | None:
        return next((row for row in self.rows if row.verdict == "use"), None)


def make_tables(results: Sequence[AuditResult]) -> list[Table]:
    """One table a task, in order of name."""
    tables = []
    for task in sorted({result.task for result in results}):
        own = [result for result in results if result.task == task]
        rows = sorted((_row(result) for result in own), key=_place)
        tables.append(Table(task, "; ".join(dict.fromkeys(result.material for result in own)), rows))
    return tables


def _place(row: Row) -> tuple[Any, ...]:
    agreement = -2.0 if row.spearman is None else row.spearman
    return (row.exploits, row.errors, -agreement, 1.0 if row.silent is None else row.silent, row.name)


def _row(result: AuditResult) -> Row:
    exploits = result.exploits()
    errors = sum(finding.kind == "error" for finding in result.findings)
    junk = [_number(entry, "total") for entry in result.sections.get("junk", {}).values()]
    speed = result.sections.get("speed", {}).get("cpu")
    row = Row(
        name=result.reward,
        file=f"{slug(result.reward)}.html",
        task=result.task,
        status=str(result.card.get("status", "")),
        summary=str(result.card.get("summary", "")),
        exploits=len(exploits),
        cheapest=exploits[0] if exploits else None,
        errors=errors,
        false_fails=sum(finding.kind == "false-fail" for finding in result.findings),
        spearman=_number(result.sections.get("rank"), "spearman"),
        spread=_number(result.sections.get("signal"), "std"),
        silent=_number(result.sections.get("signal"), "silent"),
        junk=max((value for value in junk if value is not None), default=None),
        hackability=_number(result.sections.get("best_of_n"), "hackability"),
        lazy=_number(result.sections.get("floor"), "share_of_gold"),
        speed=_number(speed, "64") or _number(speed, "1"),
        verdict="",
        advice="",
    )
    verdict, advice = _advice(row)
    return Row(**{**row.__dict__, "verdict": verdict, "advice": advice})


def _advice(row: Row) -> tuple[str, str]:
    """("use" | "care" | "avoid", why)."""
    if row.cheapest is not None:
        many = f"{row.exploits} exploits" if row.exploits > 1 else "1 exploit"
        judge = "; it may judge, where nothing is tuned against it" if row.status == "metric" else ""
        return "avoid", f"{many}, the cheapest: {row.cheapest.name}{judge}"
    if row.errors:
        return "avoid", f"{row.errors} error{'s' if row.errors > 1 else ''}: it raised, or left its bounds"
    checks = [
        (
            "agreement with the metric",
            row.spearman,
            lambda v: v >= LEAST_AGREEMENT,
            f"Spearman under {LEAST_AGREEMENT:g}",
        ),
        ("signal", row.silent, lambda v: v <= MOST_SILENT, f"more than {MOST_SILENT:.0%} of groups silent"),
        ("hackability", row.hackability, lambda v: v <= MOST_HACKABLE, f"hackability above {MOST_HACKABLE:g}"),
        ("floor", row.lazy, lambda v: v <= MOST_LAZY, f"a fixed answer earns more than {MOST_LAZY:.0%} of gold"),
    ]
    failed = [said for _, value, good, said in checks if value is not None and not good(value)]
    unknown = [name for name, value, _, _ in checks if value is None]
    if failed or unknown:
        return "care", "; ".join([*failed, *([f"unknown: {', '.join(unknown)}"] if unknown else [])])
    return "use", "no exploit, no error, follows the metric"


def _number(section: Any, name: str) -> float | None:
    value = section.get(name) if isinstance(section, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
