"""Detection: TIDE's error types, AP with one part of the predictions put right, and the reliability of the scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.tasks.base import get_task
from rewardmark.tasks.detection.evaluate import evaluate, tide_errors
from rewardmark.tasks.detection.records import Results, Truths

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.coco import CocoSplit

__all__ = ["explain", "oracles"]

BACKGROUND = 0.1
"""IoU below which a box has found nothing, as TIDE has it."""


def explain(split: CocoSplit, predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """errors: AP50 that mending each of TIDE's types would give; counts: how many there are of each; oracles: AP as it
    is and with confidences, classes or boxes put right (`oracles`); boxes: predicted and true boxes an image;
    calibration: expected calibration error; reliability: the curve behind it."""
    from rewardmark.tasks.score.detection import read_truths

    truths = read_truths(split.annotation_path("instances")).of_images(np.asarray(split.image_ids))
    results = _results(split, predictions, truths)
    tide = tide_errors(truths, results)
    official = evaluate(truths, results)
    calibration = official.calibration()
    changed = oracles(truths, results)
    images = max(1, len(split))
    return {
        "errors": {name: float(tide["delta_ap"][name]) for name in _ORDER},
        "counts": {name: int(tide["counts"][name]) for name in _ORDER if name in tide["counts"]},
        "oracles": {
            "AP": official.metrics()["AP"],
            **{name: evaluate(truths, made).metrics()["AP"] for name, made in changed.items()},
        },
        "boxes": {"predicted": len(results) / images, "true": float((~truths.is_crowd).sum()) / images},
        "calibration": {"expected_error": float(calibration["ece"]), "largest_error": float(calibration["mce"])},
        "reliability": calibration["bins"],
    }


_ORDER = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss", "FP", "FN")


def _results(split: CocoSplit, predictions: list[dict[str, Any]], truths: Truths) -> Results:
    from rewardmark.rewards.types import Boxes
    from rewardmark.tasks.detection.task import DetectionTask

    task = get_task("detection")
    assert isinstance(task, DetectionTask)
    ids = {str(category["name"]): int(category["id"]) for category in split.categories}
    batch = Boxes.from_lists(
        [p["boxes"] for p in predictions],
        [[ids[name] for name in p["labels"]] for p in predictions],
        [p["scores"] for p in predictions],
    )
    return task.results(split, np.asarray(split.image_ids), batch, truths)


def oracles(truths: Truths, results: Results) -> dict[str, Results]:
    """The same detections with one part put right; crowds put nothing right.

    confidences: each score becomes the box's best IoU with a truth of its own class (0 without one).
    classes: each class becomes that of the truth with the best IoU, where any overlaps.
    boxes: in each image and class, by falling score, a box becomes the free truth that it overlaps best, if by
    IoU >= 0.1, and that truth is taken; other boxes stay (so duplicates stay duplicates).
    """
    assert results.boxes is not None
    scores, classes, boxes = np.zeros(len(results)), results.category_ids.copy(), results.boxes.copy()
    true_rows = _by_image(truths.image_ids, ~truths.is_crowd)
    none = np.zeros(0, dtype=np.int64)
    for image, rows in _by_image(results.image_ids).items():
        true = true_rows.get(image, none)
        if not len(true):
            continue
        iou = _iou(results.boxes[rows], truths.boxes[true])
        same = results.category_ids[rows][:, None] == truths.category_ids[true][None, :]
        scores[rows] = np.where(same, iou, 0.0).max(axis=1)
        best = iou.argmax(axis=1)
        found = iou.max(axis=1) > 0
        classes[rows[found]] = truths.category_ids[true[best[found]]]
        free = np.where(same, iou, 0.0)
        for k in np.argsort(-results.scores[rows], kind="stable"):
            t = int(free[k].argmax())
            if free[k, t] >= BACKGROUND:
                boxes[rows[k]] = truths.boxes[true[t]]
                free[:, t] = 0.0
    return {
        "confidences": replace(results, scores=scores),
        "classes": replace(results, category_ids=classes),
        "boxes": replace(results, boxes=boxes),
    }


def _by_image(image_ids: NDArray[np.int64], keep: NDArray[np.bool_] | None = None) -> dict[int, NDArray[np.int64]]:
    rows = np.arange(len(image_ids)) if keep is None else np.flatnonzero(keep)
    order = rows[np.argsort(image_ids[rows], kind="stable")]
    images, starts = np.unique(image_ids[order], return_index=True)
    return dict(zip(images.tolist(), np.split(order, starts[1:]), strict=True)) if len(images) else {}


def _iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    from hotcoco import mask

    return np.asarray(mask.bbox_iou(first, second, np.zeros(len(second), dtype=np.uint8)))
