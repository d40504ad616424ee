"""One question to a model, with its truth: what answers are written for, whatever the task and the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["BOX_TASKS", "TEXT_TASKS", "Box", "Frame", "Row", "rows_of"]

Frame = Literal["pixel", "unit", "thousand"]
Corners = tuple[float, float, float, float]

#: Tasks whose answers are boxes, and tasks whose answers are a few words.
BOX_TASKS = ("detection", "grounding")
TEXT_TASKS = ("vqa", "counting", "captioning")


@dataclass(frozen=True)
class Box:
    """One box: corners xyxy in pixels, the name of its class, its confidence."""

    corners: Corners
    label: str = "object"
    score: float = 1.0


@dataclass(frozen=True)
class Row:
    """One sample: boxes (box tasks) or accepted answers, the first being the one that is written (text tasks).

    columns: a data set's own columns, passed to the function as they are; None when the columns are ours to make.
    """

    id: str
    prompt: str
    width: int
    height: int
    boxes: tuple[Box, ...] = ()
    answers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    columns: dict[str, Any] | None = field(default=None)

    def scaled(self, factor: int) -> Row:
        """The same picture `factor` times as large."""
        boxes = tuple(replace(b, corners=tuple(v * factor for v in b.corners)) for b in self.boxes)  # type: ignore[arg-type]
        return replace(self, boxes=boxes, width=self.width * factor, height=self.height * factor)


def rows_of(material: Material) -> list[Row]:
    """The samples of a material that have a truth, as rows. Corners are rounded to whole pixels: models write those.

    Raises RewardmarkError for a task whose answers are no text (masks, colours, tables of scores).
    """
    if material.task not in BOX_TASKS + TEXT_TASKS:
        raise RewardmarkError(
            f"task {material.task}: a function of your own reads text; tasks: {', '.join(BOX_TASKS + TEXT_TASKS)}"
        )
    rows = []
    for i, sample in enumerate(material.sample_ids):
        height, width = material.sizes[i] if material.sizes else (64, 64)
        prompt = material.prompts[i] if material.prompts else "What is in the picture?"
        row = Row(str(sample), prompt, int(width), int(height))
        if material.task in BOX_TASKS:
            boxes = _boxes(material, i)
            labels = tuple(material.categories.values()) or ("object",)
            row = replace(row, boxes=boxes, labels=labels)
        else:
            truth = material.targets.sample(i)
            answers = (truth,) if isinstance(truth, str) else tuple(truth)
            row = replace(row, answers=_common_first(answers))
        if row.boxes or any(answer.strip() for answer in row.answers):
            rows.append(row)
    if not rows:
        raise RewardmarkError(f"task {material.task}: no sample with a truth ({material.source})")
    return rows


def _boxes(material: Material, index: int) -> tuple[Box, ...]:
    image = material.targets.sample(index)
    if not hasattr(image, "boxes"):  # a referring expression with points: its box
        corners = [[round(v) for v in image.box[0].tolist()]]
        return (Box(tuple(corners[0])),)
    crowd = [False] * len(image) if image.is_crowd is None else image.is_crowd.tolist()
    found = []
    for corners, label, skip in zip(image.boxes.tolist(), image.labels.tolist(), crowd, strict=True):
        x0, y0, x1, y1 = (float(round(v)) for v in corners)
        if not skip and x1 > x0 and y1 > y0:
            found.append(Box((x0, y0, x1, y1), material.categories.get(int(label), f"class {label}")))
    return tuple(dict.fromkeys(found))  # two truths that round to one box would make its duplicate right


def _common_first(answers: Sequence[str]) -> tuple[str, ...]:
    """Annotators' answers, the most frequent first (it is the one to write)."""
    return tuple(sorted(dict.fromkeys(answers), key=lambda a: -list(answers).count(a)))
