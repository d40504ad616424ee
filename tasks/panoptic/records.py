"""Panoptic annotations: the segments that a JSON lists for each image, and the PNG that paints them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PanopticSet", "SegmentList", "read_png", "write_png"]

PNG_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True)
class SegmentList:
    """One image's segments: ids [S] (1 or more), category_ids [S], is_crowd [S] bool, areas [S] as the JSON claims
    them (-1 where it does not), the PNG's file name, and where the record stands in its file."""

    file_name: str
    ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    is_crowd: NDArray[np.bool_]
    areas: NDArray[np.float64]
    where: str = ""

    def to_coco(self, image_id: int) -> dict[str, Any]:
        """The record as a panoptic JSON holds it."""
        segments = []
        for i, category in enumerate(self.category_ids.tolist()):
            segment = {"id": int(self.ids[i]), "category_id": category, "iscrowd": int(self.is_crowd[i])}
            if self.areas[i] >= 0:
                area = float(self.areas[i])
                segment["area"] = int(area) if area.is_integer() else area
            segments.append(segment)
        return {"image_id": image_id, "file_name": self.file_name, "segments_info": segments}


@dataclass(frozen=True)
class PanopticSet:
    """A panoptic JSON: images by id with (height, width) or None, categories (dicts with id, name, isthing; predictions
    have none), segments by image id, and notes on what was assumed."""

    file: Path
    sizes: dict[int, tuple[int, int] | None]
    categories: list[dict[str, Any]]
    segments: dict[int, SegmentList]
    notes: list[str] = field(default_factory=list)

    def to_coco(self, image_ids: list[int]) -> dict[str, Any]:
        """The data set of these images as a panoptic JSON holds it."""
        sizes = [self.sizes.get(i) or (0, 0) for i in image_ids]
        return {
            "images": [{"id": i, "height": h, "width": w} for i, (h, w) in zip(image_ids, sizes, strict=True)],
            "categories": self.categories,
            "annotations": [self.segments[i].to_coco(i) for i in image_ids],
        }


def read_png(file: Path) -> NDArray[np.uint32]:
    """Segment ids [H, W] of a COCO panoptic PNG: red + 256 green + 65536 blue, 0 where void (alpha is ignored)."""
    from PIL import Image, UnidentifiedImageError

    try:
        raw = file.read_bytes()
        with Image.open(io.BytesIO(raw), formats=["PNG"]) as image:
            mode = image.mode
            pixels = np.asarray(image) if mode in ("RGB", "RGBA") else None
    except FileNotFoundError:
        raise DataError(file, "there is no such PNG") from None
    except IsADirectoryError:
        raise DataError(file, "this is a folder; a PNG is wanted") from None
    except UnidentifiedImageError:
        raise DataError(file, "cannot be read as an image: not a PNG") from None
    except Exception as error:  # whatever a decoder says about bytes that are no image
        raise DataError(file, f"cannot be read as an image: {error or type(error).__name__}") from None
    if PNG_END not in raw:
        raise DataError(file, "cannot be read as an image: the PNG is cut off")
    if pixels is not None and raw[24] != 8:  # Pillow drops the lower half of 16 bits
        raise DataError(file, f"a panoptic PNG has 8 bits a colour; this one has {raw[24]}")
    if pixels is None:
        raise DataError(file, f"a panoptic PNG holds segment ids as RGB colours; the mode of this one is {mode}")
    red, green, blue = (pixels[:, :, c].astype(np.uint32) for c in range(3))
    return red + (green << 8) + (blue << 16)


def write_png(file: Any, ids: NDArray[Any]) -> None:
    """Write segment ids [H, W] as a COCO panoptic PNG to a path or a binary file."""
    from PIL import Image

    pixels = np.stack([(ids >> shift) & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(file, format="PNG", compress_level=1)
