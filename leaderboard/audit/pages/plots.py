"""Small line plots as numbers for a template to draw: no script, no library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Line", "Plot", "make_plot"]

WIDTH, HEIGHT = 320, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 30


@dataclass(frozen=True)
class Line:
    """points: SVG polylines, broken where a value is unknown."""

    name: str
    colour: int
    dashed: bool
    points: list[str]


@dataclass(frozen=True)
class Plot:
    """ticks: (place, text) on each axis; mark: where a vertical line stands, if any; words: for screen readers."""

    title: str
    lines: list[Line]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    x_name: str
    mark: float | None
    words: str


def make_plot(
    title: str,
    xs: Sequence[Any],
    series: Mapping[str, Sequence[Any]],
    x_name: str,
    mark: float | None = None,
) -> Plot:
    """The series over `xs` on one pair of axes. Values that are None or not finite leave a gap."""
    places = [float(x) for x in xs]
    values = {name: [_known(y) for y in ys] for name, ys in series.items()}
    known = [y for ys in values.values() for y in ys if y is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    high = high if high > low else low + 1.0
    first, last = (min(places), max(places)) if places else (0.0, 1.0)
    last = last if last > first else first + 1.0

    def x_at(value: float) -> float:
        return round(LEFT + (value - first) / (last - first) * (WIDTH - LEFT - RIGHT), 1)

    def y_at(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    lines = []
    for place, (name, ys) in enumerate(values.items()):
        pieces: list[list[str]] = [[]]
        for x, y in zip(places, ys, strict=False):
            if y is None:
                pieces.append([])
            else:
                pieces[-1].append(f"{x_at(x)},{y_at(y)}")
        lines.append(Line(name, 1 + place, place == 1, [" ".join(piece) for piece in pieces if piece]))
    ends = ", ".join(
        f"{name} from {_text(known[0])} to {_text(known[-1])}"
        for name, ys in values.items()
        if (known := [y for y in ys if y is not None])
    )
    marked = None if mark is None else x_at(float(mark))
    return Plot(
        title,
        lines,
        [(x_at(v), _text(v)) for v in (first, last)],
        [(y_at(v), _text(v)) for v in dict.fromkeys((low, 0.0, high))],
        x_name,
        marked,
        f"{title}: {ends}",
    )


def _known(value: Any) -> float | None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number else None


def _text(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")
