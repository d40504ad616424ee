"""Small heads beside the token decoder: dense auxiliary boxes, segment masks, guided colour, confidence."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from rewardmark.baselines.model.layers import ConvBlock
from torch import Tensor, nn


class DenseHead(nn.Module):
    """Per cell of the encoder's grid: objectness, class and box of the object centred there.

    Used only while learning by maximum likelihood: it teaches the encoder to localise long before the token loss would.
    """

    def __init__(self, d_model: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.hidden = nn.Linear(d_model, d_model)
        self.out = nn.Linear(d_model, 1 + classes + 4)

    def forward(self, grid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`grid [B, S, D]` to objectness `[B, S]`, class logits `[B, S, C]`, distances to the box's edges `[B, S, 4]`
        (units of the image, > 0)."""
        out = self.out(F.gelu(self.hidden(grid))).float()
        return out[..., 0], out[..., 1 : 1 + self.classes], F.softplus(out[..., 1 + self.classes :] - 2.0)


def dense_loss(
    head: tuple[Tensor, Tensor, Tensor], grid: tuple[int, int], boxes: Tensor, classes: Tensor, mask: Tensor
) -> Tensor:
    """Loss of `DenseHead` against true boxes.

    Args:
        head: what `DenseHead` returned.
        grid: rows and columns of the encoder's grid.
        boxes: `[B, N, 4]` y0 x0 y1 x1 in units of the image (0..1).
        classes: `[B, N]` class slots.
        mask: `[B, N]` which rows are objects. Where two share a cell the later row wins, so pass the nearer objects
            last.
    """
    objectness, class_logits, edges = head
    rows, columns = grid
    batch, count = mask.shape
    device = objectness.device
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    cell_y = (centre[..., 0] * rows).long().clamp(0, rows - 1)
    cell_x = (centre[..., 1] * columns).long().clamp(0, columns - 1)
    owner = torch.full((batch, rows * columns + 1), -1, dtype=torch.long, device=device)
    cell = torch.where(mask, cell_y * columns + cell_x, rows * columns)
    for n in range(count):  # in order, so that "the later row wins" holds on every device
        owner.scatter_(1, cell[:, n : n + 1], n)
    owner = owner[:, :-1]
    positive = owner >= 0
    loss = F.binary_cross_entropy_with_logits(objectness, positive.float(), reduction="none").sum(1).mean() / 4.0
    if not bool(positive.any()):
        return loss
    image, place = positive.nonzero(as_tuple=True)
    index = owner[image, place]
    loss = loss + F.cross_entropy(class_logits[image, place], classes[image, index])
    truth = boxes[image, index]
    cy = ((place // columns).float() + 0.5) / rows
    cx = ((place % columns).float() + 0.5) / columns
    edge = edges[image, place]
    guess = torch.stack([cy - edge[:, 0], cx - edge[:, 1], cy + edge[:, 2], cx + edge[:, 3]], dim=-1)
    inner = (
        (torch.minimum(guess[:, 2:], truth[:, 2:]) - torch.maximum(guess[:, :2], truth[:, :2])).clamp(min=0).prod(-1)
    )
    outer = (
        (torch.maximum(guess[:, 2:], truth[:, 2:]) - torch.minimum(guess[:, :2], truth[:, :2])).clamp(min=1e-6).prod(-1)
    )
    union = (guess[:, 2:] - guess[:, :2]).clamp(min=0).prod(-1) + (truth[:, 2:] - truth[:, :2]).prod(-1) - inner
    giou = inner / union.clamp(min=1e-6) - (outer - union) / outer
    return loss + (1.0 - giou).mean() + 5.0 * (guess - truth).abs().mean()


class MaskHead(nn.Module):
    """Segment embeddings times pixel embeddings: mask logits at full resolution.

    The box that a segment's tokens name enters as a learned bonus inside it, so that the mask follows the sampled
    tokens.
    """

    def __init__(self, d_model: int, stem: tuple[int, int], channels: int) -> None:
        super().__init__()
        full, half = stem
        self.up_half = ConvBlock(d_model + half, half)
        self.up_full = ConvBlock(half + full, channels)
        self.pixel = nn.Conv2d(channels, channels, 1)
        self.segment = nn.Sequential(nn.Linear(d_model, d_model), nn.GELU(), nn.Linear(d_model, channels + 1))
        self.inside = nn.Parameter(torch.tensor(2.0))

    def pixels(self, full: Tensor, half: Tensor, grid: Tensor) -> Tensor:
        """Stem features at strides 1, 2 and the encoder's grid `[B, D, h, w]` to pixel embeddings `[B, C, H, W]`."""
        x = F.interpolate(grid, size=half.shape[-2:], mode="bilinear", align_corners=False)
        x = self.up_half(torch.cat([x, half], dim=1))
        x = F.interpolate(x, size=full.shape[-2:], mode="bilinear", align_corners=False)
        return self.pixel(self.up_full(torch.cat([x, full], dim=1)))

    def forward(self, pixels: Tensor, hidden: Tensor, boxes: Tensor) -> Tensor:
        """Mask logits `[B, N, S, H, W]`.

        Args:
            pixels: `[B, C, H, W]`.
            hidden: `[B, N, S, D]` decoder states at the class tokens.
            boxes: `[B, N, S, 4]` y0 x0 y1 x1 in units of the image.
        """
        embedding = self.segment(hidden)
        scale = pixels.shape[1] ** -0.5
        logits = torch.einsum("bnsc,bchw->bnshw", embedding[..., :-1] * scale, pixels) + embedding[..., -1, None, None]
        height, width = pixels.shape[-2:]
        y = ((torch.arange(height, device=pixels.device) + 0.5) / height)[:, None]
        x = ((torch.arange(width, device=pixels.device) + 0.5) / width)[None, :]
        y0, x0, y1, x1 = (edge[..., None, None] for edge in boxes.unbind(-1))
        inside = ((y >= y0) & (y <= y1) & (x >= x0) & (x <= x1)).to(logits.dtype)
        return logits + F.softplus(self.inside) * (2.0 * inside - 1.0)


class ColourHead(nn.Module):
    """Grey image and a coarse grid of colour codes to full-resolution Lab colour.

    The guiding code says *which* of the possible colours; this head only paints it inside the edges that the grey
    image shows (UViM's division of labour).
    """

    def __init__(self, stem: tuple[int, int], channels: int) -> None:
        super().__init__()
        full, half = stem
        self.code = nn.Linear(2, channels)
        self.mix_half = nn.Sequential(
            ConvBlock(half + channels, channels), ConvBlock(channels, channels), ConvBlock(channels, channels)
        )
        self.mix_full = ConvBlock(full + channels + 2, channels)
        self.out = nn.Conv2d(channels, 2, 1)

    def forward(self, full: Tensor, half: Tensor, code_ab: Tensor) -> Tensor:
        """Lab a, b of every pixel, `[B, 2, H, W]` in units of 100.

        Args:
            full, half: stem features of the grey image at strides 1 and 2.
            code_ab: `[B, g, g, 2]` colours of the code's cells, units of 100.
        """
        code = self.code(code_ab).permute(0, 3, 1, 2)
        x = F.interpolate(code, size=half.shape[-2:], mode="bilinear", align_corners=False)
        x = self.mix_half(torch.cat([x, half], dim=1))
        base = F.interpolate(code_ab.permute(0, 3, 1, 2), size=full.shape[-2:], mode="bilinear", align_corners=False)
        x = F.interpolate(x, size=full.shape[-2:], mode="bilinear", align_corners=False)
        return base + self.out(self.mix_full(torch.cat([x, full, base], dim=1)))


class ConfidenceHead(nn.Module):
    """Logits of the two confidence tokens, (wrong, right), read off the state after a box's class token.

    On detached features by default: its loss then cannot drown the policy gradient in the trunk.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(d_model, d_model)
        self.out = nn.Linear(d_model, 2)

    def forward(self, hidden: Tensor) -> Tensor:
        """`[..., D]` to `[..., 2]`."""
        return self.out(F.gelu(self.hidden(hidden)))
