"""The data of a suite: each split opened once a process, and what identifies it in a run's id."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.dataset_spec import DatasetSpec

__all__ = ["Splits"]

IMAGES = "detection"
"""A task whose splits are images in COCO's layout."""
_FILES = ("root", "images", "instances", "panoptic", "panoptic_folder", "captions", "file", "choices")


class Splits:
    """Opens data sets and keeps them, so that cells on the same images share what is decoded.

    data: the root for every COCO data set whose suite leaves the place open (`--data`). progress(done, total): called
    while scenes are made.
    """

    def __init__(self, data: Path | None = None, progress: Callable[[int, int], None] | None = None) -> None:
        if data is not None and not data.is_dir():
            raise RewardmarkError(f"--data {data}: there is no such folder")
        self.data, self.progress = data, progress
        self._open: dict[tuple[str, DatasetSpec], Any] = {}

    def open(self, spec: DatasetSpec, task: str = IMAGES) -> Any:
        """The split as `task` opens it: images in COCO's layout, or what else the task asks of its data.

        Raises RewardmarkError (DataError naming file and record) when it cannot be read.
        """
        key = (_opener(task), spec)
        if key not in self._open:
            from rewardmark.tasks import get_task

            self._open[key] = get_task(task).open(spec, self.data, self.progress)
        return self._open[key]

    def check(self, spec: DatasetSpec, task: str = IMAGES) -> None:
        """Raises RewardmarkError for data that could not be opened; makes no scenes."""
        if spec.name != "scenes":
            self.open(spec, task)
            return
        from rewardmark.tasks.scenes.render import LARGEST, SMALLEST
        from rewardmark.tasks.scenes.world import DIFFICULTIES

        if not SMALLEST <= spec.size <= LARGEST:
            raise RewardmarkError(f"scenes are of {SMALLEST} to {LARGEST} px a side, not of {spec.size}")
        if spec.difficulty not in DIFFICULTIES:
            raise RewardmarkError(f"difficulty {spec.difficulty!r} is none of {', '.join(DIFFICULTIES)}")

    def identity(self, spec: DatasetSpec, task: str = IMAGES) -> dict[str, Any]:
        """What tells this data from any other: for scenes their arguments and the generator's version (they follow from
        these, byte for byte), for files the hash of their content, wherever they lie."""
        if spec.name == "scenes":
            from rewardmark.tasks.scenes.world import GENERATOR_VERSION

            return {**spec.to_dict(), "generator": GENERATOR_VERSION}
        return {"name": spec.name, "size": spec.size, "content": self.open(spec, task).content_hash}

    def portable(self, spec: DatasetSpec, task: str = IMAGES) -> dict[str, Any]:
        """The spec as it goes into run.json: no path of this machine."""
        if spec.name == "scenes":
            return spec.to_dict()
        kept = {key: value for key, value in spec.to_dict().items() if key not in _FILES}
        return {**kept, "folder": self.open(spec, task).root.resolve().name}


def _opener(task: str) -> str:
    """What tells splits of one task from those of another: tasks that open data alike share what is decoded."""
    from rewardmark.tasks import get_task

    return type(get_task(task)).open.__qualname__
