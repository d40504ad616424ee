"""Predictions that are maps of pixels: panoptic segments and colour images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rewardmark.rewards._batch import Batched
from rewardmark.rewards._torch import torch
from rewardmark.rewards.errors import RewardmarkError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ImageSegments", "Images", "Segments"]


@dataclass(frozen=True, eq=False)
class ImageSegments:
    """One image's segments: ids [H, W], categories [S] (0 = no such segment), is_crowd [S] | None, areas [S] | None."""

    ids: Tensor
    categories: Tensor
    is_crowd: Tensor | None = None
    areas: Tensor | None = None

    def __len__(self) -> int:
        return int((self.categories != 0).sum())


@dataclass(frozen=True, eq=False)
class Segments(Batched):
    """Panoptic segments of B images.

    ids [B, H, W] int64: 0 is void, segment s (1..S) otherwise. categories [B, S] int64: the category id of segment
    s at column s - 1, 0 where the image has no such segment. Truths may also say is_crowd [B, S] bool and the areas
    [B, S] float that their JSON claims (square pixels); without them areas are counted from the pixels.
    Images of different sizes are padded with void.

    >>> batch = Segments.from_lists([[[1, 1], [0, 2]]], [[5, 9]])
    >>> tuple(batch.ids.shape), batch.categories.tolist()
    ((1, 2, 2), [[5, 9]])
    """

    ids: Tensor
    categories: Tensor
    is_crowd: Tensor | None = None
    areas: Tensor | None = None

    def __post_init__(self) -> None:
        if self.ids.ndim != 3:
            raise RewardmarkError(f"Segments: ids must have shape [B, H, W], not {list(self.ids.shape)}")
        if self.categories.ndim != 2 or self.categories.shape[0] != self.ids.shape[0]:
            raise RewardmarkError(
                f"Segments: categories must have shape [{self.ids.shape[0]}, S], not {list(self.categories.shape)}"
            )
        for name in ("is_crowd", "areas"):
            value = getattr(self, name)
            if value is not None and value.shape != self.categories.shape:
                raise RewardmarkError(
                    f"Segments: {name} must have shape {list(self.categories.shape)} as categories has, "
                    f"not {list(value.shape)}"
                )

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    @classmethod
    def from_lists(
        cls,
        ids: Sequence[Any],
        categories: Sequence[Sequence[int]],
        is_crowd: Sequence[Sequence[bool]] | None = None,
        areas: Sequence[Sequence[float]] | None = None,
    ) -> Segments:
        """Pad id maps (ids[i] [H_i, W_i]) with void and segment lists (categories[i] [S_i]) with 0."""
        maps = [torch.as_tensor(image, dtype=torch.int64) for image in ids]
        size = len(maps)
        height = max((m.shape[0] for m in maps), default=0)
        width = max((m.shape[1] for m in maps), default=0)
        out = torch.zeros((size, height, width), dtype=torch.int64)
        for i, image in enumerate(maps):
            out[i, : image.shape[0], : image.shape[1]] = image
        counts = [len(row) for row in categories]
        if len(counts) != size:
            raise RewardmarkError(f"Segments.from_lists: {size} id maps but {len(counts)} lists of categories")

        def padded(name: str, ragged: Sequence[Sequence[Any]], dtype: Any) -> Tensor:
            table = torch.zeros((size, max(counts, default=0)), dtype=dtype)
            for i, row in enumerate(ragged):
                if len(row) != counts[i]:
                    raise RewardmarkError(
                        f"Segments.from_lists: image {i} has {counts[i]} categories but {len(row)} entries in {name}"
                    )
                table[i, : len(row)] = torch.as_tensor(list(row), dtype=dtype)
            return table

        return cls(
            ids=out,
            categories=padded("categories", categories, torch.int64),
            is_crowd=None if is_crowd is None else padded("is_crowd", is_crowd, torch.bool),
            areas=None if areas is None else padded("areas", areas, torch.float64),
        )

    def sample(self, index: int) -> ImageSegments:
        """Image `index` alone."""
        return ImageSegments(
            ids=self.ids[index],
            categories=self.categories[index],
            is_crowd=None if self.is_crowd is None else self.is_crowd[index],
            areas=None if self.areas is None else self.areas[index],
        )


@dataclass(frozen=True, eq=False)
class Images(Batched):
    """Colour images: rgb [B, 3, H, W] float32, sRGB in 0..1.

    >>> import numpy
    >>> tuple(Images.from_lists([numpy.zeros((4, 6, 3), dtype="uint8")]).rgb.shape)
    (1, 3, 4, 6)
    """

    rgb: Tensor

    def __post_init__(self) -> None:
        if self.rgb.ndim != 4 or self.rgb.shape[1] != 3:
            raise RewardmarkError(f"Images: rgb must have shape [B, 3, H, W], not {list(self.rgb.shape)}")
        if not self.rgb.is_floating_point():
            raise RewardmarkError(f"Images: rgb must be float in 0..1, not {self.rgb.dtype}; use Images.from_lists")

    def __len__(self) -> int:
        return int(self.rgb.shape[0])

    @classmethod
    def from_lists(cls, images: Sequence[Any]) -> Images:
        """Stack images of one size, [H, W, 3] each: uint8 in 0..255 or float in 0..1."""
        stacked: list[Tensor] = []
        for i, image in enumerate(images):
            value = torch.as_tensor(image)
            if value.ndim != 3 or value.shape[2] != 3:
                raise RewardmarkError(
                    f"Images.from_lists: image {i} must have shape [H, W, 3], not {list(value.shape)}"
                )
            if stacked and value.shape[:2] != stacked[0].shape[1:]:
                raise RewardmarkError(
                    f"Images.from_lists: image {i} is {tuple(value.shape[:2])}, image 0 {tuple(stacked[0].shape[1:])}"
                )
            scaled = value.to(torch.float32) / 255 if value.dtype == torch.uint8 else value.to(torch.float32)
            stacked.append(scaled.permute(2, 0, 1))
        return cls(torch.stack(stacked) if stacked else torch.zeros((0, 3, 1, 1)))

    def sample(self, index: int) -> Tensor:
        """Image `index` alone: [3, H, W]."""
        return self.rgb[index]
