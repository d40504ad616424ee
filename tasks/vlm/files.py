"""The VLM task on anybody's files: COCO captions, LLaVA-style JSON, WebDataset shards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.programs.pictures import Pictures
from rewardmark.tasks.scenes.turns import CAPTION_PROMPTS
from rewardmark.tasks.vlm.sample import VlmSample
from rewardmark.tasks.vlm.sources import Item, open_items

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rewardmark.tasks.dataset_spec import DatasetSpec

__all__ = ["FILES", "ItemPictures", "decode", "file_samples", "open_pictures", "size_of", "why_unread"]

FILES = ("coco-captions", "llava", "webdataset")
"""Names of the data sets that are files."""
_ROTATED = (5, 6, 7, 8)
_ORIENTATION = 0x0112


class ItemPictures(Pictures):
    """The pictures of a source, upright, of whatever size each has; decoded when asked for."""

    def __init__(self, source: Path, items: Sequence[Item]) -> None:
        self.source, self.items = source, list(items)
        self.names = [item.name for item in self.items]

    def fail(self, k: int, what: str) -> DataError:
        """An error that names the source, the record and the picture."""
        item = self.items[k]
        return DataError(self.source, what, record=f"{item.record} ({item.name})" if item.record else item.name)

    def check(self) -> None:
        """Raises DataError, naming the record, for a picture that is not there."""
        k = next((k for k, item in enumerate(self.items) if not item.place.file.is_file()), None)
        if k is not None:
            raise self.fail(k, f"there is no picture {self.items[k].place.file}; say where they lie with 'images'")

    def _content(self, k: int) -> bytes:
        try:
            return self.items[k].place.read()
        except OSError as error:
            raise self.fail(k, f"cannot be read: {error.strerror or error}") from None

    def image(self, k: int) -> NDArray[np.uint8]:
        import numpy as np

        try:
            return np.asarray(decode(self._content(k)))
        except ValueError as error:
            raise self.fail(k, f"cannot be read as a picture: {error}") from None

    def size(self, k: int) -> tuple[int, int]:
        try:
            return size_of(self._content(k))
        except ValueError as error:
            raise self.fail(k, f"cannot be read as a picture: {error}") from None

    @cached_property
    def _hashes(self) -> Any:
        from rewardmark.tasks.cache import FileHashes

        return FileHashes(f"{self.source.resolve()}\npictures")

    def identity(self, used: Sequence[int]) -> str:
        places = [self.items[k].place for k in used]
        digests = self._hashes.all([place.file for place in places])
        rows = [f"{digest} {place.offset} {place.length}" for digest, place in zip(digests, places, strict=True)]
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def open_pictures(spec: DatasetSpec, data: Path | None) -> tuple[ItemPictures, Path]:
    """The pictures of a data set of FILES, and its root.

    coco-captions: `file`, or annotations/captions_SPLIT.json or captions_SPLIT.json in the root; pictures in `images`,
    or SPLIT/, images/SPLIT/ or images/. llava: `file`, or SPLIT.json or SPLIT.jsonl; pictures in `images`, or images/
    or the root. webdataset: `file`, or SPLIT/ or SPLIT.tar, or else all shards in the root. Paths are relative to the
    root; `data` (--data) stands for a root that the spec leaves open, and is where a relative root is looked for.
    Raises DataError for what is not there, and for a JSON whose pictures are not.
    """
    root = Path(spec.root).expanduser() if spec.root else None
    if data is not None:
        root = data if root is None else data / root
    if root is None and spec.file is None:
        raise RewardmarkError(f"dataset: {spec.name} data need a root (or --data PATH), or file")
    root = root or Path()
    if not root.is_dir():
        raise DataError(root, "there is no such folder; the root of the data is wanted")
    sources, folders = _places(spec)
    source = _first(root, sources, spec.file, "file")
    if spec.name == "webdataset":
        if spec.images is not None:
            raise RewardmarkError("dataset: images means nothing for 'webdataset' data; leave it out")
        if not source.is_dir() and source.suffix != ".tar":
            raise DataError(source, "is neither a folder of shards nor a .tar")
        items = open_items(source)
    else:
        if not source.is_file():
            raise DataError(source, "is no file; the JSON of captions or conversations is wanted")
        items = open_items(source, _first(root, folders, spec.images, "images"))
    pictures = ItemPictures(source, items[: spec.n])
    pictures.check()
    return pictures, root


def _places(spec: DatasetSpec) -> tuple[list[str], list[str]]:
    """Where the source and the folder of pictures may lie, within the root."""
    split = spec.split
    if spec.name == "coco-captions":
        name = f"captions_{split}.json"
        return [f"annotations/{name}", name], [split, f"images/{split}", "images", "."]
    if spec.name == "llava":
        return [f"{split}.json", f"{split}.jsonl"], ["images", "."]
    return [split, f"{split}.tar", "."], []


def _first(root: Path, places: Sequence[str], given: str | None, key: str) -> Path:
    """The first of `places` that is there; `given` alone, if something is given."""
    listed = [given] if given is not None else list(places)
    found = next((root / place for place in listed if (root / place).exists()), None)
    if found is None:
        hint = "" if given is not None else f" or name it with {key!r}"
        raise DataError(root, f"there is no {' or '.join(listed)} in it{hint}")
    return found


def file_samples(pictures: ItemPictures, kind: str, progress: Callable[[int, int], None] | None) -> list[VlmSample]:
    """One sample a picture. kind "web": its first caption, to learn from; "benchmarks": it is to be captioned, and its
    captions are the references. A LLaVA-style record asks its own first question, others CAPTION_PROMPTS[0].

    Raises DataError, naming the record, for a picture without a caption.
    """
    skill, found = "web" if kind == "web" else "caption", []
    for k, item in enumerate(pictures.items):
        if not item.originals:
            raise pictures.fail(k, "there is no caption of this picture, which is wanted here; take the record out")
        question = item.turns[0][0] if item.turns and item.turns[0][0] else CAPTION_PROMPTS[0]
        found.append(VlmSample(item.name, k, question, item.originals, skill))
        if progress:
            progress(k + 1, len(pictures))
    return found


def decode(content: bytes) -> Any:
    """The picture as PIL RGB, upright. Raises ValueError saying why it cannot be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(BytesIO(content)) as picture:
            picture.load()
            turned: Any = ImageOps.exif_transpose(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(why_unread(error)) from None
    if turned.mode.startswith("I;16"):  # Pillow would cut all that is above 255 off
        turned = turned.point(lambda value: value / 256).convert("L")
    elif "transparency" in turned.info:
        turned = turned.convert("RGBA")
    return turned.convert("RGB")


def size_of(content: bytes) -> tuple[int, int]:
    """Height and width of a picture, upright, from its file's head. Raises ValueError saying why it cannot be read."""
    from PIL import Image

    try:
        with Image.open(BytesIO(content)) as picture:
            turned = picture.getexif().get(_ORIENTATION) in _ROTATED
            return (picture.width, picture.height) if turned else (picture.height, picture.width)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(why_unread(error)) from None


def why_unread(error: Exception) -> str:
    """Without the address of an object in memory, which no two runs share."""
    from PIL import UnidentifiedImageError

    return "no picture in a known format" if isinstance(error, UnidentifiedImageError) else " ".join(str(error).split())
