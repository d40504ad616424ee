"""What a card shows: the exploits with pictures, the sections as tables, the curves as small plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rewardmark.leaderboard.audit.pages.pictures import Drawing, Pictures
from rewardmark.leaderboard.audit.pages.plots import Plot, make_plot
from rewardmark.rewards.audit.result import AuditResult, Finding

__all__ = ["Card", "Grid", "Part", "make_card"]

TITLES = {
    "parity": ("Parity", "How far it is from the official metric that it claims to be."),
    "validity": ("Validity", "What odd predictions made it do: raise, leave its bounds, give no number."),
    "gold": ("Gold and garbage", "What the truth itself earns, and what nothing and random answers earn."),
    "battery": (
        "Battery",
        "Answers that deserve less than the truth. One holds when it earns less than what it is compared "
        "with.",
    ),
    "pairwise": (
        "Pairwise accuracy",
        "How often the less corrupted of two answers earns more, by corruption and gap in "
        "severity.",
    ),
    "monotonicity": (
        "Monotonicity",
        "Kendall's tau of the reward against falling severity: 1 is strictly better with every "
        "step.",
    ),
    "rank": ("Rank agreement", "Spearman's rank correlation with the official metric over all corrupted answers."),
    "invariance": ("Invariance", "The largest change of the reward under changes that mean nothing."),
    "junk": (
        "Junk gain",
        "What appended or prepended duplicates and spam add to the reward; above 0 is a way to "
        "cheat.",
    ),
    "floor": ("Constant-policy floor", "The best answer that is the same for every sample."),
    "best_of_n": (
        "Best-of-n hackability",
        "Gain in reward less gain in metric when the best of n answers is chosen by the "
        "reward.",
    ),
    "signal": (
        "Signal",
        "What tuning can learn from: the spread within a prompt, and the share of groups without "
        "any.",
    ),
    "determinism": ("Determinism", "The largest difference between reruns and batch sizes."),
    "speed": ("Speed", "Samples a second by batch size."),
    "search": (
        "Search",
        "The answer of highest reward that a seeded search found with the official metric at its "
        "floor.",
    ),
    "adversary": (
        "Trained adversary",
        "A policy tuned on the reward alone, from a garbage start, that never sees the "
        "sample.",
    ),
    "convention": ("Calling convention", "How the function was found to be called."),
    "variants": ("Variants", "Right answers written in other ways."),
}  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """A table: head of columns, rows of cells (the first is the row's name)."""

    head: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Part:
    """One section of the card."""

    key: str
    title: str
    about: str
    facts: list[tuple[str, Any]]
    grids: list[tuple[str, Grid]]
    plots: list[Plot]


@dataclass(frozen=True)
class Card:
    """The whole card; shown: (finding, its drawings) for the cheapest exploit and a few more; others: the rest."""

    exploits: list[Finding]
    shown: list[tuple[Finding, list[Drawing]]]
    others: list[Finding]
    parts: list[Part]


BATTERY = (
    "holds", "mean_reward", "gold_mean", "normalized", "mean_official", "share_at_or_above_gold", "cost", "description"
)  # fmt: skip
"""What the card shows of an entry of the battery, in this order."""

PICTURED = 4
"""Exploits that are shown with a picture."""


def make_card(result: AuditResult, pictures: Pictures) -> Card:
    """The card of one audit."""
    exploits = result.exploits()
    found = [one for one in exploits if one.origin in ("search", "adversary")]
    chosen = exploits[:1] + [one for one in [*found, *exploits[1:]] if one is not exploits[0]][: PICTURED - 1]
    chosen = list({id(one): one for one in chosen}.values())
    shown = [
        (one, [pictures.drawing(result, sample) for sample in one.samples[: 2 if k == 0 else 1]])
        for k, one in enumerate(chosen)
    ]
    order = [*(name for name in TITLES if name in result.sections), *(n for n in result.sections if n not in TITLES)]
    parts = [_part(name, result) for name in order]
    return Card(exploits, shown, [one for one in result.findings if one not in exploits], parts)


def _part(name: str, result: AuditResult) -> Part:
    section = result.sections[name]
    title, about = TITLES.get(name, (name.replace("_", " ").capitalize(), ""))
    facts = [(_words(key), value) for key, value in section.items() if _is_plain(value) and key != "curve"]
    nested = {key: value for key, value in section.items() if isinstance(value, dict) and value}
    if name == "battery":
        nested = {key: {column: value.get(column) for column in BATTERY} for key, value in nested.items()}
    grids: list[tuple[str, Grid]] = []
    if (
        nested
        and all(_is_flat(value) for value in nested.values())
        and (len(nested) > 1 or name in ("battery", "junk"))
    ):
        grids.append(("", _grid(nested)))
    else:
        grids += [(_words(key), _named(value)) for key, value in nested.items()]
    if name == "pairwise" and nested:
        gaps = {key: {"all": value.get("all"), **(value.get("gaps") or {})} for key, value in nested.items()}
        grids = [("", _grid(gaps, "corruption"))]
    return Part(name, title, about, facts, grids, _plots(name, result))


def _grid(nested: dict[str, Any], corner: str = "") -> Grid:
    """Dicts with the same keys as rows of one table, words last."""
    keys = list(dict.fromkeys(key for value in nested.values() for key in value))
    keys.sort(key=lambda key: any(isinstance(value.get(key), str) for value in nested.values()))
    rows = [[name, *(value.get(key) for key in keys)] for name, value in nested.items()]
    if "holds" in keys:
        rows.sort(key=lambda row: bool(row[1 + keys.index("holds")]))
    return Grid([corner, *(_words(key) for key in keys)], rows)


def _named(content: dict[str, Any]) -> Grid:
    if content and all(isinstance(value, dict) for value in content.values()):
        return _grid({key: value for key, value in content.items()})
    return Grid(["", "value"], [[key, value] for key, value in content.items()])


def _plots(name: str, result: AuditResult) -> list[Plot]:
    curves = result.curves
    if name == "monotonicity" and isinstance(curves.get("severity"), dict):
        severity = curves["severity"]
        official = severity.get("official") or {}
        return [
            make_plot(
                kind,
                severity["severities"],
                {"reward": values, **({"official metric": official[kind]} if kind in official else {})},
                "severity",
            )
            for kind, values in severity["reward"].items()
        ]
    if name == "best_of_n" and isinstance(curves.get("best_of_n"), dict):
        best = curves["best_of_n"]
        return [make_plot("Best of n", best["n"], {"reward": best["reward"], "official metric": best["official"]}, "n")]
    if name == "adversary" and isinstance(curves.get("adversary"), dict):
        told = curves["adversary"]
        series = {"reward": told["reward"], "official metric": told["official"]}
        return [make_plot("Tuned on the reward alone", told["steps"], series, "step", mark=told.get("parts_at"))]
    if name == "search" and result.sections["search"].get("curve"):
        points = result.sections["search"]["curve"]
        series = {"reward": [share for _, share in points]}
        return [make_plot("Best so far, as a share of gold", [n for n, _ in points], series, "answers scored")]
    return []


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict) and not (
        isinstance(value, list) and any(isinstance(v, (list, dict)) for v in value)
    )


def _is_flat(value: dict[str, Any]) -> bool:
    return all(_is_plain(one) for one in value.values())


def _words(name: str) -> str:
    return str(name).replace("_", " ")
