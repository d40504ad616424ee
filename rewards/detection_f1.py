"""F1 of boxes: with one-to-one matches at IoU thresholds, and Rex-Omni's soft form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rewardmark.rewards import geometry
from rewardmark.rewards._torch import torch
from rewardmark.rewards.detection_match import best_matches, one_to_one, real_truths
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Boxes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["f1", "soft_f1", "soft_f1_as_published"]

#: An IoU computed in float32 may fall this much below the threshold that it equals.
ROUNDING = 1e-6
THRESHOLDS = tuple(round(0.50 + 0.05 * k, 2) for k in range(10))
REX_OMNI = "IDEA-Research/Rex-Omni, finetuning/verl/configs/reward_func.py, BoxIoURewardFunction"


def _ratio(hits: Tensor, predictions: Boxes, targets: Boxes) -> Tensor:
    """2 hits / (|predictions| + |truths|): F1, and 1 where both lists are empty."""
    total = predictions.mask.sum(1) + real_truths(targets).sum(1)
    return torch.where(total > 0, 2 * hits / total.clamp(min=1), 1.0).to(torch.float32)


@register_reward(
    "detection/f1",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source="2 TP / (|P| + |G|) at COCO's IoU thresholds (van Rijsbergen 1979, ch. 7)",
    status="mended",
)
def f1(predictions: Boxes, targets: Boxes, *, thresholds: Sequence[float] = THRESHOLDS) -> Tensor:
    """F1 with one-to-one matches of the same class, averaged over IoU thresholds.

        R = mean_t 2 TP_t / (|predictions| + |truths|)

    Pairs are taken in order of IoU; a pair is a true positive at t when IoU >= t. Every other prediction, an inverted
    or empty box too, is a false positive. Crowd truths take no part. Returns [B] float32 in 0..1: 1 where truth and
    prediction are both empty, 0 where one is. Order and confidence do not matter.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> [round(v, 3) for v in f1(Boxes.from_lists([[[0, 0, 8, 8], [0, 0, 8, 8]]], [[1, 1]]), truth).tolist()]
    [0.667]
    """
    levels = sorted(threshold - ROUNDING for threshold in thresholds)
    # Pairs are taken in order of IoU, so those below the lowest threshold change nothing above it.
    truth_iou = one_to_one(predictions, targets, iou_threshold=levels[0]).truth_iou
    steps = torch.tensor(levels, dtype=truth_iou.dtype, device=truth_iou.device)
    passed = torch.searchsorted(steps, truth_iou, right=True) * (truth_iou > 0)
    return _ratio(passed.sum(1) / len(levels), predictions, targets)


@register_reward(
    "detection/soft-f1-as-published",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=REX_OMNI,
    status="published",
    twin="detection/soft-f1",
    defect="a duplicate keeps full precision (its issue 146); corners are put in order, so inverted boxes earn",
    gamed_by=(
        "duplicates: each counts as a right prediction",
        "inverted: corners are put in order",
        "spam of empty boxes, which are dropped",
    ),
)
def soft_f1_as_published(predictions: Boxes, targets: Boxes) -> Tensor:
    """Rex-Omni's box reward: F1 of soft recall (mean best IoU of the truths) and soft precision (of the predictions).

        R = mean_g max_p IoU, P = mean_p max_g IoU (same class), 2 P R / (P + R)

    Corners are first put in order and empty boxes dropped, as its parser does. Returns [B] float32 in 0..1; 1 where
    both are empty.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> soft_f1_as_published(Boxes.from_lists([[[8, 8, 0, 0], [0, 0, 8, 8]]], [[1, 1]]), truth).tolist()
    [1.0]
    """
    low = torch.minimum(predictions.boxes[..., :2], predictions.boxes[..., 2:])
    high = torch.maximum(predictions.boxes[..., :2], predictions.boxes[..., 2:])
    ordered = torch.cat([low, high], -1)
    kept = predictions.mask & geometry.well_formed(ordered)
    matches = best_matches(Boxes(ordered, predictions.labels, predictions.scores, kept), targets)
    truths, count = real_truths(targets).sum(1), kept.sum(1)
    recall = matches.overlap.sum(1) / truths.clamp(min=1)
    precision = matches.iou.sum(1) / count.clamp(min=1)
    value = 2 * precision * recall / (precision + recall).clamp(min=1e-12)
    return torch.where((truths == 0) & (count == 0), 1.0, value).to(torch.float32)


@register_reward(
    "detection/soft-f1",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=f"{REX_OMNI}; one prediction a truth: ours",
    status="mended",
    twin="detection/soft-f1-as-published",
)
def soft_f1(predictions: Boxes, targets: Boxes) -> Tensor:
    """Soft F1 in which a truth pays for one prediction only.

        R = 2 S / (|predictions| + |truths|),  S = sum over truths of the best IoU of a prediction that chose it

    where each prediction chooses its best truth of its class. A duplicate adds nothing to S and one to the
    denominator; so does an inverted or empty box. Returns [B] float32 in 0..1; 1 where both are empty.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> [round(v, 3) for v in soft_f1(Boxes.from_lists([[[8, 8, 0, 0], [0, 0, 8, 8]]], [[1, 1]]), truth).tolist()]
    [0.667]
    """
    return _ratio(best_matches(predictions, targets).truth_iou.sum(1), predictions, targets)
