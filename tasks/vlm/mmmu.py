"""MMMU: college questions of thirty subjects, multiple choice and open.

Source: Yue et al. 2023 (arXiv:2311.16502); MMMU-Benchmark/MMMU, mmmu/main_eval_only.py, main_parse_and_eval.py. An
answer that names no choice is wrong here; the published parser draws one at random, and what that would give on average
is reported beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rewardmark.rewards.errors import DataError
from rewardmark.tasks.score.table import Table, show
from rewardmark.tasks.vlm.answers import answer_texts, read_mapping, read_records
from rewardmark.tasks.vlm.mmmu_parse import open_answer_is_right, parse_choice, parse_open
from rewardmark.tasks.vlm.scored import Scored, group_means, mean

__all__ = ["CHOICE", "DISCIPLINES", "score_mmmu"]

DISCIPLINES = {
    "Art and Design": "Art Art_Theory Design Music",
    "Business": "Accounting Economics Finance Manage Marketing",
    "Science": "Biology Chemistry Geography Math Physics",
    "Health and Medicine": "Basic_Medical_Science Clinical_Medicine Diagnostics_and_Laboratory_Medicine Pharmacy "
    "Public_Health",
    "Humanities and Social Science": "History Literature Sociology Psychology",
    "Tech and Engineering": "Agriculture Architecture_and_Engineering Computer_Science Electronics Energy_and_Power "
    "Materials Mechanical_Engineering",
}
_DISCIPLINE = {subject: name for name, subjects in DISCIPLINES.items() for subject in subjects.split()}
CHOICE = "multiple-choice"
Truths = dict[str, tuple[bool, list[str]]]


def score_mmmu(gt: Path, pred: Sequence[Path]) -> Scored:
    """gt: answer_dict_val.json, {id: {"question_type", "ground_truth"}}.

    pred: one file {id: answer}, where a multiple choice is answered by its letter alone; or files of records with id,
    response and, for a multiple choice, all_choices and index2ans (one for each subject, or one for all), from which
    the letter is parsed. The truth is always that of gt. Every question needs one answer.
    """
    truths = {name: _truth(gt, name, value) for name, value in read_mapping(gt).items()}
    if not truths:
        raise DataError(gt, "there are no questions in it")
    right, chance = (_mapped if len(pred) == 1 and _is_mapping(pred[0]) else _parsed)(pred, truths)
    samples = {name: right[name] for name in truths}
    subject = {name: "_".join(name.split("_")[1:-1]) for name in truths}
    groups = {
        "discipline": group_means(samples, {k: _DISCIPLINE[s] for k, s in subject.items() if s in _DISCIPLINE}),
        "subject": group_means(samples, subject),
    }
    numbers = {"accuracy": mean(samples.values())}
    notes: tuple[str, ...] = ()
    if chance:
        numbers["accuracy_if_guessed"] = mean(chance.get(name, value) for name, value in samples.items())
        notes = (f"{len(chance)} of {len(truths)} answers name no choice and count as wrong",)
    return Scored(numbers, samples, groups, notes)


def _truth(gt: Path, name: str, value: Any) -> tuple[bool, list[str]]:
    """Whether it is a multiple choice, and its true answers."""
    if not isinstance(value, dict) or "ground_truth" not in value or "question_type" not in value:
        raise DataError(gt, f"'question_type' and 'ground_truth' are wanted, not {show(value)}", name)
    truth = value["ground_truth"]
    texts = truth if isinstance(truth, list) else [truth]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise DataError(gt, f"'ground_truth' must be a string or a list of them, not {show(truth)}", name)
    return value["question_type"] == CHOICE, texts


def _is_mapping(file: Path) -> bool:
    table = read_records(file, "id")
    return len(table) == 1 and not {"id", "response"} <= table.rows[0].keys()


def _mapped(pred: Sequence[Path], truths: Truths) -> tuple[dict[str, float], dict[str, float]]:
    rows = [{"id": name, "response": value} for name, value in read_mapping(pred[0]).items()]
    said = answer_texts(Table(pred[0], rows, "", "id"), truths, ("id",), ("response",))
    right = {}
    for name, (choice, texts) in truths.items():
        right[name] = float(said[name] in texts if choice else open_answer_is_right(parse_open(said[name]), texts))
    return right, {}


def _parsed(pred: Sequence[Path], truths: Truths) -> tuple[dict[str, float], dict[str, float]]:
    right: dict[str, float] = {}
    chance: dict[str, float] = {}
    for file in pred:
        table = read_records(file, "id")
        wanted = [name for name in table.column("id") if isinstance(name, str) and name in truths]
        for row, (name, text) in enumerate(answer_texts(table, dict.fromkeys(wanted), ("id",), ("response",)).items()):
            if name in right:
                table.fail(row, "another file has an answer to this question too")
            choice, texts = truths[name]
            if not choice:
                right[name] = float(open_answer_is_right(parse_open(text), texts))
                continue
            options = _options(table, row)
            letter = parse_choice(text, options)
            right[name] = float(letter in texts)
            if letter is None:
                chance[name] = 1 / len(options)
    lacking = next((name for name in truths if name not in right), None)
    if lacking is not None:
        raise DataError(pred[0], f"question {lacking} has no answer in any of the files; every question needs one")
    return right, chance


def _options(table: Table, row: int) -> dict[str, str]:
    record = table.rows[row]
    letters, texts = record.get("all_choices"), record.get("index2ans")
    if not isinstance(letters, list) or not letters or not isinstance(texts, dict):
        table.fail(row, "'all_choices' (a list) and 'index2ans' (an object) are wanted for a multiple choice")
    if not all(isinstance(letter, str) and isinstance(texts.get(letter), str) for letter in letters):
        table.fail(row, "each of 'all_choices' must have its text in 'index2ans'")
    return {letter: texts[letter] for letter in letters}
