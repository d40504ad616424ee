"""Pictures with the captions they came with, as people have them: folders, COCO and LLaVA-style JSON, shards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rewardmark.rewards.errors import DataError
from rewardmark.tasks.vlm.shards import read_shards

__all__ = ["SUFFIXES", "Item", "Place", "open_items"]

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm"))
"""File names of pictures, in lower case."""
_ROLES = (("human", "user"), ("gpt", "assistant"))
_PICTURE = "<image>"


@dataclass(frozen=True)
class Place:
    """Where a picture's bytes lie: a whole file, or `length` bytes from `offset` of one (a shard)."""

    file: Path
    offset: int = 0
    length: int | None = None

    def read(self) -> bytes:
        """Raises OSError."""
        with open(self.file, "rb") as stream:
            stream.seek(self.offset)
            return stream.read(-1 if self.length is None else self.length)


@dataclass(frozen=True)
class Item:
    """One picture under one name, unique within its source, and the captions that came with it (none, one or more).

    turns: the (question, answer) of a LLaVA-style record, none where its turns do not alternate; record: where it
    stands in a JSON file ("images[3]", "[3]")."""

    name: str
    place: Place
    originals: tuple[str, ...] = ()
    turns: tuple[tuple[str, str], ...] = ()
    record: str = ""

    @property
    def original(self) -> str | None:
        """The first caption that came with it."""
        return self.originals[0] if self.originals else None


def open_items(source: Path, images: Path | None = None) -> list[Item]:
    """All pictures of a source, in an order that does not change.

    source: a folder of pictures (a text file of the same stem is the caption), COCO captions JSON, LLaVA-style JSON
    (the first answer is the caption), a WebDataset shard or a folder of shards (.txt, .caption or .json is the
    caption). images: where the pictures of a JSON file lie, if not beside it. The pictures themselves are not opened.
    Raises DataError for a source that is none of these or holds no pictures.
    """
    if source.is_dir():
        items = list(_folder(source))
    elif source.suffix == ".tar":
        items = [Item(name, Place(*place), originals) for name, place, originals in read_shards([source], SUFFIXES)]
    elif source.suffix in (".json", ".jsonl"):
        items = _json(source, images or source.parent)
    elif not source.exists():
        raise DataError(source, "there is no such file or folder")
    else:
        raise DataError(source, "is no folder, .json, .jsonl or .tar (a compressed shard has to be unpacked to .tar)")
    if not items:
        raise DataError(source, "holds no pictures (of a JSON: no record with an image)")
    return _named_once(items)


def _folder(source: Path) -> Iterator[Item]:
    # A link that leads nowhere is named as a picture that cannot be read; a pipe or a device is no picture.
    files = sorted(
        file
        for file in source.rglob("*")
        if not file.name.startswith(".") and (file.is_file() or (file.is_symlink() and not file.exists()))
    )
    if not any(file.suffix.lower() in SUFFIXES for file in files):
        shards = [file for file in files if file.suffix == ".tar"]
        for name, place, originals in read_shards(shards, SUFFIXES):
            yield Item(name, Place(*place), originals)
        return
    for file in files:
        if file.suffix.lower() not in SUFFIXES:
            continue
        beside = file.with_suffix(".txt")
        text = beside.read_text(encoding="utf-8", errors="replace").strip() if beside.is_file() else ""
        yield Item(file.relative_to(source).as_posix(), Place(file), (text,) if text else ())


def _json(source: Path, images: Path) -> list[Item]:
    try:
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".jsonl":
            content: Any = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            content = json.loads(text)
    except OSError as error:
        raise DataError(source, f"cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(source, f"not JSON ({error})") from None
    if isinstance(content, dict) and isinstance(content.get("images"), list):
        return list(_coco(content, source, images))
    if isinstance(content, list):
        return list(_llava(content, source, images))
    raise DataError(source, "neither COCO captions (images, annotations) nor a list of LLaVA-style records")


def _coco(content: dict[str, Any], source: Path, images: Path) -> Iterator[Item]:
    captions: dict[Any, list[str]] = {}
    for k, annotation in enumerate(content.get("annotations") or []):
        try:
            caption, image = annotation.get("caption"), annotation["image_id"]
        except (AttributeError, KeyError, TypeError):
            raise DataError(source, "needs an image_id", record=f"annotations[{k}]") from None
        if isinstance(caption, str) and caption.strip():
            captions.setdefault(image, []).append(caption.strip())
    for k, image in enumerate(content["images"]):
        try:
            name, number = str(image["file_name"]), image["id"]
        except (KeyError, TypeError):
            raise DataError(source, "needs file_name and id", record=f"images[{k}]") from None
        yield Item(name, Place(images / name), tuple(captions.get(number, ())), record=f"images[{k}]")


def _llava(content: list[Any], source: Path, images: Path) -> Iterator[Item]:
    for k, record in enumerate(content):
        if not isinstance(record, dict):
            raise DataError(source, "is no object", record=f"[{k}]")
        name = record.get("image")
        if name is None:  # instruction sets hold turns without a picture
            continue
        turns = record.get("conversations", [])
        if not isinstance(name, str) or not isinstance(turns, list):
            raise DataError(source, "'image' must be a file's name and 'conversations' a list", record=f"[{k}]")
        said = (t.get("value") for t in turns if isinstance(t, dict) and t.get("from") in ("gpt", "assistant"))
        caption = next((text.strip() for text in said if isinstance(text, str) and text.strip()), None)
        yield Item(name, Place(images / name), (caption,) if caption else (), _turns(turns), f"[{k}]")


def _turns(said: list[Any]) -> tuple[tuple[str, str], ...]:
    """Questions and answers in turn, without the sign of the picture; () where they do not alternate, where one of them
    is empty, or where more than one picture is shown."""
    found = [turn for turn in said if not (isinstance(turn, dict) and turn.get("from") == "system")]
    texts: list[str] = []
    for k, turn in enumerate(found):
        text = turn.get("value") if isinstance(turn, dict) and turn.get("from") in _ROLES[k % 2] else None
        if not isinstance(text, str) or (k > 1 and _PICTURE in text) or text.count(_PICTURE) > 1:
            return ()
        texts.append(text.replace(_PICTURE, "").strip())
    whole = len(texts) % 2 == 0 and all(texts[1:])  # a first question may be the picture alone
    return tuple(zip(texts[::2], texts[1::2], strict=True)) if whole else ()


def _named_once(items: list[Item]) -> list[Item]:
    """A name that comes again is told apart by its number: a record of LLaVA's may take an image a second time."""
    seen: Counter[str] = Counter()
    taken = {item.name for item in items}
    out = []
    for item in items:
        seen[item.name] += 1
        name = item.name
        while seen[item.name] > 1 and name in taken:
            name = f"{item.name}#{seen[item.name]}"
            if name in taken:
                seen[item.name] += 1
        taken.add(name)
        out.append(item if name == item.name else replace(item, name=name))
    return out
