"""The truth in the columns that a function reads: text or data, in every shape that public reward functions take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rewardmark.rewards.audit.foreign.formats import BoxStyle, Wrapper, box_value, in_frame
from rewardmark.rewards.audit.foreign.hints import Hints
from rewardmark.rewards.audit.foreign.rows import BOX_TASKS, Frame, Row

__all__ = ["TruthForm", "truth_forms"]

Form = Literal["text", "data", "spaced"]


BARE = Wrapper()


@dataclass(frozen=True)
class TruthForm:
    """How the truth stands in its column: a container and keys (boxes), as data or as text in a wrapper.

    frame: that of the truth's coordinates; None where it is that of the answers. `given`: a data set's own columns.
    """

    style: BoxStyle | None = None
    form: Form = "text"
    wrapper: Wrapper = BARE
    frame: Frame | None = None
    answers: Literal["one", "all", "number", "object"] = "one"
    given: bool = False

    @property
    def name(self) -> str:
        """For people."""
        if self.given:
            return "the data set's own columns"
        what = (
            self.style.name
            if self.style
            else {"all": "list of answers", "number": "number"}.get(self.answers, "answer")
        )
        around = f", in {self.wrapper.name}" if self.wrapper != Wrapper() else ""
        frame = f", {self.frame}" if self.frame else ""
        return f"{what} as {'data' if self.form == 'data' else 'text'}{around}{frame}"

    def columns(self, row: Row, frame: Frame) -> dict[str, Any]:
        """{"main": the truth as one column, "boxes", "labels": the same as two columns of data}."""
        if self.given:
            return {}
        if self.style is None:
            return {"main": self._answer(row)}
        frame = self.frame or frame
        boxes: Any = [in_frame(box.corners, row, frame) for box in row.boxes]
        labels: Any = [box.label for box in row.boxes]
        if self.style.container in ("one-list", "one-object", "commas", "pairs"):
            boxes, labels = boxes[0], labels[0]
        if self.form == "data":
            main = box_value(self.style, row.boxes, row, frame)
        else:
            main = self._wrapped(self.style.write(row.boxes, row, frame))
        return {"main": main, "boxes": boxes, "labels": labels}

    def _answer(self, row: Row) -> Any:
        if self.answers == "all":
            return list(row.answers)
        if self.answers == "object":
            return {"answer": row.answers[0]}
        if self.answers == "number":
            value = float(row.answers[0])
            return int(value) if value == int(value) else value
        return self._wrapped(row.answers[0])

    def _wrapped(self, inner: str) -> str:
        return self.wrapper.wrap(f" {inner} " if self.form == "spaced" else inner)


ANSWER, FENCE, ANSWER_FENCE = Wrapper(answer="answer"), Wrapper(fence=True), Wrapper(answer="answer", fence=True)


def truth_forms(task: str, style: BoxStyle | None, hints: Hints, rows: Sequence[Row], frame: Frame) -> list[TruthForm]:
    """The forms to try beside predictions of `style`, likeliest first."""
    if rows[0].columns is not None:
        return [TruthForm(given=True)]
    if style is None:
        forms = [TruthForm(), TruthForm(wrapper=ANSWER), TruthForm(wrapper=ANSWER, form="spaced")]
        forms += [TruthForm(answers="all"), TruthForm(answers="object")]
        if hints.boxed or hints.hashes:
            forms += [TruthForm(wrapper=Wrapper(answer="####")), TruthForm(wrapper=Wrapper(answer="boxed"))]
        if all(_is_number(row.answers[0]) for row in rows):
            forms.append(TruthForm(answers="number"))
        return forms
    kept = style if style.box == "Position" else replace(style, score="")
    containers = [kept] if style.container not in ("one-list", "commas", "pairs", "lists") else []
    if "objects" not in {s.container for s in containers} and style.container != "one-list":
        containers.append(replace(kept, container="objects"))
    table_keys = {
        "box": next((k for k in hints.box_keys if k in ("boxes", "bboxes")), "boxes"),
        "label": next((k for k in hints.label_keys if k in ("labels", "classes", "categories")), "labels"),
    }
    containers.append(replace(kept, container="table", score="", **table_keys))  # type: ignore[arg-type]
    containers += [replace(kept, container=c) for c in ("lists", "by-label")]  # type: ignore[arg-type]
    if task == "grounding" or style.container.startswith("one-"):
        single = [replace(kept, container=c) for c in ("one-list", "one-object", "commas", "pairs")]  # type: ignore[arg-type]
        containers = single + containers
    forms = []
    for container in dict.fromkeys(containers):
        forms += [TruthForm(container), TruthForm(container, wrapper=ANSWER), TruthForm(container, "data")]
        forms.append(TruthForm(container, "spaced", ANSWER))
        if hints.fenced:
            forms += [TruthForm(container, wrapper=FENCE), TruthForm(container, wrapper=ANSWER_FENCE)]
    if frame != "pixel":
        forms += [replace(form, frame="pixel") for form in forms]
    assert task in BOX_TASKS
    return forms


def _is_number(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (int, float))
    except ValueError:
        return False
