"""Seg-Zero's reward for a box with two points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.rewards import geometry
from rewardmark.rewards._torch import torch
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Grounded

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["seg_zero", "seg_zero_as_published"]

SOURCE = "dvlab-research/Seg-Zero, verl/utils/reward_score/seg_restrict.py (arXiv:2503.06520)"


def _checked(predictions: Grounded, targets: Grounded) -> Grounded:
    """The predictions with at least two point slots (NaN where fewer were named).

    Raises RewardmarkError for a truth that lacks its two points or its box: without them nothing can be compared.
    """
    enough = torch.isfinite(targets.points).all(-1)[:, :2].sum(1) == 2
    lacking = (~(enough & torch.isfinite(targets.box).all(-1))).nonzero().flatten().tolist()
    if lacking:
        raise RewardmarkError(f"grounding/seg-zero: the truth of image {lacking[0]} needs a box and two points")
    missing = 2 - predictions.points.shape[1]
    if missing <= 0:
        return predictions
    nothing = predictions.points.new_full((len(predictions), missing, 2), torch.nan)
    return Grounded(predictions.box, torch.cat([predictions.points, nothing], 1), predictions.texts)


def _points_apart(predictions: Grounded, targets: Grounded) -> Tensor:
    """Mean distance of the two points in the better of the two pairings, pixels; NaN where a point is missing. [B]"""
    p, g = predictions.points[:, :2], targets.points[:, :2]
    straight = (p - g).norm(dim=-1).sum(1)
    crossed = (p - g.flip(1)).norm(dim=-1).sum(1)
    return torch.minimum(straight, crossed) / 2


def _points_in_own_box(predictions: Grounded) -> Tensor:
    box = predictions.box[:, None, :]
    points = predictions.points[:, :2]
    return ((points >= box[..., :2]) & (points <= box[..., 2:])).all(-1).all(-1)


@register_reward(
    "grounding/seg-zero-as-published",
    task="grounding",
    bounds=(0.0, 3.0),
    gold="grounding/acc50",
    source=SOURCE,
    status="published",
    twin="grounding/seg-zero",
    defect="pixel thresholds: on a small image any points within 100 px earn, wherever the box is",
    gamed_by=(
        "points anywhere near, with a box around them",
        "spam: only the first two points are looked at",
        "duplicates: only the first two points are looked at",
    ),
)
def seg_zero_as_published(predictions: Grounded, targets: Grounded) -> tuple[Tensor, dict[str, Tensor]]:
    """Seg-Zero's accuracy terms: [IoU > .5] + [mean |corner difference| < 10 px] + [points near].

    Points are near when both lie in the predicted box and their mean distance to the true points is below 100 px in the
    better pairing; with a point missing they are not. IoU counts pixels inclusively (+1). Its two format terms are
    `format/think-answer` and `format/json-boxes` here. Predictions, targets: Grounded. Returns [B] float32 in 0..3 and
    the components `iou`, `corners`, `points`.

    >>> truth = Grounded.from_lists([[0, 0, 20, 20]], [[[5, 5], [9, 9]]])
    >>> seg_zero_as_published(truth, truth)[0].tolist()
    [3.0]
    """
    predictions = _checked(predictions, targets)
    predictions = Grounded(predictions.box, predictions.points.trunc())  # it reads points as whole pixels
    p, g = predictions.box, targets.box
    low, high = torch.maximum(p[:, :2], g[:, :2]), torch.minimum(p[:, 2:], g[:, 2:])
    inter = torch.where((low < high).all(1), (high - low + 1).prod(1), 0.0)
    union = (p[:, 2:] - p[:, :2] + 1).prod(1) + (g[:, 2:] - g[:, :2] + 1).prod(1) - inter
    iou = (inter / union > 0.5).to(torch.float32)
    corners = ((p - g).abs().mean(1) < 10).to(torch.float32)
    near = (_points_apart(predictions, targets) < 100) & _points_in_own_box(predictions)
    points = near.to(torch.float32)
    return iou + corners + points, {"iou": iou, "corners": corners, "points": points}


@register_reward(
    "grounding/seg-zero",
    task="grounding",
    bounds=(0.0, 1.0),
    gold="grounding/acc50",
    source=f"{SOURCE}; terms only for a box that overlaps, distances relative to the object: ours",
    status="mended",
    twin="grounding/seg-zero-as-published",
)
def seg_zero(
    predictions: Grounded, targets: Grounded, *, corner_share: float = 0.1, point_share: float = 0.25
) -> tuple[Tensor, dict[str, Tensor]]:
    """[IoU > .5] (1 + [corners near] + [points near]) / 3, with distances measured in the true box's diagonal d.

    Corners are near when their mean difference is below `corner_share` * d, points when both lie in the predicted box
    and their mean distance to the true points is below `point_share` * d. Box and points that do not overlap the object
    earn nothing; an inverted, empty or missing box neither. More than two points name more than was asked: the value is
    multiplied by 2 / (number of points). Returns [B] float32 in 0..1 and the components `iou`, `corners`, `points`.

    >>> truth = Grounded.from_lists([[0, 0, 20, 20]], [[[5, 5], [9, 9]]])
    >>> seg_zero(truth, truth)[0].tolist()
    [1.0]
    """
    predictions = _checked(predictions, targets)
    p, g = predictions.box, targets.box
    diagonal = (g[:, 2:] - g[:, :2]).norm(dim=1)
    iou = (geometry.iou(p[:, None], g[:, None])[:, 0, 0] > 0.5).to(torch.float32)
    corners = ((p - g).abs().mean(1) < corner_share * diagonal).to(torch.float32)
    near = (_points_apart(predictions, targets) < point_share * diagonal) & _points_in_own_box(predictions)
    points = near.to(torch.float32)
    named = torch.isfinite(predictions.points).all(-1).sum(1)
    value = iou * (1 + corners + points) / 3 * (2 / named.clamp(min=2))
    return value, {"iou": iou, "corners": corners, "points": points}
