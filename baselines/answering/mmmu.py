"""MMMU: questions about up to seven pictures, in Parquet files that hold the pictures, or JSON beside them."""

from __future__ import annotations

import ast
import string
from pathlib import Path
from typing import Any

from rewardmark.baselines.answering.sheet import (
    LETTER,
    PHRASE,
    Answered,
    Ask,
    Embedded,
    Request,
    Sheet,
    as_json,
    id_of,
)
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.score.table import Table, show
from rewardmark.tasks.vlm.answers import read_records
from rewardmark.tasks.vlm.mmmu import CHOICE
from rewardmark.tasks.vlm.sources import Place

__all__ = ["mmmu"]

PICTURES = 7


def mmmu(request: Request) -> Sheet:
    """Prompt: question, options "(A) ..." a line each, an instruction (MMMU-Benchmark/MMMU, mmmu/utils/data_utils.py
    and mmmu/configs/llava1.5.yaml). All pictures of a question are shown before it; "<image 1>" stays where it stands.

    questions: a Parquet file as MMMU/MMMU ships them, or a folder of them (files SPLIT*.parquet, "validation" without a
    word), with the pictures inside; or JSON (lines) of the same columns, image_1 to image_7 being files in the folder
    of pictures. Answers: records of id, question_type, all_choices, index2ans, response, as MMMU's own scripts write.
    """
    choose, free = request.wording(LETTER), request.wording(PHRASE)
    asks = []
    for table in _tables(request):
        for row, text in enumerate(table.strings("question")):
            record = table.rows[row]
            name, options = id_of(table, row, "id"), _options(table, row)
            given: dict[str, Any] = {"id": name, "question_type": record.get("question_type")}
            if given["question_type"] == CHOICE:
                if not options:
                    table.fail(row, "a multiple choice needs 'options'")
                named = dict(zip(string.ascii_uppercase, options, strict=False))
                given |= {"all_choices": list(named), "index2ans": named}
                lines = "".join(f"({letter}) {option}\n" for letter, option in named.items())
                prompt = choose(f"{text}\n{lines}")
            else:
                prompt = free(text)
            asks.append(Ask(name, prompt, _pictures(request, table, row), table.file, table.where(row), given))

    def render(answered: Answered) -> bytes:
        return as_json([{**ask.given, "response": text} for ask, text in answered])

    return Sheet(tuple(asks), render, max_new_tokens=128)


def _tables(request: Request) -> list[Table]:
    source, split = request.questions, request.split or "validation"
    if source.suffix != ".parquet" and not source.is_dir():
        return [read_records(source, "id")]
    files = sorted(source.rglob(f"{split}*.parquet")) if source.is_dir() else [source]
    if not files:
        raise DataError(source, f"there is no {split}*.parquet in it")
    return [Table(file, _rows(file), "", "id") for file in files]


def _rows(file: Path) -> list[dict[str, Any]]:
    import pyarrow
    from pyarrow import parquet

    try:
        return list(parquet.read_table(file).to_pylist())
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(file, f"cannot be read as Parquet: {' '.join(str(error).split())[:120]}") from None


def _options(table: Table, row: int) -> list[str]:
    """The options: a list, or one written as Python writes it, as in MMMU's files."""
    value = table.rows[row].get("options", [])
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError):
            table.fail(row, f"'options' must be a list, not {show(value)}")
    if not isinstance(value, list) or not all(isinstance(option, str) for option in value):
        table.fail(row, f"'options' must be a list of strings, not {show(value)}")
    return value


def _pictures(request: Request, table: Table, row: int) -> tuple[Place | Embedded, ...]:
    found: list[Place | Embedded] = []
    for number in range(1, PICTURES + 1):
        value = table.rows[row].get(f"image_{number}")
        if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
            found.append(Embedded(value["bytes"]))
        elif isinstance(value, str):
            found += request.picture(table, row, value)
        elif value is not None:
            table.fail(row, f"'image_{number}' must be a file's name, or a picture inside the Parquet file")
    return tuple(found)
