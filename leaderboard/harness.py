"""Runs the cells of a suite: finished ones are kept, broken ones go on, and one that fails costs no other."""

from __future__ import annotations

import fnmatch
import os
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rewardmark.leaderboard.cell import Context, run_cell
from rewardmark.leaderboard.plan import Plan
from rewardmark.leaderboard.progress import seconds
from rewardmark.leaderboard.store import Store
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["Outcome", "attempt", "default_threads", "describe", "pick_device", "run_plan", "select"]

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: "finished" now, "kept" from before, "failed", or "blocked" by a cell that failed.

    error: one line; mendable: whether the error is the user's input to mend; log: the file with the traceback.
    """

    cell: int
    state: str
    error: str = ""
    mendable: bool = False
    log: Path | None = None

    @property
    def good(self) -> bool:
        return self.state in ("finished", "kept")


def select(plan: Plan, only: Sequence[str]) -> list[int]:
    """Places of the cells whose name or run id matches a glob of `only` (whole words: `seed=1` is not `seed=10`); all
    cells without any.

    Raises RewardmarkError naming all cells when a glob matches nothing.
    """
    if not only:
        return list(range(len(plan.cells)))
    chosen: set[int] = set()
    for glob in only:
        found = {
            k
            for k, cell in enumerate(plan.cells)
            if fnmatch.fnmatchcase(f" {cell.spec.name} ", f"* {glob} *") or fnmatch.fnmatchcase(cell.run_id, glob)
        }
        if not found:
            names = "; ".join(cell.spec.name for cell in plan.cells)
            raise RewardmarkError(f"--only {glob!r} matches no cell of suite {plan.suite}; its cells: {names}")
        chosen |= found
    return sorted(chosen)


def with_needs(plan: Plan, chosen: Sequence[int], store: Store) -> list[int]:
    """The chosen cells and the unfinished ones that they need, in an order in which they can run."""
    wanted, stack = set(chosen), list(chosen)
    while stack:
        k = stack.pop()
        if store.is_finished(plan.cells[k].run_id):
            continue
        for need in plan.cells[k].needs:
            if need not in wanted and not store.is_finished(plan.cells[need].run_id):
                wanted.add(need)
                stack.append(need)
    return [k for k in plan.order() if k in wanted]


def run_plan(context: Context, chosen: Sequence[int] | None = None) -> list[Outcome]:
    """Run the chosen cells (all, without a choice) one after another; outcomes in the order of running.

    A cell that another process is running is waited for. KeyboardInterrupt passes through: everything finished stays
    finished, and the cell that was running goes on from its last state the next time.
    """
    plan, store = context.plan, context.store
    todo = with_needs(plan, chosen if chosen is not None else range(len(plan.cells)), store)
    total, pending = len(todo), list(todo)
    outcomes: dict[int, Outcome] = {}
    told: set[int] = set()
    while pending:
        moved = False
        for k in list(pending):
            outcome = attempt(k, context, outcomes)
            if outcome is None:
                if k not in told and (holder := store.lock(plan.cells[k].run_id).held_by_another()) is not None:
                    told.add(k)
                    context.reporter.line(
                        f"{plan.cells[k].spec.name}: being run by {holder}; waiting for it at the end"
                    )
                continue
            outcomes[k] = outcome
            pending.remove(k)
            moved = True
            context.reporter.line(f"[{len(outcomes)}/{total}] {describe(outcome, plan, store)}")
        if pending and not moved:
            time.sleep(POLL_SECONDS)
    return list(outcomes.values())


def attempt(k: int, context: Context, outcomes: dict[int, Outcome]) -> Outcome | None:
    """Run cell k if that can be done now; None when it must wait for another process."""
    plan, store = context.plan, context.store
    cell = plan.cells[k]
    if store.is_finished(cell.run_id):
        store.clean(cell.run_id)
        return Outcome(k, "kept")
    for need in cell.needs:
        if need in outcomes and not outcomes[need].good:
            return blocked_by(need, k, plan)
    if not all(store.is_finished(plan.cells[need].run_id) for need in cell.needs):
        return None
    lock = store.lock(cell.run_id)
    try:
        if not lock.acquire():
            return None
    except OSError as error:
        raise RewardmarkError(f"{store.root}: cannot be written: {error.strerror or error}") from error
    with lock:
        if store.is_finished(cell.run_id):
            return Outcome(k, "kept")
        try:
            run_cell(k, context)
        except RewardmarkError as error:
            return Outcome(k, "failed", " ".join(str(error).split()), mendable=True)
        except Exception as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            log = store.partial(cell.run_id).folder / "error.log"
            try:
                log.parent.mkdir(parents=True, exist_ok=True)
                log.write_text("".join(traceback.format_exception(error)))
            except OSError as refused:  # a full disk, say, which may be what broke the cell
                return Outcome(
                    k, "failed", f"{said} (and its traceback could not be written: {refused.strerror})", True
                )
            return Outcome(k, "failed", said, mendable=isinstance(error, OSError), log=log)
    return Outcome(k, "finished")


def blocked_by(need: int, k: int, plan: Plan) -> Outcome:
    """The outcome of cell k when cell `need`, whose checkpoint it wants, has failed."""
    return Outcome(k, "blocked", f"it needs {plan.cells[need].spec.name!r}, which failed")


def describe(outcome: Outcome, plan: Plan, store: Store) -> str:
    """One line on a cell's outcome."""
    cell = plan.cells[outcome.cell]
    if not outcome.good:
        return f"{cell.spec.name}: {outcome.state}: {outcome.error}{f' (see {outcome.log})' if outcome.log else ''}"
    run = store.read(cell.run_id)
    parts = [f"{name} {with_interval(m)}" for name, m in run["metrics"].items() if m["primary"]]
    parts.append(f"reward {with_interval({**run['reward'], 'value': run['reward']['mean']})}")
    if run["reward"]["failures"]:
        first = run["failures"][0]
        value = "" if first["value"] is None else f" gave {first['value']}"
        parts.append(
            f"{run['reward']['failures']} reward failures (the first: {first['reward']} on sample "
            f"{first['sample_id']}{value}: {first['message']})"
        )
    parts.append("kept from before" if outcome.state == "kept" else seconds(run["cost"]["wall_seconds"]))
    return f"{cell.spec.name}: {', '.join(parts)}"


def with_interval(row: dict[str, float | None]) -> str:
    """value [low, high] to three digits; "-" for what is not defined."""
    value, low, high = row["value"], row["low"], row["high"]
    if value is None:
        return "-"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def default_threads() -> int:
    """OMP_NUM_THREADS where it is set, else at most two: what the small models make use of, and the same everywhere."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) > 0 else min(2, os.cpu_count() or 1)


def pick_device(device: str) -> str:
    """ "auto" made definite: cuda where there is a GPU. Raises RewardmarkError for a device that is not there."""
    import torch

    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not (kind == "cuda" and number.isdigit())):
        raise RewardmarkError(f"--device {device}: no such device; use auto, cpu, cuda or cuda:N")
    if kind == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise RewardmarkError(
            f"--device {device}: PyTorch sees {torch.cuda.device_count()} CUDA devices here; use --device cpu"
        )
    return device
