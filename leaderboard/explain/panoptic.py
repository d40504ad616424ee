"""Panoptic segmentation: recognition and segmentation quality of things and stuff, of small and large segments."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.tasks.panoptic.evaluate import FN, FP, IOU, TP, Matched, match_image, quality
from rewardmark.tasks.panoptic.records import SegmentList

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.coco import CocoSplit

__all__ = ["SIZES", "explain", "size_of"]

SIZES = {"small": (0.0, 0.02), "medium": (0.02, 0.1), "large": (0.1, float("inf"))}
"""Areas as a share of the image, lower end included: a share means the same at 48 px as at 640."""


def explain(split: CocoSplit, predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """PQ, SQ and RQ, means over the categories that occur in the group: all; things, stuff; small (below 2% of the
    image), medium, large (10% and more). A matched or missed truth belongs to the group of its own area, a false
    positive to that of its own. A quality without a category is left out. segments: predicted and true ones an image.
    """
    from rewardmark.tasks.score.panoptic import read_panoptic_truths

    truths = read_panoptic_truths(split.annotation_path("panoptic"))
    slot = {int(category["id"]): k for k, category in enumerate(truths.categories)}
    things = np.array([bool(category["isthing"]) for category in truths.categories], dtype=bool)
    counts = {name: np.zeros((len(slot), 4)) for name in ("all", *SIZES)}
    predicted_total = true_total = 0
    for i, prediction in enumerate(predictions):
        truth = truths.segments[int(split.image_ids[i])]
        ids, _ = split.panoptic(i)
        painted, listed = _stored(prediction)
        found = match_image(ids, truth, painted, listed)
        predicted_total, true_total = predicted_total + len(listed.ids), true_total + int((~truth.is_crowd).sum())
        _count(counts, found, truth, listed, slot, ids.size)
    groups = {"all": _row(counts["all"])}
    groups |= {"things": _row(counts["all"][things]), "stuff": _row(counts["all"][~things])}
    groups |= {name: _row(counts[name]) for name in SIZES}
    images = max(1, len(predictions))
    return {
        **{name: row for name, row in groups.items() if row},
        "segments": {"predicted": predicted_total / images, "true": true_total / images},
    }


def size_of(area: float, pixels: int) -> str:
    """The group of a segment of `area` pixels in an image of `pixels`.

    >>> size_of(45, 2304), size_of(230, 2304), size_of(231, 2304)
    ('small', 'medium', 'large')
    """
    return next(name for name, (low, high) in SIZES.items() if low <= area / pixels < high)


def _count(
    counts: dict[str, NDArray[np.float64]],
    found: Matched,
    truth: SegmentList,
    listed: SegmentList,
    slot: dict[int, int],
    pixels: int,
) -> None:
    def add(segments: SegmentList, k: int, area: float, column: int, value: float = 1.0) -> None:
        for name in ("all", size_of(area, pixels)):
            counts[name][slot[int(segments.category_ids[k])], column] += value

    for t, _, iou in found.pairs:
        add(truth, t, found.true_areas[t], TP)
        add(truth, t, found.true_areas[t], IOU, iou)
    for t in found.missed:
        add(truth, t, found.true_areas[t], FN)
    for p in found.false:
        add(listed, p, found.areas[p], FP)


def _row(sums: NDArray[np.float64]) -> dict[str, float]:
    pq, sq, rq, seen = quality(sums)
    return {n: float(v[seen].mean()) for n, v in (("PQ", pq), ("SQ", sq), ("RQ", rq))} if seen.any() else {}


def _stored(prediction: dict[str, Any]) -> tuple[NDArray[Any], SegmentList]:
    """A stored prediction's ids [H, W] and segments."""
    from PIL import Image
    from rewardmark.leaderboard.board.pictures import decode_png

    rgb = np.asarray(Image.open(io.BytesIO(decode_png(prediction["png"]))).convert("RGB")).astype(np.int64)
    ids = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
    rows = prediction["segments"]
    return ids, SegmentList(
        "",
        np.array([row["id"] for row in rows], dtype=np.int64),
        np.array([row["category_id"] for row in rows], dtype=np.int64),
        np.zeros(len(rows), dtype=bool),
        np.full(len(rows), -1.0),
    )
