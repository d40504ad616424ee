"""Reads COCO's JSON files into checked arrays. Every complaint names the file and the record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.score.table import Table, show, top_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Captions",
    "ImageList",
    "InstanceRows",
    "PanopticRows",
    "read_captions",
    "read_image_list",
    "read_instances",
    "read_panoptic",
]


@dataclass(frozen=True)
class ImageList:
    """The images of a file in its order: ids `[n]`, names, sizes `[n, 2]` height and width."""

    file: Path
    ids: NDArray[np.int64]
    names: list[str]
    sizes: NDArray[np.int64]

    def row_of(self) -> dict[int, int]:
        """Image id -> row."""
        return {int(i): k for k, i in enumerate(self.ids)}


@dataclass(frozen=True)
class InstanceRows:
    """All instances, those of image k in rows starts[k]..starts[k + 1]. Boxes `[N, 4]` float32 xyxy pixels."""

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    is_crowd: NDArray[np.bool_]
    areas: NDArray[np.float32]
    ids: NDArray[np.int64]
    starts: NDArray[np.int64]
    segmentations: list[Any]
    categories: list[dict[str, Any]]


@dataclass(frozen=True)
class PanopticRows:
    """For each image the name of its PNG and its segments, or None where the file says nothing about it."""

    records: list[tuple[str, list[dict[str, Any]]] | None]
    categories: list[dict[str, Any]]


Captions = list[list[str]]


def read_image_list(file: Path, data: Any) -> ImageList:
    """The list `images`: unique ids, names, sizes of at least one pixel."""
    table = Table(file, top_level(file, data, "images"), "images")
    ids = table.integers("id")
    table.unique("id", ids, "image id")
    names = table.strings("file_name")
    for row, name in enumerate(names):
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            table.fail(row, f"'file_name' must be a path inside the image folder, not {show(name)}")
    sizes = np.stack([table.integers("height"), table.integers("width")], axis=1)
    if (sizes < 1).any():
        table.fail(int((sizes < 1).any(axis=1).argmax()), "'height' and 'width' must be at least 1")
    return ImageList(file, ids, names, sizes)


def _categories(file: Path, data: Any, lowest: int, why: str) -> list[dict[str, Any]]:
    table = Table(file, top_level(file, data, "categories"), "categories")
    ids = table.integers("id")
    table.unique("id", ids, "category id")
    table.strings("name")
    table.flags("isthing", default=1)
    if (ids < lowest).any():
        table.fail(int((ids < lowest).argmax()), why)
    return [{**row, "id": int(i)} for row, i in zip(table.rows, ids, strict=True)]


def _grouped(rows: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An order that puts rows of the same image together (keeping theirs), and where each image's rows start `[n +
    1]`."""
    return np.argsort(rows, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))]).astype(
        np.int64
    )


def _image_rows(table: Table, images: ImageList) -> NDArray[np.int64]:
    """The row in `images` of each record."""
    image_ids = table.integers("image_id")
    table.known("image_id", image_ids, images.ids, f"no image of {images.file.name} has it")
    row_of = images.row_of()
    return np.fromiter((row_of[i] for i in image_ids.tolist()), dtype=np.int64, count=len(image_ids))


def read_instances(file: Path, data: Any, images: ImageList) -> InstanceRows:
    """The list `annotations` of an instances file.

    `iscrowd` is 0 and `area` is the box's where the file leaves them out. Boxes of zero width or height are kept:
    published sets have some, and the official evaluator counts them. An annotation id of 0 is refused, because
    pycocotools never matches it.
    """
    categories = _categories(file, data, 0, "a category id must not be negative")
    table = Table(file, top_level(file, data, "annotations"), "annotations")
    ids = table.integers("id")
    if (ids == 0).any():
        table.fail(
            int((ids == 0).argmax()),
            "an annotation id of 0 is never matched by pycocotools; number the annotations from 1",
        )
    table.unique("id", ids, "annotation id")
    rows = _image_rows(table, images)
    labels = table.integers("category_id")
    table.known(
        "category_id",
        labels,
        np.array([c["id"] for c in categories], dtype=np.int64),
        "no category of this file has it",
    )
    boxes = table.boxes()
    is_crowd = table.flags("iscrowd", default=0)
    areas = boxes[:, 2] * boxes[:, 3]
    has_area = table.has("area")
    if has_area.all():
        areas = table.numbers("area", least=0)
    elif has_area.any():
        table.fail(int((~has_area).argmax()), "'area' is missing, though other annotations have it")
    order, starts = _grouped(rows, len(images.ids))
    boxes[:, 2:] += boxes[:, :2]
    segmentations = table.column("segmentation", None)
    return InstanceRows(
        boxes[order].astype(np.float32),
        labels[order],
        is_crowd[order],
        areas[order].astype(np.float32),
        ids[order],
        starts,
        [segmentations[k] for k in order.tolist()],
        categories,
    )


def read_captions(file: Path, data: Any, images: ImageList) -> Captions:
    """The captions of each image, in the file's order; an image without one has an empty list."""
    table = Table(file, top_level(file, data, "annotations"), "annotations")
    rows = _image_rows(table, images)
    captions: Captions = [[] for _ in range(len(images.ids))]
    for row, text in zip(rows.tolist(), table.strings("caption"), strict=True):
        captions[row].append(text)
    return captions


def read_panoptic(file: Path, data: Any, images: ImageList) -> PanopticRows:
    """The segments of each image; ids unique within an image and above 0, categories known, areas not negative."""
    categories = _categories(
        file, data, 1, "a panoptic category id must be at least 1: 0 means void; renumber the categories from 1"
    )
    known = np.array([c["id"] for c in categories], dtype=np.int64)
    table = Table(file, top_level(file, data, "annotations"), "annotations", id_key="image_id")
    rows = _image_rows(table, images)
    names = table.strings("file_name")
    lists = table.column("segments_info")
    records: list[tuple[str, list[dict[str, Any]]] | None] = [None] * len(images.ids)
    flat: list[Any] = []
    for k, (row, segments) in enumerate(zip(rows.tolist(), lists, strict=True)):
        if not isinstance(segments, list):
            table.fail(k, f"'segments_info' must be a list, not {show(segments)}")
        if records[row] is not None:
            table.fail(k, "this image has a record already")
        records[row] = names[k], segments
        flat += segments
    _check_segments(table, lists, flat, known)
    return PanopticRows(records, categories)


def _check_segments(table: Table, lists: list[list[Any]], flat: list[Any], known: NDArray[np.int64]) -> None:
    """All segments in one go; on a complaint they are looked at image by image, so that the message can name the
    image."""
    try:
        segments = Table(table.file, flat, "segments_info")
        ids = segments.integers("id")
        if (ids < 1).any() or (ids >= 2**24).any():
            segments.fail(
                int(((ids < 1) | (ids >= 2**24)).argmax()), "a segment id must lie between 1 and 16777215 (0 is void)"
            )
        segments.known("category_id", segments.integers("category_id"), known, "no category of this file has it")
        segments.numbers("area", default=0, least=0)
        segments.flags("iscrowd", default=0)
        lengths = np.array([len(s) for s in lists], dtype=np.int64)
        owner = np.repeat(np.arange(len(lists)), lengths)
        if len(np.unique(owner * 2**24 + ids)) < len(ids):
            for one in lists:
                inner = Table(table.file, one, "segments_info")
                inner.unique("id", inner.integers("id"), "segment id")
    except DataError:
        if len(lists) == 1:
            raise
        for k, one in enumerate(lists):
            try:
                _check_segments(table, [one], one, known)
            except DataError as error:
                raise DataError(table.file, error.what, record=f"{table.where(k)}: {error.record}") from None
        raise
