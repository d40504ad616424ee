"""Colorization: colour codes painted into the grey image by the guided colour head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from rewardmark.baselines.outputs.base import Batch, Context, Output, Written
from rewardmark.rewards.types import Images
from rewardmark.tasks.codec import FIRST_FREE
from rewardmark.tasks.colorization.codec import AB_UNIT, ColourCodec
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.baselines.model.modeling import EncodedImages, PixelsToTokens
    from rewardmark.tasks.coco import CocoSplit
    from rewardmark.tasks.codec import Codec


class ColorizationOutput(Output):
    """Colour images from sequences."""

    codec: ColourCodec
    frozen_in_tuning = ("stem", "colour_head")

    @classmethod
    def model_options(cls, codec: Codec) -> dict[str, Any]:
        return {"colour_channels": 32}

    def pixels(self, split: CocoSplit, indices: NDArray[Any]) -> Tensor:
        """The grey image: CIE lightness, three times, in 0..255."""
        return (lightness(split, indices) * 2.55).clamp(0, 255).expand(-1, 3, -1, -1)

    def context(self, split: CocoSplit, indices: NDArray[Any], samples: int, scores: str = "auto") -> Context:
        base = super().context(split, indices, samples, scores)
        return Context(
            sizes=base.sizes, scores=scores, lightness=lightness(split, indices).repeat_interleave(samples, 0)
        )

    def paint(self, model: PixelsToTokens, encoded: EncodedImages, tokens: Tensor) -> Tensor:
        """Lab a, b `[R, 2, H, W]` in units of 100 of code sequences `tokens [B, N, g * g]`."""
        assert model.colour_head is not None
        palette = torch.as_tensor(self.codec.palette, device=tokens.device, dtype=encoded.full.dtype)
        code = palette[tokens.flatten(0, 1) - FIRST_FREE].view(-1, self.codec.grid, self.codec.grid, 2)
        samples = tokens.shape[1]
        full, half = (x.repeat_interleave(samples, 0) for x in (encoded.full, encoded.half))
        return model.colour_head(full, half, code)

    def predictions(self, model: PixelsToTokens, encoded: EncodedImages, written: Written, context: Context) -> Images:
        """sRGB images at the model's size, or at the original size where all originals share one."""
        assert context.lightness is not None
        ab = self.paint(model, encoded, written.tokens).float() * AB_UNIT
        light = context.lightness.to(ab.device)
        return Images(rgb=lab_to_rgb(torch.cat([light, ab], dim=1)))

    def head_loss(
        self, model: PixelsToTokens, encoded: EncodedImages, hidden: Tensor, batch: Batch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        truth = batch.extras["ab"].permute(0, 3, 1, 2)
        loss = F.l1_loss(self.paint(model, encoded, batch.tokens).float(), truth)
        return 5.0 * loss, {"colour_loss": loss.detach()}


def lightness(split: CocoSplit, indices: NDArray[Any]) -> Tensor:
    """CIE lightness of images, `[B, 1, size, size]` in 0..100."""
    from skimage.color import rgb2lab

    lab = rgb2lab(split.images(indices, split.size).astype(np.float32) / 255.0)
    return torch.from_numpy(lab[..., :1].astype(np.float32)).permute(0, 3, 1, 2)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """CIE Lab (D65, 2 degrees) `[B, 3, H, W]` to sRGB in 0..1, out-of-gamut colours clipped (IEC 61966-2-1)."""
    light, a, b = lab.unbind(1)
    fy = (light + 16.0) / 116.0
    f = torch.stack([fy + a / 500.0, fy, fy - b / 200.0], dim=1)
    delta = 6.0 / 29.0
    xyz = torch.where(f > delta, f**3, 3 * delta**2 * (f - 4.0 / 29.0))
    white = torch.tensor([0.95047, 1.0, 1.08883], device=lab.device, dtype=lab.dtype)
    matrix = torch.tensor(
        [
            [3.24048134, -1.53715152, -0.49853633],
            [-0.96925495, 1.87599, 0.04155593],
            [0.05564664, -0.20404134, 1.05731107],
        ],
        device=lab.device,
        dtype=lab.dtype,
    )
    linear = torch.einsum("rc,bchw->brhw", matrix, xyz * white[:, None, None])
    linear = linear.clamp(0.0, 1.0)
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=1e-8) ** (1 / 2.4) - 0.055, 12.92 * linear).clamp(
        0.0, 1.0
    )
