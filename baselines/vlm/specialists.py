"""Specialists write task-aware data for one more pretraining (VILA-squared: Fang et al. 2024, sec. 3.2).

A specialist is the last round's model, tuned to ask and answer questions of one skill about a picture. Its questions
and answers are put behind the caption of each pretraining picture as turns of their own; then the three stages run once
more from the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from rewardmark.baselines.method import FitJob, FitResult
from rewardmark.baselines.options import at_least, read_options
from rewardmark.baselines.vlm.corpus import instruction_pictures, instructions, scenes_of, web_of
from rewardmark.baselines.vlm.dialogues import Dialogue
from rewardmark.baselines.vlm.learn import Log
from rewardmark.baselines.vlm.method import (
    SHORT,
    VlmMethod,
    VlmOptions,
    base_of,
    check_task,
    instructed,
    train_from_base,
    write_checkpoint,
)
from rewardmark.baselines.vlm.models import load_vlm
from rewardmark.baselines.vlm.recaptioning import FILE, read_captions, write_chunks, write_table
from rewardmark.baselines.vlm.stages import PARTS, Stage, run_stages
from rewardmark.baselines.vlm.turns import TURNS_FILE, Part, WrittenTurn, read_turn, taken_up
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.programs.pictures import ScenePictures
from rewardmark.tasks.vlm.sample import VlmSample

__all__ = ["PROMPTS", "SpecialistAugment", "SpecialistOptions"]

PROMPTS = {
    "spatial": "Ask and answer a question about where things are to each other.",
    "grounding": "Ask and answer a question about the box of a thing.",
    "ocr": "Ask and answer a question about what is written.",
}
EXPERT_SPLIT = "expert"
"""Scenes that specialists are tuned on: none of them is pretrained on, none judged."""
WHY = "specialists are tuned on questions that are made from the facts of generated scenes"


@dataclass(frozen=True)
class SpecialistOptions(VlmOptions):
    """Besides what all take: skills: which specialists, of spatial, grounding, ocr; expert_images: generated scenes of
    its own that each is tuned on, `examples` questions of its skill about each (0: the instruction pictures, and no
    more); specialist_steps, specialist_rate: batches of that, and their peak learning rate; questions: that it writes
    about each pretraining picture; temperature: of its draws. generation_batch: pictures at a time."""

    skills: list[str] = field(default_factory=lambda: list(PROMPTS))
    expert_images: int = at_least(0, 3000)
    specialist_steps: int = at_least(0, 600)
    specialist_rate: float = at_least(0.0, 1e-3)
    examples: int = at_least(1, 4)
    questions: int = at_least(1, 2)
    temperature: float = at_least(0.01, 0.7)
    generation_batch: int = at_least(1, 128)


WRITING = (
    "expert_images", "specialist_steps", "specialist_rate", "examples", "questions", "temperature", "generation_batch",
    "instruction_images",
)  # fmt: skip
"""The options that what a specialist writes depends on."""


class SpecialistAugment(VlmMethod):
    """Tune the start into specialists, let them write, and train from the base on captions and their turns."""

    name: ClassVar[str] = "specialist-augment"
    options_type: ClassVar[type[VlmOptions]] = SpecialistOptions

    def check_options(self, options: dict[str, Any]) -> None:
        skills = read_options(SpecialistOptions, self.name, options).skills
        odd = next((skill for skill in skills if skill not in PROMPTS), None)
        if odd is not None or not skills or len(set(skills)) != len(skills):
            raise RewardmarkError(
                f"method {self.name!r}: option skills = {skills!r} must be some of {', '.join(PROMPTS)}"
            )

    def check_sources(self, options: dict[str, Any], others: dict[str, dict[str, Any]]) -> None:
        """What the specialists of other cells wrote is taken, if they were tuned in the same way."""
        mine = read_options(SpecialistOptions, self.name, options)
        wanted = set(mine.skills)
        for name, other in others.items():
            theirs = read_options(SpecialistOptions, self.name, other)
            differing = [key for key in WRITING if getattr(mine, key) != getattr(theirs, key)]
            if differing:
                raise RewardmarkError(
                    f"{name!r} has another {', '.join(differing)}, so its specialists write other turns"
                )
            if wanted.isdisjoint(theirs.skills):
                raise RewardmarkError(
                    f"{name!r} has no specialist that is wanted here and not in another (its skills: "
                    f"{', '.join(theirs.skills)})"
                )
            wanted -= set(theirs.skills)

    def fit(self, job: FitJob) -> FitResult:
        options = read_options(SpecialistOptions, self.name, job.options)
        self.check_options(job.options)
        check_task(job.task, self.name)
        if job.start is None:
            raise RewardmarkError(f"method {self.name!r} needs a start: the cell of the last round")
        scenes_of(self.name, job.train, WHY)
        instructed(job, options, self.name, job.seed)  # what is wrong with them is said before hours of tuning
        samples, log = web_of(self.name, job.train), Log()
        texts = read_captions(job.start / FILE, samples)
        turns: list[list[tuple[str, str]]] = [[("", text)] for text in texts]
        rows: list[WrittenTurn] = []
        taken = taken_up(job.sources, options.skills, [sample.id for sample in samples])
        for skill in options.skills:
            part = taken.get(skill) or self._write(job, options, skill, samples)
            log.take(part.log.curves, part.log.usage)
            for name, value in part.log.usage.items():
                log.add(f"{skill}/{name}", value)
            for k, text, ended in part.texts:
                turn, reason = read_turn(skill, text, ended)
                if turn is not None and turn[0] in [question for question, _ in turns[k]]:
                    turn, reason = None, "again"
                rows.append(WrittenTurn(samples[k].id, skill, text, reason))
                if turn is not None:
                    turns[k].append(turn)
        dialogues = [Dialogue(sample.picture, tuple(turn)) for sample, turn in zip(samples, turns, strict=True)]
        model = train_from_base(job, options, self.name, dialogues, log, job.progress)
        for skill in options.skills:
            kept = [row.reason is None for row in rows if row.skill == skill]
            log.curves.append({"step": 0, "name": f"turns/{skill}/kept", "value": sum(kept) / len(kept)})
        tables = [job.start / FILE, write_table(rows, job.workdir / TURNS_FILE)]
        folder = write_checkpoint(model, base_of(job, self.name), tables, job.workdir / "checkpoint")
        return FitResult(folder, log.curves, log.usage)

    def _write(self, job: FitJob, options: SpecialistOptions, skill: str, samples: Sequence[VlmSample]) -> Part:
        """Tune the specialist of a skill, and let it write about every picture."""
        told, of = job.part(f"{skill} specialist writes"), options.questions * len(samples)
        part = Part([], Log())
        pictures = scenes_of(self.name, job.train, WHY)
        vlm = load_vlm(self._tune(job, options, skill, part.log), job.device)
        for number in range(options.questions):

            def tell(done: int, _: int, before: int = number * len(samples)) -> None:
                told(before + done, of)

            written = write_chunks(
                vlm, [sample.picture for sample in samples], pictures.image, [PROMPTS[skill]] * len(samples),
                job.workdir / skill / f"written-{number}", part.log, batch_size=options.generation_batch,
                max_new_tokens=2 * SHORT, temperature=options.temperature, seed=1000 * job.seed + number, progress=tell,
            )  # fmt: skip
            part.texts.extend((k, one.text, one.ended) for k, one in enumerate(written))
        return part

    def _tune(self, job: FitJob, options: SpecialistOptions, skill: str, log: Log) -> Path:
        """The start, tuned to write questions and answers of one skill about scenes that only experts see.

        As published, a specialist learns from data of its domain, of which there is much more than in the instructions.
        """
        assert job.start is not None
        like = scenes_of(self.name, job.train, WHY)
        if options.expert_images:
            pictures = ScenePictures(EXPERT_SPLIT, like.side, options.expert_images, like.seed, like.difficulty)
        else:
            pictures = instruction_pictures(like, options.instruction_images)
        asked = instructions(pictures, job.seed, (skill,), options.examples)
        dialogues = [
            Dialogue(one.picture, ((PROMPTS[skill], f"{question} {answer}"),))
            for one in asked
            for question, answer in one.turns
        ]
        stage = Stage(f"specialist-{skill}", dialogues, PARTS, options.specialist_steps, options.specialist_rate)
        return run_stages(
            job.start, [stage], pictures.image, job.workdir / skill, log, seed=1000 * job.seed + 500,
            batch_size=job.batch_size or 32, device=job.device,
            progress=job.part(f"tune {skill} specialist"),
        )  # fmt: skip
