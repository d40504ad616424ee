"""One phrase about one picture, and what counts as its boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rewardmark.tasks.programs.split import OneProgram
from rewardmark.tasks.scenes.scene_json import Box

__all__ = ["NOWHERE", "Phrase", "boxes_of"]

NOWHERE: Box = (0.0, 0.0, 0.0, 0.0)
"""The box of a prediction that failed: it lies on nothing, so the phrase is wrong even where nothing is to be found."""


@dataclass(frozen=True)
class Phrase(OneProgram):
    """A phrase asked of a picture.

    picture: its place in the split's pictures; description: the phrase's id in the file (the same phrase may be asked
    of many pictures); boxes: xyxy pixels of all it means, empty where there is nothing; is_category: a plain category
    name, not a description (OmniLabel reports the two apart); program: the true program, None where it is not known.
    """

    id: str
    picture: int
    text: str
    boxes: tuple[Box, ...]
    description: int
    is_category: bool = False
    program: str | None = None

    @property
    def kind(self) -> str:
        """Category or description, by its length in words as OmniLabel groups them: category, short, medium, long."""
        if self.is_category:
            return "category"
        words = len(self.text.split())
        return "short" if words <= 3 else "medium" if words <= 8 else "long"


def boxes_of(answer: Any) -> list[Box]:
    """The boxes that a program gave back: a list of [x0, y0, x1, y1] in pixels, one box, or nothing found ([]).

    Anything else (None, a number, text, a malformed or endless box) is a failure: one box NOWHERE.

    >>> boxes_of([[1, 2, 3, 4]]), boxes_of([]), boxes_of("ball")
    ([(1.0, 2.0, 3.0, 4.0)], [], [(0.0, 0.0, 0.0, 0.0)])
    """
    if isinstance(answer, list | tuple) and len(answer) == 4 and all(map(_is_number, answer)):
        answer = [answer]
    if not isinstance(answer, list | tuple):
        return [NOWHERE]
    boxes: list[Box] = []
    for box in answer:
        if not isinstance(box, list | tuple) or len(box) != 4 or not all(map(_is_number, box)):
            return [NOWHERE]
        x0, y0, x1, y1 = (float(v) for v in box)
        boxes.append((x0, y0, x1, y1))
    return boxes


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
