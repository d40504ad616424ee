"""The contract between the harness and whatever learns: jobs in, checkpoints and curves out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from rewardmark.rewards.errors import RewardmarkError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.base import Task
    from rewardmark.tasks.coco import CocoSplit

Progress = Callable[[int, int, dict[str, float]], None]
"""Called as (step, total steps, newest values by name)."""
PART = "part/"
"""Before a value's name: the steps told with it are those of the part of the training that is called so."""


class PartProgress(Protocol):
    """Called as (done, total), and with newest values by name where there are any."""

    def __call__(self, done: int, total: int, values: dict[str, float] | None = None) -> None: ...


def silent(step: int, total: int, values: dict[str, float]) -> None:
    """A progress callback that shows nothing."""


@dataclass(frozen=True)
class Decoding:
    """How predictions are read off a model.

    Args:
        mode: "greedy" or "sample".
        temperature: divides the logits when sampling.
        seed: of the sampling.
        scores: what ranks the boxes of a detector: "confidence" (its confidence token), "class" (likelihood of the
            class token), "product",
            or "auto": the confidence where it has been trained, else the class likelihood.
        stop_bias: added to the logit of the token that ends a sequence; below 0 a model that stops too early goes on.
    """

    mode: str = "greedy"
    temperature: float = 1.0
    seed: int = 0
    scores: str = "auto"
    stop_bias: float = 0.0

    def __post_init__(self) -> None:
        if self.mode not in ("greedy", "sample"):
            raise RewardmarkError(f"decoding: mode {self.mode!r} is neither 'greedy' nor 'sample'")
        if self.scores not in ("auto", "confidence", "class", "product"):
            raise RewardmarkError(f"decoding: scores {self.scores!r} is none of auto, confidence, class, product")
        if not self.temperature > 0:
            raise RewardmarkError(f"decoding: temperature must be above 0, not {self.temperature}")
        if not math.isfinite(self.stop_bias):
            raise RewardmarkError(f"decoding: stop_bias must be a finite number, not {self.stop_bias}")

    def identity(self) -> dict[str, Any]:
        """What names this decoding in the id of a run; `stop_bias` came later, and without it ids stay what they
        were."""
        return {k: v for k, v in vars(self).items() if k != "stop_bias" or v != 0.0}


@dataclass(frozen=True)
class Source:
    """What another cell made: its checkpoint, and the curves and the usage of its training (see `FitResult`)."""

    checkpoint: Path
    curves: list[dict[str, Any]]
    usage: dict[str, float]


@dataclass(frozen=True)
class FitJob:
    """One training to be done.

    Args:
        task, train, val: what is learned and on what; `val` (optional) gives the official metric's curve.
        model: name of a registered model; ignored where `start` fixes the shape.
        start: checkpoint folder to start from, or None for random weights.
        reward: callable reward with `.score(predictions, targets, sample_ids)`; needed by reward-tuning methods alone.
        steps, batch_size, seed, device: the budget. `batch_size` None takes the method's default for the task.
        workdir: where resumable state lives; a state found there is continued, bit for bit as if it had never stopped
            (same device).
        options: the method's own options; unknown ones are refused.
        progress: called after every step.
        sources: what the cells made that this one names as its sources, by those names.
    """

    task: Task
    train: CocoSplit
    steps: int
    workdir: Path
    val: CocoSplit | None = None
    model: str = "small"
    start: Path | None = None
    reward: Any = None
    batch_size: int | None = None
    seed: int = 0
    device: str = "cpu"
    options: dict[str, Any] = field(default_factory=dict)
    progress: Progress = silent
    sources: dict[str, Source] = field(default_factory=dict)

    def part(self, name: str) -> PartProgress:
        """A callback (done, total, values) for a part of the training that is no step of it: captions that are
        written, programs that are run."""
        return lambda done, total, values=None: self.progress(
            done, total, {PART + name: done / max(1, total), **(values or {})}
        )


@dataclass(frozen=True)
class FitResult:
    """checkpoint: folder for `from_pretrained`; curves: rows of step, name, value; usage: tokens, images, seconds by
    part."""

    checkpoint: Path
    curves: list[dict[str, Any]]
    usage: dict[str, float]


class Method(Protocol):
    """What the harness asks of a method.

    Besides, a method may have `options_identity(options)`: the options as the id of a run takes them. And where a cell
    may name others as its `sources`, cells of the method that do a part of its work in the same way,
    `check_sources(options, others)`: raise `RewardmarkError` where the options of those cells, by name, do something
    else. The harness runs these cells first and sees to it that they agree in start, data and seed; what they made is
    in `FitJob.sources`. They save work and may change no number, so the id of a run does not have them.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    needs_reward: ClassVar[bool]

    def check_options(self, options: dict[str, Any]) -> None:
        """Raise `RewardmarkError` naming an option that this method does not know or a value it cannot take."""

    def fit(self, job: FitJob) -> FitResult:
        """Train; resume from `job.workdir` where a state is there."""

    def predict(
        self,
        checkpoint: Path,
        task: Task,
        split: CocoSplit,
        indices: NDArray[np.int64],
        decoding: Decoding,
        device: str = "cpu",
        batch_size: int = 64,
        progress: Progress = silent,
    ) -> Any:
        """Predictions for `split[indices]` as one batch of the task's prediction type, in pixels of the original
        images."""
