"""MME: two yes/no questions an image; accuracy, accuracy+ (both right), and their sum a subtask.

Source: Fu et al. 2023 (arXiv:2306.13394); BradyFU/Awesome-Multimodal-Large-Language-Models, branch Evaluation,
tools/eval_tool/calculation.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rewardmark.rewards.errors import DataError
from rewardmark.tasks.score.table import show
from rewardmark.tasks.vlm.answers import answer_texts, read_records
from rewardmark.tasks.vlm.scored import Scored, mean

__all__ = ["COGNITION", "PERCEPTION", "Question", "mme_numbers", "mme_reading", "score_mme", "template_rows"]

PERCEPTION = (
    "existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark", "artwork", "OCR",
)  # fmt: skip
COGNITION = ("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning")


@dataclass(frozen=True)
class Question:
    """One question: its subtask, its image, what is asked, the truth (yes or no)."""

    subtask: str
    image: str
    text: str
    truth: str

    @property
    def key(self) -> str:
        return f"{self.subtask}/{self.image}/{self.text}"


def mme_reading(answer: str) -> str:
    """yes, no or other: what stands in the first four characters, in small letters; yes is looked for first.

    >>> [mme_reading(text) for text in ("Yes.", " No", "It is yes", "Unknown", "none", "")]
    ['yes', 'no', 'other', 'other', 'no', 'other']
    """
    begin = answer.lower()[:4]
    return "yes" if "yes" in begin else "no" if "no" in begin else "other"


def mme_numbers(questions: Sequence[Question], answers: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Numbers and the samples' scores (1 right, 0 not).

    Numbers: SUBTASK/accuracy and SUBTASK/accuracy+ in 0..1, SUBTASK/score = 100 x their sum (0..200), and `perception`
    and `cognition`, sums of those scores (up to 2000 and 800) where all their subtasks are there, else NaN. Raises
    RewardmarkError (DataError) where an image does not have exactly two questions of a subtask.
    """
    right = [float(mme_reading(answer) == q.truth) for q, answer in zip(questions, answers, strict=True)]
    images: dict[tuple[str, str], list[float]] = {}
    for question, value in zip(questions, right, strict=True):
        images.setdefault((question.subtask, question.image), []).append(value)
    for (subtask, image), values in images.items():
        if len(values) != 2:
            raise DataError(f"MME {subtask}", f"image {image} has {len(values)} questions; a pair is wanted")
    numbers: dict[str, float] = {}
    names = list(dict.fromkeys(question.subtask for question in questions))
    for name in sorted(names, key=_place):
        pairs = [values for (subtask, _), values in images.items() if subtask == name]
        accuracy, plus = mean(v for values in pairs for v in values), mean(float(sum(v) == 2) for v in pairs)
        numbers |= {f"{name}/accuracy": accuracy, f"{name}/accuracy+": plus, f"{name}/score": 100 * (accuracy + plus)}
    for kind, members in (("perception", PERCEPTION), ("cognition", COGNITION)):
        scores = [numbers.get(f"{name}/score", math.nan) for name in members]
        numbers[kind] = math.fsum(scores) if not any(map(math.isnan, scores)) else math.nan
    return numbers, {question.key: value for question, value in zip(questions, right, strict=True)}


def _place(name: str) -> int:
    order = (*PERCEPTION, *COGNITION)
    return order.index(name) if name in order else len(order)


def score_mme(pred: Path, gt: Path | None = None) -> Scored:
    """Score a folder of result files SUBTASK.txt (image, question, truth, answer: parted by tabs), as the tool does.

    gt: the folder of the tool's templates (the same files without answers): then each line must be its line, so that a
    result file cannot bring truths of its own. Or both are files of JSON lines: gt with question_id, category, image,
    question, answer, pred with question_id (the image's, or its own) and text.
    """
    if pred.is_dir():
        questions, answers = _folder(pred)
        notes: tuple[str, ...] = ()
        if gt is None:
            notes = ("the truths are those that the result files bring; --gt checks them against the templates",)
        else:
            _check(questions, _template(gt), pred, gt)
    else:
        if gt is None:
            raise DataError(pred, "this is a file: the questions are wanted too (--gt), or a folder of result files")
        questions, answers, notes = *_records(gt, pred), ()
    numbers, samples = mme_numbers(questions, answers)
    other = sum(mme_reading(answer) == "other" for answer in answers)
    if other:
        notes += (f"{other} of {len(answers)} answers begin with neither yes nor no and count as wrong",)
    return Scored(numbers, samples, {}, notes)


def _folder(folder: Path) -> tuple[list[Question], list[str]]:
    rows = [(q, fields[3]) for q, fields in _lines(folder, 4)]
    return [question for question, _ in rows], [answer for _, answer in rows]


def _template(folder: Path) -> list[Question]:
    if not folder.is_dir():
        raise DataError(folder, "there is no such folder; the tool's templates (SUBTASK.txt) are wanted")
    return [question for question, _ in _lines(folder, 3)]


def _lines(folder: Path, fields: int) -> list[tuple[Question, list[str]]]:
    return [
        (Question(file.stem, parts[0], parts[1], parts[2].strip().lower()), parts)
        for file, _, parts in template_rows(folder, fields)
    ]


def template_rows(folder: Path, fields: int) -> list[tuple[Path, int, list[str]]]:
    """(file, number of the line from 1, its parts) of the tool's SUBTASK.txt: image, question, truth, maybe an answer;
    at least `fields` of them."""
    files = sorted(folder.glob("*.txt"), key=lambda file: (_place(file.stem), file.name))
    if not files:
        raise DataError(folder, "there is no SUBTASK.txt in it")
    found: list[tuple[Path, int, list[str]]] = []
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise DataError(file, f"not UTF-8 text (byte {error.start})") from None
        if lines[-1] == "":
            lines.pop()
        for number, line in enumerate(lines, start=1):
            parts = line.split("\t")
            if len(parts) < fields or len(parts) > 4:
                wanted = "image, question, truth" + (", answer" if fields == 4 else "")
                raise DataError(file, f"{wanted}, parted by tabs, are wanted, not {show(line)}", f"line {number}")
            truth = parts[2].strip().lower()
            if truth not in ("yes", "no"):
                raise DataError(file, f"the truth must be yes or no, not {show(parts[2])}", f"line {number}")
            found.append((file, number, parts))
    return found


def _check(questions: list[Question], wanted: list[Question], pred: Path, gt: Path) -> None:
    truth = {question.key: question for question in wanted}
    seen = set()
    for question in questions:
        other = truth.get(question.key)
        if other is None:
            raise DataError(pred, f"{gt.name} has no such question", question.key)
        if other.truth != question.truth:
            raise DataError(pred, f"its truth is {other.truth} in {gt.name}, not {question.truth}", question.key)
        if question.key in seen:
            raise DataError(pred, "it is answered twice", question.key)
        seen.add(question.key)
    lacking = next((key for key in truth if key not in seen), None)
    if lacking is not None:
        raise DataError(pred, f"{lacking} of {gt.name} has no answer; every question needs one")


def _records(gt: Path, pred: Path) -> tuple[list[Question], list[str]]:
    """Questions and answers of JSON lines; `question_id` may be the image's, then the question itself tells which."""
    table = read_records(gt)
    if not len(table):
        raise DataError(gt, "there are no questions in it")
    subtasks, texts, truths = table.strings("category"), table.strings("question"), table.strings("answer")
    images = table.strings("image") if table.has("image").all() else table.strings("question_id")
    questions: dict[str, Question] = {}
    for row, (subtask, image, text, truth) in enumerate(zip(subtasks, images, texts, truths, strict=True)):
        said = truth.strip().lower().rstrip(".")
        if said not in ("yes", "no"):
            table.fail(row, f"'answer' must be yes or no, not {show(truth)}")
        question = Question(subtask, image, text, said)
        if question.key in questions:
            table.fail(row, "this question about this image stands twice")
        questions[question.key] = question
    answers = read_records(pred)
    by_question = answers.has("question").all() and answers.has("category").all() and len(answers) > 0
    if by_question:
        for record in answers.rows:
            image = record.get("image", record.get("question_id"))
            record["question_id"] = f"{record['category']}/{image}/{record['question']}"
        said_to = answer_texts(answers, questions, text_keys=("text", "prediction", "answer"))
        return list(questions.values()), [said_to[key] for key in questions]
    ids = [str(value) for value in table.column("question_id")]
    if len(set(ids)) != len(ids):
        raise DataError(pred, "question_id names two questions each: give 'category' and 'question' with every answer")
    said_to = answer_texts(answers, ids, text_keys=("text", "prediction", "answer"))
    return list(questions.values()), [said_to[name] for name in ids]
