"""How a policy writes an answer: a few fields a part (corners and a category, a word), each with its choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rewardmark.rewards.audit.search_boxes import UNKNOWN, BoxGenome, BoxSpace, FixedBox
from rewardmark.rewards.audit.search_grounded import GroundedGenome, GroundedSpace, PairSpace
from rewardmark.rewards.audit.search_maps import ImageSpace, MapGenome, SegmentSpace, Stroke
from rewardmark.rewards.audit.search_space import Space
from rewardmark.rewards.audit.search_text import TextSpace

__all__ = ["Alphabet", "alphabet_for"]

STEP = 3.0
MOST_BINS, MOST_LABELS = 161, 24


@dataclass(frozen=True)
class Alphabet:
    """fields: the choices of each field of a part; parts: how many parts an answer may have; fixed: exactly so many
    (otherwise the policy may stop before any part). spell: the parts' values to a genome of the space.
    """

    fields: tuple[tuple[Any, ...], ...]
    parts: int
    spell: Callable[[Sequence[tuple[Any, ...]]], Any]
    fixed: bool = False


def alphabet_for(space: Space[Any]) -> Alphabet:
    """The alphabet of a space; TypeError for one that has none."""
    if isinstance(space, BoxSpace):
        return _boxes(space)
    if isinstance(space, TextSpace):
        return Alphabet((tuple(space.words),), 12, lambda parts: tuple(str(word) for (word,) in parts))
    if isinstance(space, GroundedSpace):
        xs, ys = _bins(space.size[0]), _bins(space.size[1])
        return Alphabet((xs, ys, xs, ys), 3, _grounded)
    if isinstance(space, PairSpace):
        scores = (0.0, 0.25, 0.5, 0.75, 1.0, -1.0, 10.0)
        return Alphabet((scores,) * 4, 1, lambda parts: tuple(parts[0]), fixed=True)
    if isinstance(space, SegmentSpace):
        places = tuple(k / 8 for k in range(9))
        return Alphabet((*((places,) * 4), tuple(float(c) for c in space.names)), 8, _segments)
    if isinstance(space, ImageSpace):
        places, levels = tuple(k / 8 for k in range(9)), tuple(k / 6 for k in range(7))
        return Alphabet((*((places,) * 4), *((levels,) * 3)), 8, _colours)
    raise TypeError(f"no alphabet for {type(space).__name__}")


def _bins(length: float) -> tuple[float, ...]:
    count = int(np.clip(round(length / STEP) + 1, 17, MOST_BINS))
    return tuple(round(v, 2) for v in np.linspace(0.0, length, count).tolist())


def _boxes(space: BoxSpace) -> Alphabet:
    xs, ys = _bins(space.width), _bins(space.height)
    labels = [*space.labels[:MOST_LABELS].tolist(), UNKNOWN]
    kinds = tuple((label, swapped) for swapped in (False, True) for label in labels)

    def spell(parts: Sequence[tuple[Any, ...]]) -> BoxGenome:
        boxes = []
        for a, b, c, d, (label, swapped) in parts:
            x, y = sorted((a, c)), sorted((b, d))
            corners = (x[1], y[1], x[0], y[0]) if swapped else (x[0], y[0], x[1], y[1])
            boxes.append(FixedBox(corners, int(label)))
        return BoxGenome(tuple(boxes))

    return Alphabet((xs, ys, xs, ys, kinds), 24, spell)


def _grounded(parts: Sequence[tuple[Any, ...]]) -> GroundedGenome:
    """The first part is the box, the corners of the others are points."""
    if not parts:
        return GroundedGenome()
    a, b, c, d = parts[0]
    points = [point for x, y, u, v in parts[1:] for point in ((x, y), (u, v))]
    return GroundedGenome((min(a, c), min(b, d), max(a, c), max(b, d)), None, tuple(points))


def _segments(parts: Sequence[tuple[Any, ...]]) -> MapGenome:
    return MapGenome("blank", tuple(_rectangle(part) for part in parts))


def _colours(parts: Sequence[tuple[Any, ...]]) -> MapGenome:
    return MapGenome("blank", tuple(_rectangle(part) for part in parts))


def _rectangle(part: tuple[Any, ...]) -> Stroke:
    a, b, c, d, *rest = part
    return Stroke("rectangle", (min(a, c), min(b, d), max(a, c), max(b, d), *rest))
