"""Putting a finished page in its place at once: a reader sees the old board or the new one, never half of either."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rewardmark.rewards.errors import DataError

__all__ = ["MARK", "replaced"]

MARK = "data/board.json"
"""A folder that has this file is a board, and may be replaced by a newer one."""


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """A new folder to write into; when the block ends well it takes the place of `out`, else nothing has happened.

    Raises: DataError when `out` is there and is neither empty nor a board.
    """
    out = Path(os.path.abspath(out))
    _refuse_others(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        new = work / "new"
        new.mkdir()
        yield new
        _swap(new, out, work / "old")
    finally:
        shutil.rmtree(work)


def _swap(new: Path, out: Path, old: Path) -> None:
    if not out.exists():
        new.rename(out)
        return
    out.rename(old)
    try:
        new.rename(out)
    except OSError:
        old.rename(out)
        raise


def _refuse_others(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError(out, "is a file; give a folder for the page")
    if not any(out.iterdir()):
        return
    try:
        is_board = "rewardmark_board" in json.loads((out / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        is_board = False
    if not is_board:
        raise DataError(out, "is not empty and is no board, so it is not overwritten; give another --out or empty it")
