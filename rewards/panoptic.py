"""Rewards for panoptic segmentation: the metric itself on one image, and the task-rewards paper's simpler sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.panoptic_core import count_segments, quality
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Segments

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["matched_iou", "pq"]


@register_reward(
    "panoptic/pq",
    task="panoptic",
    bounds=(0.0, 1.0),
    gold="panoptic/PQ",
    source="Kirillov et al. 2019 (arXiv:1801.00868), eq. 1; cocodataset/panopticapi, evaluation.py",
    status="metric",
    may_abstain=True,
)
def pq(predictions: Segments, targets: Segments) -> tuple[Tensor, dict[str, Tensor]]:
    """Panoptic quality of one image, averaged over the categories seen in its truth or prediction.

        PQ_c = sum_{matched} IoU / (TP + FP / 2 + FN / 2),  PQ = mean over categories with TP + FP + FN > 0

    by panopticapi's rules (void, crowds, strictly IoU > 0.5; see `count_segments`). Predictions, targets: Segments.
    Returns [B] float32 in 0..1 and the components `matched`, `missed`, `extra` (segments). NaN, unscored, where neither
    the truth nor the prediction has a segment that counts. Renaming or reordering segment ids changes nothing.

    >>> truth = Segments.from_lists([[[1, 1], [2, 2]]], [[5, 9]])
    >>> pq(Segments.from_lists([[[1, 1], [1, 1]]], [[5]]), truth)[0].tolist()
    [0.0]
    >>> pq(truth, truth)[0].tolist()
    [1.0]
    """
    counts = count_segments(predictions, targets)
    value, _ = quality(counts)
    return value.to(torch.float32), {
        "matched": counts.matched.sum(1).to(torch.float32),
        "missed": counts.missed.sum(1).to(torch.float32),
        "extra": counts.extra.sum(1).to(torch.float32),
    }


@register_reward(
    "panoptic/matched-iou",
    task="panoptic",
    bounds=(None, None),
    gold="panoptic/PQ",
    after="arXiv:2302.08242, panoptic reward (the text could not be had: the weight 0.3 is ours)",
    status="mended",
)
def matched_iou(
    predictions: Segments, targets: Segments, *, extra_weight: float = 0.3, normalize: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum of the IoU of matched segments, less a price for predicted segments that match nothing.

        R = sum_{matched} IoU - extra_weight * |unmatched predictions|

    with the matching of PQ. Unlike PQ it is a sum over segments, so each segment's worth does not depend on the others.
    With `normalize` it is divided by the number of true segments (at least 1). Returns [B] float32 and the components
    `matched_iou` and `extra`. An empty prediction earns 0.

    >>> truth = Segments.from_lists([[[1, 1], [2, 2]]], [[5, 9]])
    >>> matched_iou(truth, truth)[0].tolist()
    [2.0]
    """
    counts = count_segments(predictions, targets)
    matched, extra = counts.iou_sum.sum(1), counts.extra.sum(1)
    if normalize:
        truths = (counts.matched + counts.missed).sum(1).clamp(min=1)
        matched, extra = matched / truths, extra / truths
    value = matched - extra_weight * extra
    return value.to(torch.float32), {"matched_iou": matched.to(torch.float32), "extra": extra.to(torch.float32)}
