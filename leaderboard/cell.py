"""One cell from beginning to end: train (or take a finished training), predict, judge, store."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.leaderboard.data import Splits
from rewardmark.leaderboard.explain.run import FILE as EXPLANATION
from rewardmark.leaderboard.explain.run import explain
from rewardmark.leaderboard.judge import judge
from rewardmark.leaderboard.plan import Plan, PlannedCell
from rewardmark.leaderboard.progress import Reporter, Silent
from rewardmark.leaderboard.provenance import now, package_versions, provenance
from rewardmark.leaderboard.spec import folder_digest
from rewardmark.leaderboard.store import SCHEMA, PartialRun, Store, link_tree
from rewardmark.leaderboard.tables import write_curves, write_replicates, write_samples

if TYPE_CHECKING:
    from rewardmark.baselines.method import Source
    from rewardmark.leaderboard.judge import Judgement
    from rewardmark.tasks.coco import CocoSplit

__all__ = ["Context", "run_cell", "write_run"]

NOTE_EVERY = 5.0
"""Seconds between two notes of how far a run is, so that a killed run's time is counted too."""


@dataclass
class Context:
    """What all cells of a suite share in one process."""

    plan: Plan
    store: Store
    splits: Splits
    threads: int
    reporter: Reporter = field(default_factory=Silent)


class _Clock:
    """Seconds that a run took, over all the processes that worked on it."""

    def __init__(self, partial: PartialRun) -> None:
        self.partial = partial
        past = partial.read("progress.json") or {}
        self.before, self.started = float(past.get("seconds", 0.0)), str(past.get("started") or now())
        self.began = self.noted = time.monotonic()

    def seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    def note(self, stage: str, done: int, total: int, force: bool = False) -> None:
        if force or time.monotonic() - self.noted >= NOTE_EVERY:
            self.noted = time.monotonic()
            self.partial.write(
                "progress.json",
                {"stage": stage, "done": done, "total": total, "seconds": self.seconds(), "started": self.started},
            )


def run_cell(k: int, context: Context) -> dict[str, Any]:
    """Run cell k of the plan, whose needs are finished, and return its run.json. Its lock is held by the caller.

    Raises whatever the method, the evaluator or the disk raises; the partial run stays and can go on from there.
    """
    cell = context.plan.cells[k]
    spec, store = cell.spec, context.store
    partial = store.begin(cell.run_id)
    clock = _Clock(partial)
    _pin_threads(partial, context.threads)
    from rewardmark.baselines import Decoding, get_method
    from rewardmark.baselines.method import PART
    from rewardmark.rewards import get_reward
    from rewardmark.tasks import get_task

    def told(stage: str) -> Any:
        def progress(done: int, total: int, values: dict[str, float]) -> None:
            part = next((name.removeprefix(PART) for name in values if name.startswith(PART)), stage)
            clock.note(part, done, total)
            context.reporter.stage(f"{spec.name}: {part}", done, total, values)

        return progress

    clock.note("fit", 0, spec.steps, force=True)
    task, reward = get_task(spec.task), get_reward(spec.reward, **spec.reward_parameters)
    train, evaluation = (context.splits.open(data, spec.task) for data in (spec.dataset, spec.evaluation))
    fit = _fit(cell, context, partial, told("train"))
    checkpoint = Path(fit["checkpoint"])
    predict_seconds = evaluate_seconds = 0.0
    judgements = {}
    for name, decoding in {"": spec.decoding, **spec.also}.items():
        began = time.monotonic()
        predictions = get_method(spec.method).predict(
            checkpoint, task, evaluation, np.arange(len(evaluation)), Decoding(**decoding), context.plan.device,
            progress=told(f"predict {name}".rstrip()),
        )  # fmt: skip
        predict_seconds, began = predict_seconds + time.monotonic() - began, time.monotonic()
        context.reporter.stage(f"{spec.name}: evaluate {name}".rstrip(), 0, 1, {})
        judgements[name] = judge(task, reward, predictions, evaluation, train, context.plan.evaluator)
        evaluate_seconds += time.monotonic() - began
    judgement = judgements.pop("")
    for name, other in judgements.items():
        judgement.add_replicates(other, name)
    usage = fit["usage"]
    run = {
        "schema": SCHEMA,
        "id": cell.run_id,
        "name": spec.name,
        "label": spec.label,
        "suite": context.plan.suite,
        "spec": {
            **spec.as_dict(),
            "dataset": context.splits.portable(spec.dataset, spec.task),
            "eval_dataset": context.splits.portable(spec.evaluation, spec.task),
            "validation_dataset": context.splits.portable(spec.validation, spec.task) if spec.validation else None,
            "start": fit["start"],
        },
        "versions": {**cell.versions, "rewardmark": package_versions().get("rewardmark")},
        "fit": {"key": cell.fit_key, "taken_from": fit["taken_from"], **_sources_named(cell, context.plan)},
        "metrics": judgement.metrics,
        "reward": judgement.reward,
        "also": {
            name: {"decoding": spec.also[name], "metrics": other.metrics, "reward": other.reward}
            for name, other in judgements.items()
        },
        "calibration": judgement.calibration,
        "start_run": cell.start_run,
        "failures": judgement.failures,
        "evaluator": context.plan.evaluator,
        "evaluation_hash": evaluation.content_hash,
        "images": len(evaluation),
        "provenance": provenance(context.plan.device, _threads(partial, context.threads), clock.started),
        "cost": {
            "wall_seconds": clock.seconds(),
            "tokens": int(usage.get("tokens", 0)),
            "images": int(usage.get("images", 0)),
            "fit_seconds": float(usage.get("fit_seconds", fit["seconds"])),
            "predict_seconds": predict_seconds,
            "evaluate_seconds": evaluate_seconds,
            "usage": {name: float(value) for name, value in usage.items()},
        },
    }
    made = partial.folder / "finished"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    link_tree(checkpoint, made / "checkpoint")
    write_run(made, run, judgement, fit["curves"], evaluation)
    store.finish(cell.run_id, made)
    return run


def write_run(
    folder: Path, run: dict[str, Any], judgement: Judgement, curves: list[dict[str, Any]], evaluation: CocoSplit
) -> None:
    """Write a finished run's files, all but its checkpoint, into a folder that is not in its place yet."""
    write_samples(folder / "samples.parquet", judgement.samples)
    write_curves(folder / "curves.parquet", curves)
    write_replicates(folder / "replicates.parquet", judgement.replicates)
    explained = explain(run["spec"]["task"], evaluation, judgement.samples["prediction"])
    if explained is not None:
        (folder / EXPLANATION).write_text(json.dumps(explained, indent=1, allow_nan=False) + "\n")
    (folder / "run.json").write_text(json.dumps(run, indent=1, allow_nan=False) + "\n")


def _fit(cell: PlannedCell, context: Context, partial: PartialRun, progress: Any) -> dict[str, Any]:
    """The training's outcome: found in the partial run, taken from another run of the same training, or done now."""
    from rewardmark.baselines import FitJob, get_method
    from rewardmark.rewards import get_reward
    from rewardmark.tasks import get_task

    spec, store = cell.spec, context.store
    kept = partial.read("fit.json")
    if kept is not None and Path(kept["checkpoint"]).is_dir():
        return kept
    start, start_hash = cell.start, cell.start_hash
    if cell.start_cell is not None:
        start = store.path(context.plan.cells[cell.start_cell].run_id) / "checkpoint"
        start_hash = folder_digest(start)
    other = store.run_with_fit(cell.fit_key)
    if other is not None:
        run = store.read(other)
        made = _made_by(store, run)
        outcome = {
            "checkpoint": str(made.checkpoint.resolve()),
            "curves": made.curves,
            "usage": made.usage,
            "seconds": run["cost"]["fit_seconds"],
        }
    else:
        began = time.monotonic()
        result = get_method(spec.method).fit(
            FitJob(
                task=get_task(spec.task),
                train=context.splits.open(spec.dataset, spec.task),
                val=context.splits.open(spec.validation, spec.task) if spec.validation else None,
                model=spec.model,
                start=start,
                reward=get_reward(spec.reward, **spec.reward_parameters),
                steps=spec.steps,
                batch_size=spec.batch_size,
                seed=spec.seed,
                device=context.plan.device,
                workdir=partial.work,
                options=dict(spec.options),
                progress=progress,
                sources={
                    name: _made_by(store, store.read(context.plan.cells[k].run_id)) for name, k in cell.sources.items()
                },
            )
        )
        outcome = {
            "checkpoint": str(result.checkpoint.resolve()),
            "curves": result.curves,
            "usage": result.usage,
            "seconds": time.monotonic() - began,
        }
    outcome |= {"start": start_hash, "taken_from": other}
    partial.write("fit.json", outcome)
    return outcome


def _made_by(store: Store, run: dict[str, Any]) -> Source:
    """What the training of a finished run, by its run.json, made."""
    from pyarrow import parquet
    from rewardmark.baselines.method import Source

    folder = store.path(run["id"])
    curves = parquet.read_table(folder / "curves.parquet").to_pylist()
    return Source(folder / "checkpoint", curves, run["cost"]["usage"])


def _sources_named(cell: PlannedCell, plan: Plan) -> dict[str, Any]:
    """For run.json: the runs that the cell took something up from, where there are any."""
    return {"sources": {name: plan.cells[k].run_id for name, k in cell.sources.items()}} if cell.sources else {}


def _threads(partial: PartialRun, wanted: int) -> int:
    """The number of threads that a partial run began with: another one adds in another order, and gives other bits."""
    return int((partial.read("threads.json") or {}).get("threads", wanted))


def _pin_threads(partial: PartialRun, wanted: int) -> None:
    import torch

    threads = _threads(partial, wanted)
    partial.write("threads.json", {"threads": threads})
    torch.set_num_threads(threads)
