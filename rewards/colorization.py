"""Rewards for coloured images: vividness, colourfulness, closeness to the true colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Images

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["chroma", "hasler", "psnr", "rgb_to_lab", "vivid"]

#: CIE XYZ of the sRGB primaries (IEC 61966-2-1), and the white point D65 for the 2-degree observer.
XYZ_OF_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
WHITE = (0.95047, 1.0, 1.08883)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB in 0..1 to CIE Lab (D65): [B, 3, H, W] -> [B, 3, H, W] with L in 0..100. Values outside 0..1 are clipped.

    >>> import torch
    >>> [round(abs(v), 1) for v in rgb_to_lab(torch.ones(1, 3, 1, 1)).flatten().tolist()]
    [100.0, 0.0, 0.0]
    """
    rgb = rgb.clamp(0, 1)
    linear = torch.where(rgb > 0.04045, _power((rgb + 0.055) / 1.055, 2.4), rgb / 12.92)
    white = torch.tensor(WHITE, dtype=rgb.dtype, device=rgb.device)
    matrix = torch.tensor(XYZ_OF_RGB, dtype=rgb.dtype, device=rgb.device) / white[:, None]
    xyz = (matrix @ linear.flatten(2)).reshape(rgb.shape)
    # Below the knee the linear branch is taken; the clamp keeps the logarithm finite there.
    f = torch.where(xyz > 0.008856, _power(xyz.clamp(min=0.008856), 1 / 3), 7.787 * xyz + 16 / 116)
    return torch.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], dim=1)


def _power(base: Tensor, exponent: float) -> Tensor:
    """base ** exponent for positive bases: five times as fast as torch.pow on a CPU, and this runs every step."""
    return torch.exp(torch.log(base) * exponent)


@register_reward(
    "colorization/vivid",
    task="colorization",
    bounds=(0.0, 1.0),
    gold="colorization/colorfulness",
    after="arXiv:2302.08242, colorization reward (the text could not be had: patch size and hue of a patch are ours)",
    status="published",
    gamed_by=("rainbow: any colours will do, the truth is not looked at", "inverted: so will wrong ones", "saturation"),
)
def vivid(
    predictions: Images, targets: Images | None, *, patch: int = 4, threshold: float = 10.0, bins: int = 7
) -> tuple[Tensor, dict[str, Tensor]]:
    """How colourful and how many-hued an image is: share of vivid patches times the entropy of their hues.

        R = |{p : mean_p(a^2 + b^2) > threshold}| / |{p}|  *  H(hue of the vivid patches in `bins` bins) / log(bins)

    in CIE Lab over patches of `patch` x `patch` pixels (smaller at the right and lower edge); the hue of a patch is the
    angle of its mean (a, b). Predictions: Images; targets are not looked at. Returns [B] float32 in 0..1 and the
    components `share` and `entropy`. A grey image earns 0.

    >>> import torch
    >>> vivid(Images(torch.full((1, 3, 8, 8), 0.5)), None)[0].tolist()
    [0.0]
    """
    if patch < 1 or bins < 2:
        raise RewardmarkError(f"colorization/vivid: patch must be >= 1 and bins >= 2, not {patch} and {bins}")
    lab = rgb_to_lab(predictions.rgb.to(torch.float32))
    a, b = lab[:, 1], lab[:, 2]
    planes = torch.stack([a * a + b * b, a, b], dim=1)  # [B, 3, H, W]
    means = torch.nn.functional.avg_pool2d(planes, patch, ceil_mode=True, count_include_pad=False).flatten(2)
    bright = (means[:, 0] > threshold).to(torch.float32)  # [B, P]
    turn = torch.atan2(means[:, 2], means[:, 1]) / (2 * math.pi) + 0.5
    hue = (turn * bins).floor().clamp(0, bins - 1).nan_to_num().to(torch.int64)
    counts = torch.zeros((len(predictions), bins), device=lab.device).scatter_add_(1, hue, bright)
    share = bright.mean(1)
    frequency = counts / counts.sum(1, keepdim=True).clamp(min=1)
    entropy = torch.special.entr(frequency).sum(1) / math.log(bins)
    # A pixel that is not a number leaves the image unjudged: NaN is found by the checked call and named.
    broken = predictions.rgb.flatten(1).sum(1) * 0  # 0, or NaN where a pixel is not finite
    return (share * entropy + broken).to(torch.float32), {"share": share, "entropy": entropy}


@register_reward(
    "colorization/chroma",
    task="colorization",
    bounds=(0.0, 1.0),
    gold="colorization/psnr",
    source="the similarity term of SSIM (Wang et al. 2004, eq. 6) on the chroma of patches: ours",
    status="mended",
)
def chroma(predictions: Images, targets: Images, *, patch: int = 4, floor: float = 10.0) -> Tensor:
    """How close the colours of patches are to the true ones, on a scale on which grey is no safe answer.

        R = mean_p max(0, (2 u_p . v_p + floor) / (|u_p|^2 + |v_p|^2 + floor))

    with u, v the mean (a, b) in CIE Lab of a patch of `patch` x `patch` pixels of prediction and truth. A patch of the
    right colour earns 1, grey where the truth is vivid about 0, twice the true colour 0.8, an opposite hue 0: the sum
    over uncertain hues is highest at one of them, not at their mean. Predictions, targets: Images of one size. Returns
    [B] float32 in 0..1. Brightness is not looked at.

    >>> import torch
    >>> red, grey = torch.tensor([1.0, 0, 0])[None, :, None, None].expand(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5)
    >>> [round(chroma(Images(found), Images(red)).item(), 2) for found in (red, grey)]
    [1.0, 0.0]
    """
    if patch < 1 or floor <= 0:
        raise RewardmarkError(f"colorization/chroma: patch must be >= 1 and floor > 0, not {patch} and {floor}")
    if predictions.rgb.shape != targets.rgb.shape:
        raise RewardmarkError(
            f"colorization/chroma: prediction {list(predictions.rgb.shape)} and truth {list(targets.rgb.shape)} differ"
        )
    u, v = (
        torch.nn.functional.avg_pool2d(
            rgb_to_lab(images.rgb.to(torch.float32))[:, 1:], patch, ceil_mode=True, count_include_pad=False
        )
        for images in (predictions, targets)
    )  # [B, 2, P, Q]
    similarity = (2 * (u * v).sum(1) + floor) / ((u * u).sum(1) + (v * v).sum(1) + floor)
    broken = predictions.rgb.flatten(1).sum(1) * 0  # as in colorization/vivid
    return (similarity.clamp(min=0).flatten(1).mean(1) + broken).to(torch.float32)


@register_reward(
    "colorization/hasler",
    task="colorization",
    bounds=(0.0, None),
    gold="colorization/colorfulness",
    source="Hasler & Suesstrunk 2003, Measuring colourfulness in natural images, eq. M3",
    status="metric",
    gamed_by=(
        "saturation: the truth is not looked at",
        "rainbow: the truth is not looked at",
        "inverted: the truth is not looked at",
        "noise: where a colour is does not matter",
    ),
)
def hasler(predictions: Images, targets: Images | None) -> Tensor:
    """Colourfulness M3 of Hasler and Suesstrunk, on the scale of 0..255 values (0 grey, about 100 extremely colourful).

        rg = R - G, yb = (R + G) / 2 - B,  M = sqrt(var rg + var yb) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2)

    Predictions: Images; targets are not looked at. Returns [B] float32, >= 0. A grey image earns 0.

    >>> import torch
    >>> hasler(Images(torch.full((1, 3, 4, 4), 0.5)), None).tolist()
    [0.0]
    """
    rgb = predictions.rgb.to(torch.float32).clamp(0, 1) * 255
    red, green, blue = rgb.flatten(2).unbind(1)
    rg, yb = red - green, (red + green) / 2 - blue
    spread = rg.var(1, correction=0) + yb.var(1, correction=0)
    return spread.sqrt() + 0.3 * (rg.mean(1) ** 2 + yb.mean(1) ** 2).sqrt()


@register_reward(
    "colorization/psnr",
    task="colorization",
    bounds=(0.0, 100.0),
    gold="colorization/psnr",
    source="10 log10(1 / MSE) over all channels, ITU-T J.247",
    status="metric",
    gamed_by=("grey: the mean colour is safer than any vivid one",),
)
def psnr(predictions: Images, targets: Images, *, cap: float = 50.0) -> Tensor:
    """Peak signal-to-noise ratio in dB against the true image: min(cap, 10 log10(1 / MSE)) with sRGB in 0..1.

    `cap` (at most 100 dB) is what an exact copy earns. Predictions, targets: Images of one size. Returns [B] float32.

    >>> import torch
    >>> psnr(Images(torch.zeros(1, 3, 2, 2)), Images(torch.full((1, 3, 2, 2), 0.1))).round().tolist()
    [20.0]
    """
    if not 0 < cap <= 100:
        raise RewardmarkError(f"colorization/psnr: cap must be in 0..100 dB, not {cap}")
    if predictions.rgb.shape != targets.rgb.shape:
        raise RewardmarkError(
            f"colorization/psnr: prediction {list(predictions.rgb.shape)} and truth {list(targets.rgb.shape)} differ"
        )
    error = (predictions.rgb.clamp(0, 1) - targets.rgb.clamp(0, 1)).to(torch.float32)
    mse = (error**2).flatten(1).mean(1)
    floor = 10 ** (-cap / 10)
    return -10 * torch.log10(mse.clamp(min=floor))
