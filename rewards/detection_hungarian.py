"""VisionReasoner's reward: binary terms for each pair, and the best assignment of predictions to truths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.detection_match import pair_ious, real_predictions, real_truths
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Boxes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["hungarian", "hungarian_as_published"]

SOURCE = "dvlab-research/Seg-Zero, verl/utils/reward_score/vision_reasoner.py (VisionReasoner, arXiv:2505.12081)"


def _assigned(worth: Tensor, named: Tensor, real: Tensor) -> Tensor:
    """The largest total worth of a one-to-one assignment in each image: [B, N, M] -> [B]."""
    from scipy.optimize import linear_sum_assignment

    totals = []
    tables = worth.detach().cpu().numpy()
    for table, rows, columns in zip(tables, named.cpu().numpy(), real.cpu().numpy(), strict=True):
        table = table[rows][:, columns]
        chosen = linear_sum_assignment(table, maximize=True)
        totals.append(float(table[chosen].sum()))
    return torch.tensor(totals, dtype=torch.float32, device=worth.device)


def _mean_corner_distance(predictions: Boxes, targets: Boxes) -> Tensor:
    """Mean absolute difference of the four coordinates of every pair, pixels: [B, N, M]."""
    return (predictions.boxes[:, :, None, :] - targets.boxes[:, None, :, :]).abs().mean(-1)


@register_reward(
    "detection/hungarian-as-published",
    task="detection",
    bounds=(0.0, 3.0),
    gold="detection/AP",
    source=SOURCE,
    status="published",
    twin="detection/hungarian",
    defect="labels are not looked at; an empty answer earns 0 where there is nothing to find; pixel thresholds are "
    "loose for small objects, so a box beside a small truth earns two terms of three",
    gamed_by=(
        "wrong label: labels are not looked at",
        "zero area: a line beside a small object earns two terms of three",
        "filled up: boxes up to the number of truths cost nothing",
    ),
)
def hungarian_as_published(predictions: Boxes, targets: Boxes) -> Tensor:
    """VisionReasoner's accuracy reward: best assignment over three binary terms, divided by the longer list.

        R = max_assignment sum ([IoU > .5] + [mean |corner difference| < 10 px] + [point within 30 px, in its box])
            / max(|P|, |G|)

    IoU counts pixels inclusively (+1). Boxes carry no points: each one's centre stands for its point. At most 120 boxes
    of each list count. Returns [B] float32 in 0..3; 0 where either list is empty.

    >>> truth = Boxes.from_lists([[[0, 0, 20, 20]]], [[1]])
    >>> hungarian_as_published(truth, truth).tolist()
    [3.0]
    """
    limit = 120
    p, g = predictions.boxes, targets.boxes
    named, real = predictions.mask, real_truths(targets)
    named, real = named & (named.cumsum(1) <= limit), real & (real.cumsum(1) <= limit)
    a, b = p[:, :, None, :], g[:, None, :, :]
    inter = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2]) + 1).clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2] + 1).prod(-1) + (b[..., 2:] - b[..., :2] + 1).prod(-1) - inter
    near = (a - b).abs().mean(-1) < 10
    centre_p, centre_g = (p[..., :2] + p[..., 2:]) / 2, (g[..., :2] + g[..., 2:]) / 2
    inside = ((centre_p >= p[..., :2]) & (centre_p <= p[..., 2:])).all(-1)
    distance = (centre_p[:, :, None, :] - centre_g[:, None, :, :]).norm(dim=-1)
    point = (distance < 30) & inside[:, :, None]
    worth = (inter / union > 0.5).to(torch.float32) + near.to(torch.float32) + point.to(torch.float32)
    longer = torch.maximum(named.sum(1), real.sum(1)).clamp(min=1)
    return _assigned(worth, named, real) / longer


@register_reward(
    "detection/hungarian",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=f"{SOURCE}; same class, terms only for boxes that overlap, both lengths in the divisor: ours",
    version="2",
    status="mended",
    twin="detection/hungarian-as-published",
)
def hungarian(predictions: Boxes, targets: Boxes, *, iou_threshold: float = 0.5, distance: float = 10.0) -> Tensor:
    """Best one-to-one assignment over two binary terms, divided by the mean length of the two lists.

        R = max_assignment sum [IoU > .5] (1 + [mean |corner difference| < distance]) / 2 / ((|P| + |G|) / 2)

    for pairs of the same class; closeness of the corners (pixels) is paid only where the boxes overlap enough, since
    on small objects ten pixels are no closeness. Returns [B] float32 in 0..1; 1 where both lists are empty.

    >>> truth = Boxes.from_lists([[[0, 0, 20, 20]]], [[1]])
    >>> hungarian(truth, truth).tolist()
    [1.0]
    >>> hungarian(Boxes.from_lists([[[0, 0, 20, 20]]], [[2]]), truth).tolist()
    [0.0]
    """
    overlap = (pair_ious(predictions, targets) > iou_threshold).to(torch.float32)
    near = (_mean_corner_distance(predictions, targets) < distance).to(torch.float32)
    named, real = real_predictions(predictions), real_truths(targets)
    both = predictions.mask.sum(1) + real.sum(1)  # over the longer list alone, filling the shorter one up were free
    value = 2 * _assigned(overlap * (1 + near) / 2, named, real) / both.clamp(min=1)
    return torch.where(both > 0, value, 1.0)
