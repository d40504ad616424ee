"""Which data a cell of a suite uses: a frozen, checked description, before any file is opened."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rewardmark.rewards.errors import RewardmarkError

__all__ = ["DatasetSpec"]

_PROGRAM_FILES = ("gqa", "omnilabel", "winoground", "sugarcrepe")
_VLM_FILES = ("coco-captions", "llava", "webdataset")
_NAMES = ("scenes", "coco", *_PROGRAM_FILES, *_VLM_FILES)
_SCENES_ONLY = {"seed": 0, "difficulty": "standard", "per_image": None}
_COCO_ONLY = {
    "root": None,
    "images": None,
    "instances": None,
    "panoptic": None,
    "panoptic_folder": None,
    "captions": None,
    "file": None,
    "choices": None,
}
_IMAGES_ONLY = ("instances", "panoptic", "panoptic_folder", "captions")
_QUESTIONS_ONLY = ("file", "choices")


@dataclass(frozen=True)
class DatasetSpec:
    """A split of a data set.

    name: "scenes" (generated), "coco" (files on disk), or the files of "gqa", "omnilabel", "winoground", "sugarcrepe"
    for the tasks that ask questions, or captioned pictures on disk for the task vlm: "coco-captions", "llava",
    "webdataset"; split: its name, which is part of file names; size: side in
    pixels of the square pictures that a model sees; n: how many images (needed for scenes; the first n of a COCO
    split, all without it). Scenes only: seed, difficulty. COCO only: root (a folder in COCO's layout, or with
    `instances_SPLIT.json` and `images/`), or any of images, instances, panoptic, panoptic_folder, captions as paths,
    relative to the root where there is one. Tasks that ask questions only: kind (which sort of samples, see the task),
    per_image (scenes: how many samples an image), file (the JSON of questions, descriptions or captions,
    or the shards), choices
    (GQA's, for validity and plausibility).

    Raises: RewardmarkError for a value that cannot be used, or an option that means nothing for this kind of data.
    """

    name: str = "scenes"
    split: str = "train"
    size: int = 48
    n: int | None = None
    seed: int = 0
    difficulty: str = "standard"
    root: str | None = None
    images: str | None = None
    instances: str | None = None
    panoptic: str | None = None
    panoptic_folder: str | None = None
    captions: str | None = None
    kind: str | None = None
    per_image: int | None = None
    file: str | None = None
    choices: str | None = None

    def __post_init__(self) -> None:
        for key in _COCO_ONLY:
            value = getattr(self, key)
            if isinstance(value, Path):
                object.__setattr__(self, key, str(value))
            elif value is not None and not isinstance(value, str):
                raise RewardmarkError(f"dataset: {key} must be a path, not {value!r}")
        if self.name not in _NAMES:
            raise RewardmarkError(f"dataset: name {self.name!r} is none of {', '.join(_NAMES)}")
        if (
            not isinstance(self.split, str)
            or not self.split
            or "/" in self.split
            or "\\" in self.split
            or self.split.startswith(".")
        ):
            raise RewardmarkError(f"dataset: split {self.split!r} must be a plain name, such as train or val2017")
        if self.kind is not None and not isinstance(self.kind, str):
            raise RewardmarkError(f"dataset: kind must be a word, not {self.kind!r}")
        for key in ("size", "n", "seed", "per_image"):
            value = getattr(self, key)
            if value is None and key in ("n", "per_image"):
                continue
            if not isinstance(value, int) or isinstance(value, bool) or (value < 1 and key != "seed"):
                raise RewardmarkError(
                    f"dataset: {key} must be a whole number{'' if key == 'seed' else ' of at least 1'}, not {value!r}"
                )
        for key, default in self._foreign().items():
            if getattr(self, key) != default:
                raise RewardmarkError(f"dataset: {key} means nothing for {self.name!r} data; leave it out")
        if self.name == "scenes" and self.n is None:
            raise RewardmarkError("dataset: scenes need n, the number of images to make")

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DatasetSpec:
        """From a suite's table; unknown keys are refused by name."""
        known = [f.name for f in fields(cls)]
        unknown = [k for k in data if k not in known]
        if unknown:
            raise RewardmarkError(f"dataset: unknown key {unknown[0]!r}; known: {', '.join(known)}")
        return cls(**data)

    def to_dict(self) -> dict[str, Any]:
        """Only what is set and means something: the inverse of `from_dict`, stable enough to be hashed."""
        foreign = self._foreign()
        return {k: v for k, v in asdict(self).items() if k not in foreign and v is not None}

    def _foreign(self) -> dict[str, Any]:
        """The options that mean nothing for this kind of data, and their defaults."""
        if self.name == "scenes":
            return _COCO_ONLY
        if self.name == "coco":
            return _SCENES_ONLY | dict.fromkeys((*_QUESTIONS_ONLY, "kind"))
        others = (*_IMAGES_ONLY, "choices") if self.name in _VLM_FILES else _IMAGES_ONLY
        return _SCENES_ONLY | dict.fromkeys(others)
