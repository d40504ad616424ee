"""Which truth each predicted box is for: the matching that the detection rewards share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rewardmark.rewards import geometry
from rewardmark.rewards._torch import torch
from rewardmark.rewards.types import Boxes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Matches", "best_iou", "best_matches", "pair_ious", "real_predictions", "real_truths"]


@dataclass(frozen=True, eq=False)
class Matches:
    """For every predicted box its best truth of the same class.

    iou [B, N]: IoU with that truth, 0 where there is none; truth [B, N] int64: its slot (0 where iou is 0).
    truth_iou [B, M]: for every truth the best IoU among the predictions that chose it, 0 where none did.
    """

    iou: Tensor
    truth: Tensor
    truth_iou: Tensor


def real_predictions(predictions: Boxes) -> Tensor:
    """Slots that hold a box which can match anything: not padding, not inverted, not empty, finite. [B, N] bool."""
    return predictions.mask & geometry.well_formed(predictions.boxes)


def real_truths(targets: Boxes) -> Tensor:
    """Slots that hold a truth to be found: not padding and not a crowd region. [B, M] bool."""
    return targets.mask if targets.is_crowd is None else targets.mask & ~targets.is_crowd


def pair_ious(predictions: Boxes, targets: Boxes, same_class: bool = True) -> Tensor:
    """IoU of every prediction with every real truth, 0 for pairs that cannot match: [B, N, M] float32."""
    usable = real_predictions(predictions)[:, :, None] & real_truths(targets)[:, None, :]
    if same_class:
        usable = usable & (predictions.labels[:, :, None] == targets.labels[:, None, :])
    return geometry.iou(predictions.boxes, targets.boxes) * usable


def best_matches(predictions: Boxes, targets: Boxes) -> Matches:
    """Every prediction chooses its best truth of its class (the first of equals); several may choose the same one."""
    pairs = pair_ious(predictions, targets)
    size, count, truths = pairs.shape
    if truths == 0 or count == 0:
        none = pairs.new_zeros((size, count))
        return Matches(none, none.to(torch.int64), pairs.new_zeros((size, truths)))
    iou, truth = pairs.max(dim=2)
    truth_iou = pairs.new_zeros((size, truths)).scatter_reduce(1, truth, iou, reduce="amax", include_self=True)
    return Matches(iou, truth, truth_iou)


def best_iou(predictions: Boxes, targets: Boxes) -> Tensor:
    """Best IoU of every predicted box with a truth of its class: [B, N] float32 in 0..1, 0 at padding.

    >>> truth = Boxes.from_lists([[[0, 0, 4, 4]]], [[1]])
    >>> best_iou(Boxes.from_lists([[[0, 0, 4, 4], [0, 0, 4, 2], [0, 0, 4, 4]]], [[1, 1, 2]]), truth).tolist()
    [[1.0, 0.5, 0.0]]
    """
    return best_matches(predictions, targets).iou
