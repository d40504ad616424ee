"""RefCOCO, RefCOCO+, RefCOCOg: does the box that answers a referring expression overlap the true one by half?

Source: Yu et al. 2016 (arXiv:1608.00272); lichengunc/refer (the data); accuracy at IoU >= 0.5, areas without the extra
pixel of older tools. The rule is the reward grounding/acc50.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.score.table import Table, read_json, show, top_level
from rewardmark.tasks.vlm.answers import index_by, key_of, read_records
from rewardmark.tasks.vlm.scored import Scored, group_means, mean

__all__ = ["BOXES", "SCALES", "accuracy_at_half", "read_refs", "ref_table", "score_refcoco"]

BOXES = ("xywh", "xyxy")
SCALES = {"pixels": None, "unit": 1.0, "thousand": 1000.0}
_IDS = ("sent_id", "question_id", "id")
Box = tuple[float, float, float, float]


def accuracy_at_half(predicted: Sequence[Box | None], truths: Sequence[Box]) -> list[float]:
    """1 where the box has IoU >= 0.5 with the true one, else 0. Boxes: corners x0, y0, x1, y1; None: no box, 0.

    >>> accuracy_at_half([(0, 0, 8, 4), (0, 0, 8, 3.9), None], [(0, 0, 8, 8)] * 3)
    [1.0, 0.0, 0.0]
    """
    if not truths:
        return []
    from rewardmark.rewards._torch import torch
    from rewardmark.rewards.boxes import Boxes
    from rewardmark.rewards.registry import get_reward

    found = [[] if box is None else [list(box)] for box in predicted]
    said = Boxes.from_lists(found, [[-1] * len(boxes) for boxes in found], dtype=torch.float64)
    wanted = Boxes.from_lists([[list(box)] for box in truths], [[-1]] * len(truths), dtype=torch.float64)
    values: list[float] = get_reward("grounding/acc50")(said, wanted).tolist()
    return values


def score_refcoco(
    gt: Path,
    pred: Path,
    instances: Path | None = None,
    split: str | None = None,
    boxes: str = "xywh",
    scale: str = "pixels",
) -> Scored:
    """Accuracy over the sentences.

    gt: REFER's refs(...).p (with its instances.json), or the same records as JSON; or records with an id ("sent_id",
    "question_id" or "id") and a true "bbox" [x, y, width, height] in pixels. split: "testA", say; all without it.
    pred: a record for each sentence with its id and "bbox", null where the model named none; boxes: how those are
    written; scale: "pixels", "unit" (0..1 of the image) or "thousand" (0..1000 of it).
    """
    if boxes not in BOXES or scale not in SCALES:
        raise RewardmarkError(f"boxes are {' or '.join(BOXES)} and scales {', '.join(SCALES)}, not {boxes}, {scale}")
    truths, sizes, splits = read_refs(gt, instances, split)
    answers = read_records(pred, "sent_id")
    key = next((key for key in _IDS if len(answers) and key in answers.rows[0]), _IDS[0])
    answers.id_key = key
    rows = index_by(answers, key, "box for")
    for name, row in rows.items():
        if name not in truths:
            answers.fail(row, f"unknown {key} {show(name)}: no sentence of the truth has it")
    lacking = next((name for name in truths if name not in rows), None)
    if lacking is not None:
        raise DataError(pred, f"sentence {lacking} has no answer (null is one); every sentence needs one")
    said = [_box(answers, rows[name], boxes, SCALES[scale], sizes.get(name)) for name in truths]
    samples = dict(zip(truths, accuracy_at_half(said, list(truths.values())), strict=True))
    none = sum(box is None for box in said)
    notes = (f"{none} of {len(said)} sentences are answered without a box and count as wrong",) if none else ()
    groups = {"split": group_means(samples, splits)} if len(set(splits.values())) > 1 else {}
    return Scored({"accuracy": mean(samples.values())}, samples, groups, notes)


def read_refs(
    gt: Path, instances: Path | None = None, split: str | None = None
) -> tuple[dict[str, Box], dict[str, tuple[float, float]], dict[str, str]]:
    """The true box (corners) of each sentence, its image's width and height where known, and its split."""
    table = ref_table(gt)
    truths: dict[str, Box] = {}
    sizes: dict[str, tuple[float, float]] = {}
    splits: dict[str, str] = {}
    known: dict[int, tuple[Box, tuple[float, float] | None]] = {}
    if len(table) and "sentences" in table.rows[0]:
        if instances is None:
            raise DataError(gt, "its boxes stand in REFER's instances.json: give that too (--instances)")
        known = _instances(instances)
    for row, record in enumerate(table.rows):
        if split is not None and record.get("split") != split:
            continue
        if known:
            if record.get("ann_id") not in known:
                table.fail(row, f"'ann_id' {show(record.get('ann_id'))} is not in {instances}")
            box, size = known[record["ann_id"]]
            sentences = record.get("sentences")
            if not isinstance(sentences, list):
                table.fail(row, f"'sentences' must be a list, not {show(sentences)}")
            names = [key_of(s.get("sent_id")) if isinstance(s, dict) else None for s in sentences]
        else:
            box, size = _true_box(table, row), _size(record)
            names = [key_of(next((record[key] for key in _IDS if key in record), None))]
        for name in names:
            if name is None or name in truths:
                table.fail(row, "a sentence has no id" if name is None else f"duplicate sentence {name}")
            truths[name], splits[name] = box, str(record.get("split", ""))
            if size is not None:
                sizes[name] = size
    if not truths:
        raise DataError(gt, "there are no sentences in it" + (f" of split {split!r}" if split is not None else ""))
    return truths, sizes, splits


def ref_table(gt: Path) -> Table:
    """The records of REFER's refs(...).p, or of the same as JSON, or flat ones of a sentence each."""
    pickled = gt.suffix in (".p", ".pkl", ".pickle")
    records = _unpickled(gt) if pickled else read_records(gt, "sent_id").rows
    return Table(gt, records, "", "ref_id" if pickled else "sent_id")


class _Plain(pickle.Unpickler):
    """Reads lists, dicts, strings and numbers. A pickle that names anything else could run a program."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it names {module}.{name}; only lists, dicts, strings and numbers are read")


def _unpickled(file: Path) -> list[Any]:
    try:
        with file.open("rb") as stream:
            data = _Plain(stream, encoding="latin1").load()  # REFER's files are Python 2's
    except OSError as error:
        raise DataError(file, f"cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a broken pickle raises nearly anything
        raise DataError(file, f"not a pickle of plain records: {error}") from None
    if not isinstance(data, list):
        raise DataError(file, f"a list of refs is wanted, not {show(data)}")
    return data


def _instances(file: Path) -> dict[int, tuple[Box, tuple[float, float] | None]]:
    data = read_json(file)
    table = Table(file, top_level(file, data, "annotations"), "annotations")
    images = Table(file, top_level(file, data, "images"), "images")
    size_of = {image["id"]: _size(image) for image in images.rows if "id" in image}
    found: dict[int, tuple[Box, tuple[float, float] | None]] = {}
    corners = table.boxes()
    corners[:, 2:] += corners[:, :2]
    for number, owner, box in zip(
        table.integers("id").tolist(), table.column("image_id"), corners.tolist(), strict=True
    ):
        found[number] = (tuple(box), size_of.get(owner))
    return found


def _true_box(table: Table, row: int) -> Box:
    x, y, width, height = Table(table.file, [table.rows[row]], f"[{row}]").boxes()[0].tolist()
    return x, y, x + width, y + height


def _size(record: dict[str, Any]) -> tuple[float, float] | None:
    width, height = record.get("width"), record.get("height")
    if not isinstance(width, int | float) or not isinstance(height, int | float) or min(width, height) <= 0:
        return None
    return float(width), float(height)


def _box(table: Table, row: int, boxes: str, scale: float | None, size: tuple[float, float] | None) -> Box | None:
    """The box of an answer as corners in pixels; None where it has none, or one that is no box."""
    value = table.rows[row].get("bbox", table.rows[row])
    if value is None:
        return None
    if isinstance(value, dict):
        table.fail(row, "'bbox' is missing; null says that the model named no box")
    numbers = isinstance(value, list) and len(value) == 4
    if not numbers or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value):
        table.fail(row, f"'bbox' must be a list of four numbers, or null, not {show(value)}")
    x, y, a, b = map(float, value)
    if boxes == "xywh":
        a, b = x + a, y + b
    if scale is not None:
        if size is None:
            table.fail(row, "its image's width and height are not known: they are wanted to make pixels of the box")
        (width, height) = size
        x, y, a, b = x * width / scale, y * height / scale, a * width / scale, b * height / scale
    return x, y, a, b
