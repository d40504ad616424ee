"""The loop around a training step: resume, curves, progress, validation, the finished checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import numpy as np
import torch
from rewardmark.baselines.account import Account
from rewardmark.baselines.build import save_model
from rewardmark.baselines.method import FitJob, FitResult
from rewardmark.baselines.model.modeling import PixelsToTokens
from rewardmark.baselines.state import StateFile
from rewardmark.tasks.codec import Codec
from torch import nn

CURVE_POINTS = 200
"""A curve keeps about this many points; each is the mean of the steps since the one before."""

VALIDATIONS = 4


class Loop:
    """Runs `step(k)` for k = 0..steps-1 and keeps everything that a resumed run needs.

    Args:
        job: what is to be done.
        model, codec: what is trained.
        optimizers: by name; their states are saved.
        step: does one update and returns its values for the curves (floats by name). `seconds_PART` is the time of a
            part of the step; `seconds_between` is added: validation, saving and telling since the step before.
        memory: further state of the method as plain numbers (a running baseline, say), saved and restored in place.
    """

    def __init__(
        self,
        job: FitJob,
        model: PixelsToTokens,
        codec: Codec,
        optimizers: dict[str, torch.optim.Optimizer],
        step: Callable[[int], dict[str, float]],
        memory: dict[str, float] | None = None,
    ) -> None:
        self.job, self.model, self.codec, self.optimizers, self.step = job, model, codec, optimizers, step
        self.memory = memory if memory is not None else {}
        self.curves: list[dict[str, Any]] = []
        self.pending: dict[str, list[float]] = {}
        self.usage: dict[str, float] = {}
        self.done = 0
        self.account = Account(job, model, codec)
        self.file = StateFile(job.workdir)

    def run(self) -> FitResult:
        """Train to the end and write the checkpoint."""
        job = self.job
        self._restore()
        every = max(1, job.steps // CURVE_POINTS)
        validate_at = {round(job.steps * k / VALIDATIONS) for k in range(VALIDATIONS + 1)}
        if self.done == 0 and job.steps:
            self._validate(0)
        ended = time.monotonic()
        while self.done < job.steps:
            began = time.monotonic()
            values = self.step(self.done)
            self.done += 1
            values["seconds_between"], ended = began - ended, time.monotonic()
            self.usage["fit_seconds"] = self.usage.get("fit_seconds", 0.0) + ended - began
            for name, value in values.items():
                if name.startswith("usage:"):
                    self.usage[name[6:]] = self.usage.get(name[6:], 0.0) + value
                else:
                    self.pending.setdefault(name, []).append(value)
            if self.done % every == 0 or self.done == job.steps:
                self._flush()
            if self.done in validate_at:
                self._validate(self.done)
            job.progress(
                self.done, job.steps, {k: v for k, v in values.items() if not k.startswith(("usage:", "seconds_"))}
            )
            if self.file.due() and self.done < job.steps:
                self._save()
        folder = job.workdir / "checkpoint"
        save_model(self.model, folder)
        return FitResult(folder, self.curves, self.usage)

    def _flush(self) -> None:
        for name, values in self.pending.items():
            finite = [v for v in values if np.isfinite(v)]
            if finite:
                self.curves.append({"step": self.done, "name": name, "value": float(np.mean(finite))})
        self.pending = {}

    def _validate(self, step: int) -> None:
        """The curves of the validation images: they tell whether reward and official metric part."""
        began = time.monotonic()
        self.curves += [{"step": step, "name": name, "value": value} for name, value in self.account.values().items()]
        self.usage["validate_seconds"] = self.usage.get("validate_seconds", 0.0) + time.monotonic() - began

    def _save(self) -> None:
        self.file.save(
            {
                "done": self.done,
                "model": self.model.state_dict(),
                "optimizers": {k: o.state_dict() for k, o in self.optimizers.items()},
                "curves": self.curves,
                "pending": self.pending,
                "usage": self.usage,
                "memory": dict(self.memory),
            }
        )

    def _restore(self) -> None:
        state = self.file.load(self.job.device)
        if state is None:
            return
        self.done = state["done"]
        self.model.load_state_dict(state["model"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.curves, self.pending, self.usage = state["curves"], state["pending"], state["usage"]
        self.memory.update(state["memory"])


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """bfloat16 autocast: "auto" means on a GPU and on a CPU that multiplies bfloat16 natively, "bf16" everywhere,
    "fp32" nowhere."""
    kind = torch.device(device).type
    if precision == "bf16" or (precision == "auto" and (kind == "cuda" or (kind == "cpu" and native_bfloat16()))):
        return torch.autocast(kind, dtype=torch.bfloat16)
    return nullcontext()


def compile_layers(model: PixelsToTokens, device: str, wanted: str) -> None:
    """Compile the transformer layers in place (`torch.compile`): "auto" on a GPU only, "on" everywhere, "off" nowhere.

    Sampling goes step by step through `DecoderLayer.step` and stays as it is; weights keep their names.
    """
    if wanted == "on" or (wanted == "auto" and torch.device(device).type == "cuda"):
        for layer in [*model.encoder, *model.decoder]:
            layer.compile(dynamic=True)


@cache
def native_bfloat16() -> bool:
    """Whether this CPU has bfloat16 dot products (AVX512-BF16 or AMX on x86; where it cannot be told, no)."""
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices only: not on biases, norms and embeddings."""
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        (decayed if parameter.ndim >= 2 and "embedding" not in name else plain).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Set the learning rate of all groups."""
    for group in optimizer.param_groups:
        group["lr"] = value
