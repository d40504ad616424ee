"""WebDataset shards: plain tar files in which the members of a sample share their name up to the first dot."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rewardmark.rewards.errors import DataError

__all__ = ["read_shards"]

Found = tuple[str, tuple[Path, int, int], tuple[str, ...]]
_TEXTS = (".txt", ".caption", ".text")


def read_shards(shards: Sequence[Path], pictures: Collection[str]) -> Iterator[Found]:
    """Of each sample with a picture: its name (SHARD:KEY), where the bytes lie (file, offset, length), its captions.

    pictures: suffixes that are pictures. Pictures stay on disk: they are read later from their place in the shard.
    Raises DataError for a file that is no plain tar.
    """
    for shard in shards:
        key: str | None = None
        place: tuple[Path, int, int] | None = None
        texts: dict[str, str] = {}
        try:
            with tarfile.open(shard, "r:") as tar:
                for member in tar:
                    if not member.isfile():
                        continue
                    base, suffix = _split(member.name)
                    if base != key:
                        if key is not None and place is not None:
                            yield f"{shard.name}:{key}", place, _captions(texts)
                        key, place, texts = base, None, {}
                    if suffix in pictures and place is None:
                        place = (shard, member.offset_data, member.size)
                    elif suffix in _TEXTS or suffix == ".json":
                        stream = tar.extractfile(member)
                        texts[suffix] = stream.read().decode("utf-8", "replace") if stream else ""
        except (tarfile.TarError, EOFError) as error:
            raise DataError(
                shard, f"no plain tar that can be read ({error}); a compressed one has to be unpacked"
            ) from None
        if key is not None and place is not None:
            yield f"{shard.name}:{key}", place, _captions(texts)


def _split(name: str) -> tuple[str, str]:
    folder, _, file = name.rpartition("/")
    stem, dot, rest = file.partition(".")
    return (f"{folder}/{stem}" if folder else stem), (dot + rest).lower()


def _captions(texts: Mapping[str, str]) -> tuple[str, ...]:
    for suffix in _TEXTS:
        if texts.get(suffix, "").strip():
            return (texts[suffix].strip(),)
    try:
        content: Any = json.loads(texts.get(".json", "null"))
    except (ValueError, RecursionError):  # somebody's metadata; the picture is captioned all the same
        return ()
    found = [content.get(k) for k in ("caption", "text")] if isinstance(content, dict) else []
    return tuple(text.strip() for text in found if isinstance(text, str) and text.strip())[:1]
