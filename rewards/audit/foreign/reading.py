"""What was found out about a function: how it is called and what it reads. And the scoring of texts by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rewardmark.rewards.audit.foreign.calls import Caller, Reply
from rewardmark.rewards.audit.foreign.conventions import Convention, requests_for
from rewardmark.rewards.audit.foreign.formats import BoxStyle, Wrapper
from rewardmark.rewards.audit.foreign.rows import Box, Frame, Row
from rewardmark.rewards.audit.foreign.truths import TruthForm

__all__ = ["Reading", "Scores", "score", "score_many"]


@dataclass(frozen=True)
class Reading:
    """The convention, and how answers (style, wrapper) and truths (truth) are written; frame: of the coordinates."""

    convention: Convention
    wrapper: Wrapper
    style: BoxStyle | None
    truth: TruthForm
    frame: Frame = "pixel"

    def boxes(self, boxes: Sequence[Box], row: Row) -> str:
        """A whole completion that names these boxes."""
        assert self.style is not None
        return self.wrapper.wrap(self.style.write(boxes, row, self.frame))

    def inner(self, row: Row) -> str:
        """The right answer without its wrapper."""
        if self.style is None:
            return row.answers[0]
        return self.style.write(row.boxes, row, self.frame)

    def gold(self, row: Row) -> str:
        """The right completion."""
        return self.wrapper.wrap(self.inner(row))

    def requests(self, rows: Sequence[Row], texts: Sequence[str]) -> list[dict[str, Any]]:
        """The calls that score texts[i] for rows[i]."""
        truths = [self.truth.columns(row, self.frame) for row in rows]
        return requests_for(self.convention, rows, texts, truths)

    def name(self) -> str:
        """Answers and truths for people."""
        style = self.style.name if self.style else "the answer"
        return f"answers: {style}, in {self.wrapper.name}; truth: {self.truth.name}"


@dataclass(frozen=True)
class Scores:
    """values[i]: the reward, None for "no score" or an error; errors[i]: the reply that tells it, else None."""

    values: list[float | None]
    errors: list[Reply | None]

    @property
    def numbers(self) -> list[float]:
        """What is a number."""
        return [v for v in self.values if v is not None]

    @property
    def mean(self) -> float | None:
        """Over all samples, one without a score counting as 0 (it earns nothing); None where all failed."""
        if all(error is not None for error in self.errors):
            return None
        return sum(v or 0.0 for v in self.values) / len(self.values)

    @property
    def failed(self) -> list[int]:
        """The rows with an error."""
        return [i for i, error in enumerate(self.errors) if error is not None]


def score(caller: Caller, reading: Reading, rows: Sequence[Row], texts: Sequence[str]) -> Scores:
    """The rewards of texts[i] for rows[i]; a batch that fails is done again one by one, so that one text costs one."""
    return score_many(caller, [(reading, rows, texts)])[0]


def score_many(caller: Caller, parts: Sequence[tuple[Reading, Sequence[Row], Sequence[str]]]) -> list[Scores]:
    """The same for several readings in one go: a child process is then asked once and not for each."""
    requests = [reading.requests(rows, texts) for reading, rows, texts in parts]
    replies = caller.call([request for group in requests for request in group])
    found, start = [], 0
    for (reading, rows, texts), group in zip(parts, requests, strict=True):
        found.append(_scores(caller, reading, rows, texts, replies[start : start + len(group)]))
        start += len(group)
    return found


def _scores(
    caller: Caller, reading: Reading, rows: Sequence[Row], texts: Sequence[str], replies: Sequence[Reply]
) -> Scores:
    if reading.convention.batched and replies[0].values is None and len(rows) > 1:
        parts = [reading.requests([row], [text])[0] for row, text in zip(rows, texts, strict=True)]
        replies = caller.call(parts)
    values: list[float | None] = []
    errors: list[Reply | None] = []
    for reply in replies:
        bad = bool(reply.error)
        values += reply.values if reply.values is not None else [None]
        errors += [reply if bad else None] * (len(reply.values) if reply.values is not None else 1)
    return Scores(values, errors)
