"""Boxes against boxes, for whole batches: which boxes are real, IoU, generalised IoU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["areas", "giou", "iou", "well_formed"]


def well_formed(boxes: Tensor) -> Tensor:
    """Which boxes are finite with positive width and height: [..., 4] xyxy -> [...] bool.

    >>> import torch
    >>> well_formed(torch.tensor([[0.0, 0, 2, 2], [2, 0, 0, 2], [0, 0, 0, 2], [0, 0, torch.nan, 2]])).tolist()
    [True, False, False, False]
    """
    positive = (boxes[..., 2] > boxes[..., 0]) & (boxes[..., 3] > boxes[..., 1])
    return positive & torch.isfinite(boxes).all(-1)


def areas(boxes: Tensor) -> Tensor:
    """Areas of xyxy boxes, negative widths counted as none: [..., 4] -> [...]."""
    return (boxes[..., 2] - boxes[..., 0]).clamp(min=0) * (boxes[..., 3] - boxes[..., 1]).clamp(min=0)


def _overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection and union areas [B, N, M] of every pair."""
    a, b = torch.nan_to_num(a)[:, :, None, :], torch.nan_to_num(b)[:, None, :, :]
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    size = (high - low).clamp(min=0)
    inter = size[..., 0] * size[..., 1]
    return inter, areas(a) + areas(b) - inter


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of every pair, in 0..1: [B, N, 4], [B, M, 4] -> [B, N, M].

    A box that is inverted, empty or not finite has IoU 0 with everything, itself included.

    >>> import torch
    >>> iou(torch.tensor([[[0.0, 0, 2, 2], [2, 2, 0, 0]]]), torch.tensor([[[0.0, 0, 2, 1]]])).tolist()
    [[[0.5], [0.0]]]
    """
    inter, union = _overlap(a, b)
    good = well_formed(a)[:, :, None] & well_formed(b)[:, None, :]
    return torch.where(good & (union > 0), inter / union.clamp(min=torch.finfo(inter.dtype).tiny), 0.0)


def giou(a: Tensor, b: Tensor, empty_too: bool = False) -> Tensor:
    """Generalised IoU of every pair, in [-1, 1]: IoU - (hull - union) / hull (arXiv:1902.09630, algorithm 1).

    [B, N, 4], [B, M, 4] -> [B, N, M]; -1 where either box is inverted, empty or not finite. `empty_too`: the formula
    also for boxes without area, as the algorithm has it (0 where both are the same point).
    """
    inter, union = _overlap(a, b)
    x, y = torch.nan_to_num(a)[:, :, None, :], torch.nan_to_num(b)[:, None, :, :]
    extent = torch.maximum(x[..., 2:], y[..., 2:]) - torch.minimum(x[..., :2], y[..., :2])
    tiny = torch.finfo(inter.dtype).tiny
    hull = extent[..., 0] * extent[..., 1]
    good = [torch.isfinite(boxes).all(-1) if empty_too else well_formed(boxes) for boxes in (a, b)]
    value = inter / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)
    return torch.where(good[0][:, :, None] & good[1][:, None, :], value, -1.0)
