"""Predictions of grounding (points, a box with points) and of image-text matching (a table of scores)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rewardmark.rewards._batch import Batched
from rewardmark.rewards._torch import torch
from rewardmark.rewards.errors import RewardmarkError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Grounded", "PairScores"]


@dataclass(frozen=True, eq=False)
class Grounded(Batched):
    """One box and up to P points an image, for a referring expression.

    box [B, 4] float32 xyxy pixels (NaN where the model gave none); points [B, P, 2] float32 xy pixels, NaN where
    there are fewer; texts: the completions as written, for the rewards that look at their format.

    >>> len(Grounded.from_lists([[0, 0, 2, 2], None], [[[1, 1]], []]))
    2
    """

    box: Tensor
    points: Tensor
    texts: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.box.ndim != 2 or self.box.shape[1] != 4:
            raise RewardmarkError(f"Grounded: box must have shape [B, 4], not {list(self.box.shape)}")
        if self.points.ndim != 3 or self.points.shape[::2] != (self.box.shape[0], 2):
            raise RewardmarkError(
                f"Grounded: points must have shape [{self.box.shape[0]}, P, 2], not {list(self.points.shape)}"
            )

    def __len__(self) -> int:
        return int(self.box.shape[0])

    @classmethod
    def from_lists(
        cls,
        boxes: Sequence[Any],
        points: Sequence[Any] | None = None,
        texts: Sequence[str] | None = None,
    ) -> Grounded:
        """boxes[i] is [4] or None; points[i] is [p_i, 2]."""
        points = [[] for _ in boxes] if points is None else points
        width = max((len(row) for row in points), default=0)
        box = torch.full((len(boxes), 4), torch.nan)
        table = torch.full((len(boxes), width, 2), torch.nan)
        for i, (one, row) in enumerate(zip(boxes, points, strict=True)):
            if one is not None:
                box[i] = torch.as_tensor(one, dtype=torch.float32)
            if len(row):
                table[i, : len(row)] = torch.as_tensor(row, dtype=torch.float32)
        return cls(box, table, None if texts is None else list(texts))

    def sample(self, index: int) -> Grounded:
        """Image `index` as a batch of one."""
        return self[index]


@dataclass(frozen=True, eq=False)
class PairScores(Batched):
    """How well each of two captions fits each of two images: scores [B, 2, 2], scores[b, c, i] = s(caption c, image i).

    Caption c belongs to image c (Winoground).

    >>> len(PairScores.from_lists([[[0.9, 0.1], [0.2, 0.8]]]))
    1
    """

    scores: Tensor

    def __post_init__(self) -> None:
        if tuple(self.scores.shape[1:]) != (2, 2):
            raise RewardmarkError(f"PairScores: scores must have shape [B, 2, 2], not {list(self.scores.shape)}")

    def __len__(self) -> int:
        return int(self.scores.shape[0])

    @classmethod
    def from_lists(cls, scores: Sequence[Any]) -> PairScores:
        """scores[b] is [[s(c0,i0), s(c0,i1)], [s(c1,i0), s(c1,i1)]]."""
        return cls(torch.as_tensor(scores, dtype=torch.float32).reshape(len(scores), 2, 2))

    def sample(self, index: int) -> Tensor:
        """Table `index`: [2, 2]."""
        return self.scores[index]
