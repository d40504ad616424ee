"""COCO panoptic JSON and PNGs in; PQ, SQ and RQ out."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.panoptic.evaluate import agrees_with_itself, official, pair_counts
from rewardmark.tasks.panoptic.records import PanopticSet, SegmentList, read_png
from rewardmark.tasks.score.detection import LARGEST_SIDE, images_and_categories
from rewardmark.tasks.score.table import Table, collector_paused, read_json, show, top_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_panoptic_predictions", "read_panoptic_truths", "score_panoptic"]

#: Three bytes of colour: no segment id is larger.
LARGEST_ID = 256**3 - 1
#: Square of the largest side that an image may have.
MOST_PIXELS = LARGEST_SIDE**2


@collector_paused()
def score_panoptic(gt: Path, gt_folder: Path, pred: Path, pred_folder: Path) -> tuple[dict[str, float], list[str]]:
    """PQ, SQ, RQ, PQ_th, PQ_st in 0..1 (-1 where no category of the group occurs), and notes on what was assumed.

    Every image with a truth needs a prediction, as panopticapi demands. Raises DataError naming the file and the record
    for anything malformed.
    """
    for folder in (gt_folder, pred_folder):
        if not folder.is_dir():
            raise DataError(folder, "there is no such folder of PNGs")
    truths = read_panoptic_truths(gt, complete=True)
    predictions = read_panoptic_predictions(pred, truths)
    try:
        if _headers_agree(truths, gt_folder, predictions, pred_folder) and agrees_with_itself(truths, gt_folder):
            return official(truths, predictions, gt_folder, pred_folder), truths.notes
    except (OSError, ValueError):
        pass  # something is wrong with a file: what follows is slower, and says in which record
    return _score_slowly(truths, gt_folder, predictions, pred_folder)


def _headers_agree(truths: PanopticSet, gt_folder: Path, predictions: PanopticSet, pred_folder: Path) -> bool:
    """Whether each true PNG is of the size that the JSON says, and each of either side has 8 bits a colour, by the
    PNGs' headers alone."""
    for image_id, truth in truths.segments.items():
        with (gt_folder / truth.file_name).open("rb") as png:
            header = png.read(25)
        size = (int.from_bytes(header[20:24], "big"), int.from_bytes(header[16:20], "big"))
        with (pred_folder / predictions.segments[image_id].file_name).open("rb") as png:
            predicted = png.read(25)
        if truths.sizes[image_id] not in (None, size) or not header[24:] == predicted[24:] == b"\x08":
            return False
    return True


def _score_slowly(
    truths: PanopticSet, gt_folder: Path, predictions: PanopticSet, pred_folder: Path
) -> tuple[dict[str, float], list[str]]:
    """Every PNG is read and compared with its JSON here, so that whatever hotcoco refuses has its file and record."""
    notes = list(truths.notes)
    if otherwise := _check_pngs(truths, gt_folder, predictions, pred_folder):
        notes.append(
            f"{truths.file}: {otherwise} segments have another area in the JSON than in the PNG: the JSON's is taken, "
            "as panopticapi does (too small a one can put a number above 1)"
        )
    try:
        return official(truths, predictions, gt_folder, pred_folder), notes
    except (OSError, ValueError) as error:  # its PNG decoder is stricter than Pillow's
        for side, folder in ((truths, gt_folder), (predictions, pred_folder)):
            for segments in side.segments.values():
                if (png := str(folder / segments.file_name)) in str(error):
                    raise DataError(png, str(error), segments.where) from None
        for image_id, segments in truths.segments.items():  # an area so small that an IoU divides by nothing
            if str(error).startswith(f"image {image_id}: ground-truth segment"):
                raise DataError(truths.file, str(error), segments.where) from None
        raise DataError(predictions.file, str(error)) from None


def read_panoptic_truths(file: Path, complete: bool = False) -> PanopticSet:
    """A panoptic JSON, checked. A missing `iscrowd` is 0, a missing `area` is counted in the PNG: told in `notes`. With
    `complete` either is an error, as it is for panopticapi."""
    data = read_json(file)
    images, categories = images_and_categories(file, data, sizes="optional", typed=True)
    sizes = {i["id"]: (i["height"], i["width"]) if i["height"] and i["width"] else None for i in images}
    segments, segment_table = _segments(file, data, sizes, "no image of this file has it", categories)
    if complete:
        segment_table.column("iscrowd")
        segment_table.column("area")
    notes = []
    for key, treatment in (("iscrowd", "taken as 0"), ("area", "counted in the PNG")):
        missing = int((~segment_table.has(key)).sum())
        if missing:
            notes.append(f"{file}: {missing} segments have no {key}: {treatment}")
    return PanopticSet(file, sizes, categories, segments, notes)


def read_panoptic_predictions(file: Path, truths: PanopticSet) -> PanopticSet:
    """A panoptic result JSON ({"annotations": [...]}), checked against the images and categories of `truths`."""
    data = read_json(file)
    segments, _ = _segments(file, data, truths.sizes, "no image of the ground truth has it", truths.categories)
    missing = next((i for i in truths.segments if i not in segments), None)
    if missing is not None:
        raise DataError(file, f"image {missing} has no prediction; every image with a truth needs one")
    return PanopticSet(file, {}, [], segments)


def _segments(
    file: Path, data: Any, images: Iterable[int], unknown: str, categories: list[dict[str, Any]]
) -> tuple[dict[int, SegmentList], Table]:
    table = Table(file, top_level(file, data, "annotations"), "annotations", id_key="image_id")
    image_ids = table.integers("image_id")
    table.known("image_id", image_ids, np.array(list(images), dtype=np.int64), unknown)
    table.unique("image_id", image_ids, "annotation of image")
    names = table.strings("file_name")
    table.each(lambda v: None if v and v.isprintable() else f"'file_name' {show(v)} is no file name", names)
    lists = table.column("segments_info")
    table.each(lambda v: None if isinstance(v, list) else f"'segments_info' must be a list, not {show(v)}", lists)
    counts = [len(segments) for segments in lists]
    owner = np.repeat(np.arange(len(lists)), counts)

    # All segments of the file are one table: a handful of checks instead of a handful an image.
    flat = _Segments(file, list(chain.from_iterable(lists)), table, owner)
    ids = flat.integers("id")
    outside = (ids < 1) | (ids > LARGEST_ID)
    if outside.any():
        flat.fail(int(np.argmax(outside)), f"'id' must be in 1..{LARGEST_ID} (0 is void)")
    flat.unique("id", owner * (LARGEST_ID + 1) + ids, "segment id")
    category_ids = flat.integers("category_id")
    known = np.array([category["id"] for category in categories], dtype=np.int64)
    flat.known("category_id", category_ids, known, "no category of the ground truth has it")
    is_crowd = flat.flags("iscrowd", default=0)
    given = flat.has("area")
    areas = flat.numbers("area", default=0, least=0)
    broken = (areas != np.floor(areas)) | (areas > MOST_PIXELS)
    if broken.any():
        flat.fail(int(np.argmax(broken)), f"'area' must be a whole number of pixels of at most {MOST_PIXELS}")
    areas = np.where(given, areas, -1.0)
    ends = np.cumsum(counts, dtype=np.int64)
    out = {}
    for row, image_id in enumerate(image_ids.tolist()):
        part = slice(int(ends[row]) - counts[row], int(ends[row]))
        out[image_id] = SegmentList(
            names[row], ids[part], category_ids[part], is_crowd[part], areas[part], where=table.where(row)
        )
    return out, flat


class _Segments(Table):
    """The `segments_info` of all annotations of a file, one behind the other."""

    def __init__(self, file: Path, rows: list[Any], parent: Table, owner: NDArray[np.int64]) -> None:
        self.parent, self.owner = parent, owner
        super().__init__(file, rows, "segments_info")

    def where(self, row: int) -> str:
        first = int(np.searchsorted(self.owner, self.owner[row]))
        inside = super().where(row).replace(f"[{row}]", f"[{row - first}]", 1)
        return f"{self.parent.where(int(self.owner[row]))}, {inside}"

    def unique(self, key: str, array: NDArray[np.int64], what: str) -> None:
        order = np.argsort(array, kind="stable")
        repeats = np.flatnonzero(array[order][1:] == array[order][:-1])
        if repeats.size:
            bad = int(order[repeats + 1].min())
            self.fail(bad, f"duplicate {what} {int(array[bad]) % (LARGEST_ID + 1)} within the image")


def _check_pngs(truths: PanopticSet, gt_folder: Path, predictions: PanopticSet, pred_folder: Path) -> int:
    """Read every PNG of both sides; DataError for one that is missing, unreadable, of another size, or that disagrees
    with its JSON about which segments there are. Returns how many truths have another area there than in their JSON."""

    def check(image_id: int) -> int:
        truth, predicted = truths.segments[image_id], predictions.segments[image_id]
        truth_file, predicted_file = gt_folder / truth.file_name, pred_folder / predicted.file_name
        truth_map = _read(truths.file, truth, truth_file)
        size = truths.sizes[image_id]
        if size is not None and truth_map.shape != size:
            raise DataError(
                truth_file, f"is {_size(truth_map.shape)}, but {truths.file} says {_size(size)}", truth.where
            )
        predicted_map = _read(predictions.file, predicted, predicted_file)
        if predicted_map.shape != truth_map.shape:
            wrong = f"is {_size(predicted_map.shape)}, but the truth is {_size(truth_map.shape)}"
            raise DataError(predicted_file, wrong, predicted.where)
        pairs, pixels = pair_counts(truth_map, predicted_map)
        _compare(truths.file, truth, truth_file, pairs >> np.uint64(32))
        _compare(predictions.file, predicted, predicted_file, pairs & np.uint64(0xFFFFFFFF))
        painted = {int(i): 0 for i in truth.ids}
        for segment, count in zip((pairs >> np.uint64(32)).tolist(), pixels.tolist(), strict=True):
            if segment:
                painted[segment] += count
        claimed = zip(truth.ids.tolist(), truth.areas.tolist(), strict=True)
        return sum(area >= 0 and area != painted[segment] for segment, area in claimed)

    with ThreadPoolExecutor(max_workers=4) as pool:  # decoding happens outside Python's lock
        return sum(pool.map(check, truths.segments))


def _read(json_file: Path, segments: SegmentList, png: Path) -> NDArray[np.uint32]:
    try:
        return read_png(png)
    except DataError as error:
        raise DataError(error.file, f"{error.what} (named by {json_file})", segments.where) from None


def _compare(json_file: Path, segments: SegmentList, png: Path, painted: NDArray[np.uint64]) -> None:
    ids = np.unique(painted).astype(np.int64)
    unlisted = np.setdiff1d(ids[ids != 0], segments.ids)
    if unlisted.size:
        raise DataError(json_file, f"segment {unlisted[0]} is in {png} but not in segments_info", segments.where)
    unpainted = np.setdiff1d(segments.ids, ids)
    if unpainted.size:
        raise DataError(json_file, f"segment {unpainted[0]} is in segments_info but not in {png}", segments.where)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]} pixels (height x width)"
