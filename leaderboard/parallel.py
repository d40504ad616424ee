"""Several cells at once, each in a process of its own (`--jobs N`)."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.cell import Context
from rewardmark.leaderboard.harness import Outcome, attempt, blocked_by, describe, with_needs
from rewardmark.leaderboard.plan import Plan
from rewardmark.leaderboard.store import Store

__all__ = ["run_parallel"]

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class _Job:
    """Everything that a child process needs to run one cell."""

    cell: int
    plan: Plan
    root: Path
    data: Path | None
    threads: int
    plugins: tuple[Path, ...]


def run_parallel(
    context: Context, jobs: int, chosen: Sequence[int] | None = None, plugins: Sequence[Path] = ()
) -> list[Outcome]:
    """As `harness.run_plan`, up to `jobs` cells at a time. The numbers are the same: every cell has its own threads."""
    plan, store = context.plan, context.store
    pending = with_needs(plan, chosen if chosen is not None else range(len(plan.cells)), store)
    total, outcomes = len(pending), dict[int, Outcome]()
    running: dict[int, tuple[Any, Connection]] = {}

    def ready(k: int) -> bool:
        met = all(store.is_finished(plan.cells[need].run_id) for need in plan.cells[k].needs)
        return met and store.lock(plan.cells[k].run_id).held_by_another() is None

    def settle(k: int, outcome: Outcome) -> None:
        outcomes[k] = outcome
        pending.remove(k)
        context.reporter.line(f"[{len(outcomes)}/{total}] {describe(outcome, plan, store)}")

    try:
        while pending:
            for k, (process, pipe) in list(running.items()):
                if process.is_alive() and not pipe.poll():
                    continue
                outcome = _received(k, process, pipe)
                del running[k]
                if outcome is not None:  # None: another process holds the cell; it is tried again
                    settle(k, outcome)
            for k in list(pending):
                if k in running or len(running) >= jobs:
                    continue
                cell = plan.cells[k]
                failed = next((n for n in cell.needs if n in outcomes and not outcomes[n].good), None)
                if store.is_finished(cell.run_id):
                    settle(k, Outcome(k, "kept"))
                elif failed is not None:
                    settle(k, blocked_by(failed, k, plan))
                elif ready(k):
                    running[k] = _launch(
                        _Job(k, plan, store.root, context.splits.data, context.threads, tuple(plugins))
                    )
            time.sleep(POLL_SECONDS)
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.join()
    return list(outcomes.values())


def _launch(job: _Job) -> tuple[Any, Connection]:
    spawn = multiprocessing.get_context("spawn")  # a forked torch with threads hangs
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_work, args=(job, theirs))
    process.start()
    theirs.close()
    return process, ours


def _received(k: int, process: Any, pipe: Connection) -> Outcome | None:
    try:
        outcome: Outcome | None = pipe.recv()
    except EOFError:
        process.join()
        return Outcome(
            k, "failed", f"its process died with exit code {process.exitcode} (-9: killed, often for memory)"
        )
    process.join()
    return outcome


def _work(job: _Job, pipe: Connection) -> None:
    """The child's side: run the cell, send its outcome."""
    from rewardmark.leaderboard.data import Splits
    from rewardmark.leaderboard.progress import Lines
    from rewardmark.rewards import load_plugin
    from rich.console import Console

    for plugin in job.plugins:
        load_plugin(plugin)
    context = Context(job.plan, Store(job.root), Splits(job.data), job.threads, Lines(Console(stderr=True)))
    pipe.send(attempt(job.cell, context, {}))
