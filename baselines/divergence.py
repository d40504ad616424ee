"""How far a model has moved from where it started: KL(model || start), exactly over the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from rewardmark.baselines.build import load_model, on_device
from rewardmark.baselines.model.modeling import PixelsToTokens, shift
from rewardmark.tasks.codec import Codec

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

__all__ = ["comparable_start", "divergence"]


@torch.no_grad()
def _log_probs(model: PixelsToTokens, pixels: Tensor, tokens: Tensor) -> Tensor:
    return torch.log_softmax(model.logits(model.hidden_states(model.encode(pixels), shift(tokens))), -1)


def divergence(
    model: PixelsToTokens, reference: PixelsToTokens, pixels: Tensor, tokens: Tensor, hidden: Tensor
) -> Tensor:
    """KL(model || reference) of every step of sequences that the model drew, `[B, N, T]` in nats.

    pixels `[B, 3, H, W]`; tokens `[B, N, T]` without BOS; hidden `[B, N, T, D]`: the model's states on `shift(tokens)`.
    The gradient runs through the model alone.
    """
    theirs = _log_probs(reference, pixels, tokens)
    ours = torch.log_softmax(model.logits(hidden), -1)
    gap = torch.where(torch.isfinite(theirs), ours - theirs, torch.zeros_like(ours))
    return (ours.exp() * gap).sum(-1)


def comparable_start(start: Path | None, codec: Codec, device: str) -> PixelsToTokens | None:
    """The start, frozen, where it writes the same tokens as `codec`; None where no KL can be taken."""
    if start is None:
        return None
    with torch.random.fork_rng(devices=[]):
        reference, theirs = load_model(start)
    if theirs.to_dict() != codec.to_dict():
        return None
    return on_device(reference, device).eval().requires_grad_(False)
