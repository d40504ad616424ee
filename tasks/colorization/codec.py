"""Colour as tokens: a coarse grid of Lab colour codes, row by row; a guided decoder paints them inside the grey
image's edges (after UViM)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.tasks.codec import FIRST_FREE, Codec, Encoded

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.coco import CocoSplit

AB_UNIT = 100.0
"""Lab a, b are divided by this before they enter a network: sRGB stays within about -1.1..1.0."""


def grid_colours(ab: NDArray[np.floating[Any]], grid: int) -> NDArray[np.float32]:
    """The colour of each cell of a `grid` x `grid` partition: the most saturated of the cell's four quarter means.

    The plain mean washes small objects into their surroundings, and the code could then never name their colour.

    Args:
        ab: `[B, H, W, 2]` with H and W multiples of `2 * grid`.

    Returns:
        `[B, grid, grid, 2]` in the units of `ab`.
    """
    batch, height, width, _ = ab.shape
    half = ab.reshape(batch, 2 * grid, height // (2 * grid), 2 * grid, width // (2 * grid), 2).mean(axis=(2, 4))
    quarters = half.reshape(batch, grid, 2, grid, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(batch, grid, grid, 4, 2)
    best = (quarters**2).sum(-1).argmax(-1)
    return np.take_along_axis(quarters, best[..., None, None], axis=3)[..., 0, :].astype(np.float32)


class ColourCodec(Codec):
    """`grid * grid` tokens, each one of `palette`.

    Args:
        palette: `[K, 2]` Lab a, b in units of 100: cluster centres of the training images' cell colours.
        grid: cells a side.
    """

    name = "colours"

    def __init__(self, palette: NDArray[np.floating[Any]], grid: int = 8) -> None:
        self.palette = np.asarray(palette, dtype=np.float32)
        self.grid = grid
        self.period = 1
        self.vocab_size = FIRST_FREE + len(self.palette)
        self.max_length = grid * grid

    @classmethod
    def train(
        cls, split: CocoSplit, grid: int = 8, colours: int = 64, images: int = 1000, seed: int = 0
    ) -> ColourCodec:
        """A palette by k-means over the cell colours of up to `images` training images."""
        from scipy.cluster.vq import kmeans2

        pixels = split.images(np.arange(min(images, len(split))), split.size)
        cells = grid_colours(rgb_to_ab(pixels), grid).reshape(-1, 2)
        centres, _ = kmeans2(cells.astype(np.float64), colours, minit="++", rng=np.random.default_rng(seed))
        order = np.lexsort((centres[:, 1], centres[:, 0]))
        return cls(centres[order], grid)

    def grammar(self) -> NDArray[np.bool_]:
        allowed = np.zeros((1, self.vocab_size), dtype=bool)
        allowed[0, FIRST_FREE:] = True
        return allowed

    def nearest(self, colours: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Palette index of the nearest entry; `colours [..., 2]`."""
        distance = ((colours[..., None, :] - self.palette) ** 2).sum(-1)
        return distance.argmin(-1).astype(np.int64)

    def encode(self, split: CocoSplit, indices: NDArray[np.int64], rng: np.random.Generator) -> Encoded:
        """Tokens, and as extra `ab [B, H, W, 2]`, the true colour in units of 100."""
        ab = rgb_to_ab(split.images(indices, split.size))
        tokens = FIRST_FREE + self.nearest(grid_colours(ab, self.grid)).reshape(len(indices), -1)
        return Encoded(tokens, {"ab": ab})

    def decode(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Colours `[..., grid, grid, 2]` of sequences `[..., grid * grid]`, units of 100."""
        return self.palette[tokens - FIRST_FREE].reshape(*tokens.shape[:-1], self.grid, self.grid, 2)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "palette": [[round(float(v), 6) for v in c] for c in self.palette],
            "grid": self.grid,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ColourCodec:
        return cls(np.array(data["palette"]), data["grid"])


def rgb_to_ab(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Lab a, b in units of 100 of sRGB images `[..., H, W, 3]` uint8 (CIE 1976, D65, by scikit-image)."""
    from skimage.color import rgb2lab

    return (rgb2lab(images.astype(np.float32) / 255.0)[..., 1:] / AB_UNIT).astype(np.float32)
