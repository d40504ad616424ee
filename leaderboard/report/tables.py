"""The tables of a report, in Markdown: results with changes and ratios, official metrics, kinds of error, time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewardmark.leaderboard.board.entries import Cell, Entry, Section
from rewardmark.leaderboard.board.explained import explained
from rewardmark.leaderboard.board.numbers import figure
from rewardmark.leaderboard.explain import markdown
from rewardmark.leaderboard.statistics import Interval

__all__ = ["change_text", "entry_names", "interval_text", "mark", "seconds_table", "seeds_text", "tables"]

PARTS = ("data", "sampling", "decoding", "reward", "loss", "update", "between")
"""The parts of a training step whose seconds are kept; `between`: validation, saving and telling."""


def entry_names(section: Section) -> list[str]:
    """A name for each entry: as its runs are called in their suite, without the seed and the evaluation, which the
    section's heading says; the page's own where two would be alike."""
    plain = [
        re.sub(r"\s*\b(seed|evaluation)=\S+", "", entry.runs[0].file.name).removesuffix(f" {section.task}")
        or entry.label
        for entry in section.entries
    ]
    return [
        name if plain.count(name) == 1 else f"{name} ({entry.label})"
        for name, entry in zip(plain, section.entries, strict=True)
    ]


def tables(section: Section, names: list[str]) -> Iterator[str]:
    """Heading and all tables of one section."""
    yield f"## {section.title}"
    yield ""
    yield f"Held-out images: {section.images}, {section.dataset}."
    yield ""
    yield from _results(section, names)
    yield from _metrics(section, names)
    yield from _whence(section, names)
    yield from seconds_table(section, names)


def _results(section: Section, names: list[str]) -> Iterator[str]:
    primary = section.primary.name
    yield "| run | seeds, steps | measured | value | change | ratio | failed | minutes a seed |"
    yield "|---|---|---|--:|--:|--:|--:|--:|"
    for entry, name in zip(section.entries, names, strict=True):
        shown = [(key, cell) for key, cell in entry.cells.items() if re.split("[@,]", key)[0] == primary]
        cells = [(key, cell) for key, cell in shown if cell.mean is not None]
        if entry.own_reward is not None and entry.own_reward.mean is not None:
            cells.append((f"own reward `{entry.reward}`", entry.own_reward))
        seconds = [float(run.file.cost.get("wall_seconds", 0.0)) for run in entry.runs]
        for k, (key, cell) in enumerate(cells):
            first = [name, f"{seeds_text(entry)}, {entry.runs[0].spec['steps']}"] if k == 0 else ["", ""]
            last = [str(entry.failures), f"{sum(seconds) / len(seconds) / 60:.1f}"] if k == 0 else ["", ""]
            yield (
                "| "
                + " | ".join([*first, key, interval_text(cell.mean), change_text(cell), _ratio(cell), *last])
                + " |"
            )
    yield ""


def _metrics(section: Section, names: list[str]) -> Iterator[str]:
    rows = [q for q in section.quantities if any(entry.cells[q.name].mean for entry in section.entries)]
    yield "| official metric | " + " | ".join(names) + " |"
    yield "|---|" + "--:|" * len(names)
    for quantity in rows:
        cells = [entry.cells[quantity.name] for entry in section.entries]
        shown = [interval_text(cell.mean) + (" " + mark(cell) if cell.change else "") for cell in cells]
        yield f"| {quantity.name} {quantity.arrow} | " + " | ".join(text.strip() for text in shown) + " |"
    yield ""
    if any(cell.change for entry in section.entries for cell in entry.cells.values()):
        yield "▲ ▼: better or worse than the start by the paired interval; ○: not told apart."
        yield ""


def _whence(section: Section, names: list[str]) -> Iterator[str]:
    found = explained(section)
    if found:
        yield "### Where it comes from"
        yield ""
    for each in found:
        yield f"<details><summary>{names[each.entry.index]}: before and after</summary>"
        yield ""
        yield from markdown(each.rows, each.endings)
        yield ""
        yield "</details>"
        yield ""


def seconds_table(section: Section, names: list[str]) -> Iterator[str]:
    """Mean seconds of a step by part, over all points of all seeds' curves."""
    rows = []
    for entry, name in zip(section.entries, names, strict=True):
        means = []
        for part in PARTS:
            values = [value for run in entry.runs for _, value in run.curves.get(f"seconds_{part}", [])]
            means.append(figure(sum(values) / len(values)) if values else "")
        if any(means):
            rows.append(f"| {name} | " + " | ".join(means) + " |")
    if rows:
        yield "| seconds a step | " + " | ".join(PARTS) + " |"
        yield "|---|" + "--:|" * len(PARTS)
        yield from rows
        yield ""


def seeds_text(entry: Entry) -> str:
    return f"{len(entry.runs)} seeds" if len(entry.runs) > 1 else f"seed {entry.runs[0].seed}"


def interval_text(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    return f"{interval.mean:.3f}" + (f" [{interval.low:.3f}, {interval.high:.3f}]" if interval.known else "")


def change_text(cell: Cell) -> str:
    change = cell.change
    if change is None or not change.known:
        return ""
    real = " *real*" if change.excludes_zero else ""
    return f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]{real}"


def _ratio(cell: Cell) -> str:
    ratio = cell.ratio
    return "" if ratio is None or not ratio.known else f"x {ratio.mean:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"


def mark(cell: Cell) -> str:
    return {"better": "▲", "worse": "▼", "unclear": "○"}.get(cell.verdict, "")
