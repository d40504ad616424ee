"""COCO's average precision of single images: the metric itself, and VLM-R1's rewards made from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.detection_match import one_to_one, real_truths
from rewardmark.rewards.engine import on_cpu
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Boxes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["coco_ap", "coco_ap_float64", "od", "od_as_published", "od_length", "od_length_as_published"]

#: COCO's area ranges in square pixels, both ends included.
AREA_RANGES = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
#: An IoU computed in float32 may fall this much below the threshold that it equals.
ROUNDING = 1e-6
VLM_R1 = "om-ai-lab/VLM-R1, src/open-r1-multimodal/src/open_r1/grpo_jsonl.py"


def coco_ap_float64(
    predictions: Boxes,
    targets: Boxes,
    *,
    area: str = "all",
    max_detections: int = 100,
    iou_thresholds: Sequence[float] | None = None,
) -> Tensor:
    """The float64 core of `detection/coco-ap`: [B] float64, -1 where pycocotools gives -1 (no truth that counts).

    `iou_thresholds` are pycocotools' own .50:.05:.95 (of linspace) unless given.
    """
    import numpy as np

    if area not in AREA_RANGES:
        raise RewardmarkError(f"detection/coco-ap: area {area!r} is not one of {', '.join(AREA_RANGES)}")
    low, high = AREA_RANGES[area]
    thresholds = (
        np.linspace(0.5, 0.95, 10) if iou_thresholds is None else np.sort(np.asarray(iou_thresholds, np.float64))
    )
    levels = np.linspace(0.0, 1.00, 101)
    areas = targets.areas
    if areas is None:
        corners = targets.boxes.to(torch.float64)
        areas = (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1])
    crowd = torch.zeros_like(targets.mask) if targets.is_crowd is None else targets.is_crowd
    found = (predictions.boxes, predictions.labels, predictions.scores, predictions.mask)
    truth = (targets.boxes, targets.labels, crowd, areas, targets.mask)
    if not on_cpu(predictions.boxes, targets.boxes):
        from rewardmark.rewards._coco_ap_torch import coco_ap_on_device

        return coco_ap_on_device(*found, *truth, thresholds, levels, low, high, int(max_detections))

    from rewardmark.rewards._coco_ap_kernel import coco_ap_batch

    arrays = [np.ascontiguousarray(tensor.detach().numpy()) for tensor in (*found, *truth)]
    return torch.from_numpy(coco_ap_batch(*arrays, thresholds, levels, low, high, int(max_detections)))


@register_reward(
    "detection/coco-ap",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source="cocodataset/cocoapi, PythonAPI/pycocotools/cocoeval.py",
    status="metric",
    may_abstain=True,
    gamed_by=(
        "spam: low-scored boxes and boxes of classes without truth cost nothing",
        "duplicates: ranked last, they cost nothing",
        "filled up: so do boxes up to the number of truths",
    ),
)
def coco_ap(predictions: Boxes, targets: Boxes, *, area: str = "all", max_detections: int = 100) -> Tensor:
    """COCO AP of each image alone: mean over its truth's categories, IoU .50:.05:.95 and 101 recall levels.

    Equal to pycocotools run on that image (crowds, area ranges, score ties, maxDets included). `area` is all, small,
    medium or large. Returns [B] float32 in 0..1; NaN, unscored, where pycocotools gives -1: no truth that counts.
    Without predictions 0. A box or score that is not a number matches nothing and ranks last. `coco_ap_float64` gives
    the same before it is rounded.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> coco_ap(Boxes.from_lists([[[0, 0, 8, 8], [1, 1, 3, 3]]], [[1, 1]], [[0.9, 0.5]]), truth).tolist()
    [1.0]
    """
    result = coco_ap_float64(predictions, targets, area=area, max_detections=max_detections).to(torch.float32)
    return torch.where(result < 0, torch.nan, result)


@register_reward(
    "detection/od-as-published",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=f"{VLM_R1}, od_reward",
    status="published",
    twin="detection/od",
    defect="with all scores 1.0 the order of the list ranks the boxes: appended spam and duplicates cost nothing, "
    "nor do boxes of classes without truth",
    gamed_by=(
        "spam: appended boxes cost nothing",
        "duplicates: appended, they cost nothing",
        "filled up: so do boxes up to the number of truths",
    ),
)
def od_as_published(predictions: Boxes, targets: Boxes) -> Tensor:
    """VLM-R1's `od`: COCO AP of the image with every score 1.0; 1 where both lists are empty, 0 where one is.

    Boxes of classes without truth are left out. Returns [B] float32 in 0..1. Confidence is not looked at.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> od_as_published(Boxes.from_lists([[[0, 0, 8, 8], [1, 1, 3, 3]]], [[1, 1]]), truth).tolist()
    [1.0]
    """
    certain = Boxes(predictions.boxes, predictions.labels, predictions.mask.to(torch.float32), predictions.mask)
    plain = Boxes(targets.boxes, targets.labels, targets.scores, real_truths(targets))
    values = coco_ap_float64(certain, plain).to(torch.float32)
    truths, count = plain.mask.sum(1), predictions.mask.sum(1)
    both_empty = ((truths == 0) & (count == 0)).to(torch.float32)
    return torch.where((truths == 0) | (count == 0), both_empty, values)


@register_reward(
    "detection/od-length-as-published",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=f"{VLM_R1}, odLength_reward",
    status="published",
    twin="detection/od-length",
    defect="as od: while the list is no longer than the truth, wrong boxes after right ones cost nothing",
    gamed_by=("filled up: boxes up to the number of truths cost nothing",),
)
def od_length_as_published(predictions: Boxes, targets: Boxes) -> Tensor:
    """VLM-R1's `odLength`: `detection/od-as-published` times min(1, |truths| / |predictions|).

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> od_length_as_published(Boxes.from_lists([[[0, 0, 8, 8], [1, 1, 3, 3]]], [[1, 1]]), truth).tolist()
    [0.5]
    """
    return od_as_published(predictions, targets) * _length_factor(predictions, targets)


@register_reward(
    "detection/od",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=f"{VLM_R1}, od_reward; ties as one point of the curve: ours",
    status="mended",
    twin="detection/od-as-published",
)
def od(predictions: Boxes, targets: Boxes) -> Tensor:
    """AP of boxes that all have the same score, taken as one point of the precision-recall curve.

        R = mean over t in .50:.05:.95 and over classes c of precision_c(t) * recall_c(t)

    over the classes seen in the truth or the prediction, with one-to-one matching within a class in order of IoU
    (IoU >= t). Boxes with equal scores cannot be ranked, so no order of the list can hide the wrong ones; a class
    without truth is a class with precision 0. Crowd truths take no part. Returns [B] float32 in 0..1: 1 where truth
    and prediction are both empty, 0 where one is. Order and confidence do not matter.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> od(Boxes.from_lists([[[0, 0, 8, 8], [1, 1, 3, 3]]], [[1, 1]]), truth).tolist()
    [0.5]
    """
    real, named = real_truths(targets), predictions.mask
    steps = [0.5 + 0.05 * k - ROUNDING for k in range(10)]
    # Pairs are taken in order of IoU, so those below the lowest threshold change nothing above it.
    truth_iou = one_to_one(predictions, targets, iou_threshold=steps[0]).truth_iou  # [B, M]
    levels = torch.tensor(steps, dtype=truth_iou.dtype, device=truth_iou.device)
    if on_cpu(truth_iou):
        from rewardmark.rewards._match_kernel import tied_precision_batch

        parts = (truth_iou, targets.labels, real, predictions.labels, named, levels)
        arrays = (part.detach().contiguous().numpy() for part in parts)
        return torch.from_numpy(tied_precision_batch(*arrays)).to(torch.float32)
    twins = (targets.labels[:, :, None] == targets.labels[:, None, :]) & real[:, :, None] & real[:, None, :]
    gold = twins.sum(2)  # [B, M]: truths of each truth's class
    spent, classes_named = _counts(predictions.labels, named, targets.labels)
    hits = (truth_iou[:, :, None] >= levels).to(truth_iou.dtype)
    found = twins.to(truth_iou.dtype) @ hits  # [B, M, 10]
    share = real / gold.clamp(min=1)  # the truths of a class share one vote
    worth = (found**2).sum(2) / (gold * spent).clamp(min=1) * share
    classes = share.sum(1) + classes_named - (share * (spent > 0)).sum(1)
    value = worth.sum(1) / (10 * classes.clamp(min=1))
    return torch.where(classes > 0, value, 1.0).to(torch.float32)


def _counts(labels: Tensor, mask: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """How many slots in `mask` have each label of `wanted` [B, M], and how many different labels they have [B]."""
    if not labels.shape[1]:
        return torch.zeros_like(wanted), wanted.new_zeros(len(wanted))
    beyond = torch.maximum(
        labels.amax(1, keepdim=True), wanted.amax(1, keepdim=True) if wanted.shape[1] else labels[:, :1]
    )
    rising = torch.where(mask, labels, beyond + 1).sort(1).values
    ends = [torch.searchsorted(rising, wanted.contiguous(), right=side) for side in (True, False)]
    new = torch.ones_like(mask)
    new[:, 1:] = rising[:, 1:] != rising[:, :-1]
    return ends[0] - ends[1], (new & (rising <= beyond)).sum(1)


@register_reward(
    "detection/od-length",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=f"{VLM_R1}, odLength_reward; AP as in detection/od",
    status="mended",
    twin="detection/od-length-as-published",
)
def od_length(predictions: Boxes, targets: Boxes) -> Tensor:
    """`detection/od` times min(1, |truths| / |predictions|).

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> od_length(Boxes.from_lists([[[0, 0, 8, 8], [1, 1, 3, 3]]], [[1, 1]]), truth).tolist()
    [0.25]
    """
    return od(predictions, targets) * _length_factor(predictions, targets)


def _length_factor(predictions: Boxes, targets: Boxes) -> Tensor:
    truths, count = real_truths(targets).sum(1), predictions.mask.sum(1)
    return torch.where(count > truths, truths / count.clamp(min=1), 1.0)
