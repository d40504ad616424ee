"""One cell of a suite, as it was asked for: frozen, and turned into plain data for hashing and for the store."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.dataset_spec import DatasetSpec

__all__ = ["RESULTS_VERSION", "CellSpec", "Place", "canonical", "digest"]

RESULTS_VERSION = 1
"""Goes up whenever a change of the harness itself gives the same cell other numbers (tasks, methods and rewards have
versions of their own)."""


@dataclass(frozen=True)
class Place:
    """Where a cell was written: file, line, and which [[cell]] it is (from 1)."""

    file: str
    line: int
    number: int

    def error(self, what: str) -> RewardmarkError:
        """An error that says where."""
        return RewardmarkError(f"{self.file}:{self.line}: [[cell]] {self.number}: {what}")


@dataclass(frozen=True)
class CellSpec:
    """(task, data, model, start, method, reward, seed, budget, decoding): what one run is.

    start: a checkpoint folder as written, "cell:LABEL", or None for random weights. decoding: arguments of
    `baselines.Decoding`; also: further decodings by name, in which the same checkpoint is judged too. evaluation: the
    held-out images; validation: images for the curves, never for the result; sources: cells ("cell:LABEL") that do a
    part of the training.
    """

    task: str
    dataset: DatasetSpec
    evaluation: DatasetSpec
    method: str
    reward: str
    steps: int
    place: Place
    name: str = ""
    label: str | None = None
    validation: DatasetSpec | None = None
    model: str = "small"
    start: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    reward_parameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    batch_size: int | None = None
    decoding: dict[str, Any] = field(default_factory=dict)
    also: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The `spec` of run.json, without what the harness adds (the start's content hash), and without who did a part
        of the training."""
        return {
            "task": self.task,
            "dataset": self.dataset.to_dict(),
            "eval_dataset": self.evaluation.to_dict(),
            "validation_dataset": self.validation.to_dict() if self.validation else None,
            "model": self.model,
            "start": None,
            "start_name": self.start,
            "method": self.method,
            "options": self.options,
            "reward": self.reward,
            "reward_parameters": self.reward_parameters,
            "seed": self.seed,
            "steps": self.steps,
            "batch_size": self.batch_size,
            "decoding": self.decoding,
            "also": self.also,
        }


def canonical(value: Any) -> str:
    """JSON with one spelling for equal data; raises TypeError or ValueError for what has none (NaN, dates)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def digest(value: Any) -> str:
    """SHA-256 of `canonical(value)`, in hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def folder_digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of all files in a checkpoint folder. Raises RewardmarkError for an empty one."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise RewardmarkError(f"checkpoint {folder}: no such folder, or nothing in it")
    total = hashlib.sha256()
    for file in files:
        total.update(file.relative_to(folder).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()
