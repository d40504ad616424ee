"""Which images a step sees, and how they are augmented; all of it a function of (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.coco import CocoSplit


def batch_indices(seed: int, step: int, batch_size: int, length: int) -> NDArray[np.int64]:
    """Images of one step: the stream is one seeded permutation of the data after another, cut into batches."""
    first, last = step * batch_size, (step + 1) * batch_size
    parts = []
    for epoch in range(first // length, (last - 1) // length + 1):
        order = np.random.default_rng([seed, 11, epoch]).permutation(length)
        parts.append(order[max(0, first - epoch * length) : last - epoch * length])
    return np.concatenate(parts)


def step_rng(seed: int, step: int, purpose: int) -> np.random.Generator:
    """The generator of one step and one purpose."""
    return np.random.default_rng([seed, 23, step, purpose])


@dataclass(frozen=True)
class Crop:
    """One image's augmentation: a window y0 x0 y1 x1 in units of the image, then flips."""

    window: tuple[float, float, float, float]
    flip_x: bool
    flip_y: bool


def draw_crops(rng: np.random.Generator, count: int, smallest: float) -> list[Crop]:
    """Random square windows of `smallest`..1 of a side, and flips in both directions."""
    crops = []
    for _ in range(count):
        side = rng.uniform(smallest, 1.0)
        y, x = rng.uniform(0, 1 - side, 2)
        crops.append(Crop((y, x, y + side, x + side), bool(rng.integers(2)), bool(rng.integers(2))))
    return crops


def crop_boxes(
    crop: Crop, unit: NDArray[np.float32], slots: NDArray[np.int64], least_visible: float = 0.4
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Boxes (y0 x0 y1 x1 in 0..1) as seen through a crop; those of which less than `least_visible` is left are
    dropped."""
    y0, x0, y1, x1 = crop.window
    scale = np.array([y1 - y0, x1 - x0] * 2, dtype=np.float32)
    moved = (unit - np.array([y0, x0, y0, x0], dtype=np.float32)) / scale
    seen = np.clip(moved, 0, 1)
    area = (moved[:, 2:] - moved[:, :2]).prod(1)
    keep = (seen[:, 2:] - seen[:, :2]).clip(0).prod(1) >= least_visible * np.maximum(area, 1e-12)
    seen = seen[keep]
    if crop.flip_y:
        seen = np.stack([1 - seen[:, 2], seen[:, 1], 1 - seen[:, 0], seen[:, 3]], axis=1)
    if crop.flip_x:
        seen = np.stack([seen[:, 0], 1 - seen[:, 3], seen[:, 2], 1 - seen[:, 1]], axis=1)
    return seen.astype(np.float32), slots[keep]


def crop_images(crops: list[Crop], images: NDArray[np.uint8], size: int) -> Any:
    """Windows of `images [B, H, W, 3]` resampled (bilinear) to `[B, 3, size, size]` float tensors in 0..255."""
    import torch
    import torch.nn.functional as F

    theta = np.zeros((len(crops), 2, 3), dtype=np.float32)
    for row, crop in enumerate(crops):
        y0, x0, y1, x1 = crop.window
        theta[row, 0] = [(x1 - x0) * (-1 if crop.flip_x else 1), 0, x0 + x1 - 1]
        theta[row, 1] = [0, (y1 - y0) * (-1 if crop.flip_y else 1), y0 + y1 - 1]
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    grid = F.affine_grid(torch.from_numpy(theta), [len(crops), 3, size, size], align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)


def plain_images(split: CocoSplit, indices: NDArray[np.int64]) -> Any:
    """Images at the split's size as a uint8 tensor `[B, 3, size, size]`."""
    import torch

    return torch.from_numpy(split.images(indices, split.size)).permute(0, 3, 1, 2)
