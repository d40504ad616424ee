"""Probes for functions that read boxes: other spellings of the right answer, and broken ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from rewardmark.rewards.audit.foreign.formats import box_value
from rewardmark.rewards.audit.foreign.probes import Probe, Write
from rewardmark.rewards.audit.foreign.reading import Reading
from rewardmark.rewards.audit.foreign.rows import Box, Row

__all__ = ["Change", "boxes_of", "each_box", "frail_probes", "good_probes", "inner_text", "odd_probes"]


Change = Callable[[Box, Row], Box]


def boxes_of(make: Callable[[Row], list[Box] | None]) -> Write:
    def write(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
        boxes = make(row)
        return None if boxes is None else reading.boxes(boxes, row)

    return write


def each_box(change: Callable[[Box, Row], Box]) -> Write:
    return boxes_of(lambda row: [change(box, row) for box in row.boxes])


def inner_text(text: str | Callable[[Reading, Row], str | None]) -> Write:
    """A text where the answer goes."""

    def write(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
        inner = text if isinstance(text, str) else text(reading, row)
        return None if inner is None else reading.wrapper.wrap(inner)

    return write


def _variant(change: Callable[[object], object] | None = None, **layout: object) -> Write:
    """The right boxes in another JSON spelling."""

    def text(reading: Reading, row: Row) -> str | None:
        if reading.style is None or reading.style.container in ("commas", "pairs") or reading.style.quotes == "python":
            return None
        value = box_value(reading.style, row.boxes, row, reading.frame)
        if change is not None:
            value = change(value)
        return json.dumps(value, **layout)  # type: ignore[arg-type]

    return inner_text(text)


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
        return each_box(lambda box, row: replace(box, label=change(box.label)))

    return [
        good("boxes in reverse order", "the true boxes, last first", boxes_of(lambda r: list(r.boxes)[::-1])),
        good("compact JSON", "no blanks", _variant(separators=(",", ":"))),
        good("indented JSON", "one value a line", _variant(indent=2)),
        good("keys in reverse order", "the same objects", _variant(_reversed_keys)),
        good("coordinates as 12.0", "whole numbers with a point", _variant(_floats)),
        good("line breaks around the answer", "inside the wrapper", inner_text(lambda r, row: f"\n{r.inner(row)}\n")),
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

    return inner_text(text)


def odd_probes() -> list[Probe]:
    """Broken answers that a model writes now and then: must not raise, and must not pay."""

    def odd(name: str, write: Write, share: float = 0.25) -> Probe:
        return Probe(name, "odd", "broken or unusual JSON", write, 1, share)

    return [
        odd("cut off", lambda r, row, rows: r.gold(row)[: len(r.gold(row)) * 2 // 3], 1.0),
        odd("cut off inside the JSON", inner_text(lambda r, row: r.inner(row)[:-2]), 1.0),
        odd("no box key", _with_item(lambda b, k: {k: "cat"})),
        odd("box null", _with_item(lambda b, k: {b: None, k: "cat"})),
        odd("three coordinates", _with_item(lambda b, k: {b: [1, 2, 3], k: "cat"})),
        odd("five coordinates", _with_item(lambda b, k: {b: [1, 2, 3, 4, 5], k: "cat"})),
        odd("no coordinates", _with_item(lambda b, k: {b: [], k: "cat"})),
        odd("words as coordinates", _with_item(lambda b, k: {b: ["left", "top", "right", "bottom"], k: "cat"})),
        odd("nested coordinates", _with_item(lambda b, k: {b: [[1, 2, 3, 4]], k: "cat"})),
        odd("a number as box", _with_item(lambda b, k: {b: 7, k: "cat"})),
        odd("list of null", inner_text("[null]")),
        odd("list of numbers", inner_text("[1, 2, 3]")),
        odd("list of words", inner_text('["cat"]')),
        odd("a number", inner_text("7")),
        odd("a word in quotes", inner_text('"cat"')),
        odd("true", inner_text("true")),
        odd("nested lists", inner_text("[" * 40 + "]" * 40)),
        odd("very large number", inner_text("[[1, 2, 1e999, 4]]")),
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

    def marked(mark: str | None) -> Write:
        return _with_item(
            lambda b, k: {b: [1, 2, 3, 4], k: "cat", "score": mark, "confidence": mark, "Confidence": mark}
        )

    return [
        frail("score a word", marked("high")),
        frail("score null", marked(None)),
        frail("label null", _with_item(lambda b, k: {b: [1, 2, 3, 4], k: None})),
        frail("label a number", _with_item(lambda b, k: {b: [1, 2, 3, 4], k: 7})),
        frail("label a list", _with_item(lambda b, k: {b: [1, 2, 3, 4], k: ["cat"]})),
        frail("null byte", inner_text("[\x00]")),
        frail("lone surrogate", inner_text('["\ud800"]')),
        frail("deep nesting", inner_text("[" * 5000 + "]" * 5000)),
        frail("200,000 digits", lambda r, row, rows: "9" * 200_000),
    ]
