"""From rewards to advantages: baselines, normalisation, credit by box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from rewardmark.tasks.detection.codec import SLOTS
from torch import Tensor

if TYPE_CHECKING:
    from rewardmark.rewards.types import Boxes


def advantages(weights: Tensor, baseline: str, normalize: bool, running: float = 0.0) -> Tensor:
    """What each token's log-probability is weighted with.

    Args:
        weights: `[B, N, T]` reward (or reward to go) that each token is credited with; NaN where a sample has no score.
        baseline: "leave-one-out": mean of the image's other scored samples at the same token; "running": the number
            given; "none".
        normalize: divide by the standard deviation over the image's scored samples (GRPO), plus 1e-4.

    Returns:
        `[B, N, T]`; zero for unscored samples and for those without a scored companion where the baseline needs one.

    >>> advantages(torch.tensor([[[1.0], [0.0], [0.5]]]), "leave-one-out", False).flatten().tolist()
    [0.75, -0.75, 0.0]
    """
    scored = torch.isfinite(weights)
    value = torch.where(scored, weights, torch.zeros_like(weights))
    count = scored.sum(1, keepdim=True)
    if baseline == "leave-one-out":
        others = (count - 1).clamp(min=1)
        advantage = value - (value.sum(1, keepdim=True) - value) / others
        advantage = torch.where(count > 1, advantage, torch.zeros_like(advantage))
    else:
        advantage = value - (running if baseline == "running" else 0.0)
    if normalize:
        mean = value.sum(1, keepdim=True) / count.clamp(min=1)
        squares = torch.where(scored, (value - mean) ** 2, torch.zeros_like(value)).sum(1, keepdim=True)
        advantage = advantage / ((squares / (count - 1).clamp(min=1)).sqrt() + 1e-4)
    return torch.where(scored, advantage, torch.zeros_like(advantage))


def returns_to_go(
    predictions: Boxes, targets: Boxes, rewards: Tensor, length: int, parameters: dict[str, Any]
) -> Tensor:
    """`detection/recall` split over the sequence: a token is credited with what its own box and later ones add to the
    reward.

    Args:
        predictions, targets: `B * N` images; boxes in the order in which they were written.
        rewards: `[B, N]`, only to mark samples without a score.
        length: tokens in a sequence.
        parameters: the reward's own.

    Returns:
        `[B, N, length]`; zero behind the last box, NaN for unscored samples.
    """
    from rewardmark.rewards.detection_recall import recall_credits

    credits = recall_credits(predictions, targets, **parameters)
    to_go = credits.flip(1).cumsum(1).flip(1)
    tokens = to_go.repeat_interleave(SLOTS, dim=1)
    tokens = torch.nn.functional.pad(tokens, (0, max(0, length - tokens.shape[1])))[:, :length]
    tokens = tokens.view(*rewards.shape, length)
    return torch.where(torch.isfinite(rewards)[..., None], tokens, torch.full_like(tokens, torch.nan))
