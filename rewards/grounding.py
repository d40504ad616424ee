"""Rewards for a referring expression: one box (or points) an image against one true box."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.rewards import geometry
from rewardmark.rewards._torch import torch
from rewardmark.rewards.detection_match import real_truths
from rewardmark.rewards.greedy import greedy_matches
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Boxes, Grounded

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["acc50", "giou_as_published", "giou_reward", "iou_reward", "iou_squared", "point_in_box"]

ROUNDING = 1e-6
FIRST_ONLY = (
    "spam: only the first box is looked at",
    "duplicates: only the first box is looked at",
    "wrong label: labels are not looked at",
    "all classes: neither labels nor further boxes are looked at",
)
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


def _answered(value: Tensor, predictions: Boxes, targets: Boxes) -> Tensor:
    """Where there is nothing to find, 1 for naming nothing and 0 otherwise; elsewhere the value."""
    nothing = ~predictions.mask.any(1)
    return torch.where(real_truths(targets).any(1), value, nothing.to(value.dtype)).to(torch.float32)


def _answered_in_full(pairs: Tensor, predictions: Boxes, targets: Boxes) -> Tensor:
    """Mean overlap of as many boxes as were asked for: pairs [B, N, M] in 0..1 -> [B] float32.

    Of n truths and k boxes named, the first n boxes are matched to the truths one to one, and the sum is divided by
    the longer list, so that a box too many costs. A box that names another category than the truth earns nothing; -1,
    no category named, fits all: a referring expression asks for none.
    """
    wanted, named = real_truths(targets), predictions.mask
    asked = named & (named.cumsum(1) <= wanted.sum(1, keepdim=True))
    p, g = predictions.labels[:, :, None], targets.labels[:, None, :]
    usable = asked[:, :, None] & wanted[:, None, :] & ((p == g) | (p == -1) | (g == -1))
    found = greedy_matches(torch.where(usable, pairs, 0.0)).truth_iou.sum(1)
    longer = torch.maximum(named.sum(1), wanted.sum(1)).clamp(min=1)
    return _answered(found / longer, predictions, targets)


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

    Where n boxes are asked for, the first n named are matched to them one to one in order of IoU, and the sum is
    divided by the longer list. Predictions, targets: Boxes. Returns [B] float32 in 0..1. No box earns 0, and 1 where
    the truth is empty too. Inverted or empty boxes earn 0, and so does one that names another category than the truth's
    (label -1 names none).

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> iou_reward(Boxes.from_lists([[[0, 0, 8, 4]]], [[1]]), truth).tolist()
    [0.5]
    """
    return _answered_in_full(geometry.iou(predictions.boxes, targets.boxes), predictions, targets)


@register_reward(
    "grounding/iou-squared",
    task="grounding",
    bounds=(0.0, 1.0),
    gold="grounding/acc50",
    source="linkangheng/PR1 (Perception-R1, arXiv:2504.07954), src/open_r1/rewards.py, pr1_grounding_reward",
    status="published",
    gamed_by=FIRST_ONLY,
)
def iou_squared(predictions: Boxes, targets: Boxes) -> Tensor:
    """Perception-R1's grounding reward: the squared IoU of the first box named with the true box.

    Predictions, targets: Boxes (the first truth counts). Returns [B] float32 in 0..1. No box, an inverted or an empty
    one earns 0; where the truth is empty, naming nothing earns 1 (the published code has no such case).

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> iou_squared(Boxes.from_lists([[[0, 0, 8, 4]]], [[1]]), truth).tolist()
    [0.25]
    """
    return _answered(_first_iou(predictions, targets) ** 2, predictions, targets)


@register_reward(
    "grounding/acc50",
    task="grounding",
    bounds=(0.0, 1.0),
    gold="grounding/acc50",
    source="RefCOCO's accuracy: IoU >= 0.5, no +1 pixel (lichengunc/refer)",
    status="metric",
    gamed_by=FIRST_ONLY,
)
def acc50(predictions: Boxes, targets: Boxes, *, threshold: float = 0.5) -> Tensor:
    """1 where the first box named has IoU >= `threshold` with the true box, else 0.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> acc50(Boxes.from_lists([[[0, 0, 8, 4]]], [[1]]), truth).tolist()
    [1.0]
    """
    hit = (_first_iou(predictions, targets) >= threshold - ROUNDING).to(torch.float32)
    return _answered(hit, predictions, targets)


@register_reward(
    "grounding/giou-as-published",
    task="grounding",
    bounds=(-1.0, 1.0),
    gold="grounding/acc50",
    source=GIOU,
    status="published",
    twin="grounding/giou",
    defect="the algorithm puts the corners of the prediction in order, so an inverted box earns; misses are negative, "
    "so that naming nothing (0) pays better than a near miss; further boxes and labels are not looked at",
    gamed_by=("inverted: corners are put in order", "an empty answer against a miss", *FIRST_ONLY),
)
def giou_as_published(predictions: Boxes, targets: Boxes) -> Tensor:
    """Generalised IoU of the first box named: IoU - (hull - union) / hull, after putting its corners in order.

    An empty box has a generalised IoU too: -(hull - union) / hull. Returns [B] float32 in -1..1; 0 without a prediction
    or without a truth, -1 for a box that is not a number.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> giou_as_published(Boxes.from_lists([[[8, 8, 0, 0]]], [[1]]), truth).tolist()
    [1.0]
    """
    predicted, named = _first(predictions, predictions.mask)
    truth, wanted = _first(targets, real_truths(targets))
    low = torch.minimum(predicted[..., :2], predicted[..., 2:])
    high = torch.maximum(predicted[..., :2], predicted[..., 2:])
    value = geometry.giou(torch.cat([low, high], -1), truth, empty_too=True)[:, 0, 0]
    return torch.where(named & wanted, value, 0.0).to(torch.float32)


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

    Inverted, empty and huge boxes earn 0, as naming nothing does. Types, several truths and edge cases as
    grounding/iou.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> giou_reward(Boxes.from_lists([[[8, 8, 0, 0]]], [[1]]), truth).tolist()
    [0.0]
    """
    return _answered_in_full(geometry.giou(predictions.boxes, targets.boxes).clamp(min=0), predictions, targets)


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
