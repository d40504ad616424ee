"""What is asked of a model: questions with their pictures, and how the answers are written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.score.table import Table
from rewardmark.tasks.vlm.answers import key_of
from rewardmark.tasks.vlm.sources import Place

__all__ = ["LETTER", "PHRASE", "Answered", "Ask", "Embedded", "Request", "Sheet", "as_lines", "as_list", "id_of"]

PHRASE = "{question}\nAnswer the question using a single word or phrase."
"""LLaVA-1.5's wording for short answers (arXiv:2310.03744, its table of response formats; docs/Evaluation.md)."""
LETTER = "{question}\nAnswer with the option's letter from the given choices directly."
"""LLaVA-1.5's wording for multiple choice (same place)."""
ENDINGS = ("", ".jpg", ".png", ".jpeg")


@dataclass(frozen=True)
class Embedded:
    """A picture that stands in the question file itself."""

    content: bytes

    def read(self) -> bytes:
        return self.content


@dataclass(frozen=True)
class Ask:
    """One question. id: unique among the sheet's; pictures: none, one or more; file, record: where it stands; given:
    what is written down beside its answer."""

    id: str
    prompt: str
    pictures: tuple[Place | Embedded, ...]
    file: Path
    record: str
    given: Mapping[str, Any] = field(default_factory=dict)

    def fail(self, what: str) -> DataError:
        """An error that names the file and the record."""
        return DataError(self.file, what, record=self.record)


Answered = Sequence[tuple[Ask, str]]


@dataclass(frozen=True)
class Sheet:
    """asks: all questions, in the file's order; render: the answer file's content, or the files of a folder by name;
    max_new_tokens: of an answer, without a word from the caller; notes: what the caller must be told."""

    asks: tuple[Ask, ...]
    render: Callable[[Answered], bytes | dict[str, bytes]]
    max_new_tokens: int = 64
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What the caller gives. questions: the benchmark's file (or folder); images: the folder of its pictures; prompt:
    another wording, {question} in it; splits, split, instances, ocr, circular, scale: see the benchmarks that take
    them."""

    questions: Path
    images: Path | None = None
    prompt: str | None = None
    splits: Path | None = None
    split: str | None = None
    instances: Path | None = None
    ocr: Path | None = None
    circular: Path | None = None
    scale: str = "unit"

    def wording(self, usual: str) -> Callable[[str], str]:
        """How a question is put: by the benchmark's usual wording, or the caller's own."""
        template = self.prompt if self.prompt is not None else usual
        if "{question}" not in template and "{question}" in usual:
            raise RewardmarkError("answer: --prompt must say where the question stands: {question}")
        return lambda question: template.replace("{question}", question)

    def picture(self, table: Table, row: int, *names: str) -> tuple[Place]:
        """The first of `names` that is a file in the folder of pictures, with its ending or without. Raises DataError
        naming the question's file and record where none is."""
        if self.images is None:
            raise RewardmarkError("answer: --images is wanted, the folder of the benchmark's pictures")
        for name in names:
            place = _find(self.images, name)
            if place is not None:
                return (Place(place),)
        others = f" (nor {', '.join(names[1:])})" if len(names) > 1 else ""
        table.fail(row, f"there is no picture {names[0]}{others} in {self.images}")


def _find(folder: Path, name: str) -> Path | None:
    return next((place for end in ENDINGS if (place := folder / f"{name}{end}").is_file()), None)


def id_of(table: Table, row: int, key: str) -> str:
    """A record's id as text; DataError where it is none."""
    name = key_of(table.rows[row].get(key))
    if name is None:
        table.fail(row, f"{key!r} must be a whole number or a string")
    return name


def as_lines(key: str) -> Callable[[Answered], bytes]:
    """JSON lines: what is given with a question, and its answer under `key`."""
    return lambda answered: "".join(
        json.dumps({**ask.given, key: text}, ensure_ascii=False) + "\n" for ask, text in answered
    ).encode("utf-8", "surrogatepass")


def as_list(key: str) -> Callable[[Answered], bytes]:
    """One JSON list of the same records."""
    return lambda answered: as_json([{**ask.given, key: text} for ask, text in answered])


def as_json(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
