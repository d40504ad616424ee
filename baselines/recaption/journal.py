"""The journal of a job: one line a finished batch, appended, on the disk before the next batch begins."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rewardmark.rewards.errors import DataError

__all__ = ["Journal"]

Row = dict[str, Any]
_LINES = 64
"""Lines that are kept as they were read: neighbours in a source lie in a few batches."""


class Journal:
    """Rows by their `image` (or another `key`), in a file of JSON lines `{"rows": [...], "seconds": ...}`.

    A batch is there as a whole or not at all: a line that a kill cut off is taken away on opening, and its batch is
    made again. No key is stored twice. In memory stands only where each row lies. A context.
    """

    def __init__(self, file: Path, key: str = "image") -> None:
        """Raises DataError for a line in the middle that cannot be read (the disk's fault, not a kill's)."""
        self.file, self.key = file, key
        self.seconds = 0.0
        self.batches = 0
        self._places: dict[str, tuple[int, int]] = {}
        self._lines: dict[int, list[Row]] = {}
        self._stream = open(file, "a+b")  # noqa: SIM115  closed by __exit__
        self._recover()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, name: str) -> Row:
        offset, row = self._places[name]
        if offset not in self._lines:
            if len(self._lines) >= _LINES:
                self._lines.clear()
            self._stream.seek(offset)
            self._lines[offset] = json.loads(self._stream.readline())["rows"]
        return self._lines[offset][row]

    def rows(self) -> Iterator[Row]:
        """All rows, in the order in which they were made."""
        return (self[image] for image in self._places)

    def append(self, rows: Sequence[Row], seconds: float) -> None:
        """Store a batch; on return it is on the disk. Raises ValueError for a key that is there already."""
        again = [row[self.key] for row in rows if row[self.key] in self._places]
        if again or len({row[self.key] for row in rows}) < len(rows):
            raise ValueError(f"{self.file}: stored twice: {(again or ['one of the batch'])[0]}")
        line = json.dumps({"rows": list(rows), "seconds": round(seconds, 4)}, ensure_ascii=False) + "\n"
        offset = self._stream.seek(0, os.SEEK_END)
        self._stream.write(line.encode("utf-8", "surrogatepass"))
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._take_in(offset, rows, seconds)

    def _take_in(self, offset: int, rows: Sequence[Row], seconds: float) -> None:
        self._places.update((row[self.key], (offset, k)) for k, row in enumerate(rows))
        self.seconds += seconds
        self.batches += 1

    def _recover(self) -> None:
        self._stream.seek(0)
        offset = 0
        for number, line in enumerate(self._stream, 1):
            if not line.endswith(b"\n"):
                break
            try:
                content = json.loads(line)
                rows, seconds = content["rows"], float(content["seconds"])
                if any(row[self.key] in self._places for row in rows):
                    raise DataError(self.file, f"an {self.key} that stands further up already", record=f"line {number}")
            except (ValueError, KeyError, TypeError) as error:
                what = (
                    f"cannot be read ({error}); the file was changed or the disk lost it. Take the line away to go on"
                )
                raise DataError(self.file, what, record=f"line {number}") from None
            self._take_in(offset, rows, seconds)
            offset += len(line)
        self._stream.truncate(offset)
