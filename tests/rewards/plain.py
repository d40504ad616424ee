"""A plain reference for every registered reward: `REFERENCES[name](predictions, targets)` -> one float a sample.

The official tool where there is one (pycocotools, pycocoevalcap, scikit-image), else the formula as loops over one
sample at a time. NaN stands for an unscored sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plain_boxes
import plain_other
from rewardmark.rewards import Boxes

Reference = Callable[[Any, Any], list[float]]


def images(batch: Boxes) -> list[plain_boxes.Image]:
    """The batch as lists, padding removed."""
    found = []
    for row in range(len(batch)):
        one = batch.sample(row)
        boxes = [tuple(box) for box in one.boxes.tolist()]
        areas = one.areas.tolist() if one.areas is not None else [(b[2] - b[0]) * (b[3] - b[1]) for b in boxes]
        crowds = one.is_crowd.tolist() if one.is_crowd is not None else [False] * len(boxes)
        found.append(plain_boxes.Image(boxes, one.labels.tolist(), one.scores.tolist(), crowds, areas))
    return found


def _of_boxes(function: Callable[[plain_boxes.Image, plain_boxes.Image], float]) -> Reference:
    return lambda predictions, targets: [
        float(function(p, g)) for p, g in zip(images(predictions), images(targets), strict=True)
    ]


def _of_rows(function: Callable[[Any, Any, int], float]) -> Reference:
    return lambda predictions, targets: [float(function(predictions, targets, i)) for i in range(len(predictions))]


REFERENCES: dict[str, Reference] = {
    **{name: _of_boxes(function) for name, function in plain_boxes.PLAIN.items()},
    **{name: _of_rows(function) for name, function in plain_other.PLAIN.items()},
    "captioning/cider-d": plain_other.cider_d,
}
