"""The store of runs: one folder a run, put in place as a whole; what a killed run needs to go on lies beside it."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.lock import RunLock
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.cache import write_atomically

__all__ = ["SCHEMA", "PartialRun", "Store"]

log = logging.getLogger(__name__)

SCHEMA = 1
"""Of run.json and the tables beside it; docs/runs.md says what is in them."""


class PartialRun:
    """`RUN_ID.partial/`: where a run works until it is finished.

    work/: the method's own resumable state; fit.json: the training's outcome once it is done; progress.json: how far it
    is and the seconds it took so far; error.log: the traceback of a crash.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"

    def read(self, name: str) -> dict[str, Any] | None:
        """A JSON file of the folder, or None when it is not there (or was cut off by a crash of the machine)."""
        try:
            content = json.loads((self.folder / name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def write(self, name: str, content: dict[str, Any]) -> None:
        write_atomically(self.folder / name, json.dumps(content).encode())


class Store:
    """A folder of runs. Folders without run.json, and names that start with a dot, are not runs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, run_id: str) -> Path:
        return self.root / run_id

    def is_finished(self, run_id: str) -> bool:
        return (self.path(run_id) / "run.json").is_file()

    def partial(self, run_id: str) -> PartialRun:
        return PartialRun(self.root / f"{run_id}.partial")

    def lock(self, run_id: str) -> RunLock:
        return RunLock(self.root / ".locks" / f"{run_id}.lock")

    def read(self, run_id: str) -> dict[str, Any]:
        """run.json of a finished run. Raises DataError when it cannot be read or is of another schema."""
        file = self.path(run_id) / "run.json"
        try:
            run = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise DataError(file, f"cannot be read: {error}") from error
        if not isinstance(run, dict) or run.get("schema") != SCHEMA:
            raise DataError(file, f"is not of schema {SCHEMA}; it was written by another version of rewardmark")
        return run

    def run_ids(self) -> Iterator[str]:
        """The ids of all finished runs, sorted."""
        if self.root.is_dir():
            for folder in sorted(self.root.iterdir()):
                if not folder.name.startswith(".") and folder.suffix != ".partial" and (folder / "run.json").is_file():
                    yield folder.name

    def run_with_fit(self, fit_key: str) -> str | None:
        """A finished run whose checkpoint came from the training called `fit_key`."""
        for run_id in self.run_ids():
            try:
                run = self.read(run_id)
            except DataError as error:  # another version's run: nothing to take from it
                log.info("%s", error)
                continue
            if run["fit"]["key"] == fit_key and (self.path(run_id) / "checkpoint").is_dir():
                return run_id
        return None

    def begin(self, run_id: str) -> PartialRun:
        """The folder to work in, made when it is not there. Raises RewardmarkError when the store cannot be written."""
        partial = self.partial(run_id)
        try:
            partial.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RewardmarkError(f"{self.root}: cannot be written: {error.strerror or error}") from error
        return partial

    def finish(self, run_id: str, made: Path) -> Path:
        """Move the folder `made` (inside the partial run) into place by one rename, and take the partial run away."""
        place = self.path(run_id)
        if place.exists() and not self.is_finished(run_id):
            shutil.rmtree(place)  # debris without run.json: a copy that was broken off, never a run
        os.rename(made, place)
        self.clean(run_id)
        return place

    def clean(self, run_id: str) -> None:
        """Take away the partial run of a finished run (a kill may have come between the two)."""
        if self.is_finished(run_id):
            shutil.rmtree(self.partial(run_id).folder, ignore_errors=True)


def link_tree(source: Path, target: Path) -> None:
    """Copy a folder by hard links, or by bytes where the file system has none. A link shares its bytes: checkpoints
    are never written to once they are in the store."""

    def link(a: str, b: str) -> None:
        try:
            os.link(a, b)
        except OSError:
            shutil.copy2(a, b)

    shutil.copytree(source, target, copy_function=link)
