"""The careful trial: which way of calling and of writing does the function understand?

Every convention that the signature allows is tried with every plausible way of writing answers and truths; what the
source names in its strings goes first. Chosen is what pays the right answer most; among equals, what tells it best from
wrong ones (nonsense, boxes elsewhere, other labels, less confidence); among equals again, what comes first.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rewardmark.rewards.audit.foreign.calls import Caller
from rewardmark.rewards.audit.foreign.conventions import Convention, conventions_of, named_columns
from rewardmark.rewards.audit.foreign.formats import FORMATS, BoxStyle, Wrapper
from rewardmark.rewards.audit.foreign.hints import BOX_KEYS, LABEL_KEYS, Hints, hints_of
from rewardmark.rewards.audit.foreign.reading import Reading, score, score_many
from rewardmark.rewards.audit.foreign.rows import BOX_TASKS, Frame, Row
from rewardmark.rewards.audit.foreign.truths import truth_forms
from rewardmark.rewards.audit.foreign.wrong import elsewhere, wrong_answer
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["Fit", "fit"]

NONSENSE = "I do not know."
#: Rows of the first trial and of the second, candidates that reach the second, seconds for all.
FIRST_ROWS, SECOND_ROWS, FINALISTS, SECONDS = 2, 4, 24, 20.0
#: After so many ways the rest is only tried while none has paid the right answer.
MOST, CHUNK = 480, 24
EPSILON = 1e-9


@dataclass(frozen=True)
class Fit:
    """What was found out, the rewards of gold and nonsense in the trial, how many ways were tried, and remarks."""

    reading: Reading
    gold: float
    nonsense: float
    tried: int
    notes: tuple[str, ...] = ()


def fit(caller: Caller, task: str, rows: Sequence[Row], format: str = "auto", frame: Frame = "pixel") -> Fit:
    """Find out how `caller` is called and what it reads, on rows with truths.

    Raises RewardmarkError when no way pays the right answer more than nonsense, with what the function said.
    """
    if format not in FORMATS:
        raise RewardmarkError(f"format {format!r} is not known; known: {', '.join(FORMATS)}")
    hints = hints_of(caller.source, caller.signature.name)
    columns = list(rows[0].columns) if rows[0].columns is not None else named_columns(hints.strings)
    found = conventions_of(caller.signature, columns)
    candidates = _candidates(found, hints, task, rows, format, frame)
    few = _varied(rows, SECOND_ROWS)
    end = time.monotonic() + SECONDS
    trials: list[tuple[float, float, int, Reading]] = []
    errors: Counter[str] = Counter()
    tried, paid = 0, False
    first = few[:FIRST_ROWS]
    while tried < len(candidates) and time.monotonic() < end and not (paid and tried >= MOST):
        chunk = [reading for _, reading in candidates[tried : tried + CHUNK]]
        golds = score_many(caller, [(reading, first, [reading.gold(row) for row in first]) for reading in chunk])
        said = [reply for one in golds for reply in one.errors if reply is not None]
        errors.update(f"{reply.where}: {reply.error}" if reply.where else reply.error for reply in said)
        readable = [
            (order, reading, one.mean)
            for order, (reading, one) in enumerate(zip(chunk, golds, strict=True), tried)
            if len(one.numbers) == len(first) and one.mean is not None and not one.failed
        ]
        nothing = score_many(caller, [(reading, first, [NONSENSE] * len(first)) for _, reading, _ in readable])
        for (order, reading, mean), nonsense in zip(readable, nothing, strict=True):
            trials.append((mean, mean - (nonsense.mean or 0.0), -order, reading))
            paid = paid or mean > (nonsense.mean or 0.0) + EPSILON
        tried += len(chunk)
        if any(reply.kind == "skipped" for reply in said):  # the child gave up: nothing more will come
            break
    if not trials:
        quote = f"; it said: {errors.most_common(1)[0][0]}" if errors else ""
        raise RewardmarkError(
            f"{caller.target}: every one of {tried} ways to call it with a right answer failed{quote}. Give rows of "
            "your own by --dataset, or the --task and --format that it is for"
        )
    trials.sort(key=lambda t: (-round(t[0], 6), -round(t[1], 6), -t[2]))
    ranked = [_judged(caller, trial, few) for trial in trials[:FINALISTS]]
    best = max(ranked, key=lambda r: (round(r[0], 6), round(r[1], 6), r[2]))
    gold_mean, apart, _, reading = best
    junk = score(caller, reading, few, [NONSENSE] * len(few)).mean or 0.0
    if gold_mean <= junk + EPSILON and abs(gold_mean) < EPSILON:
        raise RewardmarkError(
            f"{caller.target}: the right answer earns 0 in each of {tried} ways of writing it (the last: "
            f"{reading.name()}). Give rows of your own by --dataset, or another --task or --format "
            f"({', '.join(FORMATS)})"
        )
    return Fit(reading, gold_mean, junk, tried, tuple(_notes(reading, format, apart)))


def _judged(
    caller: Caller, trial: tuple[float, float, int, Reading], rows: Sequence[Row]
) -> tuple[float, float, int, Reading]:
    """(gold, how much less wrong answers earn, order, reading) on more rows."""
    _, _, order, reading = trial
    gold = score(caller, reading, rows, [reading.gold(row) for row in rows]).mean or 0.0
    wrong = score_many(caller, [(reading, rows, texts) for texts in _wrong_texts(reading, rows)])
    return gold, sum(max(0.0, gold - (scores.mean or 0.0)) for scores in wrong), order, reading


def _wrong_texts(reading: Reading, rows: Sequence[Row]) -> list[list[str]]:
    if reading.style is None:
        return [[NONSENSE] * len(rows), [reading.wrapper.wrap(wrong_answer(row, rows)) for row in rows]]
    texts = [[NONSENSE] * len(rows), [reading.boxes(elsewhere(row), row) for row in rows]]
    texts.append([reading.boxes([replace(b, label="unicorn") for b in row.boxes], row) for row in rows])
    texts.append([reading.boxes([replace(b, score=0.3) for b in row.boxes], row) for row in rows])
    texts.append([reading.boxes(row.boxes[:-1], row) if len(row.boxes) > 1 else NONSENSE for row in rows])
    return texts


def _candidates(
    found: Sequence[Convention], hints: Hints, task: str, rows: Sequence[Row], format: str, frame: Frame
) -> list[tuple[int, Reading]]:
    """All ways to be tried, likeliest first: the sum of the places in each list."""
    declared_styles, declared_wrappers = FORMATS[format]
    wrappers = list(dict.fromkeys([*declared_wrappers, *_wrappers(hints)]))
    styles: list[BoxStyle | None] = [None]
    if task in BOX_TASKS:
        labelled = task == "detection" and any(box.label != "object" for row in rows for box in row.boxes)
        styles = list(dict.fromkeys([*declared_styles, *_styles(hints, task, labelled)]))
    methods = hints.methods or ("",)
    ways = [replace(c, method=m) for c in found for m in methods]
    candidates = []
    for (a, convention), (b, style), (c, wrapper) in itertools.product(
        enumerate(ways), enumerate(styles), enumerate(wrappers)
    ):
        if style is not None and wrapper.answer in ("boxed", "####", "Answer:") and format not in ("boxed",):
            continue
        for d, truth in enumerate(truth_forms(task, style, hints, rows, frame)):
            candidates.append((a + 2 * b + 2 * c + d, Reading(convention, wrapper, style, truth, frame)))
    candidates.sort(key=lambda pair: pair[0])
    return candidates


def _wrappers(hints: Hints) -> list[Wrapper]:
    """Ways to wrap an answer; those whose tags the source names come first."""
    reasons = hints.reasons or ("think",)
    found = [Wrapper(reasons[0], tag) for tag in hints.answers] + [Wrapper("", tag) for tag in hints.answers]
    if hints.boxed:
        found += [Wrapper("", "boxed"), Wrapper(reasons[0], "boxed")]
    if hints.hashes:
        found.append(Wrapper("", "####"))
    found.append(Wrapper())
    if hints.fenced:
        found = [replace(w, fence=True) for w in found if w.answer not in ("boxed", "####")] + found
    if not hints.answers:
        found += [Wrapper("", "answer"), Wrapper("think", "answer")]
    if not hints.fenced:
        found.append(Wrapper(fence=True))
    if hints.names("nswer:") or hints.names("nswer is") or hints.names("nswer\\s"):
        found.append(Wrapper("", "Answer:"))
    if hints.reasons:
        found.append(Wrapper(reasons[0], ""))
    return found


def _styles(hints: Hints, task: str, labelled: bool) -> list[BoxStyle]:
    """Ways to write boxes: the keys that the source names, then the usual ones; then lists without keys."""
    boxes = [k for k in hints.box_keys if k not in ("boxes", "bboxes", "coordinates", "position")] or ["bbox_2d"]
    labels = [k for k in hints.label_keys if k not in ("labels", "classes", "categories")]
    scores = list(hints.score_keys)
    keyed = []
    for box in boxes[:3]:
        # Where the source names no key of a class, one is written all the same: what it ignores can then be seen to be.
        usual = ["label"] if not labels and labelled and box != "Position" else []
        for label, mark in itertools.product([*labels[:3], *usual, ""], [*scores[:2], ""]):
            keyed.append(BoxStyle(box=box, label=label, score=mark))
    if not labels:
        keyed += [BoxStyle(box=box, label="label") for box in boxes[:3]]
    if "Position" in boxes:
        keyed = [replace(s, quotes="python") for s in keyed if s.box == "Position"] + keyed
    if hints.box_keys and any(k in ("boxes", "bboxes") for k in hints.box_keys):
        box = "boxes" if "boxes" in hints.box_keys else "bboxes"
        label = next((k for k in hints.label_keys if k in ("labels", "classes", "categories")), "labels")
        keyed += [BoxStyle("table", box, label, mark) for mark in [*scores[:1], ""]]
    bare = [BoxStyle("lists"), BoxStyle("one-list"), BoxStyle("by-label")]
    single = [replace(s, container="one-object") for s in keyed if not s.score][:6]  # type: ignore[arg-type]
    if task == "grounding":
        return [*single, BoxStyle("one-list"), *keyed, BoxStyle("lists"), BoxStyle("commas"), BoxStyle("pairs")]
    known = [BoxStyle(box=b, label=k) for b in BOX_KEYS[:2] for k in LABEL_KEYS[:1]]
    return [*keyed, *bare, *known]


def _varied(rows: Sequence[Row], count: int) -> list[Row]:
    """A few rows: different answers, and for boxes some with one and some with several."""
    if rows[0].boxes:
        several = [r for r in rows if len(r.boxes) > 1]
        first = several[:1] + [r for r in rows if len(r.boxes) == 1][:1] + several[1:]
        return _first_unique([*first, *rows], count)
    seen: dict[str, Row] = {}
    for row in rows:
        seen.setdefault(row.answers[0].lower(), row)
    return _first_unique([*seen.values(), *rows], count)


def _first_unique(rows: Sequence[Row], count: int) -> list[Row]:
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row.id, row)
    return list(found.values())[:count]


def _notes(reading: Reading, format: str, told: float) -> list[str]:
    styles, wrappers = FORMATS[format]
    notes = []
    if (styles and reading.style not in styles) or (wrappers and reading.wrapper not in wrappers):
        notes.append(f"format {format}: the function reads {reading.name()}, which pays the right answer more")
    if told <= EPSILON:
        notes.append("no wrong answer of the trial earned less than the right one")
    return notes
