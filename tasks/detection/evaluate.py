"""COCO average precision and recall by an official evaluator, and the same metrics over any resample of the images."""

from __future__ import annotations

import contextlib
import gc
import io
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.base import Metric, Statistics, check_evaluator, check_weights
from rewardmark.tasks.detection.records import Results, Truths

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.detection.accumulate import Events

__all__ = ["METRICS", "DetectionStatistics", "collector_off", "evaluate", "tide_errors"]

IOU_TYPES = ("bbox", "segm")

#: name -> (is precision, IoU threshold or None for the mean over .50:.05:.95, area range, most detections an image)
_SUMMARY: dict[str, tuple[bool, float | None, int, int]] = {
    "AP": (True, None, 0, 2),
    "AP50": (True, 0.5, 0, 2),
    "AP75": (True, 0.75, 0, 2),
    "APs": (True, None, 1, 2),
    "APm": (True, None, 2, 2),
    "APl": (True, None, 3, 2),
    "AR1": (False, None, 0, 0),
    "AR10": (False, None, 0, 1),
    "AR100": (False, None, 0, 2),
    "ARs": (False, None, 1, 2),
    "ARm": (False, None, 2, 2),
    "ARl": (False, None, 3, 2),
}
METRICS = tuple(Metric(name, higher_is_better=True, unit="0..1") for name in _SUMMARY)
#: The thresholds of COCO; 0.9 is 0.8999999999999999 here as it is in pycocotools.
IOU_THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10, endpoint=True)
AREA_RANGES = ((0.0, 1e10), (0.0, 1024.0), (1024.0, 9216.0), (9216.0, 1e10))
MAX_DETECTIONS: NDArray[np.int64] = np.array([1, 10, 100])


def evaluate(
    truths: Truths, results: Results, iou_type: str = "bbox", evaluator: str = "hotcoco"
) -> DetectionStatistics:
    """Match detections to truths and accumulate, by `evaluator` ("hotcoco" or "pycocotools"), which agree bit for bit.

    No detections at all score 0 (pycocotools itself raises). Without truths a number is -1, as pycocotools has it.
    Raises RewardmarkError for an unknown evaluator or iou_type, or masks asked of records without segmentations.
    """
    check_evaluator(evaluator)
    if iou_type not in IOU_TYPES:
        raise RewardmarkError(f"detection has no iou type {iou_type!r}; use {' or '.join(IOU_TYPES)}")
    if iou_type == "segm" and (truths.segmentations is None or (len(results) and results.segmentations is None)):
        raise RewardmarkError("iou type segm needs a segmentation in every truth and every detection")
    run = _hotcoco if evaluator == "hotcoco" else _pycocotools
    images = np.sort(np.array([image["id"] for image in truths.images], dtype=np.int64))
    categories = np.sort(np.array([category["id"] for category in truths.categories], dtype=np.int64))
    judge = run(*_by_rank(truths, results, images, categories), iou_type)
    return DetectionStatistics(judge, images, len(categories))


def tide_errors(truths: Truths, results: Results) -> dict[str, Any]:
    """TIDE's error types by hotcoco (Bolya et al. 2020, arXiv:2008.08115): `delta_ap`, what AP at IoU 0.5 would gain by
    mending each of Cls, Loc, Both, Dupe, Bkg, Miss, and all false positives (FP) or negatives (FN); `counts` of the
    first six; `ap_base`; `pos_thr` and `bg_thr`, the IoU of a hit and of background."""
    images = np.sort(np.array([image["id"] for image in truths.images], dtype=np.int64))
    categories = np.sort(np.array([category["id"] for category in truths.categories], dtype=np.int64))
    found: dict[str, Any] = _hotcoco(*_by_rank(truths, results, images, categories), "bbox").tide_errors()
    return found


def _by_rank(
    truths: Truths, results: Results, images: NDArray[np.int64], categories: NDArray[np.int64]
) -> tuple[Truths, Results]:
    """The same records with ids replaced by their ranks 1, 2, ...

    Only the order of ids means anything to the evaluators, and so any 64-bit id can be used: hotcoco wants ids above
    0, and its table of results holds them as floats.
    """
    ranks = np.searchsorted(images, [image["id"] for image in truths.images]) + 1
    return (
        replace(
            truths,
            images=[{**image, "id": rank} for image, rank in zip(truths.images, ranks.tolist(), strict=True)],
            categories=[{"id": rank + 1, "name": str(rank + 1)} for rank in range(len(categories))],
            ids=np.arange(len(truths)) + 1,
            image_ids=np.searchsorted(images, truths.image_ids) + 1,
            category_ids=np.searchsorted(categories, truths.category_ids) + 1,
        ),
        replace(
            results,
            image_ids=np.searchsorted(images, results.image_ids) + 1,
            category_ids=np.searchsorted(categories, results.category_ids) + 1,
        ),
    )


def _hotcoco(truths: Truths, results: Results, iou_type: str) -> Any:
    import hotcoco

    if iou_type == "segm":
        ground = hotcoco.COCO(truths.to_coco())
        found = ground.load_res(results.to_coco())
    else:
        ground = hotcoco.COCO.from_arrays(
            truths.images,
            truths.categories,
            truths.image_ids,
            truths.category_ids,
            truths.boxes,
            ids=truths.ids,
            area=truths.areas,
            iscrowd=truths.is_crowd,
        )
        found = ground.load_res(results.to_array() if len(results) else [])
    judge = hotcoco.COCOeval(ground, found, iou_type)
    judge.evaluate()
    judge.accumulate()
    return judge


def _pycocotools(truths: Truths, results: Results, iou_type: str) -> Any:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # it narrates each step
        ground = COCO()
        ground.dataset = truths.to_coco()
        ground.createIndex()
        if len(results):
            found = ground.loadRes(results.to_coco())
        else:  # loadRes([]) raises: an empty result set is made by hand
            found = COCO()
            found.dataset = {"images": truths.images, "categories": truths.categories, "annotations": []}
            found.createIndex()
        judge = COCOeval(ground, found, iou_type)
        judge.evaluate()
        judge.accumulate()
    return judge


class DetectionStatistics(Statistics):
    """An evaluator's matches of each image. Images stand in rising order of id, the order in which COCO breaks ties."""

    def __init__(self, judge: Any, image_ids: NDArray[np.int64], categories: int) -> None:
        self.image_ids, self.categories = image_ids, categories
        self._judge = judge
        self._matches: _Matches | None = None
        if len(image_ids) and categories:
            arrays = judge.eval
            self._official = summarize(np.asarray(arrays["precision"]), np.asarray(arrays["recall"]))
        else:  # nothing to evaluate: hotcoco has no arrays then
            self._official = dict.fromkeys(_SUMMARY, -1.0)

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def matches(self) -> _Matches:
        """The matches as columns, read from the evaluator when first asked for."""
        if self._matches is None:
            with collector_off():
                self._matches = _Matches(self._judge, len(self.image_ids), self.categories)
            self._judge = None
        return self._matches

    def metrics(self, weights: NDArray[Any] | None = None) -> dict[str, float]:
        """AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl in 0..1; -1 where no truth asks for them.

        With weights: equal to the evaluator on a data set where the copies of an image stand next to one another.
        """
        if weights is None:
            return dict(self._official)
        counts = check_weights(weights, len(self))
        return summarize(*self.matches.weighted(counts))

    def per_sample(self) -> dict[str, NDArray[np.float64]]:
        """score: COCO AP of each image alone (NaN without a countable truth); AP50 likewise."""
        by_threshold = self.matches.image_precision()
        return {"score": by_threshold.mean(axis=1), "AP50": by_threshold[:, 0]}

    def calibration(self, bins: int = 10) -> dict[str, Any]:
        """The reliability of the scores at IoU 0.5, as hotcoco's `COCOeval.calibration` has it (the same numbers from
        either evaluator's matches): detections that COCO ignores are left out."""
        from hotcoco import metrics

        scores, true = self.matches.judged()
        ece, mce = metrics.calibration_error(scores, true, bins)
        curve = metrics.calibration_curve(scores, true, bins)
        return {"ece": ece, "mce": mce, "iou_threshold": float(IOU_THRESHOLDS[0]), "bins": curve}


@contextlib.contextmanager
def collector_off() -> Iterator[None]:
    """No search for cycles meanwhile: among the million lists of an evaluator's matches it takes half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Matches:
    """Rows of detections sorted as COCO's accumulate step wants them, for each (category, area range) group."""

    def __init__(self, judge: Any, images: int, categories: int) -> None:
        self.images, self.categories = images, categories
        area_at = {area: n for n, area in enumerate(AREA_RANGES)}
        keys, counts, positives, scores, matched, ignored = [], [], [], [], [], []
        for entry in judge.evalImgs:
            if entry is None:
                continue
            area = area_at[(float(entry["aRng"][0]), float(entry["aRng"][1]))]
            keys.append((int(entry["category_id"]) - 1, area, int(entry["image_id"]) - 1))  # ids are ranks from 1
            counts.append(len(entry["dtScores"]))
            positives.append(sum(1 for ignore in entry["gtIgnore"] if not ignore))
            scores.extend(entry["dtScores"])
            if entry["dtScores"]:
                matched.append(np.asarray(entry["dtMatches"]) != 0)
                ignored.append(np.asarray(entry["dtIgnore"]).astype(bool))
        key = np.array(keys, dtype=np.int64).reshape(-1, 3)
        self.entry_image = key[:, 2]
        self.entry_group = key[:, 0] * len(AREA_RANGES) + key[:, 1]
        self.entry_positives = np.array(positives, dtype=np.int64)
        count = np.array(counts, dtype=np.int64)
        self.entry_end = np.cumsum(count)
        self.entry_start = self.entry_end - count
        empty = np.zeros((len(IOU_THRESHOLDS), 0), dtype=bool)
        match = np.concatenate([empty, *matched], axis=1)
        ignore = np.concatenate([empty, *ignored], axis=1)
        self.true, self.false = match & ~ignore, ~match & ~ignore

        entry_of = np.repeat(np.arange(len(count)), count)
        image, group = self.entry_image[entry_of], self.entry_group[entry_of]
        rank = np.arange(len(entry_of)) - self.entry_start[entry_of]
        negated = -np.array(scores, dtype=np.float64)
        order = np.lexsort((rank, image, negated, group))
        self.group, self.image, self.rank, self.scores = group[order], image[order], rank[order], -negated[order]
        self.order = order

    @cached_property
    def events(self) -> Events:
        from rewardmark.tasks.detection.accumulate import Events

        true, false = self.true[:, self.order], self.false[:, self.order]
        groups = self.categories * len(AREA_RANGES)
        return Events.of(self.group, self.image, self.rank, self.scores, true, false, groups, MAX_DETECTIONS)

    def judged(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Scores [P] of the detections that count at IoU 0.5 and any area, and whether each is right."""
        true, false = self.true[0, self.order], self.false[0, self.order]
        keep = (self.group % len(AREA_RANGES) == 0) & (true | false)
        return self.scores[keep], true[keep]

    def weighted(self, weights: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """COCO's precision [T, R, K, A, 1] and recall [T, K, A, M] with images counted `weights` times."""
        from rewardmark.tasks.detection.accumulate import weighted_curves

        groups = self.categories * len(AREA_RANGES)
        weighted_truths = self.entry_positives * weights[self.entry_image]
        positives = np.bincount(self.entry_group, weights=weighted_truths, minlength=groups).astype(np.int64)
        curves = weighted_curves(self.events, positives, weights, len(IOU_THRESHOLDS), len(MAX_DETECTIONS))
        shape = (self.categories, len(AREA_RANGES), len(IOU_THRESHOLDS))
        precision, recall = (np.moveaxis(curve.reshape(*shape, -1), (2, 3), (0, 1)) for curve in curves)
        return precision[..., None], np.moveaxis(recall, 1, -1)

    def image_precision(self) -> NDArray[np.float64]:
        """Interpolated precision [n, T] of each image alone over the categories it has; NaN where it has none."""
        from rewardmark.tasks.detection.accumulate import RECALL_THRESHOLDS, image_precision

        take = np.flatnonzero((self.entry_group % len(AREA_RANGES) == 0) & (self.entry_positives > 0))
        values = image_precision(
            self.entry_start[take],
            self.entry_end[take],
            self.entry_positives[take],
            self.true,
            self.false,
            RECALL_THRESHOLDS,
        )
        total, seen = np.zeros((self.images, len(IOU_THRESHOLDS))), np.zeros((self.images, 1))
        np.add.at(total, self.entry_image[take], values)
        np.add.at(seen, self.entry_image[take], 1)
        return np.where(seen > 0, total / np.maximum(seen, 1), np.nan)


def summarize(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> dict[str, float]:
    """The twelve numbers from COCO's arrays precision [T, R, K, A, M] and recall [T, K, A, M]; -1 marks "no truth"."""
    out = {}
    for name, (is_precision, threshold, area, depth) in _SUMMARY.items():
        values = precision[:, :, :, area, -1] if is_precision else recall[:, :, area, depth]
        if threshold is not None:
            values = values[threshold == IOU_THRESHOLDS]
        valid = values[values > -1]
        out[name] = float(np.mean(valid)) if valid.size else -1.0
    return out
