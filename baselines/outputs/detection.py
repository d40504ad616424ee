"""Detection: tokens to boxes, ranked by the confidence token or by the class likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from rewardmark.baselines.model.heads import dense_loss
from rewardmark.baselines.outputs.base import Batch, Context, Output, Written, states_after_class
from rewardmark.rewards.types import Boxes
from rewardmark.tasks.detection.codec import SLOTS, BoxCodec
from torch import Tensor

if TYPE_CHECKING:
    from rewardmark.baselines.model.modeling import EncodedImages, PixelsToTokens
    from rewardmark.tasks.codec import Codec


class DetectionOutput(Output):
    """Boxes from sequences."""

    codec: BoxCodec

    @classmethod
    def model_options(cls, codec: Codec) -> dict[str, Any]:
        assert isinstance(codec, BoxCodec)
        return {"dense_classes": codec.class_slots, "confidence": True}

    def predictions(self, model: PixelsToTokens, encoded: EncodedImages, written: Written, context: Context) -> Boxes:
        """Boxes `[B * N, K]` in pixels of the original images, in the order in which they were written."""
        tokens = written.tokens.flatten(0, 1)
        unit, labels, mask = decode_boxes(self.codec, tokens)
        count = mask.shape[1]
        device = tokens.device
        scale = torch.tensor([[w, h, w, h] for h, w in context.sizes], dtype=torch.float32, device=device)
        boxes = unit[..., [1, 0, 3, 2]] * scale[:, None, :]
        return Boxes(
            boxes=boxes, labels=labels, scores=self.scores(model, written, count, context.scores) * mask, mask=mask
        )

    def scores(self, model: PixelsToTokens, written: Written, count: int, source: str) -> Tensor:
        """Scores `[B * N, count]` in 0..1."""
        likelihood = written.token_probs[:, :, SLOTS - 1 :: SLOTS][:, :, :count].flatten(0, 1).float()
        if source == "auto":
            source = "confidence" if model.config.codec.get("confidence_trained") else "class"
        if source == "class":
            return likelihood
        confidence = torch.softmax(self.confidence_logits(model, written.hidden, count), dim=-1)[..., 1].flatten(0, 1)
        return confidence if source == "confidence" else confidence * likelihood

    def confidence_logits(self, model: PixelsToTokens, hidden: Tensor, count: int) -> Tensor:
        """Logits of the confidence token for each box, `[B, N, count, 2]`."""
        assert model.confidence_head is not None
        return model.confidence_head(states_after_class(hidden, count, SLOTS)).float()

    def head_loss(
        self, model: PixelsToTokens, encoded: EncodedImages, hidden: Tensor, batch: Batch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return dense_part(model, encoded, batch)


def dense_part(model: PixelsToTokens, encoded: EncodedImages, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """The dense auxiliary loss of a batch whose extras hold true boxes."""
    assert model.dense_head is not None
    loss = dense_loss(
        model.dense_head(encoded.grid),
        encoded.shape,
        batch.extras["boxes"],
        batch.extras["classes"],
        batch.extras["mask"],
    )
    return loss, {"dense_loss": loss.detach()}


def decode_boxes(codec: BoxCodec, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`BoxCodec.decode` for tensors on any device: unit boxes `[R, K, 4]`, category ids `[R, K]`, mask `[R, K]`."""
    count = tokens.shape[-1] // SLOTS
    rows = tokens[:, : count * SLOTS].reshape(len(tokens), count, SLOTS)
    mask = rows[..., 4] >= codec.first_class
    unit = (rows[..., :4] - codec.first_coordinate).float() / (codec.bins - 1)
    ids = torch.as_tensor(codec.ids, device=tokens.device)
    slot = (rows[..., 4] - codec.first_class).clamp(0, len(codec.categories) - 1)
    zero = torch.zeros((), device=tokens.device)
    return torch.where(mask[..., None], unit, zero), torch.where(mask, ids[slot], torch.zeros_like(slot)), mask
