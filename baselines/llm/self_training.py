"""Reinforced self-training of a program-writing language model (ViReP: Khan et al., CVPR 2024, arXiv:2404.04627).

    for each round:
        grow:     draw k programs for every question, run them on its picture, keep those that earn the reward
        improve:  fine-tune on what was kept (LoRA), every kind of question with the same weight

The reward is the cell's, of the program's answer alone. The best round by validation is the checkpoint. Corrections (a
file of fewer than 50 programs written by hand for errors that persist) may be mixed in.

A round is a folder in the work folder: `grown.parquet` (every program with outcome and reward), `model/`, `done.json`.
What is there is not done again, so that a killed run loses at most the stage it was in; and every draw follows from
(seed, round), so that it ends as an unbroken run ends.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from rewardmark.baselines.llm.arena import Arena, Attempt, check_task, gather, units_of
from rewardmark.baselines.llm.endpoint import Endpoint
from rewardmark.baselines.llm.finetune import finetune
from rewardmark.baselines.llm.method import ProgramMethod, ProgramOptions, attempt_once, evaluate, start_writer
from rewardmark.baselines.llm.rounds import choose, keepers, read_json, read_round, write_json, write_round
from rewardmark.baselines.llm.sampling import Sampling
from rewardmark.baselines.llm.writer import GREEDY, Writer, load_writer, save_writer
from rewardmark.baselines.llm.wrong_reason import wrong_programs
from rewardmark.baselines.method import FitJob, FitResult
from rewardmark.baselines.options import at_least, read_options
from rewardmark.rewards.errors import DataError, RewardmarkError

__all__ = ["RejectionSampling", "SelfTraining", "SelfTrainingOptions", "read_corrections"]

MOST_CORRECTIONS = 50


@dataclass(frozen=True)
class SelfTrainingOptions(ProgramOptions):
    """Besides what all methods take:

    samples: k, programs drawn for each question; temperature, top_p: of the draws.
    keep: least reward of a program that is learned from. most: kept programs of one question that are learned from,
        over all rounds, those drawn most often first.
    rank, alpha, learning_rate, epochs: of the fine-tuning; rank 0 tunes all weights.
    afresh: fine-tune the start again on all that was kept so far, rather than the model of the round before.
    corrections: a JSON-lines file of {"question", "program"}, fewer than 50, or "scenes" for the one that ships;
        correction_weight: of each, in the mean example's.
    checked: rewarded programs a round that are tried on other pictures (0: none).
    """

    samples: int = at_least(1, 8)
    temperature: float = at_least(0.01, 1.0)
    top_p: float = at_least(0.01, 0.95)
    keep: float = 0.5
    most: int = at_least(1, 3)
    rank: int = at_least(0, 16)
    alpha: float = at_least(1, 32)
    learning_rate: float = at_least(0.0, 2e-3)
    epochs: int = at_least(1, 3)
    afresh: bool = False
    corrections: str | None = None
    correction_weight: float = at_least(0.0, 3.0)
    checked: int = at_least(0, 60)


class SelfTraining(ProgramMethod):
    """Grow and improve for `steps` rounds of `batch_size` examples a batch (64 without it)."""

    name: ClassVar[str] = "self-training"
    version: ClassVar[str] = "1"
    needs_reward: ClassVar[bool] = True
    options_type: ClassVar[type[ProgramOptions]] = SelfTrainingOptions

    def fit(self, job: FitJob) -> FitResult:
        options = read_options(SelfTrainingOptions, self.name, job.options)
        check_task(job.task, self.name)
        if job.reward is None:
            raise RewardmarkError(f"method {self.name!r} needs a reward")
        return _Run(job, options).run()


class RejectionSampling(SelfTraining):
    """One round: draw from the start, keep what earns the reward, fine-tune once (`steps` = 1)."""

    name: ClassVar[str] = "rejection"

    def fit(self, job: FitJob) -> FitResult:
        if job.steps != 1:
            raise RewardmarkError("method 'rejection' is one round: it takes steps = 1")
        return super().fit(job)


class _Run:
    """The rounds of one fit."""

    def __init__(self, job: FitJob, options: SelfTrainingOptions) -> None:
        self.job, self.options = job, options
        self.task = check_task(job.task, "self-training")
        self.train: Any = job.train
        self.val: Any = job.val
        self.start = start_writer(job, options)
        if isinstance(self.start.model, Endpoint):
            raise RewardmarkError("a model behind an endpoint is frozen: use few-shot, or give its folder as the start")
        self.corrections = read_corrections(options.corrections) if options.corrections else []
        self.curves: list[dict[str, Any]] = []
        self.usage: dict[str, float] = {"tokens": 0.0, "images": 0.0, "fit_seconds": 0.0, "programs": 0.0}

    def folder(self, number: int) -> Path:
        return self.job.workdir / f"round-{number:02d}"

    def run(self) -> FitResult:
        job = self.job
        if not (self.folder(0) / "model").is_dir():
            save_writer(self.start, self.folder(0) / "model")
        with Arena(self.task, self.start.perception, job.reward, self.options.workers) as arena:
            scores = [self._validate(arena)]
            for number in range(1, job.steps + 1):
                scores.append(self._round(arena, number))
                self._tell(number, scores[-1])
        # The first of equals; without validation images the last round.
        best = int(np.nanargmax(scores)) if np.isfinite(scores).any() else job.steps
        self.curves.append({"step": job.steps, "name": "best_round", "value": float(best)})
        kept = job.workdir / "rounds"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for number in range(1, job.steps + 1):
            shutil.copy2(self.folder(number) / "grown.parquet", kept / f"round-{number:02d}.parquet")
        checkpoint = job.workdir / "checkpoint"
        save_writer(self._writer(best), checkpoint, kept)
        return FitResult(checkpoint, self.curves, self.usage)

    def _writer(self, number: int) -> Writer:
        """The writer after a round; 0 is the start. Always from its folder: fine-tuning changes a model in place."""
        return load_writer(self.folder(number) / "model", self.job.device)

    def _tell(self, number: int, score: float) -> None:
        self.job.progress(number, self.job.steps, {f"val/{self.task.primary}": score})

    def _took(self, values: dict[str, Any]) -> float:
        """Take a finished round's curves and costs over; returns its validation score."""
        self.curves += values["curves"]
        for name, value in values["usage"].items():
            self.usage[name] = self.usage.get(name, 0.0) + value
        score = values["score"]
        return float("nan") if score is None else float(score)

    def _validate(self, arena: Arena) -> float:
        """The start's score, as round 0."""
        file = self.folder(0) / "done.json"
        done = read_json(file)
        if done is None:
            began = time.monotonic()
            score, curves = self._score(arena, 0, self._writer(0))
            usage = {"validate_seconds": time.monotonic() - began}
            done = {"score": score, "curves": curves, "usage": usage}
            write_json(file, done)
        return self._took(done)

    def _score(self, arena: Arena, number: int, writer: Writer) -> tuple[float | None, list[dict[str, Any]]]:
        if self.val is None or len(self.val) == 0:
            return None, []
        attempts, _ = attempt_once(writer, arena, self.val, GREEDY, self.job.seed)
        score = evaluate(self.task, self.val, attempts)
        rewards = [a.reward for a in attempts if np.isfinite(a.reward)]
        values = {
            f"val/{self.task.primary}": score,
            "val/reward": float(np.mean(rewards)) if rewards else float("nan"),
            "val/ok": float(np.mean([a.outcome == "ok" for a in attempts])),
        }
        return score, _points(number, values)

    def _round(self, arena: Arena, number: int) -> float:
        folder = self.folder(number)
        done = read_json(folder / "done.json")
        if done is not None:
            return self._took(done)
        began = time.monotonic()
        grown = read_json(folder / "grown.json")
        if grown is None:
            grown = self._grow(arena, number)
            write_json(folder / "grown.json", grown)
        before = self._writer(0 if self.options.afresh else number - 1)
        rows = [row for k in range(1, number + 1) for row in read_round(self.folder(k) / "grown.parquet")]
        examples = choose(
            rows, before.prompt.signature, self.options.most, self.corrections, self.options.correction_weight
        )
        improving = time.monotonic()
        assert not isinstance(before.model, Endpoint)
        if not examples:
            model, loss = before.model, float("nan")
        else:
            told = self.job.part(f"round {number}: improve")
            model, loss = finetune(
                before.model,
                before.prompt.prefix,
                examples,
                epochs=self.options.epochs,
                batch_size=self.job.batch_size or 64,
                learning_rate=self.options.learning_rate,
                rank=self.options.rank,
                alpha=self.options.alpha,
                seed=self.job.seed * 1000 + number,
                progress=lambda step, total, loss: told(step, total, {"loss": loss}),
            )
        after = replace(before, model=model)
        save_writer(after, folder / "model")
        improved = time.monotonic()
        score, curves = self._score(arena, number, after)
        usage = {
            **grown["usage"],
            "fit_seconds": time.monotonic() - began,
            "improve_seconds": improved - improving,
            "validate_seconds": time.monotonic() - improved,
        }
        values = {**grown["values"], "examples": float(len(examples)), "loss": loss}
        done = {"score": score, "curves": [*curves, *_points(number, values)], "usage": usage}
        write_json(folder / "done.json", done)
        return self._took(done)

    def _grow(self, arena: Arena, number: int) -> dict[str, Any]:
        """Draw, run, score; writes the round's table."""
        job, options = self.job, self.options
        writer, units = self._writer(number - 1), units_of(self.train)
        clock = [time.monotonic()]
        how = Sampling(options.temperature, options.top_p)
        written, tokens = writer.write(
            units, options.samples, how, [job.seed, number, 19],
            job.part(f"round {number}: write programs"),
        )  # fmt: skip
        clock.append(time.monotonic())
        attempts = gather(units, written)
        arena.attempt(self.train, attempts, job.part(f"round {number}: run programs"))
        clock.append(time.monotonic())
        kept = keepers(attempts, options.keep)
        places = [k for k, keep in enumerate(kept) if keep]
        wrong = (
            wrong_programs(arena, self.train, attempts, places, [job.seed, number, 23], options.checked)
            if options.checked
            else {}
        )
        clock.append(time.monotonic())
        write_round(self.folder(number) / "grown.parquet", number, self.train.sample_ids, attempts, kept, wrong)
        return {
            "values": {**_summary(units, attempts, kept), **_wrong_share(attempts, wrong)},
            "usage": {
                "tokens": float(tokens),
                "images": float(len(self.train)),
                "programs": float(sum(len(a.outcomes) for a in attempts)),
                "seconds_sampling": clock[1] - clock[0],
                "seconds_reward": clock[2] - clock[1],
                "seconds_checking": clock[3] - clock[2],
            },
        }


def _summary(units: list[Any], attempts: list[Attempt], kept: list[bool]) -> dict[str, float]:
    """What a round's programs came to: shares of all draws, copies counted."""
    draws = sum(a.copies for a in attempts)
    solved = {(a.unit.sample, a.unit.text) for a, keep in zip(attempts, kept, strict=True) if keep}
    scored = [(a.reward, a.copies) for a in attempts if np.isfinite(a.reward)]
    outcomes: dict[str, int] = {}
    for attempt in attempts:
        outcomes[attempt.outcome] = outcomes.get(attempt.outcome, 0) + attempt.copies
    return {
        "reward": sum(r * n for r, n in scored) / max(1, sum(n for _, n in scored)),
        "kept": sum(a.copies for a, keep in zip(attempts, kept, strict=True) if keep) / draws,
        "solved": len(solved) / len(units),
        "distinct": len(attempts) / draws,
        **{f"outcome/{name}": count / draws for name, count in sorted(outcomes.items())},
    }


def _wrong_share(attempts: list[Attempt], wrong: dict[int, bool]) -> dict[str, float]:
    """Of the rewarded draws, the share that is wrong on other pictures; and of the different rewarded programs."""
    if not wrong:
        return {}
    copies = sum(attempts[k].copies for k in wrong)
    return {
        "wrong_reason": sum(attempts[k].copies for k, found in wrong.items() if found) / copies,
        "wrong_reason_distinct": float(np.mean(list(wrong.values()))),
        "wrong_checked": float(len(wrong)),
    }


def _points(step: int, values: dict[str, float]) -> list[dict[str, Any]]:
    return [{"step": step, "name": name, "value": value} for name, value in values.items() if np.isfinite(value)]


def read_corrections(name: str) -> list[tuple[str, str]]:
    """(question, program) of a corrections file, or of the shipped one called `name`.

    Raises DataError naming file and line for a record that is none, and for 50 records or more.
    """
    shipped = Path(__file__).parent / "corrections" / f"{name}.jsonl"
    file = shipped if shipped.is_file() else Path(name)
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise DataError(file, f"corrections cannot be read: {error.strerror or error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            question, program = record["question"], record["program"]
            compile(program, "program", "exec", dont_inherit=True)
            found.append((str(question), str(program)))
        except (ValueError, KeyError, TypeError, SyntaxError) as error:
            raise DataError(file, f'is no {{"question", "program"}}: {error}', record=f"line {number}") from error
    if len(found) >= MOST_CORRECTIONS:
        raise DataError(file, f"{len(found)} corrections; fewer than {MOST_CORRECTIONS} are allowed")
    return found
