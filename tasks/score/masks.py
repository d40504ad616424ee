"""Segmentations of COCO files: polygons, plain and compressed run lengths, checked before an evaluator sees them.

The evaluators trust their input: a run length of the wrong total reads past its end or quietly scores 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.tasks.score.table import Table, show

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["areas_of", "as_run_lengths", "checked_segmentations", "rectangles"]

#: A polygon may reach this many image sizes beyond the image. Rasterising walks its outline pixel by pixel, so that a
#: coordinate of 1e12 would take all memory.
REACH = 16

Size = tuple[int, int]  # height, width


def checked_segmentations(table: Table, sizes: list[Size]) -> list[Any]:
    """The column `segmentation`, each entry known to be a sound polygon list or run length of its image's size."""
    values = table.column("segmentation")
    compressed = []
    for row, (value, size) in enumerate(zip(values, sizes, strict=True)):
        if isinstance(value, list):
            complaint = _polygons(value, size)
        elif isinstance(value, dict):
            complaint = _run_length(value, size)
            if complaint is None and isinstance(value["counts"], str):
                compressed.append(row)
        else:
            complaint = f"a list of polygons or a run length is wanted, not {show(value)}"
        if complaint:
            table.fail(row, f"'segmentation': {complaint}")
    totals = np.array([sizes[row][0] * sizes[row][1] for row in compressed], dtype=np.int64)
    bad = _unsound([values[row]["counts"] for row in compressed], totals)
    if bad is not None:
        height, width = sizes[compressed[bad]]
        table.fail(
            compressed[bad], f"'segmentation': 'counts' is not a run length of the image's {height} x {width} pixels"
        )
    return values


def as_run_lengths(segmentations: list[Any], sizes: list[Size]) -> list[dict[str, Any]]:
    """Compressed run lengths of all of them: pycocotools takes nothing else in a result file."""
    return [
        value if isinstance(value, dict) and isinstance(value["counts"], str) else _encoded(value, size)
        for value, size in zip(segmentations, sizes, strict=True)
    ]


def rectangles(table: Table, boxes: NDArray[np.float64], sizes: list[Size]) -> list[Any]:
    """The boxes [n, 4] xywh of `table` as polygons, their corners in pycocotools' order."""
    polygons: list[Any] = [[[x, y, x, y + h, x + w, y + h, x + w, y]] for x, y, w, h in boxes.tolist()]
    for row, (polygon, size) in enumerate(zip(polygons, sizes, strict=True)):
        if complaint := _polygons(polygon, size):
            table.fail(row, f"'bbox', taken for a mask: {complaint}")
    return polygons


def areas_of(segmentations: list[Any], sizes: list[Size]) -> NDArray[np.float64]:
    """Areas [n] in pixels."""
    from hotcoco import mask

    return np.array([mask.area(rle) for rle in as_run_lengths(segmentations, sizes)], dtype=np.float64)


def _encoded(value: Any, size: Size) -> dict[str, Any]:
    from hotcoco import mask

    rle = mask.frPyObjects(value, *size)
    merged = mask.merge(rle) if isinstance(rle, list) else rle
    return {"size": list(size), "counts": merged["counts"].decode("ascii")}


def _polygons(value: list[Any], size: Size) -> str | None:
    if not value:
        return "the list of polygons is empty"
    reach = REACH * max(size)
    for polygon in value:
        if not isinstance(polygon, list) or {type(x) for x in polygon} - {int, float}:
            return f"a polygon must be a list of numbers [x1, y1, x2, y2, ...], not {show(polygon)}"
        if len(polygon) < 6 or len(polygon) % 2:
            return f"a polygon needs three or more points, six or more numbers in pairs; this one has {len(polygon)}"
        for x in polygon:
            if not (math.isfinite(x) if isinstance(x, float) else True) or not -reach <= x <= reach:
                return f"a polygon's coordinate {show(x)} is not near the image of {size[0]} x {size[1]} pixels"
    return None


def _run_length(value: dict[str, Any], size: Size) -> str | None:
    if "size" not in value or "counts" not in value:
        return "a run length needs 'size' and 'counts'"
    given = value["size"]
    if not isinstance(given, list) or [type(x) for x in given] != [int, int] or tuple(given) != size:
        return f"'size' must be the image's [height, width] {list(size)}, not {show(given)}"
    counts = value["counts"]
    if isinstance(counts, str):
        return None  # all compressed ones are checked together
    if not isinstance(counts, list) or {type(x) for x in counts} - {int}:
        return f"'counts' must be a string or a list of whole numbers, not {show(counts)}"
    if any(x < 0 for x in counts) or sum(counts) != size[0] * size[1]:
        return f"'counts' must be runs that add up to the image's {size[0]} x {size[1]} pixels"
    return None


def _unsound(strings: list[str], totals: NDArray[np.int64]) -> int | None:
    """The first string that is not COCO's compressed form of runs adding up to its total, or None.

    The form: a run is written in groups of five bits, lowest first, one character (48 + bits) a group, bit 32 telling
    that more follow, bit 16 of the last being the sign; from the fourth run on it is the difference to the run two
    before.
    """
    for row, text in enumerate(strings):
        if not text.isascii():
            return row
    lengths = np.array([len(text) for text in strings], dtype=np.int64)
    if not lengths.size:
        return None
    codes = np.frombuffer("".join(strings).encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    owner = np.repeat(np.arange(len(strings)), lengths)
    bad = np.zeros(len(strings), dtype=bool)
    bad[lengths == 0] = True
    bad[owner[(codes < 0) | (codes > 63)]] = True
    last_of_run = (codes & 32) == 0
    ends = np.cumsum(lengths) - 1
    bad[np.flatnonzero(lengths > 0)[~last_of_run[ends[lengths > 0]]]] = True
    if bad.any():
        return int(np.argmax(bad))

    run_end = np.flatnonzero(last_of_run)
    run_start = np.append(0, run_end[:-1] + 1)
    width = run_end - run_start + 1
    if (width > 8).any():  # more than 40 bits: no image has so many pixels
        return int(owner[run_start[np.argmax(width > 8)]])
    place = np.arange(len(codes)) - np.repeat(run_start, width)
    value = np.add.reduceat((codes & 31) << (5 * place), run_start)
    value -= np.where(codes[run_end] & 16, np.int64(1) << (5 * width), 0)

    of_run = owner[run_start]
    first = np.searchsorted(of_run, np.arange(len(strings)))
    index = np.arange(len(value)) - first[of_run]
    # Runs 0 | 2, 4, 6, ... | 1, 3, 5, ... of a string: the last two chains are running sums, run 0 stands alone.
    chain_of = np.where(index == 0, 0, 1 + index % 2)
    order = np.lexsort((index, chain_of, of_run))
    sums = np.cumsum(value[order])
    key = of_run[order] * 3 + chain_of[order]
    new = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    before = np.repeat(np.append(0, sums)[new], np.diff(np.append(new, len(sums))))
    runs = sums - before
    bad[of_run[order][runs < 0]] = True
    bad |= np.bincount(of_run[order], weights=runs, minlength=len(strings)) != totals
    return int(np.argmax(bad)) if bad.any() else None
