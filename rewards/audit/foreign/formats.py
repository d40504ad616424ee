"""Predictions as the text that a model would write: keys, containers and wrappers, in a stated coordinate frame."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rewardmark.rewards.audit.foreign.rows import Box, Frame, Row

__all__ = ["FORMATS", "BoxStyle", "Wrapper", "box_value", "in_frame", "number", "think"]

Container = Literal["objects", "lists", "one-list", "one-object", "table", "by-label", "commas", "pairs"]
THOUGHT = "I look at the picture and say what is asked."


@dataclass(frozen=True)
class Wrapper:
    """What stands around an answer: a tag for the reasoning, one (or boxed, ####, Answer:) for the answer, a fence."""

    reason: str = ""
    answer: str = ""
    fence: bool = False

    def wrap(self, inner: str, thought: str = THOUGHT) -> str:
        """The whole completion."""
        if self.fence:
            inner = f"```json\n{inner}\n```"
        if self.answer == "boxed":
            inner = f"\\boxed{{{inner}}}"
        elif self.answer == "####":
            inner = f"#### {inner}"
        elif self.answer == "Answer:":
            inner = f"Answer: {inner}"
        elif self.answer:
            inner = f"<{self.answer}>{inner}</{self.answer}>"
        return f"<{self.reason}>{thought}</{self.reason}>{inner}" if self.reason else inner

    @property
    def name(self) -> str:
        """For people."""
        parts = [f"<{self.reason}>" if self.reason else "", self._answer(), "```json" if self.fence else ""]
        return " ".join(part for part in parts if part) or "nothing around it"

    def _answer(self) -> str:
        return self.answer if self.answer in ("", "####", "Answer:") else f"<{self.answer}>"


def think(wrapper: Wrapper) -> Wrapper:
    """The same with reasoning before it."""
    return replace(wrapper, reason=wrapper.reason or "think")


@dataclass(frozen=True)
class BoxStyle:
    """How boxes are written inside the wrapper. An empty key leaves its value out."""

    container: Container = "objects"
    box: str = "bbox_2d"
    label: str = "label"
    score: str = ""
    layout: Literal["xyxy", "xywh"] = "xyxy"
    quotes: Literal["json", "python"] = "json"

    @property
    def has_labels(self) -> bool:
        """Whether a box's class is written at all."""
        return self.container == "by-label" or (
            self.container in ("objects", "one-object", "table") and bool(self.label)
        )

    @property
    def name(self) -> str:
        """For people."""
        keys = ", ".join(key for key in (self.box, self.label, self.score) if key)
        return (
            {
                "objects": f"list of objects ({keys})",
                "one-object": f"one object ({keys})",
                "lists": "list of [x0, y0, x1, y1]",
                "one-list": "[x0, y0, x1, y1]",
                "table": f"object of lists ({keys})",
                "by-label": "object of class -> boxes",
                "commas": "x0,y0,x1,y1",
                "pairs": "(x0,y0),(x1,y1)",
            }[self.container]
            + (", xywh" if self.layout == "xywh" else "")
            + (", Python quotes" if self.quotes == "python" else "")
        )

    def write(self, boxes: Sequence[Box], row: Row, frame: Frame) -> str:
        """The boxes of one answer as text."""
        value = box_value(self, boxes, row, frame)
        if self.container == "commas":
            return ",".join(_text(v) for v in value)
        if self.container == "pairs":
            return f"({value[0]},{value[1]}),({value[2]},{value[3]})" if value else ""
        return repr(value) if self.quotes == "python" else json.dumps(value)


#: What --format may name: the styles and wrappers to be tried first, in order.
FORMATS: dict[str, tuple[list[BoxStyle], list[Wrapper]]] = {
    "auto": ([], []),
    "json-boxes": (
        [BoxStyle(), BoxStyle(score="score"), BoxStyle(score="confidence")],
        [Wrapper(), Wrapper(fence=True), Wrapper(answer="answer"), Wrapper("think", "answer")],
    ),
    "bbox-2d": ([BoxStyle(), BoxStyle(label="")], [Wrapper(), Wrapper(fence=True)]),
    "think-answer": ([], [Wrapper("think", "answer"), Wrapper("think", "answer", True)]),
    "answer": ([], [Wrapper(answer="answer"), Wrapper("think", "answer")]),
    "fenced": ([], [Wrapper(fence=True), Wrapper(answer="answer", fence=True), Wrapper("think", "answer", True)]),
    "visual-rft": (
        [
            BoxStyle(box="Position", label="", score="Confidence", quotes=quotes)  # type: ignore[arg-type]
            for quotes in ("python", "json")
        ],
        [Wrapper("think", "answer"), Wrapper(answer="answer")],
    ),
    "box-list": ([BoxStyle("lists"), BoxStyle("one-list")], []),
    "one-box": ([BoxStyle("one-list"), BoxStyle("one-object", label="")], []),
    "coco": ([BoxStyle(box="bbox", label=key, score="score", layout="xywh") for key in ("category_id", "label")], []),
    "plain": ([], [Wrapper()]),
    "boxed": ([], [Wrapper(answer="boxed"), Wrapper("think", "boxed")]),
}


def number(value: float) -> float | int:
    """A whole number as int (models write 12, not 12.0), others with four decimals; NaN and infinities as they are."""
    if not math.isfinite(value):
        return value
    return int(value) if value == int(value) else round(value, 4)


def in_frame(corners: Sequence[float], row: Row, frame: Frame) -> list[float | int]:
    """Pixel corners in a frame: pixels, 0..1, or 0..1000 (whole numbers)."""
    if frame == "pixel":
        return [number(v) for v in corners]
    full = 1.0 if frame == "unit" else 1000.0
    scaled = [v / side * full for v, side in zip(corners, (row.width, row.height) * 2, strict=True)]
    return [number(v if frame == "unit" or not math.isfinite(v) else round(v)) for v in scaled]


def box_value(style: BoxStyle, boxes: Sequence[Box], row: Row, frame: Frame) -> Any:
    """The boxes as plain data in the style's container (what a JSON parser would give)."""
    corners = [in_frame(box.corners, row, frame) for box in boxes]
    if style.layout == "xywh":
        corners = [[c[0], c[1], number(c[2] - c[0]), number(c[3] - c[1])] for c in corners]
    objects = []
    for box, four in zip(boxes, corners, strict=True):
        item: dict[str, Any] = {style.box: four}
        if style.label:
            item[style.label] = box.label
        if style.score:
            item[style.score] = number(box.score)
        objects.append(item)
    if style.container == "objects":
        return objects
    if style.container == "one-object":
        return objects[0] if objects else {}
    if style.container == "lists":
        return corners
    if style.container in ("one-list", "commas", "pairs"):
        return corners[0] if corners else []
    if style.container == "by-label":
        table: dict[str, list[list[float | int]]] = {}
        for box, four in zip(boxes, corners, strict=True):
            table.setdefault(box.label, []).append(four)
        return table
    columns: dict[str, Any] = {style.box: corners}
    if style.label:
        columns[style.label] = [box.label for box in boxes]
    if style.score:
        columns[style.score] = [number(box.score) for box in boxes]
    return columns


def _text(value: float | int) -> str:
    return str(value)
