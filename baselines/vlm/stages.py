"""The three stages of training: align the projector, pretrain on captions, tune on instructions (as LLaVA and VILA)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rewardmark.baselines.vlm.dialogues import Dialogue, batch_of
from rewardmark.baselines.vlm.learn import Log, Tell, learn
from rewardmark.baselines.vlm.models import Vlm, load_vlm, save_vlm
from torch import Tensor

__all__ = ["PARTS", "Order", "Stage", "part_of", "run_stages", "train_stage"]

PARTS = ("vision", "projector", "text")


@dataclass(frozen=True)
class Stage:
    """name: of its curve; dialogues: what is learned; parts: what learns, of PARTS; steps, learning_rate: see
    `learn`."""

    name: str
    dialogues: Sequence[Dialogue]
    parts: tuple[str, ...]
    steps: int
    learning_rate: float


def part_of(parameter: str) -> str:
    """Which of PARTS a parameter of a Hugging Face VLM belongs to, by its name."""
    if any(word in parameter for word in ("projector", "merger", "connector", "perceiver")):
        return "projector"
    if any(word in parameter for word in ("vision", "visual", "image_encoder")):
        return "vision"
    return "text"


def run_stages(
    base: Path,
    stages: Sequence[Stage],
    images: Callable[[int], Any],
    workdir: Path,
    log: Log,
    *,
    seed: int,
    batch_size: int,
    device: str,
    progress: Tell,
) -> Path:
    """Train `base` through the stages; returns the folder of the finished model.

    Each finished stage is a folder of `workdir`, and is not done again; within a stage the state is saved as it goes,
    so that a killed training ends where an unbroken one ends. Models of earlier stages are removed.
    """
    folder, total, before = base, sum(stage.steps for stage in stages), 0
    for number, stage in enumerate(stages):
        place = workdir / f"{number}-{stage.name}"

        def tell(step: int, _: int, values: dict[str, float], begin: int = before) -> None:
            progress(begin + step, total, values)

        made = place / "model"
        record = place / "log.pt"
        if not record.is_file():
            vlm = load_vlm(folder, device)
            part = train_stage(vlm, stage, images, place, seed=seed + number, batch_size=batch_size, progress=tell)
            save_vlm(vlm, made)
            torch.save({"curves": part.curves, "usage": part.usage}, record.with_suffix(".tmp"))
            record.with_suffix(".tmp").replace(record)
            (place / "state.pt").unlink(missing_ok=True)
            if number:
                shutil.rmtree(folder, ignore_errors=True)
        kept = torch.load(record, weights_only=True)
        log.take(kept["curves"], kept["usage"], before)
        folder, before = made, before + stage.steps
    return folder


def train_stage(
    vlm: Vlm,
    stage: Stage,
    images: Callable[[int], Any],
    workdir: Path,
    *,
    seed: int,
    batch_size: int,
    progress: Tell = lambda step, total, values: None,
) -> Log:
    """`stage.steps` batches, in place. Batch k follows from (seed, k) alone."""
    for name, parameter in vlm.model.named_parameters():
        parameter.requires_grad_(part_of(name) in stage.parts)
    order = Order(stage.dialogues, batch_size, seed)

    def step_loss(number: int) -> tuple[Tensor, dict[str, float]]:
        rows = [stage.dialogues[k] for k in order.batch(number)]
        batch = batch_of(vlm, rows, [images(row.picture) for row in rows])
        loss: Tensor = vlm.model(**batch, use_cache=False).loss
        return loss, {"tokens": float(batch["attention_mask"].sum()), "images": float(len(rows))}

    learning = [parameter for parameter in vlm.model.parameters() if parameter.requires_grad]
    log = learn(
        vlm.model, learning, step_loss, stage.steps, workdir, name=stage.name, learning_rate=stage.learning_rate,
        device=str(vlm.device), progress=progress,
    )  # fmt: skip
    vlm.model.requires_grad_(True)
    return log


class Order:
    """Which dialogues a batch holds: every epoch all of them once, those of like length together, batches shuffled."""

    def __init__(self, dialogues: Sequence[Dialogue], batch_size: int, seed: int) -> None:
        self.lengths = np.array([sum(len(text) for turn in one.turns for text in turn) for one in dialogues])
        self.seed, self.batches = seed, -(-len(dialogues) // batch_size)
        self._epoch: tuple[int, list[list[int]]] = (-1, [])

    def batch(self, number: int) -> list[int]:
        epoch, place = divmod(number, self.batches)
        if self._epoch[0] != epoch:
            rng = np.random.default_rng([self.seed, 7, epoch])
            ranked = np.lexsort((rng.random(len(self.lengths)), self.lengths // 24))
            groups = [group.tolist() for group in np.array_split(ranked, self.batches)]
            self._epoch = epoch, [groups[k] for k in rng.permutation(self.batches)]
        return self._epoch[1][place]
