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
    # A pair that is the best of its row and of its column is taken whatever happens elsewhere, so all of them are taken
    # at once: few rounds, however many pairs.
    size, count, truths = pairs.shape
    truth_iou, prediction_iou = pairs.new_zeros((size, truths)), pairs.new_zeros((size, count))
    chosen = torch.full((size, truths), -1, dtype=torch.int64, device=pairs.device)
    left, columns = pairs, torch.arange(truths, device=pairs.device)
    while count and truths:
        by_row, column = left.max(2)  # [B, N]: the first of equals
        value, row = left.max(1)  # [B, M]
        taken = (value > 0) & (column.gather(1, row) == columns)
        if not bool(taken.any()):
            break
        truth_iou = torch.where(taken, value, truth_iou)
        chosen = torch.where(taken, row, chosen)
        used = torch.zeros_like(by_row, dtype=torch.int8).scatter_reduce(1, row, taken.to(torch.int8), "amax") > 0
        prediction_iou = torch.where(used, by_row, prediction_iou)
        left = left.masked_fill(used[:, :, None] | taken[:, None, :], 0.0)
    return OneToOne(truth_iou, prediction_iou, chosen)
