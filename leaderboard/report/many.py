"""The report of a task with many runs (ablations): a row a run, and all changes in one picture, instead of a column a
run and a line a run in every chart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from pathlib import Path

from rewardmark.leaderboard.board.entries import Entry, Section
from rewardmark.leaderboard.report.tables import change_text, interval_text, mark, seeds_text
from rewardmark.leaderboard.statistics import Interval

__all__ = ["MANY", "choosing", "forest"]

MANY = 8
"""More entries than this are a row each."""
DECODINGS = ("#0072b2", "#d55e00", "#009e73")


def choosing(section: Section, names: list[str], out: Path) -> Iterator[str]:
    """What each run was tuned on, and what the official metrics came to; SECTION-changes.svg beside it."""
    primary = section.primary.name
    yield f"## {section.title}"
    yield ""
    yield f"Held-out images: {section.images}, {section.dataset}. Each run beside its own start, by image and seed."
    yield ""
    names = [short(name, section.task) for name in names]
    order = [(entry, names[entry.index]) for entry in _order(section)]
    keys = [key for key in section.entries[0].cells if key.split("@")[0] == primary and "," not in key]
    titles = [f"{key}: change" for key in keys]
    yield "| run | tuned on | seeds, steps | " + primary + " | " + " | ".join(titles) + " | own reward: change |"
    yield "|---|---|---|--:|" + "--:|" * (len(titles) + 1)
    for entry, name in order:
        cells = [interval_text(entry.cells[primary].mean), *(change_text(entry.cells[key]) for key in keys)]
        cells.append(change_text(entry.own_reward) if entry.own_reward is not None else "")
        about = [
            name,
            f"`{entry.reward}`" if entry.reward and not entry.is_start else "",
            f"{seeds_text(entry)}, {entry.runs[0].spec['steps']}",
        ]
        yield "| " + " | ".join([*about, *cells]) + " |"
    yield ""
    file = f"{section.key}-changes.svg"
    rows = [(name, [entry.cells[key].change for key in keys]) for entry, name in order if any(entry.starts)]
    if any(change is not None and change.known for _, changes in rows for change in changes):
        title = f"{section.title}: change of {primary} beside the start"
        (out / file).write_text(forest(title, keys, rows))
        yield f"![{title}]({file})"
        yield ""
    yield from _metrics(section, order)


def _order(section: Section) -> list[Entry]:
    """The starts in the order of the board, each after its own; then the best by the primary metric first."""
    sign = -1.0 if section.primary.higher_is_better else 1.0

    def place(entry: Entry) -> tuple[bool, float]:
        mean = entry.cells[section.primary.name].mean
        worth = math.inf if mean is None else sign * mean.mean
        return not entry.is_start, entry.index if entry.is_start else worth

    return sorted(section.entries, key=place)


def _metrics(section: Section, order: list[tuple[Entry, str]]) -> Iterator[str]:
    """The official metrics under greedy decoding, a row a run; values alone, the intervals are in runs.json."""
    shown = [q for q in section.quantities if "@" not in q.name and any(e.cells[q.name].mean for e in section.entries)]
    yield "| official metrics | " + " | ".join(f"{q.name} {q.arrow}" for q in shown) + " |"
    yield "|---|" + "--:|" * len(shown)
    for entry, name in order:
        yield f"| {name} | " + " | ".join(_short(entry, q.name) for q in shown) + " |"
    yield ""
    yield "▲ ▼: better or worse than the start by the paired interval; ○: not told apart."
    yield ""


def _short(entry: Entry, name: str) -> str:
    cell = entry.cells[name]
    if cell.mean is None:
        return "-"
    return f"{cell.mean.mean:.3f} {mark(cell)}".strip()


def short(name: str, task: str) -> str:
    """A run's name without what all runs of its task have.

    >>> short("reward captioning reward=captioning/rouge-l", "captioning")
    'reward rouge-l'
    """
    return name.replace(f" {task}", "", 1).replace(f"reward={task}/", "").replace("options=", "").replace(",", ", ")


def forest(title: str, keys: list[str], rows: list[tuple[str, list[Interval | None]]]) -> str:
    """An SVG: a row a run, a dot and an interval for each of `keys`, and a line at zero."""
    known = [change for _, changes in rows for change in changes if change is not None and change.known]
    low, high = min(0.0, *(c.low for c in known)), max(0.0, *(c.high for c in known))
    low, high = low - 0.03 * (high - low), high + 0.03 * (high - low)
    step = 6 + 6 * len(keys)
    left, width, top = 12 + 6 * max(len(name) for name, _ in rows), 900, 48
    height = top + step * len(rows) + 26

    def place(value: float) -> float:
        return left + (value - low) / ((high - low) or 1.0) * (width - left - 16)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="10" role="img" aria-label="{escape(title)}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="12" y="18" font-size="13" font-weight="bold" fill="#222">{escape(title)}</text>',
    ]
    for k, key in enumerate(keys):
        parts.append(
            f'<text x="{12 + 150 * k}" y="36" font-weight="bold" fill="{DECODINGS[k % 3]}">{escape(key)}</text>'
        )
    for k in range(5):
        value = low + (high - low) * (k + 0.5) / 5
        parts.append(
            f'<line x1="{place(value):.1f}" y1="{top}" x2="{place(value):.1f}" y2="{height - 22}" stroke="#eee"/>'
        )
        parts.append(
            f'<text x="{place(value):.1f}" y="{height - 8}" text-anchor="middle" fill="#555">{value:+.3g}</text>'
        )
    parts.append(f'<line x1="{place(0):.1f}" y1="{top}" x2="{place(0):.1f}" y2="{height - 22}" stroke="#555"/>')
    for row, (name, changes) in enumerate(rows):
        y = top + step * row + 4
        parts.append(f'<text x="{left - 8}" y="{y + step / 2}" text-anchor="end" fill="#222">{escape(name)}</text>')
        for k, change in enumerate(changes):
            if change is None or not change.known:
                continue
            at, colour = y + 6 * k + 3, DECODINGS[k % 3]
            parts.append(
                f'<line x1="{place(change.low):.1f}" y1="{at}" x2="{place(change.high):.1f}" y2="{at}" '
                f'stroke="{colour}" stroke-width="1.5"/>'
                f'<circle cx="{place(change.mean):.1f}" cy="{at}" r="2.5" fill="{colour}"/>'
            )
    return "\n".join([*parts, "</svg>", ""])
