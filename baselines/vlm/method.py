"""What all methods that train or ask a VLM share: their options, their checkpoints, and predicting."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from rewardmark.baselines.build import whole_folder
from rewardmark.baselines.method import Decoding, FitJob, FitResult, Progress, silent
from rewardmark.baselines.options import at_least, read_options, words
from rewardmark.baselines.vlm.corpus import (
    InstructionSet,
    captioned,
    instruction_set,
    instructions_hash,
    pictures_of,
    web_of,
)
from rewardmark.baselines.vlm.dialogues import Dialogue
from rewardmark.baselines.vlm.generate import captions
from rewardmark.baselines.vlm.learn import Log
from rewardmark.baselines.vlm.models import load_vlm
from rewardmark.baselines.vlm.stages import PARTS, Stage, run_stages
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.types import Answers
from rewardmark.tasks.programs.pictures import Pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.base import Task
    from rewardmark.tasks.programs.split import ProgramSplit
    from rewardmark.tasks.vlm.sample import VlmSample

__all__ = ["BASE", "VlmMethod", "VlmOptions", "base_of", "train_from_base", "write_checkpoint"]

BASE = "base"
"""The folder within a checkpoint that holds the model which every round begins with again."""
SHORT = 24
"""Tokens of an answer that is no caption."""
ROOM = 2**29
"""Bytes of decoded pictures that are kept between batches; what does not fit is decoded each time."""


@dataclass(frozen=True)
class VlmOptions:
    """What every method that trains a VLM takes.

    instruction_images: scenes of the clean instruction set, the same in every round; or instruction_file: LLaVA-style
    JSON of conversations (relative to the working directory), its pictures beside it or in instruction_folder.
    align_steps, tune_steps: of the first and the last of the three stages; the cell's `steps` are those of the second.
    align_rate, learning_rate, tune_rate: their peak learning rates (published for billions of parameters: 5e-5 and 2e-5
    for the last two; for a million they are ten times that and more). caption_tokens: the most that a caption may have.
    """

    instruction_images: int = at_least(1, 300)
    instruction_file: str = words()
    instruction_folder: str = words()
    align_steps: int = at_least(0, 300)
    tune_steps: int = at_least(0, 300)
    align_rate: float = at_least(0.0, 3e-3)
    learning_rate: float = at_least(0.0, 5e-4)
    tune_rate: float = at_least(0.0, 5e-4)
    caption_tokens: int = at_least(1, 128)


class VlmMethod:
    """Base of the methods: options checked, every question answered greedily in batches."""

    name: ClassVar[str]
    version: ClassVar[str] = "2"
    needs_reward: ClassVar[bool] = False
    options_type: ClassVar[type[VlmOptions]] = VlmOptions
    caption_tokens: ClassVar[int] = 128

    def check_options(self, options: dict[str, Any]) -> None:
        read_options(self.options_type, self.name, options)

    def options_identity(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options as a run's id takes them: a file by its content, not by where it lies."""
        file = options.get("instruction_file")
        if not file:
            return options
        kept = {key: value for key, value in options.items() if key != "instruction_folder"}
        return {**kept, "instruction_file": instructions_hash(self.name, file, options.get("instruction_folder", ""))}

    def fit(self, job: FitJob) -> FitResult:
        raise NotImplementedError

    def predict(
        self,
        checkpoint: Path,
        task: Task,
        split: ProgramSplit[VlmSample],
        indices: NDArray[np.int64],
        decoding: Decoding,
        device: str = "cpu",
        batch_size: int = 64,
        progress: Progress = silent,
    ) -> Answers:
        """One answer to each question of `split[indices]`; captions may be longer than other answers."""
        check_task(task, self.name)
        chosen = split.select(indices)
        vlm = load_vlm(checkpoint, device)
        texts = [""] * len(chosen)
        groups = [
            (self.caption_tokens, [k for k, sample in enumerate(chosen) if sample.skill == "caption"]),
            (SHORT, [k for k, sample in enumerate(chosen) if sample.skill != "caption"]),
        ]
        done = 0
        for most, rows in groups:
            for begin in range(0, len(rows), 16 * batch_size):  # so many pictures are in memory at a time
                part = rows[begin : begin + 16 * batch_size]

                def tell(now: int, _: int, before: int = done) -> None:
                    progress(before + now, len(chosen), {})

                said = captions(
                    vlm.model, vlm.processor, [chosen.image(k) for k in part], [chosen[k].question for k in part],
                    batch_size=batch_size, max_new_tokens=most, greedy=decoding.mode == "greedy",
                    temperature=decoding.temperature, seed=decoding.seed, progress=tell,
                )  # fmt: skip
                done += len(part)
                for k, text in zip(part, said, strict=True):
                    texts[k] = text
        return Answers(texts)


def check_task(task: Task, method: str) -> None:
    """RewardmarkError unless the task asks a VLM."""
    if task.name != "vlm":
        raise RewardmarkError(f"method {method!r} trains vision-language models: it takes task vlm, not {task.name}")


def base_of(job: FitJob, method: str) -> Path:
    """The model that a round begins with: what the start was trained from, or the start itself."""
    if job.start is None:
        raise RewardmarkError(
            f"method {method!r} needs a start: a VLM folder (any that AutoModelForImageTextToText reads), or the cell "
            "of a vlm-base"
        )
    return job.start / BASE if (job.start / BASE).is_dir() else job.start


class Gallery:
    """Pictures of several sets under one number: those of the pretraining, then those of the instructions."""

    def __init__(self, *parts: Pictures) -> None:
        self.parts = parts
        self.room = ROOM
        self.begins = np.cumsum([0, *map(len, parts)]).tolist()
        self._held: dict[int, Any] = {}

    def image(self, number: int) -> Any:
        if number in self._held:
            return self._held[number]
        part = int(np.searchsorted(self.begins, number, side="right")) - 1
        picture = self.parts[part].image(number - self.begins[part])
        if picture.nbytes <= self.room:
            self.room -= picture.nbytes
            self._held[number] = picture
        return picture

    def shifted(self, dialogues: Sequence[Dialogue], part: int) -> list[Dialogue]:
        """Dialogues about a part's pictures, by their numbers here."""
        return [Dialogue(dialogue.picture + self.begins[part], dialogue.turns) for dialogue in dialogues]


def train_from_base(
    job: FitJob,
    options: VlmOptions,
    method: str,
    pretraining: Sequence[Dialogue],
    log: Log,
    tell: Callable[[int, int, dict[str, float]], None],
    steps: int | None = None,
) -> Path:
    """The three stages, from the base: align on the pretraining's captions, pretrain, tune on instructions."""
    told = instructed(job, options, method, job.seed)
    gallery = Gallery(pictures_of(job.train), told.pictures)
    learned = gallery.shifted(pretraining, 0)
    stages = [
        Stage("align", learned, ("projector",), options.align_steps, options.align_rate),
        Stage("pretrain", learned, ("projector", "text"), job.steps if steps is None else steps, options.learning_rate),
        Stage("tune", gallery.shifted(told.dialogues, 1), PARTS, options.tune_steps, options.tune_rate),
    ]
    return run_stages(
        base_of(job, method), stages, gallery.image, job.workdir / "stages", log,
        seed=1000 * job.seed, batch_size=job.batch_size or 32, device=job.device, progress=tell,
    )  # fmt: skip


def instructed(job: FitJob, options: VlmOptions, method: str, seed: int) -> InstructionSet:
    """The instruction set that the options name."""
    file, folder = options.instruction_file, options.instruction_folder
    return instruction_set(method, job.train, options.instruction_images, seed, file, folder)


def write_checkpoint(model: Path, base: Path, others: Sequence[Path], folder: Path) -> Path:
    """The finished model as a VLM folder, with the base that it was trained from and other files beside it."""
    with whole_folder(folder) as making:
        shutil.copytree(model, making)
        shutil.copytree(base, making / BASE, ignore=shutil.ignore_patterns(BASE))
        for other in others:
            shutil.copy2(other, making / other.name)
    return folder


def web_dialogues(method: str, job: FitJob) -> tuple[list[VlmSample], list[Dialogue]]:
    """The pretraining samples and their dialogues with the texts that came with them."""
    samples = web_of(method, job.train)
    return samples, captioned(samples, [sample.answers[0] for sample in samples])
