"""The encoder behind colorization's Frechet distance, handed to the task by the harness: tasks know no models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rewardmark.tasks.base import Features

__all__ = ["features_folder", "features_of"]

_TASKS = ("colorization",)


def features_folder(task: str) -> Path | None:
    """The checkpoint whose encoder gives the features; None for a task without them, or where it is not there."""
    folder = Path(__file__).parent.parent / "baselines" / "checkpoints" / "detection"
    return folder if task in _TASKS and folder.is_dir() else None


def features_of(task: str) -> Features | None:
    """The features function of a task, or None."""
    if features_folder(task) is None:
        return None
    from rewardmark.baselines.features import scenes_features

    return scenes_features
