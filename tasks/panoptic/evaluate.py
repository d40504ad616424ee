"""Panoptic quality by hotcoco, and the per-image sums behind it, so that any resample of the images can be scored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.base import Metric, Statistics, check_weights
from rewardmark.tasks.panoptic.records import PanopticSet, SegmentList

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "METRICS",
    "PanopticStatistics",
    "agrees_with_itself",
    "count_image",
    "evaluate",
    "match_image",
    "official",
    "quality",
]

METRICS = tuple(Metric(name, higher_is_better=True, unit="0..1") for name in ("PQ", "SQ", "RQ", "PQ_th", "PQ_st"))

IOU, TP, FP, FN = range(4)


def official(truths: PanopticSet, predictions: PanopticSet, gt_folder: Path, pred_folder: Path) -> dict[str, float]:
    """PQ, SQ, RQ, PQ_th, PQ_st in 0..1 as hotcoco computes them; -1 where no category of the group occurs at all
    (panopticapi divides by zero there). Raises ValueError or OSError for predictions that hotcoco refuses."""
    if not truths.segments:
        return dict.fromkeys((metric.name for metric in METRICS), -1.0)
    found = _hotcoco(truths, predictions, gt_folder, pred_folder)
    return {
        "PQ": found["All"]["pq"],
        "SQ": found["All"]["sq"],
        "RQ": found["All"]["rq"],
        "PQ_th": found["Things"]["pq"],
        "PQ_st": found["Stuff"]["pq"],
    }


def agrees_with_itself(truths: PanopticSet, folder: Path) -> bool:
    """Whether the truth, taken as a prediction of itself without crowds, is perfect.

    hotcoco refuses a prediction whose PNG and JSON disagree about the segments, and finds an IoU other than 1 where the
    JSON claims another area than the PNG shows: a check of every truth without decoding a PNG in Python.
    Raises ValueError or OSError as `official` does.
    """
    if not truths.segments:
        return True
    plain = {i: replace(s, is_crowd=np.zeros(len(s.ids), dtype=bool)) for i, s in truths.segments.items()}
    alone = replace(truths, segments=plain)
    classes = _hotcoco(alone, alone, folder, folder)["per_class"].values()
    return all(c["iou"] == c["tp"] and c["fp"] == c["fn"] == 0 for c in classes)


def _hotcoco(truths: PanopticSet, predictions: PanopticSet, gt_folder: Path, pred_folder: Path) -> dict[str, Any]:
    from hotcoco import panoptic

    image_ids = list(truths.segments)
    judge = panoptic.PanopticEval(
        truths.to_coco(image_ids),
        {"annotations": [predictions.segments[i].to_coco(i) for i in image_ids]},
        gt_folder=str(gt_folder),
        pred_folder=str(pred_folder),
    )
    judge.evaluate()
    found: dict[str, Any] = judge.results()
    return found


def evaluate(
    truth_maps: list[NDArray[Any]],
    truths: list[SegmentList],
    maps: list[NDArray[Any]],
    predictions: list[SegmentList],
    categories: list[dict[str, Any]],
    official_numbers: dict[str, float] | None = None,
) -> PanopticStatistics:
    """Statistics of images whose id maps [H, W] and segments are given; the official numbers are kept beside them."""
    rows = [
        count_image(*arguments, categories) for arguments in zip(truth_maps, truths, maps, predictions, strict=True)
    ]
    counts = np.stack(rows) if rows else np.zeros((0, len(categories), 4))
    return PanopticStatistics(counts, categories, official_numbers)


def count_image(
    truth_map: NDArray[Any],
    truth: SegmentList,
    predicted_map: NDArray[Any],
    predicted: SegmentList,
    categories: list[dict[str, Any]],
) -> NDArray[np.float64]:
    """Sum of matched IoU, TP, FP, FN of one image by category, float64 [K, 4]: the sums over `match_image`."""
    found = match_image(truth_map, truth, predicted_map, predicted)
    slot = {int(category["id"]): k for k, category in enumerate(categories)}
    out = np.zeros((len(categories), 4))
    for t, _, iou in found.pairs:
        row = out[slot[int(truth.category_ids[t])]]
        row[IOU] += iou
        row[TP] += 1
    for t in found.missed:
        out[slot[int(truth.category_ids[t])], FN] += 1
    for p in found.false:
        out[slot[int(predicted.category_ids[p])], FP] += 1
    return out


@dataclass(frozen=True)
class Matched:
    """One image's segments by fate: pairs (truth, prediction, IoU), missed truths and false predictions, all by their
    place in the lists; areas in pixels: true_areas [T], areas [P]."""

    pairs: list[tuple[int, int, float]]
    missed: list[int]
    false: list[int]
    true_areas: NDArray[np.float64]
    areas: NDArray[np.float64]


def match_image(
    truth_map: NDArray[Any], truth: SegmentList, predicted_map: NDArray[Any], predicted: SegmentList
) -> Matched:
    """Which segments of one image match, by panopticapi's rules.

    A pair matches when the categories agree, the truth is no crowd, and IoU > 0.5, the union leaving out what of the
    prediction lies on void. An unmatched prediction that lies for more than half on void and on the last crowd of its
    category is no false positive; an unmatched crowd is no miss. Areas: the truth's from its JSON (from the pixels
    where it has none), the prediction's from its pixels.
    """
    overlap = overlaps(truth_map, truth.ids, predicted_map, predicted.ids)
    pairs, on_void = overlap[1:, 1:], overlap[0, 1:]
    areas = overlap.sum(axis=0)[1:]
    true_areas = np.where(truth.areas >= 0, truth.areas, overlap.sum(axis=1)[1:])
    same = truth.category_ids[:, None] == predicted.category_ids[None, :]
    union = areas[None, :] + true_areas[:, None] - pairs - on_void[None, :]
    iou = np.divide(pairs, union, out=np.zeros_like(pairs), where=union > 0)
    match = same & ~truth.is_crowd[:, None] & (iou > 0.5)

    matched = [(int(t), int(p), float(iou[t, p])) for t, p in zip(*np.nonzero(match), strict=True)]
    missed, false = [], []
    crowds: dict[int, int] = {}
    for t in np.flatnonzero(~match.any(axis=1)):
        if truth.is_crowd[t]:
            crowds[int(truth.category_ids[t])] = int(t)  # only the last one counts
        else:
            missed.append(int(t))
    for p in np.flatnonzero(~match.any(axis=0) & (areas > 0)):
        category = int(predicted.category_ids[p])
        excused = on_void[p] + (pairs[crowds[category], p] if category in crowds else 0)
        if not excused / areas[p] > 0.5:
            false.append(int(p))
    return Matched(matched, missed, false, true_areas, areas)


def overlaps(
    truth_map: NDArray[Any], truth_ids: NDArray[Any], predicted_map: NDArray[Any], predicted_ids: NDArray[Any]
) -> NDArray[np.float64]:
    """Pixels [T + 1, P + 1] that each pair of segments shares; row and column 0 are void and whatever is not listed."""
    if truth_map.shape != predicted_map.shape:
        raise RewardmarkError(f"panoptic: a map of {predicted_map.shape} was predicted for one of {truth_map.shape}")
    pair, pixels = pair_counts(truth_map, predicted_map)
    row = _slots(pair >> 32, truth_ids)
    column = _slots(pair & 0xFFFFFFFF, predicted_ids)
    out = np.zeros((len(truth_ids) + 1, len(predicted_ids) + 1))
    np.add.at(out, (row, column), pixels)
    return out


def pair_counts(truth_map: NDArray[Any], predicted_map: NDArray[Any]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The distinct pairs (truth id << 32 | predicted id) and how many pixels each covers.

    Runs of equal pixels are found first: an image has thousands of times fewer runs than it would take to sort pixels.
    """
    pair = (truth_map.astype(np.uint64) << np.uint64(32) | predicted_map.astype(np.uint64)).ravel()
    start = np.flatnonzero(np.append(True, pair[1:] != pair[:-1])) if pair.size else np.zeros(0, dtype=np.int64)
    distinct, inverse = np.unique(pair[start], return_inverse=True)
    lengths = np.diff(np.append(start, pair.size))
    return distinct, np.bincount(inverse, weights=lengths, minlength=len(distinct)).astype(np.int64)


def _slots(values: NDArray[Any], ids: NDArray[Any]) -> NDArray[np.int64]:
    """1 + the position of each value in `ids`, 0 where it is not there."""
    if not len(ids):
        return np.zeros(len(values), dtype=np.int64)
    order = np.argsort(ids)
    at = np.minimum(np.searchsorted(ids[order], values), len(ids) - 1)
    return np.where(ids[order][at] == values, order[at] + 1, 0)


class PanopticStatistics(Statistics):
    """Sums by image and category: counts [n, K, 4] of matched IoU, TP, FP and FN."""

    def __init__(
        self,
        counts: NDArray[np.float64],
        categories: list[dict[str, Any]],
        official_numbers: dict[str, float] | None = None,
    ) -> None:
        self.counts = counts
        self.things = np.array([bool(category["isthing"]) for category in categories], dtype=bool)
        self._official = official_numbers if official_numbers is not None else self._quality(counts.sum(axis=0))

    def __len__(self) -> int:
        return len(self.counts)

    def metrics(self, weights: NDArray[Any] | None = None) -> dict[str, float]:
        """PQ, SQ, RQ, PQ_th, PQ_st in 0..1, means over the categories that occur; -1 where none does."""
        if weights is None:
            return dict(self._official)
        return self._quality(np.tensordot(check_weights(weights, len(self)), self.counts, axes=1))

    def per_sample(self) -> dict[str, NDArray[np.float64]]:
        """score: PQ of each image alone over the categories in it (NaN where there is none), and its SQ and RQ."""
        pq, sq, rq, seen = quality(self.counts)
        number = seen.sum(axis=1)
        return {
            name: np.where(number > 0, (values * seen).sum(axis=1) / np.maximum(number, 1), np.nan)
            for name, values in (("score", pq), ("SQ", sq), ("RQ", rq))
        }

    def _quality(self, sums: NDArray[np.float64]) -> dict[str, float]:
        pq, sq, rq, seen = quality(sums)

        def mean(values: NDArray[np.float64], among: NDArray[np.bool_]) -> float:
            return float(values[among].mean()) if among.any() else -1.0

        return {
            "PQ": mean(pq, seen),
            "SQ": mean(sq, seen),
            "RQ": mean(rq, seen),
            "PQ_th": mean(pq, seen & self.things),
            "PQ_st": mean(pq, seen & ~self.things),
        }


def quality(sums: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """PQ, SQ, RQ [..., K] and whether each category occurs, from sums [..., K, 4] of matched IoU, TP, FP, FN."""
    iou, tp, fp, fn = (sums[..., k] for k in range(4))
    total = tp + fp / 2 + fn / 2
    seen = total > 0
    divisor = np.where(seen, total, 1)
    return iou / divisor, iou / np.maximum(tp, 1), tp / divisor, seen
