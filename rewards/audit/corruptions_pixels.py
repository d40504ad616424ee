"""Graded corruptions of panoptic segments and of coloured images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit.corruptions import Corruption
from rewardmark.rewards.audit.exploits_pixels import appended_segments, luminance
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.types import Images, Segments

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["image_corruptions", "segment_corruptions"]

Rng = np.random.Generator
#: Side of the blocks that noise is made of, in pixels, and specks that the highest severity adds.
BLOCK, SPECKS = 4, 8


def _blocks(height: int, width: int, size: int, rng: Rng) -> Tensor:
    """Uniform numbers [size, height, width], one for each block of BLOCK x BLOCK pixels."""
    coarse = torch.from_numpy(rng.random((size, -(-height // BLOCK), -(-width // BLOCK))))
    return coarse.repeat_interleave(BLOCK, 1).repeat_interleave(BLOCK, 2)[:, :height, :width]


def segment_corruptions() -> list[Corruption]:
    """shift, holes, relabel, merge, extra."""

    def shift(material: Material, severity: float, rng: Rng) -> Segments:
        gold: Segments = material.gold
        step = round(severity * gold.ids.shape[2] / 2)
        return Segments(torch.roll(gold.ids, step, dims=2), gold.categories)

    def holes(material: Material, severity: float, rng: Rng) -> Segments:
        gold: Segments = material.gold
        size, height, width = gold.ids.shape
        return Segments(torch.where(_blocks(height, width, size, rng) < severity, 0, gold.ids), gold.categories)

    def relabel(material: Material, severity: float, rng: Rng) -> Segments:
        gold: Segments = material.gold
        known = gold.categories[gold.categories > 0].unique()
        hit = torch.from_numpy(rng.random(tuple(gold.categories.shape))) < severity
        step = torch.from_numpy(rng.integers(1, max(2, len(known)), tuple(gold.categories.shape)))
        other = known[(torch.searchsorted(known, gold.categories) + step) % len(known)]
        return Segments(gold.ids, torch.where(hit & (gold.categories > 0), other, gold.categories))

    def merge(material: Material, severity: float, rng: Rng) -> Segments:
        gold: Segments = material.gold
        hit = torch.from_numpy(rng.random(tuple(gold.categories.shape))) < severity
        slots = torch.arange(1, gold.categories.shape[1] + 1).expand_as(gold.categories)
        goes_to = torch.cat([torch.zeros(len(gold), 1, dtype=torch.int64), torch.where(hit, 1, slots)], 1)
        return Segments(goes_to.gather(1, gold.ids.flatten(1)).reshape(gold.ids.shape), gold.categories)

    def extra(material: Material, severity: float, rng: Rng) -> Segments:
        count = round(severity * SPECKS)
        return appended_segments(material.gold, None, False, rng, count) if count else material.gold

    return [
        Corruption("shift", "the map moved sideways by up to half of the image", shift),
        Corruption("holes", "blocks of 4 x 4 pixels made void", holes),
        Corruption("relabel", "segments given another category", relabel),
        Corruption("merge", "segments joined to the first one", merge),
        Corruption("extra", f"up to {SPECKS} specks as new segments", extra),
    ]


def image_corruptions() -> list[Corruption]:
    """fade, turn, noise, wrong blocks: all of the colour, none of the brightness (save noise)."""

    def fade(material: Material, severity: float, rng: Rng) -> Images:
        rgb = material.gold.rgb
        return Images(rgb + severity * (luminance(rgb) - rgb))

    def turn(material: Material, severity: float, rng: Rng) -> Images:
        rgb = material.gold.rgb
        return Images(_turned(rgb, severity * math.pi).clamp(0, 1)) if severity else Images(rgb)

    def noise(material: Material, severity: float, rng: Rng) -> Images:
        rgb = material.gold.rgb
        drawn = torch.from_numpy(rng.uniform(0, 1, tuple(rgb.shape))).to(rgb.dtype)
        return Images(rgb + severity * (drawn - rgb))

    def blocks(material: Material, severity: float, rng: Rng) -> Images:
        rgb = material.gold.rgb
        hit = _blocks(rgb.shape[2], rgb.shape[3], len(rgb), rng) < severity
        return Images(torch.where(hit[:, None], _turned(rgb, math.pi).clamp(0, 1), rgb))

    return [
        Corruption("fade", "colours faded to grey", fade),
        Corruption("turn", "hues turned by up to half a circle", turn),
        Corruption("noise", "mixed with pixels at random", noise),
        Corruption("wrong blocks", "blocks of 4 x 4 pixels in the opposite hue", blocks),
    ]


def _turned(rgb: Tensor, angle: float) -> Tensor:
    """Hues turned about the grey axis at the same brightness (YIQ)."""
    y = luminance(rgb)[:, 0]
    i = 0.596 * rgb[:, 0] - 0.274 * rgb[:, 1] - 0.322 * rgb[:, 2]
    q = 0.211 * rgb[:, 0] - 0.523 * rgb[:, 1] + 0.312 * rgb[:, 2]
    a, b = i * math.cos(angle) - q * math.sin(angle), i * math.sin(angle) + q * math.cos(angle)
    return torch.stack([y + 0.956 * a + 0.621 * b, y - 0.272 * a - 0.647 * b, y - 1.106 * a + 1.703 * b], 1)
