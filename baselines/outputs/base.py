"""What lies between tokens and a task's prediction type, task by task: decoding by the model's heads, and the heads'
own losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from rewardmark.baselines.batches import plain_images
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.baselines.model.modeling import EncodedImages, PixelsToTokens
    from rewardmark.tasks.coco import CocoSplit
    from rewardmark.tasks.codec import Codec, Encoded


@dataclass(frozen=True)
class Batch:
    """One training batch: pixels `[B, 3, H, W]`, tokens `[B, 1, T]` without BOS, extras as tensors."""

    pixels: Tensor
    tokens: Tensor
    extras: dict[str, Tensor]


@dataclass(frozen=True)
class Written:
    """Sequences and the decoder states that wrote them: tokens, token_probs `[B, N, T]`, hidden `[B, N, T, D]` (state
    t predicts token t)."""

    tokens: Tensor
    token_probs: Tensor
    hidden: Tensor


class Output(ABC):
    """The glue of one task."""

    frozen_in_tuning: ClassVar[tuple[str, ...]] = ()
    """Modules that reward tuning leaves alone: those that only draw what the tokens say."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    @classmethod
    @abstractmethod
    def model_options(cls, codec: Codec) -> dict[str, Any]:
        """Heads that the task's model needs, as arguments of `PixelsToTokensConfig`."""

    @abstractmethod
    def predictions(self, model: PixelsToTokens, encoded: EncodedImages, written: Written, context: Context) -> Any:
        """Predictions for all `B * N` sequences, image by image, as the task's prediction type."""

    def head_loss(
        self, model: PixelsToTokens, encoded: EncodedImages, hidden: Tensor, batch: Batch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The heads' loss on true sequences during maximum likelihood, and its parts for the curves."""
        return torch.zeros((), device=hidden.device), {}

    def pixels(self, split: CocoSplit, indices: NDArray[Any]) -> Tensor:
        """What the model sees of images, `[B, 3, size, size]`."""
        return plain_images(split, indices)

    def context(self, split: CocoSplit, indices: NDArray[Any], samples: int, scores: str = "auto") -> Context:
        """What `predictions` must know about the images besides their features; rows repeated for `samples` sequences
        each."""
        sizes = [split.sizes[int(i)] for i in indices for _ in range(samples)]
        return Context(sizes=sizes, scores=scores)


@dataclass(frozen=True)
class Context:
    """sizes: height and width of each sequence's original image; scores: which probability ranks boxes; extras:
    task's own."""

    sizes: list[tuple[int, int]]
    scores: str = "auto"
    lightness: Tensor | None = None
    things: Tensor | None = None


def as_batch(pixels: Tensor, encoded: Encoded, device: str) -> Batch:
    """Move a batch to the device."""
    tokens = torch.from_numpy(encoded.tokens)[:, None, :].to(device)
    return Batch(pixels.to(device), tokens, {k: torch.from_numpy(v).to(device) for k, v in encoded.extras.items()})


def states_after_class(hidden: Tensor, boxes: int, slots: int) -> Tensor:
    """States that have read each box's class token, `[B, N, boxes, D]`: the state that predicts what follows it."""
    return hidden[:, :, slots : slots * boxes + 1 : slots]
