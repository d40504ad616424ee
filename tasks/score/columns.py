"""Sound files read straight into columns: records become neither dicts nor anything else that Python must look after.

Each function gives None for a file that it does not take, sound or not: the slower reading that follows knows more
spellings, and names what is wrong. So whatever is accepted here must be what that reading accepts, with equal values.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np
from rewardmark.tasks.score.table import WHOLE_LIMIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Annotation", "Detection", "InstancesFile", "box_columns", "decoded", "distinct", "known", "whole_columns"]

T = TypeVar("T")
Box = tuple[float, float, float, float]


class Detection(msgspec.Struct, gc=False):
    """A record of a result file of boxes; other keys are passed over."""

    image_id: int
    category_id: int
    bbox: Box
    score: float


class Annotation(msgspec.Struct, gc=False):
    """A record of the annotations of an instances file."""

    id: int
    image_id: int
    category_id: int
    bbox: Box
    area: float
    iscrowd: int


class InstancesFile(msgspec.Struct, gc=False):
    images: list[Any]
    categories: list[Any]
    annotations: list[Annotation]


def decoded(file: Path, kind: type[T]) -> T | None:
    """The content of a JSON file as `kind`, if it is just that."""
    try:
        raw = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
        if not raw.isascii():
            raw.decode()  # values that are passed over are to be text too
        return msgspec.json.decode(raw, type=kind)
    except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def whole_columns(records: Sequence[Any], *names: str) -> list[NDArray[np.int64]] | None:
    """One column [n] for each name; None where a number is larger than the ids of a file may be."""
    try:
        columns = [np.fromiter(map(attrgetter(name), records), np.int64, len(records)) for name in names]
    except OverflowError:
        return None
    return columns if all(((column > -WHOLE_LIMIT) & (column < WHOLE_LIMIT)).all() for column in columns) else None


def box_columns(records: Sequence[Any], other: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Boxes [n, 4] and the finite numbers `other` [n]; None where one is not finite, or a width or height below 0."""
    flat = chain.from_iterable(map(attrgetter("bbox"), records))
    boxes = np.fromiter(flat, np.float64, 4 * len(records)).reshape(-1, 4)
    numbers = np.fromiter(map(attrgetter(other), records), np.float64, len(records))
    sound = np.isfinite(boxes).all() and np.isfinite(numbers).all() and (boxes[:, 2:] >= 0).all()
    return (boxes, numbers) if sound else None


def known(ids: NDArray[np.int64], allowed: Sequence[dict[str, Any]]) -> bool:
    """Whether each id is that of one of the `allowed` records."""
    return bool(np.isin(ids, np.array([record["id"] for record in allowed], dtype=np.int64)).all())


def distinct(ids: NDArray[np.int64]) -> bool:
    ordered = np.sort(ids)
    return not (ordered[1:] == ordered[:-1]).any()
