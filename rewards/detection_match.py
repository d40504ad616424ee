"""Which truth each predicted box is for: the matching that the detection rewards share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rewardmark.rewards import geometry
from rewardmark.rewards._torch import torch
from rewardmark.rewards.engine import on_cpu
from rewardmark.rewards.greedy import OneToOne, greedy_matches
from rewardmark.rewards.types import Boxes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Matches",
    "best_iou",
    "best_matches",
    "by_confidence",
    "one_to_one",
    "pair_ious",
    "real_predictions",
    "real_truths",
]


@dataclass(frozen=True, eq=False)
class Matches:
    """For every predicted box its best truth of the same class.

    iou [B, N]: IoU with that truth, 0 where there is none; truth [B, N] int64: its slot (0 where iou is 0).
    truth_iou [B, M]: for every truth the best IoU among the predictions that chose it, 0 where none did;
    overlap [B, M]: among all predictions of its class.
    """

    iou: Tensor
    truth: Tensor
    truth_iou: Tensor
    overlap: Tensor


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
    if _compiled(predictions, targets):
        from rewardmark.rewards._match_kernel import best_batch

        return Matches(*map(torch.from_numpy, best_batch(*_arrays(predictions, targets))))
    pairs = pair_ious(predictions, targets)
    size, count, truths = pairs.shape
    if truths == 0 or count == 0:
        none, missed = pairs.new_zeros((size, count)), pairs.new_zeros((size, truths))
        return Matches(none, none.to(torch.int64), missed, missed)
    iou, truth = pairs.max(dim=2)
    truth_iou = pairs.new_zeros((size, truths)).scatter_reduce(1, truth, iou, reduce="amax", include_self=True)
    return Matches(iou, truth, truth_iou, pairs.amax(1))


def one_to_one(
    predictions: Boxes, targets: Boxes, *, same_class: bool = True, margin: float = 0.0, iou_threshold: float = 0.0
) -> OneToOne:
    """The largest IoU takes its prediction and its truth, then the largest that is left, and so on.

    Pairs count that share more than `margin` pixels both ways and have IoU >= `iou_threshold` (and > 0); see
    `greedy_matches` for equal IoUs.
    """
    if _compiled(predictions, targets):
        import numpy as np
        from rewardmark.rewards._match_kernel import greedy_batch

        limits = np.float32(margin), np.float32(iou_threshold)
        return OneToOne(*map(torch.from_numpy, greedy_batch(*_arrays(predictions, targets), same_class, *limits)))
    pairs = pair_ious(predictions, targets, same_class)
    if margin > 0:
        low = torch.maximum(predictions.boxes[:, :, None, :2], targets.boxes[:, None, :, :2])
        high = torch.minimum(predictions.boxes[:, :, None, 2:], targets.boxes[:, None, :, 2:])
        pairs = pairs * ((high - low) > margin).all(-1)
    return greedy_matches(torch.where(pairs >= iou_threshold, pairs, 0.0))


def by_confidence(predictions: Boxes, targets: Boxes, iou_threshold: float, same_class: bool = True) -> Tensor:
    """IoU of each prediction with its truth, 0 where it has none: [B, N].

    Predictions choose in falling order of score (stable); each takes the best truth still free if IoU > iou_threshold.
    """
    if _compiled(predictions, targets):
        import numpy as np
        from rewardmark.rewards._match_kernel import by_confidence_batch

        boxes, labels, mask, *real = _arrays(predictions, targets)
        found = boxes, labels, mask, predictions.scores.detach().contiguous().numpy()
        return torch.from_numpy(by_confidence_batch(*found, *real, same_class, np.float32(iou_threshold)))
    named = predictions.mask
    order = torch.where(named, predictions.scores, -torch.inf).argsort(dim=1, descending=True, stable=True)
    pairs = pair_ious(predictions, targets, same_class)
    size, count, truths = pairs.shape
    matched = pairs.new_zeros((size, count))
    if truths == 0:
        return matched
    rows = torch.arange(size, device=pairs.device)
    free = torch.ones((size, truths), dtype=pairs.dtype, device=pairs.device)
    for step in range(count):
        slot = order[:, step]
        iou, truth = (pairs[rows, slot] * free).max(1)
        hit = (iou > iou_threshold) & named[rows, slot]
        matched[rows, slot] = torch.where(hit, iou, 0.0)
        free[rows, truth] = torch.where(hit, 0.0, free[rows, truth])
    return matched


def best_iou(predictions: Boxes, targets: Boxes) -> Tensor:
    """Best IoU of every predicted box with a truth of its class: [B, N] float32 in 0..1, 0 at padding.

    >>> truth = Boxes.from_lists([[[0, 0, 4, 4]]], [[1]])
    >>> best_iou(Boxes.from_lists([[[0, 0, 4, 4], [0, 0, 4, 2], [0, 0, 4, 4]]], [[1, 1, 2]]), truth).tolist()
    [[1.0, 0.5, 0.0]]
    """
    return best_matches(predictions, targets).iou


def _compiled(predictions: Boxes, targets: Boxes) -> bool:
    """Whether the compiled loops serve: on a CPU, and in float32, as they compute."""
    boxes = predictions.boxes, targets.boxes
    return on_cpu(*boxes) and all(b.dtype == torch.float32 for b in boxes)


def _arrays(predictions: Boxes, targets: Boxes) -> list[Any]:
    """Boxes, labels and mask of predictions and of real truths, as the kernels take them."""
    found = (predictions.boxes, predictions.labels, predictions.mask)
    truth = (targets.boxes, targets.labels, real_truths(targets))
    return [tensor.detach().contiguous().numpy() for tensor in (*found, *truth)]
