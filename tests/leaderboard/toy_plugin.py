"""A task, a method, a model and rewards from outside: guess an image's mean brightness. For the harness's tests."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from rewardmark.baselines import FitJob, FitResult, ModelSpec, register_method, register_model
from rewardmark.rewards import RewardmarkError, register_reward
from rewardmark.tasks import Metric, Statistics, Task, register_task


@dataclass(frozen=True)
class Levels:
    """Brightness [B] in 0..1."""

    values: torch.Tensor

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Levels:
        return Levels(self.values[index].reshape(-1))

    def to(self, device: Any) -> Levels:
        return Levels(self.values.to(device))


class Errors(Statistics):
    def __init__(self, errors: np.ndarray) -> None:
        self.errors = errors

    def __len__(self) -> int:
        return len(self.errors)

    def metrics(self, weights: np.ndarray | None = None) -> dict[str, float]:
        counts = np.ones(len(self)) if weights is None else weights
        return {"closeness": float(1 - (self.errors * counts).sum() / counts.sum()), "undefined": -1.0}

    def per_sample(self) -> dict[str, np.ndarray]:
        return {"score": 1 - self.errors}


class Brightness(Task):
    name: ClassVar[str] = "brightness"
    version: ClassVar[str] = "1"
    default_reward: ClassVar[str] = "brightness/closeness"
    primary: ClassVar[str] = "closeness"
    metrics: ClassVar[tuple[Metric, ...]] = (Metric("closeness", unit="0..1"), Metric("undefined", unit="0..1"))

    @property
    def prediction_type(self) -> type:
        return Levels

    def targets(self, split: Any, indices: Any, train: Any = None) -> Levels:
        means = [split.image(int(i)).mean() / 255 for i in indices]
        return Levels(torch.tensor(means, dtype=torch.float32))

    def statistics(self, split: Any, indices: Any, predictions: Levels, **_: Any) -> Errors:
        truth = self.targets(split, indices).values
        return Errors((predictions.values - truth).abs().double().numpy())

    def to_json(self, split: Any, index: int, predictions: Levels, k: int) -> str:
        return json.dumps({"brightness": float(predictions.values[k])})

    def from_json(self, split: Any, indices: Any, stored: Any) -> Levels:
        return Levels(torch.tensor([json.loads(text)["brightness"] for text in stored], dtype=torch.float32))

    def truth_json(self, split: Any, index: int) -> str:
        return json.dumps({"brightness": float(self.targets(split, [index]).values[0])})


class Toy:
    """One number, pulled towards the brightness of random images. options: pause (seconds a step), crash_at (step)."""

    name: ClassVar[str] = "toy"
    version: ClassVar[str] = "1"
    needs_reward: ClassVar[bool] = False

    def check_options(self, options: dict[str, Any]) -> None:
        for key in options:
            if key not in ("pause", "crash_at", "wrong_at"):
                raise RewardmarkError(f"method 'toy': unknown option {key!r}")

    def fit(self, job: FitJob) -> FitResult:
        state_file = job.workdir / "state.json"
        state = json.loads(state_file.read_text()) if state_file.exists() else {"step": 0, "curves": []}
        if "level" not in state:
            begin = json.loads((job.start / "level.json").read_text()) if job.start else 0.0
            state["level"] = begin
        if os.environ.get("TOY_PIDS"):
            with Path(os.environ["TOY_PIDS"]).open("a") as pids:
                pids.write(f"{os.getpid()}\n")
        if os.environ.get("TOY_LOG"):
            with Path(os.environ["TOY_LOG"]).open("a") as log:
                log.write(f"fit from {state['step']}\n")
        while state["step"] < job.steps:
            step = state["step"]
            if step == job.options.get("crash_at"):
                raise ZeroDivisionError("the toy broke")
            if step == job.options.get("wrong_at"):
                raise RewardmarkError("the toy was told nonsense")
            rng = np.random.default_rng([job.seed, step])
            image = int(rng.integers(len(job.train)))
            truth = float(job.task.targets(job.train, [image]).values[0])
            state["level"] += 0.1 * (truth - state["level"])
            state["step"] += 1
            state["curves"].append({"step": state["step"], "name": "loss", "value": abs(truth - state["level"])})
            aside = state_file.with_suffix(".tmp")
            aside.write_text(json.dumps(state))
            os.replace(aside, state_file)
            job.progress(state["step"], job.steps, {"loss": 0.0})
            time.sleep(job.options.get("pause", 0.0))
        checkpoint = job.workdir / "checkpoint"
        checkpoint.mkdir(exist_ok=True)
        (checkpoint / "level.json").write_text(json.dumps(state["level"]))
        return FitResult(checkpoint, state["curves"], {"images": float(state["step"]), "fit_seconds": 1.0})

    def predict(
        self, checkpoint: Path, task: Any, split: Any, indices: Any, decoding: Any, *_: Any, **__: Any
    ) -> Levels:
        level = json.loads((checkpoint / "level.json").read_text())
        spread = 0.0 if decoding.mode == "greedy" else decoding.temperature * 0.1
        noise = np.random.default_rng(decoding.seed).normal(size=len(indices)) * spread
        return Levels(torch.tensor(level + noise, dtype=torch.float32))


register_task(Brightness())
register_method("toy", Toy)
register_model(ModelSpec("toy-model", "no model at all"))


@register_reward("brightness/closeness", task="brightness", bounds=(None, 1.0))
def closeness(predictions: Levels, targets: Levels, *, weight: float = 1.0) -> torch.Tensor:
    """One minus the error."""
    return 1 - weight * (predictions.values - targets.values).abs()


@register_reward("brightness/faulty", task="brightness", bounds=(0.0, 1.0), may_abstain=True)
def faulty(predictions: Levels, targets: Levels, *, fault: str = "raise") -> torch.Tensor:
    """A reward that goes wrong for dark images."""
    dark = targets.values < 0.4
    values = torch.full((len(predictions),), 0.5)
    if fault == "raise" and dark.any():
        raise ValueError("cannot see in the dark")
    if fault == "bounds":
        values[dark] = 7.0
    if fault == "abstain":
        values[dark] = torch.nan
    if fault == "infinite":
        values[dark] = torch.inf
    return values[None] if fault == "shape" else values
