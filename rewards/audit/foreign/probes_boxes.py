"""Probes for functions that read boxes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from rewardmark.rewards.audit.foreign.formats import box_value
from rewardmark.rewards.audit.foreign.probes import Probe, Write
from rewardmark.rewards.audit.foreign.reading import Reading
from rewardmark.rewards.audit.foreign.rows import Box, Row
from rewardmark.rewards.audit.foreign.wrong import elsewhere, empty_places, other_label

__all__ = ["box_probes", "frail_probes"]

Change = Callable[[Box, Row], Box]
SPAM = 20


def _boxes(make: Callable[[Row], list[Box] | None]) -> Write:
    def write(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
        boxes = make(row)
        return None if boxes is None else reading.boxes(boxes, row)

    return write


def _each(change: Callable[[Box, Row], Box]) -> Write:
    return _boxes(lambda row: [change(box, row) for box in row.boxes])


def _corners(x0: float, y0: float, x1: float, y1: float) -> Change:
    """A box given as shares of the picture's width and height."""
    return lambda box, row: replace(box, corners=(x0 * row.width, y0 * row.height, x1 * row.width, y1 * row.height))


def _inner(text: str | Callable[[Reading, Row], str | None]) -> Write:
    """A text where the answer goes."""

    def write(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
        inner = text if isinstance(text, str) else text(reading, row)
        return None if inner is None else reading.wrapper.wrap(inner)

    return write


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
        Probe("inverted boxes", "bad", "the true corners in the wrong order", _each(_swap(True, True)), 1),
        Probe("inverted in x", "bad", "left and right swapped", _each(_swap(True, False)), 1),
        Probe("inverted in y", "bad", "top and bottom swapped", _each(_swap(False, True)), 1),
        Probe("inverted picture", "bad", "one box from the last corner to the first", _each(_corners(1, 1, 0, 0)), 1),
        Probe("huge boxes", "bad", "each box is the whole picture", _each(_corners(0, 0, 1, 1)), 1, 0.75),
        Probe(
            "boxes beyond the picture", "bad", "each box is ten times the picture", _each(_corners(-5, -5, 5, 5)), 1
        ),
        Probe("zero-area boxes", "bad", "points in the middle of the objects", _each(_centre), 1),
        Probe("lines", "bad", "boxes of width 0 at the objects", _each(_line), 1),
        Probe("negative boxes", "bad", "the true boxes mirrored beyond the first corner", _each(_mirrored), 1),
        Probe("one shared coordinate", "bad", "all four coordinates are the same number", _each(_shared), 1),
        Probe("coordinates that are no numbers", "bad", "NaN, as Python's json reads it", _each(_filled(float("nan"))), 1),
        Probe("infinite coordinates", "bad", "Infinity, as Python's json reads it", _each(_filled(float("inf"))), 1),
        Probe(
            "picture in infinity", "bad", "from -Infinity to Infinity",
            _each(lambda b, r: replace(b, corners=(float("-inf"), float("-inf"), float("inf"), float("inf")))), 1,
        ),
        Probe("zeros", "bad", "every coordinate 0", _each(_filled(0.0)), 1),
        Probe("boxes elsewhere", "bad", "right classes, right number, where nothing is", _boxes(elsewhere), 1, 0.9),
        Probe("grid", "bad", "91 boxes of five sizes that have not seen the picture", _boxes(_grid), 66, 0.75),
    ]  # fmt: skip


def empty_probes() -> list[Probe]:
    """Answers that name nothing, where there is something to name."""
    return [
        Probe("nonsense", "bad", "'I do not know.'", lambda r, row, rows: "I do not know.", 1),
        Probe("empty completion", "bad", "nothing at all", lambda r, row, rows: "", 0),
        Probe("blank completion", "bad", "blanks and line breaks", lambda r, row, rows: " \n\t\n ", 1),
        Probe("empty list", "bad", "a list of no boxes", _inner("[]"), 1),
        Probe("empty object", "bad", "{}", _inner("{}"), 1),
        Probe("list of an empty object", "bad", "[{}]", _inner("[{}]"), 1),
        Probe("null", "bad", "null", _inner("null"), 1),
        Probe("empty answer", "bad", "nothing where the answer goes", _inner(""), 1),
        Probe("prompt echo", "bad", "the question and nothing else", lambda r, row, rows: row.prompt, 1),
        Probe("refusal", "bad", "I cannot answer", lambda r, row, rows: "I cannot answer this.", 1),
        Probe("tags without content", "bad", "empty tags", lambda r, row, rows: "<think></think><answer></answer>", 2),
    ]


def number_probes() -> list[Probe]:
    """How many boxes: spam must cost."""

    def spam(front: bool, score: float = 1.0) -> Write:
        return _boxes(
            lambda row: [*_spam(row, score=score), *row.boxes] if front else [*row.boxes, *_spam(row, score=score)]
        )

    near: Change = lambda b, r: replace(b, corners=(b.corners[0] + 1, *b.corners[1:]))  # noqa: E731
    return [
        Probe("trailing spam", "free", f"the true boxes, then {SPAM} where nothing is", spam(False), SPAM),
        Probe("leading spam", "free", f"{SPAM} boxes where nothing is, then the true ones", spam(True), SPAM),
        Probe("unsure trailing spam", "free", "the same with confidence 0.01", spam(False, 0.01), SPAM),
        Probe("duplicates", "free", "every true box twice", _boxes(lambda r: [b for b in r.boxes for _ in (0, 1)]), 1),
        Probe("duplicates at the end", "free", "the true boxes five times over", _boxes(lambda r: list(r.boxes) * 5), 4),
        Probe(
            "near duplicates", "free", "every true box again, one pixel off",
            _boxes(lambda r: [*r.boxes, *(near(b, r) for b in r.boxes)]), 1,
        ),
        Probe("one box too many", "free", "the true boxes and one where nothing is", _boxes(lambda r: [*r.boxes, *_spam(r, 1)]), 1),
    ]  # fmt: skip


def label_probes() -> list[Probe]:
    """Classes must count."""

    def named(name: Callable[[Box, Row], str]) -> Write:
        return _each(lambda box, row: replace(box, label=name(box, row)))

    return [
        Probe("other labels", "bad", "the true boxes, each of another class", named(lambda b, r: other_label(b.label, r.labels)), 1),
        Probe("unknown labels", "bad", "the true boxes, each a unicorn", named(lambda b, r: "unicorn"), 1),
        Probe("empty labels", "bad", "the true boxes without a class", named(lambda b, r: ""), 1),
        Probe("label in a longer one", "bad", "the class inside a longer word", named(lambda b, r: f"x{b.label}x"), 1, 0.75),
        Probe("denied labels", "bad", "the class, and that it is not", named(lambda b, r: f"not {b.label}"), 1, 0.75, "false-pass"),
        Probe(
            "labels taken back", "bad", "the class (this is wrong)", named(lambda b, r: f"{b.label} (this is wrong)"), 2,
            0.75, "false-pass",
        ),
        Probe(
            "all classes", "free", "every true box once for every class",
            _boxes(lambda r: [replace(b, label=n) for b in r.boxes for n in r.labels] if len(r.labels) > 1 else None), 2,
        ),
        Probe("all classes in one label", "bad", "every class in each label", named(lambda b, r: " ".join(r.labels)), 2, 0.75),
    ]  # fmt: skip


def score_probes() -> list[Probe]:
    """Confidence must not pay what the boxes do not."""
    return [
        Probe("zero confidence", "bad", "boxes where nothing is, with confidence 0", _boxes(lambda r: elsewhere(r, 0.0)), 1),
        Probe("one unsure box", "bad", "one box where nothing is, with confidence 0", _boxes(lambda r: elsewhere(r, 0.0)[:1]), 1),
        Probe("negative confidence", "bad", "boxes where nothing is, with confidence -1", _boxes(lambda r: elsewhere(r, -1.0)), 1),
        Probe("confidence above 1", "bad", "boxes where nothing is, with confidence 100", _boxes(lambda r: elsewhere(r, 100.0)), 1),
        Probe("true boxes of great confidence", "cap", "the true boxes with confidence 100", _each(lambda b, r: replace(b, score=100.0)), 1),
    ]  # fmt: skip


def _variant(change: Callable[[object], object] | None = None, **layout: object) -> Write:
    """The right boxes in another JSON spelling."""

    def text(reading: Reading, row: Row) -> str | None:
        if reading.style is None or reading.style.container in ("commas", "pairs") or reading.style.quotes == "python":
            return None
        value = box_value(reading.style, row.boxes, row, reading.frame)
        if change is not None:
            value = change(value)
        return json.dumps(value, **layout)  # type: ignore[arg-type]

    return _inner(text)


def _floats(value: object) -> object:
    if isinstance(value, dict):
        return {k: _floats(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_floats(v) for v in value]
    return float(value) if isinstance(value, int) else value


def _reversed_keys(value: object) -> object:
    if isinstance(value, list):
        return [_reversed_keys(v) for v in value]
    return dict(reversed(list(value.items()))) if isinstance(value, dict) else value


def good_probes() -> list[Probe]:
    """The right answer in other dress: must earn what gold earns."""

    def good(name: str, text: str, write: Write) -> Probe:
        return Probe(name, "good", text, write, 0, kind="false-fail")

    def labelled(change: Callable[[str], str]) -> Write:
        return _each(lambda box, row: replace(box, label=change(box.label)))

    return [
        good("boxes in reverse order", "the true boxes, last first", _boxes(lambda r: list(r.boxes)[::-1])),
        good("compact JSON", "no blanks", _variant(separators=(",", ":"))),
        good("indented JSON", "one value a line", _variant(indent=2)),
        good("keys in reverse order", "the same objects", _variant(_reversed_keys)),
        good("coordinates as 12.0", "whole numbers with a point", _variant(_floats)),
        good("line breaks around the answer", "inside the wrapper", _inner(lambda r, row: f"\n{r.inner(row)}\n")),
        good("blanks around the completion", "before and after", lambda r, row, rows: f" \n{r.gold(row)}\n "),
        good("labels in capitals", "CAT for cat", labelled(str.upper)),
        good("labels with a capital", "Cat for cat", labelled(str.title)),
        good("labels with blanks", "' cat ' for 'cat'", labelled(lambda text: f" {text} ")),
    ]


def _with_item(item: Callable[[str, str], object]) -> Write:
    """A list of one object: item(key of the box, key of the label)."""

    def text(reading: Reading, row: Row) -> str | None:
        assert reading.style is not None
        if reading.style.container != "objects":
            return None
        return json.dumps([item(reading.style.box, reading.style.label or "label")])

    return _inner(text)


def odd_probes() -> list[Probe]:
    """Broken answers that a model writes now and then: must not raise, and must not pay."""

    def odd(name: str, write: Write, share: float = 0.25) -> Probe:
        return Probe(name, "odd", "broken or unusual JSON", write, 1, share)

    return [
        odd("cut off", lambda r, row, rows: r.gold(row)[: len(r.gold(row)) * 2 // 3], 1.0),
        odd("cut off inside the JSON", _inner(lambda r, row: r.inner(row)[:-2]), 1.0),
        odd("no box key", _with_item(lambda b, k: {k: "cat"})),
        odd("box null", _with_item(lambda b, k: {b: None, k: "cat"})),
        odd("three coordinates", _with_item(lambda b, k: {b: [1, 2, 3], k: "cat"})),
        odd("five coordinates", _with_item(lambda b, k: {b: [1, 2, 3, 4, 5], k: "cat"})),
        odd("no coordinates", _with_item(lambda b, k: {b: [], k: "cat"})),
        odd("words as coordinates", _with_item(lambda b, k: {b: ["left", "top", "right", "bottom"], k: "cat"})),
        odd("nested coordinates", _with_item(lambda b, k: {b: [[1, 2, 3, 4]], k: "cat"})),
        odd("a number as box", _with_item(lambda b, k: {b: 7, k: "cat"})),
        odd("list of null", _inner("[null]")),
        odd("list of numbers", _inner("[1, 2, 3]")),
        odd("list of words", _inner('["cat"]')),
        odd("a number", _inner("7")),
        odd("a word in quotes", _inner('"cat"')),
        odd("true", _inner("true")),
        odd("nested lists", _inner("[" * 40 + "]" * 40)),
        odd("very large number", _inner("[[1, 2, 1e999, 4]]")),
        odd("digits", lambda r, row, rows: "9" * 4000),
        odd("opening tags only", lambda r, row, rows: "<think><answer>["),
        odd("closing tags first", lambda r, row, rows: "</answer></think><answer>"),
        odd("emoji", lambda r, row, rows: "🙂" * 50),
        odd("long prose", lambda r, row, rows: "The picture shows many things. " * 600),
    ]


def frail_probes() -> list[Probe]:
    """What hardly any model writes: told on the card, never a finding."""

    def frail(name: str, write: Write) -> Probe:
        return Probe(name, "frail", "unlikely text", write, 1)

    odd = {"score a word": "high", "score null": None}
    marked = [
        frail(
            n, _with_item(lambda b, k, v=v: {b: [1, 2, 3, 4], k: "cat", "score": v, "confidence": v, "Confidence": v})
        )  # type: ignore[misc]
        for n, v in odd.items()
    ]
    return [
        *marked,
        frail("label null", _with_item(lambda b, k: {b: [1, 2, 3, 4], k: None})),
        frail("label a number", _with_item(lambda b, k: {b: [1, 2, 3, 4], k: 7})),
        frail("label a list", _with_item(lambda b, k: {b: [1, 2, 3, 4], k: ["cat"]})),
        frail("null byte", _inner("[\x00]")),
        frail("lone surrogate", _inner('["\ud800"]')),
        frail("deep nesting", _inner("[" * 5000 + "]" * 5000)),
        frail("200,000 digits", lambda r, row, rows: "9" * 200_000),
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
