"""JSON files read column by column: whole columns are checked at once, and the first bad record is named."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from rewardmark.rewards.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WHOLE_LIMIT", "Table", "collector_paused", "read_json", "show", "top_level"]

_WHOLE = {int}
_NUMBER = {int, float}
#: Ids and other whole numbers stay below this.
WHOLE_LIMIT = 2**62
_MISSING: Any = object()


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector: a million JSON objects trigger it again and again, for nothing. Also a decorator."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read_json(file: Path) -> Any:
    """The content of a JSON file; DataError, naming the place, for whatever keeps it from being read."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        raise DataError(file, "there is no such file") from None
    except IsADirectoryError:
        raise DataError(file, "this is a folder; a JSON file is wanted") from None
    except OSError as error:
        raise DataError(file, f"cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a NUL character in the path
        raise DataError(repr(str(file)), f"cannot be read: {error}") from None
    try:
        with collector_paused():
            return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(file, f"not UTF-8 text (byte {error.start}); is this a JSON file?") from None
    except json.JSONDecodeError as error:
        cut = "; the file may have been cut off" if error.pos >= len(error.doc.rstrip()) else ""
        raise DataError(
            file, f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}{cut}"
        ) from None
    except RecursionError:
        raise DataError(file, "not usable JSON: nested too deeply") from None
    except ValueError as error:  # an integer of thousands of digits
        raise DataError(file, f"not usable JSON: {error}") from None


def show(value: Any, limit: int = 60) -> str:
    """`value` as it would stand in JSON, on one line, cut to `limit` characters."""
    try:
        text = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError, RecursionError):
        text = repr(type(value))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def top_level(file: Path, data: Any, key: str) -> list[Any]:
    """The list `data[key]` of a data set file; DataError when the file is not an object or the list is not there."""
    if not isinstance(data, dict):
        raise DataError(file, f"a JSON object with the list {key!r} is wanted, not {_kind(data)}")
    if key not in data:
        keys = ", ".join(show(k) for k in list(data)[:6]) or "none"
        raise DataError(file, f"the list {key!r} is missing; the file's keys are: {keys}")
    if not isinstance(data[key], list):
        raise DataError(file, f"{key!r} must be a list, not {_kind(data[key])}")
    return data[key]


class Table:
    """The objects of one JSON list in a file. `path` is where the list stands ("annotations", "" for the top level)."""

    def __init__(self, file: Path, rows: list[Any], path: str, id_key: str = "id") -> None:
        self.file, self.rows, self.path, self.id_key = file, rows, path, id_key
        if set(map(type, rows)) - {dict}:
            bad = next(i for i, row in enumerate(rows) if type(row) is not dict)
            self.fail(bad, f"a JSON object is wanted, not {_kind(rows[bad])}")

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, row: int) -> str:
        """How record `row` is named in a message: its place and its id."""
        record = self.rows[row]
        known = record.get(self.id_key, _MISSING) if isinstance(record, dict) else _MISSING
        return f"{self.path}[{row}]" + ("" if known is _MISSING else f" ({self.id_key} {show(known, 40)})")

    def fail(self, row: int, what: str) -> NoReturn:
        raise DataError(self.file, what, record=self.where(row))

    def has(self, key: str) -> NDArray[np.bool_]:
        """[n] bool: which records have `key` at all."""
        return np.fromiter((key in row for row in self.rows), dtype=bool, count=len(self.rows))

    def column(self, key: str, default: Any = _MISSING) -> list[Any]:
        """The values under `key`; where absent, `default`, or an error when there is none."""
        if default is not _MISSING:
            return [row.get(key, default) for row in self.rows]
        try:
            return list(map(itemgetter(key), self.rows))
        except KeyError:
            bad = next(i for i, row in enumerate(self.rows) if key not in row)
            self.fail(bad, f"{key!r} is missing")

    def _typed(self, key: str, values: list[Any], types: set[type], wanted: str) -> None:
        if set(map(type, values)) - types:
            bad = next(i for i, value in enumerate(values) if type(value) not in types)
            self.fail(bad, f"{key!r} must be {wanted}, not {show(values[bad])}")

    def _require(self, key: str, values: list[Any], good: NDArray[Any], wanted: str) -> None:
        if not good.all():
            bad = int(np.argmin(good))
            self.fail(bad, f"{key!r} must be {wanted}, not {show(values[bad])}")

    def integers(self, key: str, default: Any = _MISSING) -> NDArray[np.int64]:
        """Whole numbers [n]. A whole number written as 3.0 is one too (some tools write ids so)."""
        values = self.column(key, default)
        wanted = "a whole number"
        if not set(map(type, values)) - _WHOLE:
            array = _numbers(values)
        else:
            self._typed(key, values, _NUMBER, wanted)
            array = _numbers(values)
            self._require(key, values, np.isfinite(array) & (array == np.floor(array)), wanted)
        self._require(key, values, (array > -WHOLE_LIMIT) & (array < WHOLE_LIMIT), f"{wanted} of fewer than 19 digits")
        return np.array([int(v) for v in values], dtype=np.int64) if array.dtype != np.int64 else array

    def numbers(self, key: str, default: Any = _MISSING, least: float | None = None) -> NDArray[np.float64]:
        """Finite numbers [n], none below `least`."""
        values = self.column(key, default)
        wanted = "a finite number" if least is None else f"a finite number of at least {least:g}"
        self._typed(key, values, _NUMBER, wanted)
        array = _numbers(values).astype(np.float64)
        good = np.isfinite(array)
        self._require(key, values, good if least is None else good & (array >= least), wanted)
        return array

    def flags(self, key: str, default: Any = _MISSING) -> NDArray[np.bool_]:
        """Booleans [n], written 0 and 1 or false and true."""
        values = self.column(key, default)
        if set(map(type, values)) - {int, bool} or set(values) - {0, 1}:
            good = np.array([type(v) in (int, bool) and v in (0, 1) for v in values])
            self._require(key, values, good, "0 or 1")
        return np.array(values, dtype=bool)

    def strings(self, key: str) -> list[str]:
        values = self.column(key)
        self._typed(key, values, {str}, "a string")
        return values

    def boxes(self, key: str = "bbox") -> NDArray[np.float64]:
        """[n, 4] x, y, width, height: finite, neither width nor height below 0."""
        values = self.column(key)
        wanted = "a list of four numbers [x, y, width, height]"
        self._typed(key, values, {list}, wanted)
        if set(map(len, values)) - {4}:
            self._require(key, values, np.array([len(v) == 4 for v in values]), wanted)
        flat = list(chain.from_iterable(values))
        if set(map(type, flat)) - _NUMBER:
            self._require(key, values, np.array([{type(x) for x in v} <= _NUMBER for v in values]), wanted)
        array: NDArray[np.float64] = _numbers(flat).astype(np.float64).reshape(-1, 4)
        self._require(key, values, np.asarray(np.isfinite(array).all(axis=1)), "four finite numbers")
        self._require(
            key,
            values,
            np.asarray((array[:, 2:] >= 0).all(axis=1)),
            "[x, y, width, height] without a negative width or height",
        )
        return array

    def unique(self, key: str, array: NDArray[np.int64], what: str) -> None:
        """Fail on the first record whose value repeats an earlier one."""
        order = np.argsort(array, kind="stable")
        repeats = np.flatnonzero(array[order][1:] == array[order][:-1])
        if repeats.size:
            bad = int(order[repeats + 1].min())
            first = int(np.flatnonzero(array == array[bad])[0])
            self.fail(bad, f"duplicate {what} {int(array[bad])}: {self.path}[{first}] has the same {key!r}")

    def known(self, key: str, array: NDArray[np.int64], allowed: NDArray[np.int64], what: str) -> None:
        """Fail on the first record whose value is not among `allowed`."""
        good = np.isin(array, allowed)
        if not good.all():
            bad = int(np.argmin(good))
            self.fail(bad, f"unknown {key} {int(array[bad])}: {what}")

    def each(self, check: Callable[[Any], str | None], values: list[Any]) -> None:
        """Fail on the first value about which `check` has something to say."""
        for row, value in enumerate(values):
            complaint = check(value)
            if complaint:
                self.fail(row, complaint)


def _numbers(values: list[Any]) -> NDArray[Any]:
    """int64 or float64; integers beyond 64 bits become floats (infinite when beyond those too)."""
    if not values:
        return np.zeros(0, dtype=np.int64)
    try:
        array = np.array(values)
        if array.dtype in (np.int64, np.float64):
            return array
    except OverflowError:
        pass
    return np.array([_as_float(value) for value in values], dtype=np.float64)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _kind(value: Any) -> str:
    """The JSON name of a value's type, with its article."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
