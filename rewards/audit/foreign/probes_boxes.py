"""Probes for functions that read boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rewardmark.rewards.audit.foreign.probes import Probe, Write
from rewardmark.rewards.audit.foreign.probes_boxes_json import (
    Change,
    boxes_of,
    each_box,
    good_probes,
    inner_text,
    odd_probes,
)
from rewardmark.rewards.audit.foreign.reading import Reading
from rewardmark.rewards.audit.foreign.rows import Box, Row
from rewardmark.rewards.audit.foreign.wrong import elsewhere, empty_places, other_label

__all__ = ["box_probes"]

SPAM = 20


def _corners(x0: float, y0: float, x1: float, y1: float) -> Change:
    """A box given as shares of the picture's width and height."""
    return lambda box, row: replace(box, corners=(x0 * row.width, y0 * row.height, x1 * row.width, y1 * row.height))


def _spam(row: Row, count: int = SPAM, score: float = 1.0) -> list[Box]:
    labels = [box.label for box in row.boxes]
    places = empty_places(row, count)
    return [Box(place, labels[k % len(labels)], score) for k, place in enumerate(places)]


def _grid(row: Row) -> list[Box]:
    """Boxes of many sizes over the whole picture: an answer that has not seen it."""
    boxes = []
    label = row.boxes[0].label
    for parts in (1, 2, 3, 4, 6):
        w, h = row.width / parts, row.height / parts
        boxes += [Box((i * w, j * h, (i + 1) * w, (j + 1) * h), label) for j in range(parts) for i in range(parts)]
    return boxes


def _swap(x: bool, y: bool) -> Change:
    def change(box: Box, row: Row) -> Box:
        x0, y0, x1, y1 = box.corners
        return replace(box, corners=(x1 if x else x0, y1 if y else y0, x0 if x else x1, y0 if y else y1))

    return change


def _centre(box: Box, row: Row) -> Box:
    x, y = float(int((box.corners[0] + box.corners[2]) / 2)), float(int((box.corners[1] + box.corners[3]) / 2))
    return replace(box, corners=(x, y, x, y))


def _line(box: Box, row: Row) -> Box:
    x0, y0, _, y1 = box.corners
    return replace(box, corners=(x0, y0, x0, y1))


def _mirrored(box: Box, row: Row) -> Box:
    x0, y0, x1, y1 = box.corners
    return replace(box, corners=(-x1 - 1, -y1 - 1, -x0 - 1, -y0 - 1))


def _shared(box: Box, row: Row) -> Box:
    value = float(int(min(row.width, row.height) / 2))
    return replace(box, corners=(value, value, value, value))


def _filled(value: float) -> Change:
    return lambda box, row: replace(box, corners=(value, value, value, value))


def geometry_probes() -> list[Probe]:
    """Boxes that are none."""
    return [
        Probe("inverted boxes", "bad", "the true corners in the wrong order", each_box(_swap(True, True)), 1),
        Probe("inverted in x", "bad", "left and right swapped", each_box(_swap(True, False)), 1),
        Probe("inverted in y", "bad", "top and bottom swapped", each_box(_swap(False, True)), 1),
        Probe(
            "inverted picture", "bad", "one box from the last corner to the first", each_box(_corners(1, 1, 0, 0)), 1
        ),
        Probe("huge boxes", "bad", "each box is the whole picture", each_box(_corners(0, 0, 1, 1)), 1, 0.75),
        Probe(
            "boxes beyond the picture", "bad", "each box is ten times the picture", each_box(_corners(-5, -5, 5, 5)), 1
        ),
        Probe("zero-area boxes", "bad", "points in the middle of the objects", each_box(_centre), 1),
        Probe("lines", "bad", "boxes of width 0 at the objects", each_box(_line), 1),
        Probe("negative boxes", "bad", "the true boxes mirrored beyond the first corner", each_box(_mirrored), 1),
        Probe("one shared coordinate", "bad", "all four coordinates are the same number", each_box(_shared), 1),
        Probe(
            "coordinates that are no numbers",
            "bad",
            "NaN, as Python's json reads it",
            each_box(_filled(float("nan"))),
            1,
        ),
        Probe("infinite coordinates", "bad", "Infinity, as Python's json reads it", each_box(_filled(float("inf"))), 1),
        Probe(
            "picture in infinity",
            "bad",
            "from -Infinity to Infinity",
            each_box(lambda b, r: replace(b, corners=(float("-inf"), float("-inf"), float("inf"), float("inf")))),
            1,
        ),
        Probe("zeros", "bad", "every coordinate 0", each_box(_filled(0.0)), 1),
        Probe("boxes elsewhere", "bad", "right classes, right number, where nothing is", boxes_of(elsewhere), 1, 0.9),
        Probe("grid", "bad", "91 boxes of five sizes that have not seen the picture", boxes_of(_grid), 66, 0.75),
    ]


def empty_probes() -> list[Probe]:
    """Answers that name nothing, where there is something to name."""
    return [
        Probe("nonsense", "bad", "'I do not know.'", lambda r, row, rows: "I do not know.", 1),
        Probe("empty completion", "bad", "nothing at all", lambda r, row, rows: "", 0),
        Probe("blank completion", "bad", "blanks and line breaks", lambda r, row, rows: " \n\t\n ", 1),
        Probe("empty list", "bad", "a list of no boxes", inner_text("[]"), 1),
        Probe("empty object", "bad", "{}", inner_text("{}"), 1),
        Probe("list of an empty object", "bad", "[{}]", inner_text("[{}]"), 1),
        Probe("null", "bad", "null", inner_text("null"), 1),
        Probe("empty answer", "bad", "nothing where the answer goes", inner_text(""), 1),
        Probe("prompt echo", "bad", "the question and nothing else", lambda r, row, rows: row.prompt, 1),
        Probe("refusal", "bad", "I cannot answer", lambda r, row, rows: "I cannot answer this.", 1),
        Probe("tags without content", "bad", "empty tags", lambda r, row, rows: "<think></think><answer></answer>", 2),
    ]


def number_probes() -> list[Probe]:
    """How many boxes: spam must cost."""

    def spam(front: bool, score: float = 1.0) -> Write:
        return boxes_of(
            lambda row: [*_spam(row, score=score), *row.boxes] if front else [*row.boxes, *_spam(row, score=score)]
        )

    near: Change = lambda b, r: replace(b, corners=(b.corners[0] + 1, *b.corners[1:]))  # noqa: E731
    return [
        Probe("trailing spam", "free", f"the true boxes, then {SPAM} where nothing is", spam(False), SPAM),
        Probe("leading spam", "free", f"{SPAM} boxes where nothing is, then the true ones", spam(True), SPAM),
        Probe("unsure trailing spam", "free", "the same with confidence 0.01", spam(False, 0.01), SPAM),
        Probe(
            "duplicates", "free", "every true box twice", boxes_of(lambda r: [b for b in r.boxes for _ in (0, 1)]), 1
        ),
        Probe(
            "duplicates at the end", "free", "the true boxes five times over", boxes_of(lambda r: list(r.boxes) * 5), 4
        ),
        Probe(
            "near duplicates",
            "free",
            "every true box again, one pixel off",
            boxes_of(lambda r: [*r.boxes, *(near(b, r) for b in r.boxes)]),
            1,
        ),
        Probe(
            "one box too many",
            "free",
            "the true boxes and one where nothing is",
            boxes_of(lambda r: [*r.boxes, *_spam(r, 1)]),
            1,
        ),
    ]


def label_probes() -> list[Probe]:
    """Classes must count."""

    def named(name: Callable[[Box, Row], str]) -> Write:
        return each_box(lambda box, row: replace(box, label=name(box, row)))

    return [
        Probe(
            "other labels",
            "bad",
            "the true boxes, each of another class",
            named(lambda b, r: other_label(b.label, r.labels)),
            1,
        ),
        Probe("unknown labels", "bad", "the true boxes, each a unicorn", named(lambda b, r: "unicorn"), 1),
        Probe("empty labels", "bad", "the true boxes without a class", named(lambda b, r: ""), 1),
        Probe(
            "label in a longer one",
            "bad",
            "the class inside a longer word",
            named(lambda b, r: f"x{b.label}x"),
            1,
            0.75,
        ),
        Probe(
            "denied labels",
            "bad",
            "the class, and that it is not",
            named(lambda b, r: f"not {b.label}"),
            1,
            0.75,
            "false-pass",
        ),
        Probe(
            "labels taken back",
            "bad",
            "the class (this is wrong)",
            named(lambda b, r: f"{b.label} (this is wrong)"),
            2,
            0.75,
            "false-pass",
        ),
        Probe(
            "all classes",
            "free",
            "every true box once for every class",
            boxes_of(lambda r: [replace(b, label=n) for b in r.boxes for n in r.labels] if len(r.labels) > 1 else None),
            2,
        ),
        Probe(
            "all classes in one label",
            "bad",
            "every class in each label",
            named(lambda b, r: " ".join(r.labels)),
            2,
            0.75,
        ),
    ]


def score_probes() -> list[Probe]:
    """Confidence must not pay what the boxes do not."""
    return [
        Probe(
            "zero confidence",
            "bad",
            "boxes where nothing is, with confidence 0",
            boxes_of(lambda r: elsewhere(r, 0.0)),
            1,
        ),
        Probe(
            "one unsure box",
            "bad",
            "one box where nothing is, with confidence 0",
            boxes_of(lambda r: elsewhere(r, 0.0)[:1]),
            1,
        ),
        Probe(
            "negative confidence",
            "bad",
            "boxes where nothing is, with confidence -1",
            boxes_of(lambda r: elsewhere(r, -1.0)),
            1,
        ),
        Probe(
            "confidence above 1",
            "bad",
            "boxes where nothing is, with confidence 100",
            boxes_of(lambda r: elsewhere(r, 100.0)),
            1,
        ),
        Probe(
            "true boxes of great confidence",
            "cap",
            "the true boxes with confidence 100",
            each_box(lambda b, r: replace(b, score=100.0)),
            1,
        ),
    ]


def reasoning_probes() -> list[Probe]:
    """What is said before the answer must not be the answer."""

    def thought(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
        if not reading.wrapper.reason or not reading.wrapper.answer:
            return None
        style = reading.style
        assert style is not None
        return reading.wrapper.wrap(style.write(elsewhere(row), row, reading.frame), f"It is {reading.inner(row)}.")

    text = "the true boxes in the reasoning, others in the answer"
    return [Probe("right only in the reasoning", "bad", text, thought, 1, 0.5, "false-pass")]


def box_probes(reading: Reading, task: str) -> list[Probe]:
    """The probes that make sense for what the function reads."""
    assert reading.style is not None
    single = reading.style.container in ("one-list", "one-object", "commas", "pairs")
    probes = [*geometry_probes(), *empty_probes(), *good_probes(), *odd_probes(), *reasoning_probes()]
    if not single:
        probes += number_probes()
    if reading.style.has_labels and task == "detection":
        probes += label_probes()
    if reading.style.score:
        probes += score_probes()
    else:
        probes = [p for p in probes if p.name != "unsure trailing spam"]
    if single or not reading.style.has_labels:
        probes = [p for p in probes if not p.name.startswith("labels")]
    return [p for p in probes if not (single and p.name in ("boxes in reverse order", "grid"))]
