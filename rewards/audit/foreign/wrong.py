"""Honest mistakes: boxes where nothing is, and answers that are wrong. What a policy that fails would write."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from rewardmark.rewards.audit.foreign.rows import Box, Corners, Row

__all__ = ["elsewhere", "empty_places", "other_label", "wrong_answer"]


def empty_places(row: Row, count: int, side: float | None = None) -> list[Corners]:
    """`count` square boxes that touch no truth, as large as fits up to `side` pixels; some again where few fit."""
    large = side or max(4.0, min(row.width, row.height) / 6)
    for size in (large, large / 2, large / 4, 2.0, 1.0):
        size = max(1.0, float(int(size)))
        step = max(1.0, size)
        places = []
        for j, i in itertools.product(
            range(int((row.height - size) // step) + 1), range(int((row.width - size) // step) + 1)
        ):
            corners = (i * step, j * step, i * step + size, j * step + size)
            if all(_apart(corners, box.corners) for box in row.boxes):
                places.append(corners)
        if len(places) >= min(count, 2):
            # spread over the picture, farthest from the truths first, so that a control is never a near miss
            places.sort(key=lambda c: -min(_distance(c, box.corners) for box in row.boxes) if row.boxes else 0.0)
            return [places[k % len(places)] for k in range(count)]
    beyond = max(row.width, row.height)
    return [(beyond + 8.0 * k, 0.0, beyond + 8.0 * k + 6, 6.0) for k in range(count)]


def elsewhere(row: Row, score: float = 1.0) -> list[Box]:
    """As many boxes as the truth has, of its classes, where nothing is."""
    places = empty_places(row, len(row.boxes))
    return [replace(box, corners=place, score=score) for box, place in zip(row.boxes, places, strict=True)]


def other_label(label: str, labels: Sequence[str]) -> str:
    """Another class of the same world."""
    return next((name for name in labels if name != label), "unicorn")


def wrong_answer(row: Row, rows: Sequence[Row]) -> str:
    """An answer of the same kind that is not accepted: no for yes, another number, another row's answer."""
    truth = row.answers[0].strip()
    opposite = {"yes": "no", "no": "yes", "true": "false", "false": "true", "left": "right", "right": "left"}
    if truth.lower() in opposite:
        return opposite[truth.lower()]
    try:
        value = float(truth)
        return str(int(value) + 7) if value == int(value) else str(value + 7.5)
    except ValueError:
        pass
    accepted = {answer.strip().lower() for answer in row.answers}
    usable = [r.answers[0] for r in rows if r.answers and r.answers[0].strip().lower() not in accepted]
    apart = [a for a in usable if truth.lower() not in a.lower() and a.lower() not in truth.lower()]
    return (apart or usable or ["unicorn"])[0]


def _apart(a: Corners, b: Corners) -> bool:
    return a[2] + 1 < b[0] or b[2] + 1 < a[0] or a[3] + 1 < b[1] or b[3] + 1 < a[1]


def _distance(a: Corners, b: Corners) -> float:
    return abs(a[0] + a[2] - b[0] - b[2]) + abs(a[1] + a[3] - b[1] - b[3])
