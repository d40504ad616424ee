"""Several cells at once, in as many processes (`--jobs N`): one cell at a time each, and the next when it is done."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.cell import Context
from rewardmark.leaderboard.harness import Outcome, attempt, blocked_by, describe, with_needs
from rewardmark.leaderboard.orphans import end_with_the_parent
from rewardmark.leaderboard.plan import Plan
from rewardmark.leaderboard.store import Store

__all__ = ["run_parallel"]

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 10
"""For a process that has nothing left to do."""


@dataclass(frozen=True)
class _Setting:
    """Everything that a child process needs to run cells."""

    plan: Plan
    root: Path
    data: Path | None
    threads: int
    plugins: tuple[Path, ...]


@dataclass(frozen=True)
class _Worker:
    """A child process: what goes into its pipe is a cell to run, what comes out is how that went."""

    process: Any
    pipe: Connection


def run_parallel(
    context: Context, jobs: int, chosen: Sequence[int] | None = None, plugins: Sequence[Path] = ()
) -> list[Outcome]:
    """As `harness.run_plan`, up to `jobs` cells at a time. The numbers are the same: every cell has its own threads.

    A process that has finished a cell runs the next one, with what it has imported and opened; one whose cell failed is
    left behind, whatever may be wrong with it.
    """
    plan, store = context.plan, context.store
    pending = with_needs(plan, chosen if chosen is not None else range(len(plan.cells)), store)
    total, outcomes = len(pending), dict[int, Outcome]()
    setting = _Setting(plan, store.root, context.splits.data, context.threads, tuple(plugins))
    running: dict[int, _Worker] = {}
    idle: list[_Worker] = []

    def ready(k: int) -> bool:
        met = all(store.is_finished(plan.cells[need].run_id) for need in plan.cells[k].needs)
        return met and store.lock(plan.cells[k].run_id).held_by_another() is None

    def settle(k: int, outcome: Outcome) -> None:
        outcomes[k] = outcome
        pending.remove(k)
        context.reporter.line(f"[{len(outcomes)}/{total}] {describe(outcome, plan, store)}")

    try:
        while pending:
            for k, worker in list(running.items()):
                if worker.process.is_alive() and not worker.pipe.poll():
                    continue
                outcome = _received(k, worker)
                del running[k]
                if outcome is None or outcome.good:
                    idle.append(worker)
                else:
                    _dismiss([worker])
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
                    running[k] = _handed(k, idle) or _launch(setting, k)
            time.sleep(POLL_SECONDS)
    finally:
        for worker in running.values():
            worker.process.terminate()
        _dismiss([*running.values(), *idle])
    return list(outcomes.values())


def _handed(k: int, idle: list[_Worker]) -> _Worker | None:
    """The idle process that has taken cell k, out of the list; one that has died waiting is none."""
    while idle:
        worker = idle.pop()
        try:
            worker.pipe.send(k)
        except OSError:
            _dismiss([worker])
        else:
            return worker
    return None


def _launch(setting: _Setting, k: int) -> _Worker:
    spawn = multiprocessing.get_context("spawn")  # a forked torch with threads hangs
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_work, args=(setting, theirs))
    process.start()
    theirs.close()
    worker = _Worker(process, ours)
    with suppress(OSError):  # it died at once: `_received` says how
        worker.pipe.send(k)
    return worker


def _dismiss(workers: Sequence[_Worker]) -> None:
    """Let them end by themselves, and tidy up: nothing more will come from their pipes."""
    for worker in workers:
        worker.pipe.close()
    for worker in workers:
        worker.process.join(PATIENCE_SECONDS)
        if worker.process.is_alive():
            worker.process.terminate()
            worker.process.join()


def _received(k: int, worker: _Worker) -> Outcome | None:
    try:
        outcome: Outcome | None = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        code = worker.process.exitcode
        return Outcome(k, "failed", f"its process died with exit code {code} (-9: killed, often for memory)")
    return outcome


def _work(setting: _Setting, pipe: Connection) -> None:
    """The child's side: run the cells that are asked for, send each one's outcome."""
    from rewardmark.leaderboard.data import Splits
    from rewardmark.leaderboard.progress import Lines
    from rewardmark.rewards import load_plugin
    from rich.console import Console

    end_with_the_parent()
    for plugin in setting.plugins:
        load_plugin(plugin)
    splits, lines = Splits(setting.data), Lines(Console(stderr=True))
    context = Context(setting.plan, Store(setting.root), splits, setting.threads, lines)
    try:
        while True:
            pipe.send(attempt(pipe.recv(), context, {}))
            _give_back(setting.plan.device)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):  # the parent is gone, or tells of it
        return


def _give_back(device: str) -> None:
    """Memory of a GPU that a finished cell no longer needs, for the other processes on it."""
    if device != "cpu":
        import torch

        torch.cuda.empty_cache()
