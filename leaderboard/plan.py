"""From a suite to what will be run: every name looked up, every start found, every cell given the id of its run."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.data import Splits
from rewardmark.leaderboard.sources import check_sources, find_sources
from rewardmark.leaderboard.spec import RESULTS_VERSION, CellSpec, digest, folder_digest
from rewardmark.leaderboard.starts import find_checkpoint, find_start_cell
from rewardmark.leaderboard.suite import Suite
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["Plan", "PlannedCell", "evaluator_of", "plan_suite"]

EVALUATOR_CHOICE = ("detection",)
"""Tasks with two official evaluators; the others take no choice, so that it cannot change their runs' ids either."""


@dataclass(frozen=True)
class PlannedCell:
    """A cell that is ready to run.

    run_id: of its folder in the store; fit_key: cells that share it share one training (they differ in decoding or
    evaluation alone); start: checkpoint folder, or None; start_cell: place in the plan of the cell whose checkpoint it
    starts from; needs: places of cells that must be finished first; start_run: the run that it is compared with;
    sources: places of the cells that do a part of its training, by the names that it gives them.
    """

    spec: CellSpec
    run_id: str
    fit_key: str
    versions: dict[str, Any]
    start: Path | None = None
    start_hash: str | None = None
    start_cell: int | None = None
    needs: tuple[int, ...] = ()
    start_run: str | None = None
    sources: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """All cells of a suite; what a cell needs may stand after it in the file."""

    suite: str
    cells: tuple[PlannedCell, ...]
    device: str
    evaluator: str

    def order(self) -> list[int]:
        """Places of the cells, each after what it needs. Raises RewardmarkError where cells start from each other."""
        done: list[int] = []
        waiting = list(range(len(self.cells)))
        while waiting:
            ready = [k for k in waiting if all(need in done for need in self.cells[k].needs)]
            if not ready:
                raise self.cells[waiting[0]].spec.place.error("the starts of these cells go round in a circle")
            done.append(ready[0])
            waiting.remove(ready[0])
        return done


def evaluator_of(task: str, wanted: str) -> str | None:
    """The evaluator to name to a task; None where there is no choice."""
    return wanted if task in EVALUATOR_CHOICE else None


def plan_suite(suite: Suite, splits: Splits, device: str = "cpu", evaluator: str = "hotcoco") -> Plan:
    """Look everything up and compute the ids. Raises RewardmarkError with file and line for what cannot be run."""
    planned: dict[int, PlannedCell] = {}
    for k in _by_start(suite.cells):
        spec = suite.cells[k]
        try:
            planned[k] = _plan_cell(suite, k, planned, splits, device, evaluator)
        except RewardmarkError as error:
            if str(error).startswith(f"{spec.place.file}:"):
                raise
            raise spec.place.error(f"{spec.name!r}: {error}") from error
    cells = [planned[k] for k in range(len(suite.cells))]
    _share_fits(cells)
    return Plan(suite.name, tuple(_compare(cell, cells, splits) for cell in cells), device, evaluator)


def _by_start(cells: Sequence[CellSpec]) -> list[int]:
    """Places of the cells, each after the cells that it starts from or takes up."""
    before: dict[int, list[int]] = {}
    for k in range(len(cells)):
        start = find_start_cell(k, cells)
        before[k] = [*([] if start is None else [start]), *find_sources(k, cells).values()]
    try:
        return list(TopologicalSorter(before).static_order())
    except CycleError as error:
        raise cells[min(error.args[1])].place.error("the starts of these cells go round in a circle") from None


def _plan_cell(
    suite: Suite, k: int, planned: dict[int, PlannedCell], splits: Splits, device: str, evaluator: str
) -> PlannedCell:
    from rewardmark.baselines import Decoding, get_method, get_model
    from rewardmark.baselines.build import task_of
    from rewardmark.rewards import get_reward
    from rewardmark.tasks import get_task

    spec = suite.cells[k]
    task, method, model = get_task(spec.task), get_method(spec.method), get_model(spec.model)
    method.check_options(spec.options)
    reward = get_reward(spec.reward, **spec.reward_parameters)
    if reward.card.task not in (spec.task, *task.rewards_of):
        raise RewardmarkError(f"reward {spec.reward} is for {reward.card.task}, not for {spec.task}")
    decodings = {}
    for name, arguments in {"decoding": spec.decoding, **{f"also.{n}": d for n, d in spec.also.items()}}.items():
        try:
            decodings[name] = _plain(Decoding(**arguments).identity())
        except TypeError as error:
            raise RewardmarkError(f"{name}: {str(error).removeprefix('Decoding.__init__() ')}") from None
    for what in (spec.dataset, spec.evaluation, spec.validation):
        if what is not None:
            splits.check(what, spec.task)
    start_cell = find_start_cell(k, suite.cells)
    start = None if start_cell is not None or spec.start is None else find_checkpoint(spec.start, suite.file)
    start_hash = folder_digest(start) if start is not None else None
    if method.needs_reward or spec.steps == 0:  # maximum likelihood may begin with another task's eyes
        _same_task(spec, suite.cells[start_cell].task if start_cell is not None else task_of(start) if start else None)
    versions = {
        "task": task.version,
        "method": method.version,
        "reward": reward.card.version,
        "harness": RESULTS_VERSION,
        "outside": _outside(
            {"task": type(task), "method": type(method), "reward": getattr(reward, "_function", reward)}
        ),
    }
    start_identity = planned[start_cell].fit_key if start_cell is not None else start_hash
    fit = {
        "versions": versions,
        "task": spec.task,
        "train": splits.identity(spec.dataset, spec.task),
        "validation": splits.identity(spec.validation, spec.task) if spec.validation else None,
        "model": {spec.model: _plain(model.config)} if start_identity is None else None,
        "start": start_identity,
        "method": spec.method,
        "options": method.options_identity(spec.options) if hasattr(method, "options_identity") else spec.options,
        "reward": [spec.reward, _plain(reward.parameters)],
        "seed": spec.seed,
        "steps": spec.steps,
        "batch_size": spec.batch_size,
        "device": device.partition(":")[0],
    }
    fit_key = digest(fit)
    whole = {
        "fit": fit_key,
        "evaluation": splits.identity(spec.evaluation, spec.task),
        **decodings,  # a cell without `also` has the id that it had before there was one
        "evaluator": evaluator_of(spec.task, evaluator),
        "features": _features_identity(spec.task),
    }
    readable = re.sub(r"[^A-Za-z0-9_.]+", "-", f"{spec.task}-{spec.method}")
    sources = find_sources(k, suite.cells)
    needs = tuple(dict.fromkeys([*([] if start_cell is None else [start_cell]), *sources.values()]))
    cell = PlannedCell(
        spec, f"{readable}-{digest(whole)[:12]}", fit_key, versions, start, start_hash, start_cell, needs,
        sources=sources,
    )  # fmt: skip
    check_sources(cell, planned)
    return cell


def _same_task(spec: CellSpec, found: str | None) -> None:
    """Raises RewardmarkError when the start is known to be for another task: its words would be random ones here. What
    writes programs may start from what writes programs: their language is the same."""
    from rewardmark.tasks import get_task

    if found not in (None, spec.task):
        if all(getattr(get_task(name), "needs_programs", False) for name in (found, spec.task)):
            return
        raise RewardmarkError(
            f"start {spec.start!r} is a model for {found}, which {spec.method} with {spec.steps} steps cannot make one "
            f"for {spec.task}; start from a model for {spec.task}, or train it with mle first"
        )


def _plain(value: Any) -> Any:
    """Tuples as lists and mappings as dicts, all the way down: what JSON can say."""
    if hasattr(value, "items"):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _outside(parts: dict[str, Any]) -> dict[str, str]:
    """Hashes of the source files of what comes from outside: a plug-in may change without getting a new version."""
    hashes = {}
    for name, thing in parts.items():
        module = getattr(thing, "__module__", "") or ""
        if module.startswith("rewardmark."):
            continue
        try:
            file = inspect.getsourcefile(thing)
        except TypeError:
            file = None
        hashes[name] = sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else module
    return hashes


def _features_identity(task: str) -> str | None:
    from rewardmark.leaderboard.features import features_folder

    folder = features_folder(task)
    return folder_digest(folder) if folder is not None else None


def _share_fits(cells: list[PlannedCell]) -> None:
    """Cells of one fit wait for the first of them: it trains, the others take its checkpoint."""
    first: dict[str, int] = {}
    ids: dict[str, int] = {}
    for k, cell in enumerate(cells):
        if (other := ids.setdefault(cell.run_id, k)) != k:
            raise cell.spec.place.error(
                f"{cell.spec.name!r} would be the same run as {cells[other].spec.name!r}; leave one out"
            )
        leader = first.setdefault(cell.fit_key, k)
        if leader != k and leader not in cell.needs:
            cells[k] = replace(cell, needs=(*cell.needs, leader))


def _compare(cell: PlannedCell, cells: Sequence[PlannedCell], splits: Splits) -> PlannedCell:
    """The same cell with the run it is compared with: the one that judges its start, as it is, on the same images."""
    if cell.start_cell is None and cell.start_hash is None:
        return cell
    start_fit = cells[cell.start_cell].fit_key if cell.start_cell is not None else None
    evaluation = splits.identity(cell.spec.evaluation, cell.spec.task)
    best: tuple[int, PlannedCell] | None = None
    for other in cells:
        same_start = (cell.start_hash, start_fit) == (
            other.start_hash,
            cells[other.start_cell].fit_key if other.start_cell is not None else None,
        )
        is_start = other.fit_key == start_fit or (other.spec.steps == 0 and same_start)
        if (
            other is cell
            or not is_start
            or other.spec.task != cell.spec.task
            or other.spec.decoding != cell.spec.decoding
            or splits.identity(other.spec.evaluation, cell.spec.task) != evaluation
        ):
            continue
        fits = 2 * (
            (other.spec.reward, other.spec.reward_parameters) == (cell.spec.reward, cell.spec.reward_parameters)
        )
        fits += other.spec.seed == cell.spec.seed
        if cell.spec.steps > 0 or other.fit_key == start_fit:  # a start as it is has nothing before it
            best = max(best or (-1, other), (fits, other), key=lambda pair: pair[0])
    return cell if best is None else replace(cell, start_run=best[1].run_id)
