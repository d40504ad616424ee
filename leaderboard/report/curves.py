"""The curves of a report: one SVG a task and curve, a line a run, a colour an entry; the reliability of confidences."""

from __future__ import annotations

from html import escape
from pathlib import Path

from rewardmark.leaderboard.board.curves import thin
from rewardmark.leaderboard.board.entries import Section
from rewardmark.leaderboard.board.explained import explained

__all__ = ["chart", "curve_pictures"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito's palette, told apart with every kind of colour vision."""

Line = tuple[int, list[tuple[float, float]]]
"""Place of its entry, and its points."""


def curve_pictures(section: Section, names: list[str], out: Path) -> list[tuple[str, str]]:
    """(title, file) of each SVG written: the account of training, validation curves first; seconds are in a table."""
    made = []
    present = {name for entry in section.entries for run in entry.runs for name in run.curves}
    for name in sorted(present, key=lambda n: (not n.startswith("val/"), n != "reward", n)):
        if name.startswith("seconds_"):
            continue
        lines: list[Line] = []
        for entry in section.entries:
            for run in entry.runs:
                points = list(zip(*thin(run.curves.get(name, [])), strict=True))
                if len(points) > 1:
                    lines.append((entry.index, points))
        if lines:
            made.append(_write(out, section, name, chart(f"{section.title}: {name}", lines, names)))
    lines = []
    for found in explained(section):
        start = next((e.index for e in section.entries if e.is_start), None)
        if start is not None and found.reliability_before and not any(index == start for index, _ in lines):
            lines.append((start, [(x, y) for x, y, _ in found.reliability_before]))
        if found.reliability:
            lines.append((found.entry.index, [(x, y) for x, y, _ in found.reliability]))
    if lines:
        title = f"{section.title}: boxes right by confidence"
        made.append(_write(out, section, "reliability", chart(title, lines, names, across="confidence", unit=True)))
    return made


def _write(out: Path, section: Section, name: str, svg: str) -> tuple[str, str]:
    file = f"{section.key}-{name.replace('/', '-').replace('@', '-')}.svg"
    (out / file).write_text(svg)
    return f"{section.title}: {name}", file


def chart(title: str, lines: list[Line], names: list[str], across: str = "steps", unit: bool = False) -> str:
    """A line chart, 360 px wide, its legend below, one name a row where names are long. unit: both axes are 0..1, with
    their diagonal."""
    shown = list(dict.fromkeys(index for index, _ in lines))
    columns = 3 if max(len(names[index]) for index in shown) <= 20 else 1
    legend = 14 * ((len(shown) + columns - 1) // columns)
    width, height, left, top, right, bottom = 360, 220 + legend, 52, 28, 12, 24 + legend
    ys = [y for _, points in lines for _, y in points]
    low, high, last = min(ys), max(ys), max(max(x for _, points in lines for x, _ in points), 1)
    if unit:
        low, high, last = 0.0, 1.0, 1.0
    else:
        if high == low:
            low, high = low - 0.5, high + 0.5
        low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)

    def place(x: float, y: float) -> str:
        right_of = left + x / last * (width - left - right)
        return f"{right_of:.1f},{top + (high - y) / (high - low) * (height - top - bottom):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="10" role="img" aria-label="{escape(title)}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{left}" y="16" font-size="12" font-weight="bold" fill="#222">{escape(title)}</text>',
    ]
    for k in range(4):
        value = low + (high - low) * (k + 0.5) / 4
        x, y = place(0, value).split(",")
        parts.append(f'<line x1="{x}" y1="{y}" x2="{width - right}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 5}" y="{float(y) + 3:.1f}" text-anchor="end" fill="#555">{value:.3g}</text>')
    if unit:
        parts.append(f'<polyline points="{place(0, 0)} {place(1, 1)}" stroke="#999" stroke-dasharray="2 3"/>')
    below = height - legend - 9
    parts.append(f'<text x="{left}" y="{below}" fill="#555">0</text>')
    parts.append(f'<text x="{width - right}" y="{below}" text-anchor="end" fill="#555">{last:g} {across}</text>')
    for index, points in lines:
        drawn = " ".join(place(x, y) for x, y in points)
        colour = COLOURS[index % len(COLOURS)]
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    for k, index in enumerate(shown):
        x_legend, y_legend = 8 + 118 * (k % columns), height - legend + 8 + 14 * (k // columns)
        colour = COLOURS[index % len(COLOURS)]
        parts.append(
            f'<text x="{x_legend}" y="{y_legend}" font-weight="bold" fill="{colour}">{escape(names[index])}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
