"""The loop that every part and every stage of a VLM is trained by: resumable, with a curve and what was used."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rewardmark.baselines.loop import set_learning_rate
from rewardmark.baselines.state import StateFile
from torch import Tensor, nn

__all__ = ["Lesson", "Log", "Step", "Tell", "learn", "learning_share"]

POINTS = 20
"""Points of a curve."""
Tell = Callable[[int, int, dict[str, float]], None]
Step = Callable[[int], tuple[Tensor, dict[str, float]]]
"""The loss of batch k, which follows from k alone, and what it used, by name."""


@dataclass(frozen=True)
class Lesson:
    """How long, how fast and where one part of a VLM is taught; see `learn`."""

    steps: int
    workdir: Path
    learning_rate: float
    batch_size: int
    seed: int
    progress: Tell


@dataclass
class Log:
    """Curves (steps count on from stage to stage) and what was used."""

    curves: list[dict[str, Any]] = field(default_factory=list)
    usage: dict[str, float] = field(default_factory=lambda: {"tokens": 0.0, "images": 0.0, "fit_seconds": 0.0})

    def add(self, name: str, value: float) -> None:
        self.usage[name] = self.usage.get(name, 0.0) + value

    def take(self, curves: list[dict[str, Any]], usage: dict[str, float], after: int = 0) -> None:
        """Add another part's, which began `after` so many steps."""
        self.curves += [{**row, "step": row["step"] + after} for row in curves]
        for name, value in usage.items():
            self.add(name, value)


def learn(
    model: nn.Module,
    learning: Sequence[nn.Parameter],
    step_loss: Step,
    steps: int,
    workdir: Path,
    *,
    name: str,
    learning_rate: float,
    device: str,
    weight_decay: float = 0.0,
    progress: Tell = lambda step, total, values: None,
) -> Log:
    """`steps` steps of AdamW on `learning`, parameters of `model`, in place.

    learning_rate: peak, after a twentieth of warming up; falls to a tenth by a cosine. name: of the curve. The state
    is saved in `workdir` as it goes: a killed training ends where an unbroken one ends.
    """
    optimizer = torch.optim.AdamW(learning, lr=learning_rate, betas=(0.9, 0.98), weight_decay=weight_decay)
    file, log, done = StateFile(workdir), Log(), 0
    kept = file.load(device)
    if kept is not None:
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        log, done = Log(kept["curves"], kept["usage"]), kept["done"]
    every, pending = max(1, steps // POINTS), list[float]()
    model.train()
    while done < steps:
        began = time.monotonic()
        loss, used = step_loss(done)
        set_learning_rate(optimizer, learning_rate * learning_share(done, steps))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        done += 1
        value = float(loss.detach())
        pending.append(value)
        for what, amount in used.items():
            log.add(what, amount)
        if done % every == 0 or done == steps:
            log.curves.append({"step": done, "name": f"{name}/loss", "value": float(np.mean(pending))})
            pending = []
        log.add("fit_seconds", time.monotonic() - began)
        progress(done, steps, {f"{name}/loss": value})
        if file.due() and done < steps and not pending:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            file.save({**state, "done": done, "curves": log.curves, "usage": log.usage})
    model.eval()
    return log


def learning_share(step: int, total: int) -> float:
    """The share of the peak learning rate that step `step` of `total` has."""
    warm = max(1, total // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
