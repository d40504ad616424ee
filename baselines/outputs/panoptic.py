"""Panoptic segmentation: the written segments painted by the mask head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from rewardmark.baselines.outputs.base import Batch, Context, Output, Written, states_after_class
from rewardmark.baselines.outputs.detection import decode_boxes, dense_part
from rewardmark.rewards.types import Segments
from rewardmark.tasks.detection.codec import SLOTS
from rewardmark.tasks.panoptic.codec import SegmentCodec
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.baselines.model.modeling import EncodedImages, PixelsToTokens
    from rewardmark.tasks.coco import CocoSplit
    from rewardmark.tasks.codec import Codec

LEAST_SHARE = 0.001
"""A segment that keeps less than this share of the image after painting is dropped: it is a remnant, not an object (2
px of 48 x 48)."""


class PanopticOutput(Output):
    """Segments from sequences. Reward tuning moves the tokens; what paints them stays as it was, as UViM's base model
    does."""

    codec: SegmentCodec
    frozen_in_tuning = ("stem", "mask_head")

    @classmethod
    def model_options(cls, codec: Codec) -> dict[str, Any]:
        assert isinstance(codec, SegmentCodec)
        return {"dense_classes": codec.class_slots, "mask_channels": 24}

    def mask_logits(
        self, model: PixelsToTokens, encoded: EncodedImages, hidden: Tensor, unit: Tensor, mask: Tensor
    ) -> Tensor:
        """Logits `[B, N, K, H, W]`, -inf where there is no segment; `unit [B, N, K, 4]`, `mask [B, N, K]`."""
        assert model.mask_head is not None
        pixels = model.mask_head.pixels(encoded.full, encoded.half, encoded.grid_map())
        logits = model.mask_head(pixels, states_after_class(hidden, mask.shape[-1], SLOTS), unit)
        return logits.float().masked_fill(~mask[..., None, None], -torch.inf)

    def predictions(
        self, model: PixelsToTokens, encoded: EncodedImages, written: Written, context: Context
    ) -> Segments:
        """Segment maps at the size of the original images (void-padded to the largest where sizes differ)."""
        images, samples = written.tokens.shape[:2]
        unit, labels, mask = decode_boxes(self.codec, written.tokens.flatten(0, 1))
        shape = (images, samples, mask.shape[1])
        height, width = encoded.full.shape[-2:]
        if mask.shape[1] == 0:
            ids = torch.zeros(images * samples, height, width, dtype=torch.long, device=mask.device)
            return Segments(
                ids=at_sizes(ids, context.sizes),
                categories=torch.zeros(len(ids), 1, dtype=torch.long, device=mask.device),
            )
        logits = self.mask_logits(model, encoded, written.hidden, unit.view(*shape, 4), mask.view(shape)).flatten(0, 1)
        owner = logits.argmax(1)  # [R, H, W]
        owner = self.merge_stuff(owner, labels, mask, context.things)
        area = F.one_hot(owner.flatten(1), mask.shape[1]).sum(1)
        kept = mask & (area >= LEAST_SHARE * height * width)
        ids = torch.where(kept.gather(1, owner.flatten(1)).view_as(owner), owner + 1, torch.zeros_like(owner))
        return Segments(
            ids=at_sizes(ids, context.sizes), categories=torch.where(kept, labels, torch.zeros_like(labels))
        )

    def merge_stuff(self, owner: Tensor, labels: Tensor, mask: Tensor, things: Tensor | None) -> Tensor:
        """Give every pixel of a repeated stuff category to its first segment: the format has one segment per stuff
        category."""
        if things is None:
            return owner
        stuff = mask & ~torch.isin(labels, things.to(labels.device))
        same = (labels[:, :, None] == labels[:, None, :]) & stuff[:, :, None] & stuff[:, None, :]
        first = same.float().argmax(-1)
        target = torch.where(stuff, first, torch.arange(labels.shape[1], device=labels.device))
        return target.gather(1, owner.flatten(1)).view_as(owner)

    def head_loss(
        self, model: PixelsToTokens, encoded: EncodedImages, hidden: Tensor, batch: Batch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        loss, parts = dense_part(model, encoded, batch)
        boxes, mask = batch.extras["boxes"][:, None], batch.extras["mask"][:, None]
        logits = self.mask_logits(model, encoded, hidden, boxes, mask)[:, 0]
        paint = F.cross_entropy(logits, batch.extras["owner"], ignore_index=-1)
        return loss + paint, {**parts, "mask_loss": paint.detach()}

    def context(self, split: CocoSplit, indices: NDArray[Any], samples: int, scores: str = "auto") -> Context:
        base = super().context(split, indices, samples, scores)
        things = torch.tensor([c["id"] for c in split.panoptic_categories if c.get("isthing", 1)])
        return Context(sizes=base.sizes, scores=scores, things=things)


def at_sizes(ids: Tensor, sizes: list[tuple[int, int]]) -> Tensor:
    """Maps `[R, H, W]` brought to each row's own size by nearest neighbour, padded with void to the largest."""
    if all(size == tuple(ids.shape[-2:]) for size in sizes):
        return ids
    height, width = max(h for h, _ in sizes), max(w for _, w in sizes)
    out = torch.zeros(len(ids), height, width, dtype=ids.dtype, device=ids.device)
    for row, (h, w) in enumerate(sizes):
        out[row, :h, :w] = F.interpolate(ids[row][None, None].float(), size=(h, w), mode="nearest-exact")[0, 0].to(
            ids.dtype
        )
    return out
