"""Pictures of a data set: decoded, resized, kept in memory; panoptic PNGs and masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.coco_read import ImageList

__all__ = ["PictureStore", "decode_mask", "read_segment_map"]

_IN_MEMORY = 2**30
"""Bytes of decoded pictures of one size that are kept; a larger set is decoded again each time."""


class PictureStore:
    """The pictures of an image list, decoded when first asked for."""

    def __init__(self, folder: Path, images: ImageList) -> None:
        self.folder, self.images = folder, images
        self._kept: dict[int, tuple[NDArray[np.uint8], NDArray[np.bool_]]] = {}

    def original(self, row: int) -> NDArray[np.uint8]:
        """`[H, W, 3]` uint8 RGB at its own size."""
        return np.asarray(self._open(row))

    def square(self, rows: list[int], size: int) -> NDArray[np.uint8]:
        """`[B, size, size, 3]` uint8 RGB; other sizes are brought to it by PIL's bilinear filter, which averages when
        it shrinks."""
        n = len(self.images.ids)
        if n * size * size * 3 > _IN_MEMORY:
            return (
                np.stack([self._squared(row, size) for row in rows]) if rows else np.zeros((0, size, size, 3), np.uint8)
            )
        if size not in self._kept:  # np.empty takes no memory until it is written to
            self._kept[size] = np.empty((n, size, size, 3), np.uint8), np.zeros(n, dtype=bool)
        pictures, ready = self._kept[size]
        for row in rows:
            if not ready[row]:
                pictures[row] = self._squared(row, size)
                ready[row] = True
        return pictures[rows]

    def _squared(self, row: int, size: int) -> NDArray[np.uint8]:
        from PIL import Image

        picture = self._open(row)
        if picture.size != (size, size):
            picture = picture.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(picture)

    def _open(self, row: int) -> Any:
        file = self.folder / self.images.names[row]
        height, width = self.images.sizes[row].tolist()
        record = f"image id {self.images.ids[row]} of {self.images.file.name}"
        picture = _as_rgb(_decode(file, record), file, record)
        if picture.size != (width, height):
            seen = f"{picture.size[0]} x {picture.size[1]}"
            what = f"is {seen} pixels, but {self.images.file.name} says {width} x {height}"
            raise DataError(file, what, record=f"image id {self.images.ids[row]}")
        return picture


def _as_rgb(picture: Any, file: Path, record: str) -> Any:
    """The picture in 8-bit RGB; of 16 bits a pixel the upper eight (Pillow itself would cut them all off at 255)."""
    from PIL import Image

    if picture.mode.startswith("I;16") or (picture.mode == "I" and file.suffix.lower() == ".png"):
        return Image.fromarray((np.asarray(picture).astype(np.int64) >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode in ("I", "F"):
        what = (
            f"has pixels of 32 bits (mode {picture.mode}), of which nobody can say what is white; save it with 8 or 16"
        )
        raise DataError(file, what, record=record)
    if "transparency" in picture.info:  # Pillow wants this way round
        picture = picture.convert("RGBA")
    return picture.convert("RGB")


def _decode(file: Path, record: str) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as picture:
            picture.load()
            return picture
    except FileNotFoundError:
        raise DataError(file, "there is no such file", record=record) from None
    except UnidentifiedImageError:
        raise DataError(file, "is no picture that can be read", record=record) from None
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:  # PIL's ways to say that a picture is broken
        raise DataError(file, f"is a broken picture: {error}", record=record) from None


def read_segment_map(
    file: Path, size: tuple[int, int], segments: list[dict[str, Any]], source: Path
) -> NDArray[np.int32]:
    """Segment ids `[H, W]` int32 of a panoptic PNG (id = R + 256 G + 65536 B); its ids and the JSON's must be the same
    set."""
    picture = _decode(file, source.name)
    if picture.mode != "RGB":
        raise DataError(file, f"a panoptic PNG holds ids in three channels, but this picture's mode is {picture.mode}")
    rgb = np.asarray(picture).astype(np.int32)
    if rgb.shape[:2] != size:
        raise DataError(file, f"is {rgb.shape[1]} x {rgb.shape[0]} pixels, but its image is {size[1]} x {size[0]}")
    ids = np.asarray(rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2], dtype=np.int32)
    in_png = set(np.unique(ids).tolist()) - {0}
    in_json = {int(s["id"]) for s in segments}
    if in_png - in_json:
        raise DataError(file, f"segment {min(in_png - in_json)} is in the PNG but not in {source.name}")
    if in_json - in_png:
        raise DataError(file, f"segment {min(in_json - in_png)} is in {source.name} but has no pixel in the PNG")
    return ids


def decode_mask(value: Any, height: int, width: int, file: Path, record: str) -> NDArray[np.bool_]:
    """One mask `[height, width]` from a list of polygons or a run length, plain or compressed."""
    from pycocotools import mask as coco_mask

    try:
        if isinstance(value, list):
            code = coco_mask.merge(coco_mask.frPyObjects(value, height, width))
        elif isinstance(value, dict) and list(value["size"]) == [height, width]:
            code = coco_mask.frPyObjects(value, height, width) if isinstance(value["counts"], list) else value
        else:
            raise ValueError("neither polygons nor a run length of the image's size")
        return np.asarray(coco_mask.decode(code), dtype=bool)
    except Exception as error:  # pycocotools raises bare Exception, TypeError, KeyError, IndexError for bad input
        raise DataError(file, f"'segmentation' cannot be used: {error}", record=record) from None
