"""Silhouettes: every category (and variant) as a short list of primitives in local coordinates (-1..1, y down), and a
small font."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from rewardmark.tasks.scenes.world import THINGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

ELLIPSE, BOX, POLYGON, CAPSULE = range(4)
MAIN, SECOND, DARK, LIGHT, WOOD, GLOW, PATTERN = range(7)
"""Colour roles: the thing's own colour, its companion, near black, near white, wood, lit windows; PATTERN is the
stripes' colour."""
ROLES = 7
PARAMETERS = 24
TEXT_COLUMNS = 18
"""Three letters of six columns (five and a gap)."""


@dataclass(frozen=True)
class Part:
    """One primitive: `numbers` are cx cy rx ry | cx cy hx hy rounding | x0 y0 x1 y1 ... | ax ay bx by radius."""

    kind: int
    role: int
    numbers: tuple[float, ...]


def _ellipse(role: int, cx: float, cy: float, rx: float, ry: float) -> Part:
    return Part(ELLIPSE, role, (cx, cy, rx, ry))


def _box(role: int, cx: float, cy: float, hx: float, hy: float, rounding: float = 0.0) -> Part:
    return Part(BOX, role, (cx, cy, hx, hy, rounding))


def _polygon(role: int, *xy: float) -> Part:
    return Part(POLYGON, role, xy)


def _capsule(role: int, ax: float, ay: float, bx: float, by: float, radius: float) -> Part:
    return Part(CAPSULE, role, (ax, ay, bx, by, radius))


# Tips of a five-pointed star at 90, 162, ... degrees; the inner corners lie at 0.45 of the radius.
_STAR = (
    0.0, -1.0, 0.2645, -0.3641, 0.9511, -0.3090, 0.4280, 0.1391, 0.5878, 0.8090,
    0.0, 0.45, -0.5878, 0.8090, -0.4280, 0.1391, -0.9511, -0.3090, -0.2645, -0.3641,
)  # fmt: skip

SHAPES: dict[str, tuple[tuple[Part, ...], ...]] = {
    "ball": ((_ellipse(MAIN, 0, 0, 0.96, 0.96), _ellipse(LIGHT, -0.36, -0.42, 0.2, 0.15)),),
    "box": (
        (
            _box(MAIN, 0, 0.18, 0.82, 0.74, 0.05),
            _box(MAIN, 0, -0.5, 0.95, 0.24, 0.05),
            _box(SECOND, 0, 0.08, 0.13, 0.82),
            _ellipse(SECOND, -0.27, -0.84, 0.27, 0.14),
            _ellipse(SECOND, 0.27, -0.84, 0.27, 0.14),
        ),
    ),
    "kite": (
        (
            _capsule(DARK, 0, 0.4, 0.16, 0.72, 0.035),
            _capsule(DARK, 0.16, 0.72, -0.04, 0.97, 0.035),
            _polygon(SECOND, 0.16, 0.72, 0.38, 0.6, 0.4, 0.82),
            _polygon(SECOND, 0.16, 0.72, -0.08, 0.62, -0.06, 0.84),
            _polygon(MAIN, 0, -1, 0.66, -0.4, 0, 0.5, -0.66, -0.4),
            _polygon(SECOND, 0, -1, 0.66, -0.4, 0, -0.4),
            _polygon(SECOND, 0, 0.5, -0.66, -0.4, 0, -0.4),
        ),
    ),
    "star": ((_polygon(MAIN, *_STAR),),),
    "tree": (
        (
            _box(WOOD, 0, 0.6, 0.14, 0.4, 0.02),
            _ellipse(MAIN, -0.42, -0.02, 0.46, 0.4),
            _ellipse(MAIN, 0.42, -0.02, 0.46, 0.4),
            _ellipse(MAIN, 0, -0.45, 0.58, 0.54),
            _ellipse(MAIN, 0, 0.02, 0.5, 0.36),
        ),
        (
            _box(WOOD, 0, 0.75, 0.13, 0.25, 0.02),
            _polygon(MAIN, 0, -0.3, 0.78, 0.6, -0.78, 0.6),
            _polygon(MAIN, 0, -0.68, 0.62, 0.14, -0.62, 0.14),
            _polygon(MAIN, 0, -1, 0.45, -0.34, -0.45, -0.34),
        ),
    ),
    "house": (
        (
            _box(SECOND, 0.46, -0.66, 0.11, 0.28),
            _box(MAIN, 0, 0.36, 0.74, 0.6),
            _polygon(SECOND, 0, -0.98, 1.0, -0.16, -1.0, -0.16),
            _box(WOOD, -0.04, 0.64, 0.18, 0.32),
            _box(GLOW, -0.46, 0.3, 0.15, 0.17),
            _box(GLOW, 0.42, 0.3, 0.15, 0.17),
        ),
        (
            _box(MAIN, 0, 0.3, 0.52, 0.66),
            _polygon(SECOND, 0, -1.0, 0.74, -0.28, -0.74, -0.28),
            _box(WOOD, 0, 0.68, 0.16, 0.28),
            _box(GLOW, -0.26, 0.02, 0.13, 0.15),
            _box(GLOW, 0.26, 0.02, 0.13, 0.15),
        ),
    ),
    "boat": (
        (
            _capsule(WOOD, 0.0, -0.92, 0.0, 0.4, 0.055),
            _polygon(LIGHT, 0.06, -0.9, 0.82, 0.22, 0.06, 0.22),
            _polygon(SECOND, -0.06, -0.66, -0.06, 0.22, -0.62, 0.22),
            _polygon(MAIN, -1.0, 0.32, 1.0, 0.32, 0.66, 0.88, -0.66, 0.88),
        ),
        (
            _box(SECOND, 0.14, -0.5, 0.13, 0.3),
            _box(LIGHT, 0, 0.0, 0.5, 0.32, 0.04),
            _ellipse(DARK, -0.24, -0.02, 0.11, 0.11),
            _ellipse(DARK, 0.2, -0.02, 0.11, 0.11),
            _polygon(MAIN, -1.0, 0.2, 1.0, 0.2, 0.7, 0.88, -0.7, 0.88),
        ),
    ),
    "fish": (
        (
            _polygon(SECOND, 0.36, 0, 0.98, -0.5, 0.84, 0, 0.98, 0.5),
            _polygon(SECOND, -0.3, -0.36, 0.3, -0.68, 0.2, -0.26),
            _polygon(SECOND, -0.2, 0.36, 0.2, 0.62, 0.12, 0.26),
            _ellipse(MAIN, -0.2, 0, 0.76, 0.46),
            _ellipse(LIGHT, -0.6, -0.1, 0.14, 0.14),
            _ellipse(DARK, -0.63, -0.1, 0.075, 0.075),
        ),
    ),
    "sign": ((_box(WOOD, 0, 0.55, 0.1, 0.42, 0.02), _box(MAIN, 0, -0.26, 0.98, 0.54, 0.1)),),
}
"""The first variant is the usual one; variants of a category look different and mean the same."""


@dataclass(frozen=True)
class ShapeTable:
    """`SHAPES` as arrays for the rasteriser: parts of shape s are rows first[s]..first[s+1]."""

    first: NDArray[np.int64]
    kinds: NDArray[np.int64]
    roles: NDArray[np.int64]
    counts: NDArray[np.int64]
    numbers: NDArray[np.float64]
    index: dict[tuple[str, int], int]


@lru_cache(maxsize=1)
def shape_table() -> ShapeTable:
    """All shapes, category by category, variant by variant."""
    first, parts, index = [0], list[Part](), {}
    for name in THINGS:
        for variant, shape in enumerate(SHAPES[name]):
            index[name, variant] = len(first) - 1
            parts += shape
            first.append(len(parts))
    numbers = np.zeros((len(parts), PARAMETERS))
    for row, part in enumerate(parts):
        numbers[row, : len(part.numbers)] = part.numbers
    return ShapeTable(
        np.array(first),
        np.array([p.kind for p in parts]),
        np.array([p.role for p in parts]),
        np.array([len(p.numbers) // 2 for p in parts]),
        numbers,
        index,
    )


# Five columns a letter, lowest bit at the top: a common 5 x 7 dot-matrix alphabet, only the letters that signs use.
_FONT: dict[str, tuple[int, ...]] = {
    "a": (0x7C, 0x12, 0x11, 0x12, 0x7C), "b": (0x7F, 0x49, 0x49, 0x49, 0x36), "e": (0x7F, 0x49, 0x49, 0x49, 0x41),
    "g": (0x3E, 0x41, 0x41, 0x51, 0x73), "h": (0x7F, 0x08, 0x08, 0x08, 0x7F), "i": (0x00, 0x41, 0x7F, 0x41, 0x00),
    "m": (0x7F, 0x02, 0x1C, 0x02, 0x7F), "n": (0x7F, 0x04, 0x08, 0x10, 0x7F), "o": (0x3E, 0x41, 0x41, 0x41, 0x3E),
    "p": (0x7F, 0x09, 0x09, 0x09, 0x06), "s": (0x26, 0x49, 0x49, 0x49, 0x32), "t": (0x01, 0x01, 0x7F, 0x01, 0x01),
    "u": (0x3F, 0x40, 0x40, 0x40, 0x3F), "y": (0x03, 0x04, 0x78, 0x04, 0x03), "z": (0x61, 0x59, 0x49, 0x4D, 0x43),
}  # fmt: skip


@cache
def text_columns(text: str) -> tuple[int, ...]:
    """`TEXT_COLUMNS + 1` numbers: how many columns the text takes, then each column's bits."""
    columns: list[int] = []
    for letter in text:
        columns += [*_FONT[letter], 0]
    used = max(len(columns) - 1, 0)
    return (used, *columns, *([0] * (TEXT_COLUMNS - len(columns))))
