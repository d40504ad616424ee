"""Completions to prediction types, dataset columns to target types. The coordinate frame is named, never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from rewardmark.rewards.completions import LARGEST, box_of, json_boxes, tagged
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.types import Answers, Boxes, Captions, DocumentFrequency, References

__all__ = ["AnswerParser", "BoxParser", "CaptionParser", "Frame", "Parser"]

Frame = Literal["pixel", "unit", "thousand"]
Row = Mapping[str, Any]


class Parser(Protocol):
    """What an adapter needs to read completions and dataset rows."""

    def predictions(self, texts: Sequence[str], rows: Sequence[Row]) -> tuple[Any, list[bool]]:
        """The batch of predictions (an empty one for each completion that cannot be read), and which were read."""

    def targets(self, rows: Sequence[Row]) -> Any:
        """The batch of truths from the dataset's columns."""


def _column(row: Row, name: str, index: int) -> Any:
    if name not in row or row[name] is None:
        raise RewardmarkError(f"sample {index}: the data set has no column {name!r}; it has {', '.join(sorted(row))}")
    return row[name]


@dataclass(frozen=True)
class BoxParser:
    """JSON lists of boxes, `[{"bbox_2d": [x0, y0, x1, y1], "label": "cat", "score": 0.9}]`, to Boxes.

    frame: "pixel", "unit" (0..1) or "thousand" (0..1000); the last two need the columns `width` and `height`. labels:
    name -> category id; an unknown name becomes -1, which matches nothing. tag: the list is looked for between <tag>
    and </tag> (None: in the whole completion). Truths come from the columns `boxes` (xyxy pixels) and `labels` (names
    or ids). A score that is missing or no number is 1.0; a label that is missing is the only one of `labels`, else
    unknown.

    >>> parser = BoxParser(frame="thousand", labels={"cat": 7}, tag=None)
    >>> texts = ['[{"bbox_2d": [0, 0, 500, 1000], "label": "cat"}]', "no idea"]
    >>> boxes, read = parser.predictions(texts, [{"width": 10, "height": 20}] * 2)
    >>> boxes.boxes[0].tolist(), boxes.labels[0].tolist(), read
    ([[0.0, 0.0, 5.0, 20.0]], [7], [True, False])
    """

    frame: Frame
    labels: Mapping[str, int]
    tag: str | None = "answer"

    def __post_init__(self) -> None:
        if self.frame not in ("pixel", "unit", "thousand"):
            raise RewardmarkError(f"BoxParser: frame {self.frame!r} is not pixel, unit or thousand")

    def predictions(self, texts: Sequence[str], rows: Sequence[Row]) -> tuple[Boxes, list[bool]]:
        """See Parser."""
        boxes, labels, scores, read = [], [], [], []
        for index, (text, row) in enumerate(zip(texts, rows, strict=True)):
            inner = text if self.tag is None else tagged(text, self.tag)
            items = None if inner is None else json_boxes(inner)
            read.append(items is not None)
            x, y = self._scale(row, index)
            corners = [box_of(item) or [] for item in items or []]
            boxes.append([[a * x, b * y, c * x, d * y] for a, b, c, d in corners])
            labels.append([self._label(item) for item in items or []])
            scores.append([_score(item) for item in items or []])
        return Boxes.from_lists(boxes, labels, scores), read

    def targets(self, rows: Sequence[Row]) -> Boxes:
        """See Parser."""
        boxes = [_column(row, "boxes", i) for i, row in enumerate(rows)]
        labels = [[self._category(label, i) for label in _column(row, "labels", i)] for i, row in enumerate(rows)]
        return Boxes.from_lists(boxes, labels)

    def _scale(self, row: Row, index: int) -> tuple[float, float]:
        if self.frame == "pixel":
            return 1.0, 1.0
        full = 1.0 if self.frame == "unit" else 1000.0
        return _column(row, "width", index) / full, _column(row, "height", index) / full

    def _category(self, label: Any, index: int) -> int:
        if isinstance(label, str) and label not in self.labels:
            raise RewardmarkError(
                f"sample {index}: the truth's label {label!r} is not one of the parser's: {', '.join(self.labels)}"
            )
        return self.labels[label] if isinstance(label, str) else int(label)

    def _label(self, item: Mapping[str, Any]) -> int:
        name = item.get("label")
        if name is None and len(self.labels) == 1:
            return next(iter(self.labels.values()))
        return self.labels.get(name, -1) if isinstance(name, str) else -1


def _score(item: Mapping[str, Any]) -> float:
    for key in ("score", "confidence", "Confidence"):
        value = item.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST:
            return float(value)
    return 1.0


@dataclass(frozen=True)
class CaptionParser:
    """Completions to Captions; truths from the column `references` (a list of captions).

    tag: the caption is what stands between <tag> and </tag>; None takes the whole completion, which then always reads.
    """

    document_frequency: DocumentFrequency | None = None
    tag: str | None = None

    def predictions(self, texts: Sequence[str], rows: Sequence[Row]) -> tuple[Captions, list[bool]]:
        """See Parser."""
        found = [text.strip() if self.tag is None else tagged(text, self.tag) for text in texts]
        return Captions([text or "" for text in found]), [text is not None for text in found]

    def targets(self, rows: Sequence[Row]) -> References:
        """See Parser."""
        return References([_column(row, "references", i) for i, row in enumerate(rows)], self.document_frequency)


@dataclass(frozen=True)
class AnswerParser:
    """Completions to Answers (between <tag> and </tag>, None: all of it); truths from the column `answer`."""

    tag: str | None = "answer"

    def predictions(self, texts: Sequence[str], rows: Sequence[Row]) -> tuple[Answers, list[bool]]:
        """See Parser."""
        found = [text.strip() if self.tag is None else tagged(text, self.tag) for text in texts]
        return Answers([text or "" for text in found]), [text is not None for text in found]

    def targets(self, rows: Sequence[Row]) -> Answers:
        """See Parser."""
        return Answers([_column(row, "answer", i) for i, row in enumerate(rows)])
