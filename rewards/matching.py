"""Winoground's rule for two captions and two images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardmark.rewards._torch import torch
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import PairScores

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["pair"]


@register_reward(
    "matching/pair",
    task="matching",
    bounds=(0.0, 1.0),
    gold="matching/group",
    source="Thrush et al. 2022, Winoground (arXiv:2204.03162), eq. 1-3",
    status="metric",
)
def pair(predictions: PairScores, targets: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Winoground's group score: 1 where both captions and both images are told apart, strictly.

        text: s(c0,i0) > s(c1,i0) and s(c1,i1) > s(c0,i1);  image: s(c0,i0) > s(c0,i1) and s(c1,i1) > s(c1,i0)

    Predictions: PairScores; targets are not looked at (caption c belongs to image c). Returns [B] float32, 0 or 1, and
    the components `text` and `image`. Ties and scores that are no numbers lose.

    >>> pair(PairScores.from_lists([[[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.5, 0.5]]]), None)[0].tolist()
    [1.0, 0.0]
    """
    s = predictions.scores  # [B, caption, image]
    text = (s[:, 0, 0] > s[:, 1, 0]) & (s[:, 1, 1] > s[:, 0, 1])
    image = (s[:, 0, 0] > s[:, 0, 1]) & (s[:, 1, 1] > s[:, 1, 0])
    both = {"text": text.to(torch.float32), "image": image.to(torch.float32)}
    return both["text"] * both["image"], both
