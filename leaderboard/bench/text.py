"""The figures as Markdown, for a report that is committed."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from rewardmark.leaderboard.bench.page import seconds, short

__all__ = ["markdown"]


def markdown(bench: dict[str, Any]) -> str:
    """Every case of a bench file: ratios with their quartiles and memory, growth, and other figures."""
    machine = bench["machine"]
    lines = [
        "# How fast the parts are beside their peers",
        "",
        f"Measured {bench['measured'][:10]} on {machine['cpu']}, {machine['cores']} cores, Python {machine['python']},",
        "by `rewardmark bench`: in turns in one process on one core. A ratio is the peer's median time over ours",
        "(above 1: we are faster), with the quartiles of the single rounds.",
        "",
    ]
    cases = sorted(bench["cases"], key=lambda case: (case["group"], case["name"]))
    for group, rows in groupby(cases, key=lambda case: str(case["group"])):
        lines += [f"## {group[0].upper()}{group[1:]}", ""]
        found = list(rows)
        lines += _ratios([case for case in found if case["ratios"]])
        lines += _slopes([case for case in found if case["slopes"]])
        lines += _figures([case for case in found if case["figures"]])
    return "\n".join(lines).rstrip("\n") + "\n"


def _ratios(cases: list[dict[str, Any]]) -> list[str]:
    if not cases:
        return []
    lines = ["| what | peer | times as fast | ours | theirs | memory, MB: ours, theirs |", "|---|---|--:|--:|--:|--:|"]
    for case in cases:
        work = f"{case['name']}: {case['work']}" if case["work"] else str(case["name"])
        for peer, ratio in case["ratios"].items():
            spread = f"{short(ratio['ratio'])} [{short(ratio['low'])}, {short(ratio['high'])}]"
            taken = [case["memory"].get(name) for name in ("ours", peer)]
            memory = ", ".join("?" if value is None else short(value) for value in taken)
            times = f"{seconds(case['seconds'])} | {seconds(ratio['seconds'])}"
            lines.append(f"| {work} | {peer} | {spread} | {times} | {memory} |")
            work = ""
    return [*lines, ""]


def _slopes(cases: list[dict[str, Any]]) -> list[str]:
    if not cases:
        return []
    lines = ["| cost grows with | as the power (1: linear) |", "|---|--:|"]
    for case in cases:
        for what, growth in case["slopes"].items():
            lines.append(f"| {case['name']}: {what} | {growth['slope']:.2f} |")
    return [*lines, ""]


def _figures(cases: list[dict[str, Any]]) -> list[str]:
    lines = []
    for case in cases:
        told = [
            f"{name} {value if isinstance(value, str) else short(value)}"
            for name, value in sorted(case["figures"].items())
        ]
        lines.append(f"- {case['name']}: {'; '.join(told)}")
    return [*lines, ""] if lines else []
