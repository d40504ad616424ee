"""What specialists write about pictures, read as turns of a dialogue, and taken from cell to cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rewardmark.baselines.method import Source
from rewardmark.baselines.vlm.learn import Log
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.scenes.turns import read_box

__all__ = ["TURNS_FILE", "Part", "WrittenTurn", "read_turn", "taken_up"]

TURNS_FILE = "turns.parquet"
CUT = "cut"
"""The reason of a turn that has no end. It comes after that of a turn without a question, which is one either way."""


@dataclass(frozen=True)
class WrittenTurn:
    """What a specialist wrote about a picture, and why it was left out (None: it was not)."""

    id: str
    skill: str
    written: str
    reason: str | None


@dataclass(frozen=True)
class Part:
    """What one specialist wrote: (place of the picture, text, whether it ended), question by question; and what was
    used for it."""

    texts: list[tuple[int, str, bool]]
    log: Log


def taken_up(sources: Mapping[str, Source], skills: Sequence[str], ids: Sequence[str]) -> dict[str, Part]:
    """By skill, what the specialists of other cells wrote about the pictures `ids`, and what that had used; nothing of
    a cell that has no such record.

    Raises DataError where a cell's turns are about other pictures.
    """
    from pyarrow import parquet

    places = {id: k for k, id in enumerate(ids)}
    taken: dict[str, Part] = {}
    for name, source in sources.items():
        file = source.checkpoint / TURNS_FILE
        if not file.is_file():
            continue
        rows = parquet.read_table(file).to_pylist()
        if not all(row["id"] in places for row in rows):
            raise DataError(file, f"the turns of {name!r} are about other pictures")
        for skill in dict.fromkeys(row["skill"] for row in rows):
            if skill not in skills or skill in taken:
                continue
            usage = {
                key.removeprefix(f"{skill}/"): value
                for key, value in source.usage.items()
                if key.startswith(f"{skill}/")
            }
            if not usage:  # a run of before specialists said so: its cost is not to be told from the last training's
                continue
            curves = [row for row in source.curves if row["name"].startswith(f"specialist-{skill}/")]
            texts = [(places[row["id"]], row["written"], row["reason"] != CUT) for row in rows if row["skill"] == skill]
            taken[skill] = Part(texts, Log(curves, usage))
    return taken


def read_turn(skill: str, text: str, ended: bool) -> tuple[tuple[str, str] | None, str | None]:
    """Question and answer of what a specialist wrote, or why it is none.

    >>> read_turn("spatial", "Is the ball above the box? yes", True)
    (('Is the ball above the box?', 'yes'), None)
    >>> read_turn("grounding", "Where is the ball? here", True)
    (None, 'answer')
    """
    question, mark, answer = text.partition("?")
    question, answer = f"{question.strip()}?", answer.strip()
    if not mark or question == "?":
        return None, "question"
    if not ended:
        return None, CUT
    if not answer or (skill == "spatial" and answer not in ("yes", "no")):
        return None, "answer"
    if skill == "grounding" and read_box(answer, 100, 100) is None:
        return None, "answer"
    return (question, answer), None
