"""Rewards for a referring expression: one box (or points) an image against one true box."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.rewards import geometry
from rewardmark.rewards._torch import torch
from rewardmark.rewards.detection_match import real_truths
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Boxes, Grounded

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["acc50", "giou_as_published", "giou_reward", "iou_reward", "iou_squared", "point_in_box"]

ROUNDING = 1e-6
GIOU = "Rezatofighi et al. 2019 (arXiv:1902.09630), algorithm 1"


def _first(boxes: Boxes, present: Tensor) -> tuple[Tensor, Tensor]:
    """The first box of each image and whether there is one: [B, 1, 4], [B]."""
    if boxes.boxes.shape[1] == 0:
        return boxes.boxes.new_full((len(boxes), 1, 4), torch.nan), present.any(1)
    slot = present.to(torch.int8).argmax(1)
    rows = torch.arange(len(boxes), device=boxes.boxes.device)
    any_box = present.any(1)
    box = torch.where(any_box[:, None], boxes.boxes[rows, slot], torch.nan)
    return box[:, None, :], any_box


def _answered(value: Tensor, predictions: Boxes, targets: Boxes, divide: bool = True) -> Tensor:
    """Divide by the number of boxes named; where there is nothing to find, 1 for naming nothing and 0 otherwise."""
    count = predictions.mask.sum(1)
    wanted = real_truths(targets).any(1)
    value = value / count.clamp(min=1) if divide else value
    return torch.where(wanted, value, (count == 0).to(value.dtype)).to(torch.float32)


def _first_iou(predictions: Boxes, targets: Boxes) -> Tensor:
    predicted, _ = _first(predictions, predictions.mask)
    truth, _ = _first(targets, real_truths(targets))
    return geometry.iou(predicted, truth)[:, 0, 0]


@register_reward(
    "grounding/iou",
    task="grounding",
    bounds=(0.0, 1.0),
    gold="grounding/acc50",
    source="IoU of the answer (VLM-R1's iou_reward for referring expressions), divided by the boxes named: ours",
    status="mended",
)
def iou_reward(predictions: Boxes, targets: Boxes) -> Tensor:
    """IoU of the first box named with the true box, divided by the number of boxes named.

    Predictions, targets: Boxes (the first truth counts). Returns [B] float32 in 0..1. No box earns 0, and 1 where the
    truth is empty too. Inverted or empty boxes earn 0.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> iou_reward(Boxes.from_lists([[[0, 0, 8, 4]]], [[1]]), truth).tolist()
    [0.5]
    """
    return _answered(_first_iou(predictions, targets), predictions, targets)


@register_reward(
    "grounding/iou-squared",
    task="grounding",
    bounds=(0.0, 1.0),
    gold="grounding/acc50",
    source="linkangheng/PR1 (Perception-R1, arXiv:2504.07954), src/open_r1/rewards.py, pr1_grounding_reward",
    status="published",
    gamed_by=("spam: only the first box is looked at",),
)
def iou_squared(predictions: Boxes, targets: Boxes) -> Tensor:
    """Perception-R1's grounding reward: the squared IoU of the first box named. Types and edge cases as grounding/iou.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> iou_squared(Boxes.from_lists([[[0, 0, 8, 4]]], [[1]]), truth).tolist()
    [0.25]
    """
    return _answered(_first_iou(predictions, targets) ** 2, predictions, targets, divide=False)


@register_reward(
    "grounding/acc50",
    task="grounding",
    bounds=(0.0, 1.0),
    gold="grounding/acc50",
    source="RefCOCO's accuracy: IoU >= 0.5, no +1 pixel (lichengunc/refer)",
    status="metric",
    gamed_by=("spam: only the first box is looked at",),
)
def acc50(predictions: Boxes, targets: Boxes, *, threshold: float = 0.5) -> Tensor:
    """1 where the first box named has IoU >= `threshold` with the true box, else 0.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> acc50(Boxes.from_lists([[[0, 0, 8, 4]]], [[1]]), truth).tolist()
    [1.0]
    """
    hit = (_first_iou(predictions, targets) >= threshold - ROUNDING).to(torch.float32)
    return _answered(hit, predictions, targets, divide=False)


@register_reward(
    "grounding/giou-as-published",
    task="grounding",
    bounds=(-1.0, 1.0),
    gold="grounding/acc50",
    source=GIOU,
    status="published",
    twin="grounding/giou",
    defect="the algorithm puts the corners of the prediction in order, so an inverted box earns; misses are negative, "
    "so that naming nothing (0) pays better than a near miss",
    gamed_by=("inverted boxes", "an empty answer against a miss", "spam: only the first box is looked at"),
)
def giou_as_published(predictions: Boxes, targets: Boxes) -> Tensor:
    """Generalised IoU of the first box named: IoU - (hull - union) / hull, after putting its corners in order.

    Returns [B] float32 in -1..1; 0 without a prediction or without a truth.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> giou_as_published(Boxes.from_lists([[[8, 8, 0, 0]]], [[1]]), truth).tolist()
    [1.0]
    """
    predicted, named = _first(predictions, predictions.mask)
    truth, wanted = _first(targets, real_truths(targets))
    low = torch.minimum(predicted[..., :2], predicted[..., 2:])
    high = torch.maximum(predicted[..., :2], predicted[..., 2:])
    value = geometry.giou(torch.cat([low, high], -1), truth)[:, 0, 0]
    return torch.where(named & wanted, value, 0.0)


@register_reward(
    "grounding/giou",
    task="grounding",
    bounds=(0.0, 1.0),
    gold="grounding/acc50",
    source=f"{GIOU}; cut at 0 and divided by the boxes named: ours",
    status="mended",
    twin="grounding/giou-as-published",
)
def giou_reward(predictions: Boxes, targets: Boxes) -> Tensor:
    """max(0, generalised IoU) of the first box named, divided by the number of boxes named.

    Inverted, empty and huge boxes earn 0, as naming nothing does. Types and edge cases as grounding/iou.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> giou_reward(Boxes.from_lists([[[8, 8, 0, 0]]], [[1]]), truth).tolist()
    [0.0]
    """
    predicted, _ = _first(predictions, predictions.mask)
    truth, _ = _first(targets, real_truths(targets))
    return _answered(geometry.giou(predicted, truth)[:, 0, 0].clamp(min=0), predictions, targets)


@register_reward(
    "grounding/point-in-box",
    task="grounding",
    bounds=(0.0, 1.0),
    gold="grounding/point accuracy",
    source="a point scores when it lies in the true box, ends included (Rex-Omni, PointInBoxRewardFunction); "
    "divided by the points named: ours",
    status="mended",
)
def point_in_box(predictions: Grounded, targets: Boxes) -> Tensor:
    """1 / (number of points named) where the first point lies in the true box, else 0.

    Predictions: Grounded (its points; the box is not looked at); targets: Boxes. Returns [B] float32 in 0..1. No point
    earns 0, and 1 where the truth is empty too.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> point_in_box(Grounded.from_lists([None], [[[4, 4], [100, 100]]]), truth).tolist()
    [0.5]
    """
    truth, wanted = _first(targets, real_truths(targets))
    count = torch.isfinite(predictions.points).all(-1).sum(1)
    if predictions.points.shape[1] == 0:
        return torch.where(wanted, 0.0, 1.0)
    first, box = predictions.points[:, 0], truth[:, 0]
    inside = ((first >= box[:, :2]) & (first <= box[:, 2:])).all(1).to(torch.float32)
    return torch.where(wanted, inside / count.clamp(min=1), (count == 0).to(torch.float32))
