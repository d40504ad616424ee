"""The parts of a tiny VLM before they meet: tokenizer, vision tower and decoder, each taught on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from rewardmark.baselines.method import FitJob, FitResult
from rewardmark.baselines.options import at_least, read_options
from rewardmark.baselines.vlm.corpus import corpus_texts, pictures_of, web_of
from rewardmark.baselines.vlm.learn import Lesson, Log
from rewardmark.baselines.vlm.method import VlmMethod, VlmOptions, check_task, instructed
from rewardmark.baselines.vlm.models import SHAPES, new_vlm, save_vlm, train_tokenizer
from rewardmark.baselines.vlm.reading import read_scenes, read_texts
from rewardmark.baselines.vlm.tower import train_tower
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.programs.pictures import ScenePictures

__all__ = ["BaseOptions", "VlmBase"]


@dataclass(frozen=True)
class BaseOptions(VlmOptions):
    """Besides what all take: tower_images, tower_rate: scenes that the tower is taught on, and how fast; text_steps,
    text_rate: of the decoder, on texts without pictures; reading_images, reading_steps, reading_rate: of the decoder,
    on scenes that it is told in words; vocabulary: tokens at most."""

    tower_images: int = at_least(1, 2000)
    tower_rate: float = at_least(0.0, 1e-3)
    text_steps: int = at_least(0, 200)
    text_rate: float = at_least(0.0, 2e-3)
    reading_images: int = at_least(1, 2000)
    reading_steps: int = at_least(0, 2000)
    reading_rate: float = at_least(0.0, 2e-3)
    vocabulary: int = at_least(300, 640)


class VlmBase(VlmMethod):
    """`steps` batches for the vision tower, then `text_steps` and `reading_steps` for the decoder: what pretrained
    parts are to published VLMs. The model is vlm-small or vlm-tiny. They have not met yet: its answers are guesses. On
    files both are taught on generated scenes too, of the data set's `size`: they need to be told what lies where."""

    name: ClassVar[str] = "vlm-base"
    version: ClassVar[str] = "2"
    options_type: ClassVar[type[VlmOptions]] = BaseOptions

    def fit(self, job: FitJob) -> FitResult:
        options = read_options(BaseOptions, self.name, job.options)
        check_task(job.task, self.name)
        if job.model not in SHAPES:
            raise RewardmarkError(f"model {job.model!r} is no vision-language model; use {', '.join(SHAPES)}")
        samples = web_of(self.name, job.train)
        texts = list(corpus_texts(samples, instructed(job, options, self.name, 0).dialogues))
        pictures, side = pictures_of(job.train), job.train.size
        like = pictures if isinstance(pictures, ScenePictures) else ScenePictures("", side, 0, job.seed, "standard")
        vlm = new_vlm(train_tokenizer(texts, options.vocabulary), SHAPES[job.model], side, job.seed)
        torch.nn.Module.to(vlm.model, torch.device(job.device))
        log, before = Log(), 0
        total = job.steps + options.text_steps + options.reading_steps

        def tell(step: int, _: int, values: dict[str, float]) -> None:
            job.progress(before + step, total, values)

        def lesson(name: str, steps: int, rate: float) -> Lesson:
            return Lesson(steps, job.workdir / name, rate, job.batch_size or 32, job.seed, tell)

        tower = lesson("tower", job.steps, options.tower_rate)
        text = lesson("text", options.text_steps, options.text_rate)
        reading = lesson("reading", options.reading_steps, options.reading_rate)
        for part, teach in (
            (tower, lambda: train_tower(vlm, like, options.tower_images, tower)),
            (text, lambda: read_texts(vlm, texts, text)),
            (reading, lambda: read_scenes(vlm, like, options.reading_images, reading)),
        ):
            learned = teach()
            log.take(learned.curves, learned.usage, before)
            before += part.steps
        folder = job.workdir / "checkpoint"
        save_vlm(vlm, folder)
        return FitResult(folder, log.curves, log.usage)
