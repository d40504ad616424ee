"""The data of a suite: each split opened once a process, and what identifies it in a run's id."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.dataset_spec import DatasetSpec

if TYPE_CHECKING:
    from rewardmark.tasks.coco import CocoSplit

__all__ = ["Splits"]

_FILES = ("root", "images", "instances", "panoptic", "panoptic_folder", "captions")


class Splits:
    """Opens data sets and keeps them, so that cells on the same images share what is decoded.

    data: the root for every COCO data set whose suite leaves the place open (`--data`). progress(done, total): called
    while scenes are made.
    """

    def __init__(self, data: Path | None = None, progress: Callable[[int, int], None] | None = None) -> None:
        if data is not None and not data.is_dir():
            raise RewardmarkError(f"--data {data}: there is no such folder")
        self.data, self.progress = data, progress
        self._open: dict[DatasetSpec, CocoSplit] = {}

    def open(self, spec: DatasetSpec) -> CocoSplit:
        """The split; raises RewardmarkError (DataError naming file and record) when it cannot be read."""
        if spec not in self._open:
            from rewardmark.tasks.coco import open_split

            self._open[spec] = open_split(spec, self.data, self.progress)
        return self._open[spec]

    def check(self, spec: DatasetSpec) -> None:
        """Raises RewardmarkError for data that could not be opened; makes no scenes."""
        if spec.name != "scenes":
            self.open(spec)
            return
        from rewardmark.tasks.scenes.render import LARGEST, SMALLEST
        from rewardmark.tasks.scenes.world import DIFFICULTIES

        if not SMALLEST <= spec.size <= LARGEST:
            raise RewardmarkError(f"scenes are of {SMALLEST} to {LARGEST} px a side, not of {spec.size}")
        if spec.difficulty not in DIFFICULTIES:
            raise RewardmarkError(f"difficulty {spec.difficulty!r} is none of {', '.join(DIFFICULTIES)}")

    def identity(self, spec: DatasetSpec) -> dict[str, Any]:
        """What tells this data from any other: for scenes their arguments and the generator's version (they follow from
        these, byte for byte), for files the hash of their content, wherever they lie."""
        if spec.name == "scenes":
            from rewardmark.tasks.scenes.world import GENERATOR_VERSION

            return {**spec.to_dict(), "generator": GENERATOR_VERSION}
        return {"name": spec.name, "size": spec.size, "content": self.open(spec).content_hash}

    def portable(self, spec: DatasetSpec) -> dict[str, Any]:
        """The spec as it goes into run.json: no path of this machine."""
        if spec.name == "scenes":
            return spec.to_dict()
        kept = {key: value for key, value in spec.to_dict().items() if key not in _FILES}
        return {**kept, "folder": self.open(spec).root.resolve().name}
