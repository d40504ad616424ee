"""COCO captions JSON and a caption result file in; CIDEr, BLEU, METEOR and ROUGE-L out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.captioning.evaluate import evaluate
from rewardmark.tasks.score.table import Table, read_json, show, top_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_caption_results", "read_references", "score_captioning"]


def score_captioning(gt: Path, pred: Path, meteor: bool = True) -> dict[str, float]:
    """CIDEr, Bleu_1..Bleu_4, METEOR, ROUGE_L of a result file. Every image of the truth needs exactly one caption.

    Raises DataError naming the file and the record for anything malformed; `meteor=False` leaves METEOR out.
    """
    image_ids, references = read_references(gt)
    captions = read_caption_results(pred, image_ids)
    numbers = evaluate(references, captions, meteor).metrics()
    return numbers if meteor else {name: value for name, value in numbers.items() if name != "METEOR"}


def read_references(file: Path) -> tuple[NDArray[np.int64], list[list[str]]]:
    """Image ids [n] of a captions JSON in the file's order, and each one's references; to have none is an error."""
    data = read_json(file)
    images = Table(file, top_level(file, data, "images"), "images")
    image_ids = images.integers("id")
    images.unique("id", image_ids, "image id")
    if not len(image_ids):
        raise DataError(file, "there are no images in it")
    table = Table(file, top_level(file, data, "annotations"), "annotations")
    owners = table.integers("image_id")
    table.known("image_id", owners, image_ids, "no image of this file has it")
    if len(table) and table.has("id").any():  # nothing reads them, but a repeated one means a file joined wrongly
        table.unique("id", table.integers("id"), "annotation id")
    position = {image_id: n for n, image_id in enumerate(image_ids.tolist())}
    references: list[list[str]] = [[] for _ in image_ids]
    for owner, text in zip(owners.tolist(), _captions(table), strict=True):
        references[position[owner]].append(text)
    for row, texts in enumerate(references):
        if not texts:
            images.fail(row, "the image has no reference caption in 'annotations'")
    return image_ids, references


def read_caption_results(file: Path, image_ids: NDArray[np.int64]) -> list[str]:
    """The caption of each image, in the order of `image_ids`, from a result file [{"image_id", "caption"}, ...]."""
    data: Any = read_json(file)
    if not isinstance(data, list):
        advice = (
            "its 'annotations' alone are wanted" if isinstance(data, dict) and "annotations" in data else show(data)
        )
        raise DataError(file, f"a result file is a JSON list of captions; this is not a list ({advice})")
    table = Table(file, data, "", id_key="image_id")
    owners = table.integers("image_id")
    table.known("image_id", owners, image_ids, "no image of the ground truth has it")
    table.unique("image_id", owners, "caption of image")
    captions = dict(zip(owners.tolist(), _captions(table), strict=True))
    missing = next((i for i in image_ids.tolist() if i not in captions), None)
    if missing is not None:
        raise DataError(file, f"image {missing} has no caption; every image of the ground truth needs one")
    return [captions[i] for i in image_ids.tolist()]


def _captions(table: Table) -> Sequence[str]:
    texts = table.strings("caption")
    table.each(_unwritable, texts)
    return texts


def _unwritable(text: str) -> str | None:
    """JSON can spell half of a character (a lone surrogate), which is no text."""
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"'caption' holds half a character (a lone surrogate) at place {error.start}"
    return None
