"""One-to-one matching in order of overlap, for a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["OneToOne", "greedy_matches"]


@dataclass(frozen=True, eq=False)
class OneToOne:
    """truth_iou [B, M]: overlap of each truth with its prediction, 0 where unmatched; prediction_iou [B, N] likewise;
    prediction [B, M] int64: the slot matched to each truth, -1 where none.
    """

    truth_iou: Tensor
    prediction_iou: Tensor
    prediction: Tensor


def greedy_matches(pairs: Tensor) -> OneToOne:
    """Take the pair with the largest overlap, strike out its row and column, repeat: [B, N, M] of overlaps >= 0.

    Pairs of overlap 0 are never matched. Of equal overlaps the lowest prediction slot, then the lowest truth slot goes
    first. A threshold can be put on the result afterwards: the pairs above it are those that would have been taken.

    >>> import torch
    >>> greedy_matches(torch.tensor([[[0.9, 0.8], [0.7, 0.0]]])).truth_iou.tolist()[0][1]
    0.0
    """
    size, count, truths = pairs.shape
    left = pairs.clone()
    truth_iou, prediction_iou = pairs.new_zeros((size, truths)), pairs.new_zeros((size, count))
    chosen = torch.full((size, truths), -1, dtype=torch.int64, device=pairs.device)
    rows = torch.arange(size, device=pairs.device)
    if count and truths:
        for _ in range(min(count, truths)):
            value, place = left.flatten(1).max(1)
            if not bool((value > 0).any()):
                break
            n, m = place // truths, place % truths
            hit = value > 0
            truth_iou[rows, m] = torch.where(hit, value, truth_iou[rows, m])
            prediction_iou[rows, n] = torch.where(hit, value, prediction_iou[rows, n])
            chosen[rows, m] = torch.where(hit, n, chosen[rows, m])
            left[rows, n, :] = torch.where(hit[:, None], 0.0, left[rows, n, :])
            left[rows, :, m] = torch.where(hit[:, None], 0.0, left[rows, :, m])
    return OneToOne(truth_iou, prediction_iou, chosen)
