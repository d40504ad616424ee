"""Pictures by content: which file is which picture, found once and remembered, and pixels when they are needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from rewardmark.tasks.vlm.files import why_unread
from rewardmark.tasks.vlm.sources import Item, Place

__all__ = ["Picture", "scan"]

_EVERY = 256
"""Pictures between two writes of the memory; what a kill takes of it is read again."""


@dataclass(frozen=True)
class Picture:
    """image: SHA-256 of the file's bytes, in hex; size in pixels as the file's head has it; suffix: of its format.
    Or why it cannot be read, and nothing else."""

    image: str = ""
    width: int = 0
    height: int = 0
    suffix: str = ""
    error: str | None = None


def scan(
    items: Iterable[Item], memory: Path, progress: Callable[[int, int], None] | None = None
) -> list[tuple[Item, Picture]]:
    """Each item with its picture. `memory`: a file that keeps what was found, by path, size and time of change, so that
    going on with a job of millions of files does not read them all again."""
    known = _remembered(memory)
    out: list[tuple[Item, Picture]] = []
    fresh: list[str] = []
    listed = list(items)
    for k, item in enumerate(listed):
        state = _state(item.place)
        picture = known.get(state) if state else None
        if picture is None:
            picture = _look(item.place)
            if state and picture.error is None:
                fresh.append(json.dumps([state, *_fields(picture)]) + "\n")
        out.append((item, picture))
        if len(fresh) >= _EVERY:
            _append(memory, fresh)
        if progress:
            progress(k + 1, len(listed))
    _append(memory, fresh)
    return out


def _look(place: Place) -> Picture:
    from PIL import Image

    try:
        content = place.read()
    except OSError as error:
        return Picture(error=error.strerror or str(error))
    if not content:
        return Picture(error="the file is empty")
    try:
        with Image.open(BytesIO(content)) as picture:
            width, height = picture.size
            suffix = {"JPEG": "jpg", "TIFF": "tif", "MPO": "jpg"}.get(str(picture.format), str(picture.format).lower())
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return Picture(error=why_unread(error))
    return Picture(hashlib.sha256(content).hexdigest(), width, height, suffix)


def _state(place: Place) -> str | None:
    try:
        found = place.file.stat()
    except OSError:
        return None
    return f"{place.file.resolve()}|{place.offset}|{place.length}|{found.st_size}|{found.st_mtime_ns}"


def _fields(picture: Picture) -> list[Any]:
    return [picture.image, picture.width, picture.height, picture.suffix]


def _remembered(memory: Path) -> dict[str | None, Picture]:
    known: dict[str | None, Picture] = {}
    if memory.is_file():
        for line in memory.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                state, image, width, height, suffix = json.loads(line)
            except (ValueError, TypeError):  # a line that a kill cut off; its picture is looked at again
                continue
            known[state] = Picture(image, width, height, suffix)
    return known


def _append(memory: Path, lines: list[str]) -> None:
    if lines:
        with open(memory, "a", encoding="utf-8") as stream:
            # A newline first: the line before may have been cut off.
            stream.write("\n" + "".join(lines))
        lines.clear()
