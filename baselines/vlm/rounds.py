"""Self-augmented training of a VLM (VILA-squared: Fang et al. 2024, arXiv:2407.17453, sec. 3.1).

    round 0:   align, pretrain on what the web says of the pictures, tune on instructions       method "vlm"
    round r:   the model of round r - 1 captions its own pretraining pictures; repeated sentences are
               cut, the filters reject, and what passes is put behind the web's text; align, pretrain,
               tune, from the base                                                     method "self-augment"

Each round is a cell whose start is the round before; its checkpoint is a VLM folder that holds, beside the model, the
base that every round begins with (`base/`) and the captions that it was pretrained on (`captions.parquet`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rewardmark.baselines.method import FitJob, FitResult
from rewardmark.baselines.options import at_least, choice, read_options
from rewardmark.baselines.recaption.combine import Combine, combined
from rewardmark.baselines.vlm.corpus import captioned, oracle_captions, pictures_of, web_of
from rewardmark.baselines.vlm.learn import Log
from rewardmark.baselines.vlm.method import (
    VlmMethod,
    VlmOptions,
    base_of,
    check_task,
    instructed,
    train_from_base,
    write_checkpoint,
)
from rewardmark.baselines.vlm.models import load_vlm
from rewardmark.baselines.vlm.recaptioning import FILE, Recaption, recaption, summary, write_table
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.programs.pictures import ScenePictures
from rewardmark.tasks.scenes.said import judge_caption_facts

__all__ = ["Pretrain", "PretrainOptions", "SelfAugment", "SelfAugmentOptions"]


@dataclass(frozen=True)
class PretrainOptions(VlmOptions):
    """Besides what all take: captions: "web", what came with the pictures, or "oracle", true detailed captions behind
    it (the most that recaptioning can give)."""

    captions: str = choice("web", "web", "oracle")


class Pretrain(VlmMethod):
    """Round 0: three stages from the start, on the web's texts. `steps` of the second stage; twice the steps are the
    control "more epochs on the raw captions"."""

    name: ClassVar[str] = "vlm"
    options_type: ClassVar[type[VlmOptions]] = PretrainOptions

    def fit(self, job: FitJob) -> FitResult:
        options = read_options(PretrainOptions, self.name, job.options)
        check_task(job.task, self.name)
        samples = web_of(self.name, job.train)
        originals = [sample.answers[0] for sample in samples]
        if options.captions == "web":
            rows = [Recaption(s.id, text, None, None, None, text) for s, text in zip(samples, originals, strict=True)]
        else:
            true = oracle_captions(self.name, job.train, samples)
            rows = [
                Recaption(s.id, text, new, "oracle", None, combined(text, new, Combine.concat) or text)
                for s, text, new in zip(samples, originals, true, strict=True)
            ]
        return finish(job, options, self.name, rows, Log())


@dataclass(frozen=True)
class SelfAugmentOptions(VlmOptions):
    """Besides what all take: combine: "concat" (web text, then the new caption, as published), "recaption" (the new one
    alone) or "mix" (the new one with probability `p`, else the web's); share: of the pictures that get a new caption
    (0.5: half of them); refine: sentences that a caption repeats are cut from it; generation_batch: pictures that are
    captioned at a time."""

    combine: str = choice("concat", *(how.value for how in Combine))
    p: float = at_least(0.0, 0.5)
    share: float = at_least(0.0, 1.0)
    refine: bool = True
    generation_batch: int = at_least(1, 128)


class SelfAugment(VlmMethod):
    """One round: the start captions the pictures of the data set; then three stages from its base."""

    name: ClassVar[str] = "self-augment"
    options_type: ClassVar[type[VlmOptions]] = SelfAugmentOptions

    def fit(self, job: FitJob) -> FitResult:
        options = read_options(SelfAugmentOptions, self.name, job.options)
        check_task(job.task, self.name)
        if job.start is None:
            raise RewardmarkError(f"method {self.name!r} needs a start: the cell of the round before")
        samples, log = web_of(self.name, job.train), Log()
        instructed(job, options, self.name, job.seed)  # what is wrong with them is said before hours of captioning
        rows = recaption(
            load_vlm(job.start, job.device), samples, pictures_of(job.train).image, job.workdir / "recaption", log,
            how=Combine(options.combine), p=options.p, share=options.share, refine=options.refine, seed=job.seed,
            batch_size=options.generation_batch, max_new_tokens=options.caption_tokens,
            progress=job.part("recaption"),
        )  # fmt: skip
        return finish(job, options, self.name, rows, log)


def finish(job: FitJob, options: VlmOptions, method: str, rows: list[Recaption], log: Log) -> FitResult:
    """Train on the rows' texts and write the checkpoint."""
    samples = web_of(method, job.train)
    values = summary(rows) | truth_of(job.train, rows)
    model = train_from_base(job, options, method, captioned(samples, [row.text for row in rows]), log, job.progress)
    log.curves += [{"step": 0, "name": f"captions/{name}", "value": value} for name, value in values.items()]
    table = write_table(rows, job.workdir / FILE)
    folder: Path = write_checkpoint(model, base_of(job, method), [table], job.workdir / "checkpoint")
    return FitResult(folder, log.curves, log.usage)


def truth_of(split: Any, rows: list[Recaption]) -> dict[str, float]:
    """Precision and recall of the facts in the texts that are trained on, where the scenes are known."""
    pictures = split.pictures
    if not isinstance(pictures, ScenePictures):
        return {}
    judged = [
        judge_caption_facts(row.text, pictures.facts(sample.picture)) for sample, row in zip(split, rows, strict=True)
    ]
    true, false = sum(len(j.true) for j in judged), sum(len(j.false) for j in judged)
    found, there = sum(len(j.found) for j in judged), sum(len(j.there) for j in judged)
    return {"precision": true / max(1, true + false), "recall": found / max(1, there)}
