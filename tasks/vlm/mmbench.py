"""MMBench: multiple choice asked once for each rotation of its options; right only when right every time.

Source: Liu et al. 2023 (arXiv:2307.06281), sec. 4.2 (circular evaluation); open-compass/VLMEvalKit,
vlmeval/dataset/utils/multiple_choice.py. An answer that names no option is wrong; no model is asked what it means.
"""

from __future__ import annotations

import string
from pathlib import Path

from rewardmark.rewards.errors import DataError
from rewardmark.tasks.score.table import Table, show
from rewardmark.tasks.vlm.answers import answer_texts, index_by, read_records
from rewardmark.tasks.vlm.choices import infer_choice
from rewardmark.tasks.vlm.scored import Scored, group_means, mean

__all__ = ["ROTATION", "options_of", "score_mmbench"]

#: Rotation k of question i has the index i + k * ROTATION.
ROTATION = 1_000_000
_IDS = ("index", "question_id", "id")


def score_mmbench(gt: Path, pred: Path) -> Scored:
    """gt: MMBench's TSV (index, question, A.., answer, category, l2-category). pred: a record for each index (TSV, CSV
    or JSON lines: "index" or LLaVA's "question_id"; "prediction" or "text").

    accuracy: circular, over questions; vanilla_accuracy: over the unrotated rows. Where the file has no rotations only
    the second is given. Any table of this form is scored alike (SEED, ScienceQA and others as VLMEvalKit ships them).
    """
    table = read_records(gt, "index")
    if not len(table):
        raise DataError(gt, "there are no questions in it")
    rows = index_by(table, "index", "question")
    said = answer_texts(read_records(pred, "index"), rows, id_keys=_IDS, text_keys=("prediction", "text", "answer"))
    right: dict[str, float] = {}
    unread = 0
    for name, row in rows.items():
        options = options_of(table, row)
        choice = infer_choice(said[name], options)
        unread += choice is None
        right[name] = float(choice == _truth(table, row, options))
    notes = (f"{unread} of {len(right)} answers name no option and count as wrong",) if unread else ()
    bases: dict[str, list[str]] = {}
    for name, row in rows.items():
        if not name.isdecimal():
            table.fail(row, f"'index' must be a whole number, not {show(name)}")
        bases.setdefault(str(int(name) % ROTATION), []).append(name)
    alone = [base for base in bases if base not in rows]
    if alone:
        table.fail(rows[bases[alone[0]][0]], f"the unrotated question {alone[0]} is not in the file")
    vanilla = {base: right[base] for base in bases}
    if all(len(names) == 1 for names in bases.values()):
        note = "the file has no rotated questions: circular accuracy is left out"
        return Scored(
            {"vanilla_accuracy": mean(vanilla.values())}, vanilla, _groups(table, rows, vanilla), (note, *notes)
        )
    circular = {base: float(all(right[name] for name in names)) for base, names in bases.items()}
    numbers = {"accuracy": mean(circular.values()), "vanilla_accuracy": mean(vanilla.values())}
    return Scored(numbers, circular, _groups(table, rows, circular), notes)


def options_of(table: Table, row: int) -> dict[str, str]:
    """The options of a row by letter; DataError where there are fewer than two."""
    record = table.rows[row]
    options = {letter: str(record[letter]) for letter in string.ascii_uppercase if record.get(letter) is not None}
    if len(options) < 2:
        table.fail(row, "it has fewer than two options (columns A, B, ...)")
    return options


def _truth(table: Table, row: int, options: dict[str, str]) -> str:
    answer = table.rows[row].get("answer")
    if answer not in options:
        table.fail(row, f"'answer' must be the letter of an option (a test split has none), not {show(answer)}")
    return str(answer)


def _groups(table: Table, rows: dict[str, int], values: dict[str, float]) -> dict[str, dict[str, float]]:
    groups = {}
    for name in ("l2-category", "category", "split"):
        if table.has(name).all():
            groups[name] = group_means(values, {base: table.rows[rows[base]][name] for base in values})
    return groups
