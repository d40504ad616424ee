"""Multiple choice: MMBench (with rotations of the options), SEED-Bench, ScienceQA, MMMU."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import string
from pathlib import Path
from typing import Any

from rewardmark.baselines.answering.sheet import LETTER, Ask, Embedded, Request, Sheet, as_lines, id_of
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.cache import write_atomically
from rewardmark.tasks.score.table import Table, read_json, show
from rewardmark.tasks.vlm.answers import index_by, read_mapping, read_records
from rewardmark.tasks.vlm.mmbench import ROTATION, options_of
from rewardmark.tasks.vlm.sources import Place

__all__ = ["mmbench", "rotated", "scienceqa", "seed"]

_EMPTY = ("nan", "none")


def listed(options: dict[str, str]) -> str:
    """Options, a line each, as LLaVA's scripts write them: "A. red"."""
    return "".join(f"\n{letter}. {text}" for letter, text in options.items())


def mmbench(request: Request) -> Sheet:
    """Prompt: hint, question, options, and LLaVA-1.5's instruction (haotian-liu/LLaVA, llava/eval/model_vqa_mmbench.py
    with --single-pred-prompt). Every row is asked; pictures stand in the file. circular: a file to write all rotations
    of the options to, which are asked then, and scored against, in place of a file that has none."""
    source = request.questions
    if request.circular is not None:
        rotated(source, request.circular)
        source = request.circular
    table, put = read_records(source, "index"), request.wording(LETTER)
    rows = index_by(table, "index", "question")
    asks, whole = [], False
    for row, (name, text) in enumerate(zip(rows, table.strings("question"), strict=True)):
        hint = table.rows[row].get("hint")
        before = f"{hint}\n" if isinstance(hint, str) and hint.lower() not in _EMPTY else ""
        asked = put(before + text + listed(options_of(table, row)))
        picture = _mmbench_picture(request, table, rows, row, name)
        asks.append(Ask(name, asked, picture, table.file, table.where(row), {"index": table.rows[row]["index"]}))
        whole = whole or (name.isdecimal() and int(name) >= ROTATION)
    note = "the file has no rotated questions, so that no circular accuracy can be scored; --circular FILE makes them"
    return Sheet(tuple(asks), as_lines("prediction"), notes=() if whole else (note,))


def _mmbench_picture(
    request: Request, table: Table, rows: dict[str, int], row: int, name: str
) -> tuple[Place | Embedded, ...]:
    """A row's own picture, or that of the row it refers to; a rotated one without either has the unrotated one's."""
    cell = table.rows[row].get("image")
    base = str(int(name) % ROTATION) if name.isdecimal() else name
    if isinstance(cell, str) and len(cell) <= 12 and cell in rows:  # as VLMEvalKit saves space
        cell = table.rows[rows[cell]].get("image")
    elif cell is None and base in rows:
        cell = table.rows[rows[base]].get("image")
    if cell is None:
        return request.picture(table, row, name, base)
    try:
        return (Embedded(base64.b64decode(str(cell), validate=True)),)
    except (binascii.Error, ValueError) as error:
        table.fail(row, f"'image' is no picture in base64 ({error})")


def rotated(source: Path, target: Path) -> None:
    """Write MMBench's rows with their options in every rotation: rotation k of question i has the index i + k *
    ROTATION. Raises DataError for a file that has rotations already; RewardmarkError where target is there."""
    table = read_records(source, "index")
    names = index_by(table, "index", "question")
    if any(name.isdecimal() and int(name) >= ROTATION for name in names):
        raise DataError(source, "it has rotated questions already; leave --circular out")
    columns = list(dict.fromkeys(key for row in table.rows for key in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, delimiter="\t", restval="", lineterminator="\n")
    writer.writeheader()
    for row, (name, record) in enumerate(zip(names, table.rows, strict=True)):
        if not name.isdecimal():
            table.fail(row, "'index' must be a whole number")
        options = options_of(table, row)
        letters, texts = list(options), list(options.values())
        if letters != list(string.ascii_uppercase[: len(letters)]):
            table.fail(row, "its options are not A, B, ... in turn")
        for k in range(len(letters)):
            new: dict[str, Any] = {**record, **dict(zip(letters, texts[k:] + texts[:k], strict=True))}
            if record.get("answer") in options:
                new["answer"] = letters[(letters.index(record["answer"]) - k) % len(letters)]
            if k:
                new["index"] = str(int(name) + k * ROTATION)
                new.pop("image", None)
            writer.writerow(new)
    content = out.getvalue().encode()
    if target.exists() and target.read_bytes() != content:
        raise RewardmarkError(f"{target} is there already, and is not the rotations of {source}")
    write_atomically(target, content)


def seed(request: Request) -> Sheet:
    """Prompt: question, options A. to D., LLaVA-1.5's instruction (haotian-liu/LLaVA, docs/Evaluation.md). Questions
    about videos are left out: which frame of a video is to be shown does not stand in the file."""
    table, put = read_records(request.questions, list_key="questions"), request.wording(LETTER)
    asks, videos = [], 0
    for row, text in enumerate(table.strings("question")):
        record = table.rows[row]
        if record.get("data_type", "image") != "image":
            videos += 1
            continue
        options = {letter: record.get(f"choice_{letter.lower()}") for letter in "ABCD"}
        if not all(isinstance(option, str) for option in options.values()):
            table.fail(row, "'choice_a' to 'choice_d' must be strings")
        asked = put(text + listed({letter: str(option) for letter, option in options.items()}))
        picture = request.picture(table, row, str(record.get("data_id")))
        given = {"question_id": record.get("question_id")}
        asks.append(Ask(id_of(table, row, "question_id"), asked, picture, table.file, table.where(row), given))
    notes = (f"{videos} questions about videos are left out; score them as wrong, or not at all",) if videos else ()
    return Sheet(tuple(asks), as_lines("prediction"), notes=notes)


def scienceqa(request: Request) -> Sheet:
    """Prompt: Context, Question, Options as in haotian-liu/LLaVA, scripts/convert_sqa_to_llava_base_prompt.py (CQM),
    and LLaVA-1.5's instruction. Half of the questions have no picture and are asked without. questions: problems.json;
    splits: pid_splits.json; split: "test" without a word. Pictures: SPLIT/ID/image.png or ID/image.png."""
    split = request.split or "test"
    if request.splits is None:
        raise RewardmarkError("answer scienceqa: --splits is wanted (pid_splits.json): it says what the split holds")
    pids = read_json(request.splits)
    if not isinstance(pids, dict) or not isinstance(pids.get(split), list):
        raise DataError(request.splits, f"a JSON object with the list {split!r} is wanted")
    known, put, asks = read_mapping(request.questions), request.wording(LETTER), []
    for name in map(str, pids[split]):
        problem = known.get(name)
        if not isinstance(problem, dict):
            raise DataError(request.questions, f"problem {name} of split {split} is not in it, or is no object")
        table = Table(request.questions, [{"id": name, **problem}], "")
        choices = problem.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            table.fail(0, f"'choices' must be a list of strings, not {show(choices)}")
        context = str(problem.get("hint") or "").strip() or "N/A"
        options = " ".join(f"({letter}) {text}" for letter, text in zip(string.ascii_uppercase, choices, strict=False))
        asked = f"Context: {context}\nQuestion: {table.strings('question')[0]}\nOptions: {options}".replace("  ", " ")
        image = problem.get("image")
        picture = request.picture(table, 0, f"{split}/{name}/{image}", f"{name}/{image}") if image else ()
        record = f"problem {name}"
        asks.append(Ask(name, put(asked), picture, request.questions, record, {"question_id": name}))
    return Sheet(tuple(asks), as_lines("text"))
