"""`coco_ap_batch` as batched torch operations: images, classes and thresholds side by side, for a GPU.

Detections stand one behind the other, class by class and by falling score. The only loop is over their places: at each
place one detection of every image takes its truth at every threshold. What a class has found so far is a running sum
less its value where the class began; interpolation as in `_coco_ap_kernel`, by true positives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardmark.rewards._torch import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["coco_ap_on_device"]

EPSILON = 2.0**-52


def coco_ap_on_device(
    dt_boxes: Tensor,
    dt_labels: Tensor,
    dt_scores: Tensor,
    dt_mask: Tensor,
    gt_boxes: Tensor,
    gt_labels: Tensor,
    gt_crowd: Tensor,
    gt_areas: Tensor,
    gt_mask: Tensor,
    iou_thresholds: Any,
    recall_levels: Any,
    low: float,
    high: float,
    max_detections: int,
) -> Tensor:
    """AP of every image, [B] float64 on the device of the boxes; -1 where no category has a truth that counts.

    Arguments as those of `coco_ap_batch`, as tensors of one device; thresholds and levels as NumPy arrays.
    """
    device, (size, slots), truths = dt_boxes.device, dt_labels.shape, gt_labels.shape[1]
    if truths == 0:
        return torch.full((size,), -1.0, dtype=torch.float64, device=device)
    areas = gt_areas.to(torch.float64)
    counted = gt_mask & ~gt_crowd & (areas >= low) & (areas <= high)  # [B, M]
    twin = (gt_labels[:, :, None] == gt_labels[:, None, :]) & counted[:, None, :]  # [B, M, M]
    first = counted & ~(twin & _earlier(truths, device)).any(2)
    categories = first.sum(1)

    if slots == 0:
        return torch.where(categories > 0, 0.0, -1.0).to(torch.float64)
    order, rank = _class_by_class(dt_labels, dt_scores, dt_mask)
    labels, named = dt_labels.gather(1, order), dt_mask.gather(1, order)
    same = (labels[:, :, None] == gt_labels[:, None, :]) & gt_mask[:, None, :]
    named = named & (rank < max_detections) & (same & counted[:, None, :]).any(2)
    boxes = _xywh(dt_boxes.gather(1, order[:, :, None].expand(-1, -1, 4)))
    ious = torch.where(same & named[:, :, None], _ious(boxes, _xywh(gt_boxes), gt_crowd), -1.0)  # [B, N, M]

    thresholds = torch.tensor(sorted(iou_thresholds), dtype=torch.float64, device=device).clamp(max=1 - 1e-10)
    last = int((named * torch.arange(1, slots + 1, device=device)).amax())
    if last == 0:
        return torch.where(categories > 0, 0.0, -1.0).to(torch.float64)
    best = _match(ious[:, :last], counted, gt_crowd, thresholds)  # [B, N', T], -1 where nothing was taken
    area = (boxes[..., 2] * boxes[..., 3])[:, :last]
    outside = (area < low) | (area > high)
    true = best >= truths
    false = (best < 0) & (named[:, :last] & ~outside)[:, :, None]

    run = torch.arange(last, device=device)[None, :] - rank[:, :last]  # where the class began
    found = _within_runs(true, run)
    precision = found / (_within_runs(false, run) + found + EPSILON)
    # The best precision from here to the end of the class: classes are kept apart by adding more the earlier they are.
    apart = 2.0 * (last - run)[:, :, None]
    envelope = (torch.where(true, precision, 0.0) + apart).flip(1).cummax(1).values.flip(1) - apart

    levels = torch.tensor(recall_levels, dtype=torch.float64, device=device)
    of_class = (same & counted[:, None, :]).sum(2)[:, :last, None].clamp(min=1)
    reached = torch.searchsorted(levels, (found / of_class).contiguous(), right=True)
    earlier = torch.searchsorted(levels, ((found - 1) / of_class).contiguous(), right=True)
    stands_for = reached - torch.where(found > 1, earlier, 0)
    total = torch.where(true, envelope * stands_for, 0.0).sum((1, 2)) / (len(thresholds) * len(levels))
    return torch.where(categories > 0, total / categories.clamp(min=1), -1.0)


def _earlier(count: int, device: Any) -> Tensor:
    return torch.ones((count, count), dtype=torch.bool, device=device).tril(-1)


def _class_by_class(labels: Tensor, scores: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The order of slots by class and falling score (stable, no numbers last, padding at the end of its class), and
    the rank [B, N] of each place within its class."""
    keys = torch.where(mask, scores.to(torch.float64), torch.nan)
    broken = torch.isnan(keys).to(torch.int8) + ~mask
    order = torch.where(broken > 0, 0.0, keys).argsort(dim=1, descending=True, stable=True)
    order = order.gather(1, broken.gather(1, order).argsort(dim=1, stable=True))
    order = order.gather(1, labels.gather(1, order).argsort(dim=1, stable=True))
    sorted_labels = labels.gather(1, order)
    place = torch.arange(labels.shape[1], device=labels.device).expand_as(labels)
    new = torch.ones_like(mask)
    new[:, 1:] = sorted_labels[:, 1:] != sorted_labels[:, :-1]
    start = torch.where(new, place, 0).cummax(1).values
    return order, place - start


def _xywh(boxes: Tensor) -> Tensor:
    boxes = boxes.to(torch.float64)
    return torch.cat([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], -1)


def _ious(dt: Tensor, gt: Tensor, crowd: Tensor) -> Tensor:
    """[B, N, M] of xywh boxes; for crowds over the detection's area; 0 for what is no number."""
    a, b = dt[:, :, None, :], gt[:, None, :, :]
    sides = torch.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    inter = sides[..., 0] * sides[..., 1]
    own = a[..., 2] * a[..., 3]
    union = torch.where(crowd[:, None, :], own, own + b[..., 2] * b[..., 3] - inter)
    return torch.where((sides > 0).all(-1), inter / union, 0.0)


def _match(ious: Tensor, counted: Tensor, crowd: Tensor, thresholds: Tensor) -> Tensor:
    """[B, N, T] int16: truths + rank of the truth that each detection takes, rank alone for one that does not count.

    The rank of a truth for a detection: those that count before those that do not, then by IoU, then the later one.
    """
    size, count, truths = ious.shape
    by_iou = ious.argsort(dim=2, stable=True).argsort(dim=2)
    worth = (by_iou + truths * counted[:, None, :]).to(torch.int16)[:, :, None, :]  # [B, N, 1, M]
    # How many thresholds each IoU reaches; -1 in place of an IoU reaches none.
    reached = torch.searchsorted(thresholds, ious.contiguous(), right=True).to(torch.int16)[:, :, None, :]
    step = torch.arange(len(thresholds), dtype=torch.int16, device=ious.device)[:, None]
    free = torch.ones((size, len(thresholds), truths), dtype=torch.bool, device=ious.device)
    stays = crowd[:, None, :]
    best = torch.full((count, size, len(thresholds)), -1, dtype=torch.int16, device=ious.device)
    worth, reached = worth.transpose(0, 1).contiguous(), reached.transpose(0, 1).contiguous()
    for place in range(count):
        candidate = torch.where(free & (reached[place] > step), worth[place], -1)
        top = candidate.amax(2, keepdim=True)
        free &= (candidate != top) | (top < 0) | stays
        best[place] = top[:, :, 0]
    return best.transpose(0, 1)


def _within_runs(flags: Tensor, run: Tensor) -> Tensor:
    """Running sums of flags [B, N, T] that begin anew where a class does; run [B, N]: the place where it began."""
    sums = torch.nn.functional.pad(flags.to(torch.float64).cumsum(1), (0, 0, 1, 0))
    return sums[:, 1:] - sums.gather(1, run[:, :, None].expand(-1, -1, flags.shape[2]))
