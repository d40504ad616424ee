"""From runs to the rows of the table: the seeds of one cell become an entry, with its changes against its start."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rewardmark.leaderboard.board.decodings import Names, best_names, best_quantity, same_names
from rewardmark.leaderboard.board.grouping import canonical, cells_of, dataset_text, reward_name, slug, variants
from rewardmark.leaderboard.board.load import Run, RunFolder
from rewardmark.leaderboard.board.numbers import (
    Quantity,
    metric_quantity,
    reward_quantity,
    score_quantity,
)
from rewardmark.leaderboard.board.order import in_order
from rewardmark.leaderboard.statistics import Interval, mean_over_seeds, paired_difference, paired_ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.leaderboard.stats import Contender

__all__ = ["Cell", "Entry", "Section", "contender", "make_sections"]

REWARD = "reward"
"""The name that a run's own reward has among its replicates and curves."""

_TASK_ORDER = ("detection", "panoptic", "colorization", "captioning")


@dataclass
class Cell:
    """One measured quantity of one entry: its mean over seeds, and its change against the start.

    ratio: mean over the start's mean, where that is above zero. verdict: "better", "worse" or "unclear" by the paired
    interval; "" where there is no change to judge, and `why` says why not.
    """

    quantity: Quantity
    mean: Interval | None = None
    change: Interval | None = None
    why: str = ""
    ratio: Interval | None = None

    @property
    def start_mean(self) -> float | None:
        """The start's mean over the same seeds."""
        return self.mean.mean - self.change.mean if self.mean and self.change else None

    @property
    def verdict(self) -> str:
        if self.change is None or not self.change.known:
            return ""
        if not self.change.excludes_zero:
            return "unclear"
        return "better" if (self.change.mean > 0) == self.quantity.higher_is_better else "worse"


@dataclass
class Entry:
    """One row: a method with a reward on a task, over all its seeds."""

    key: str
    index: int
    method: str
    reward: str
    variant: str
    runs: list[Run]
    starts: list[Run | None]
    is_start: bool
    cells: dict[str, Cell] = field(default_factory=dict)
    own_reward: Cell | None = None

    @property
    def label(self) -> str:
        named = (
            self.method
            if not self.reward or (self.is_start and not any(self.starts))
            else f"{self.method} · {self.reward}"
        )
        return f"{named} ({self.variant})" if self.variant else named

    @property
    def failures(self) -> int:
        return sum(run.file.reward.failures for run in self.runs if run.file.reward)

    @property
    def unscored(self) -> int:
        return sum(run.file.reward.unscored for run in self.runs if run.file.reward)

    @property
    def id(self) -> str:
        """What links call it: its first run's id, which stays when other runs come and go."""
        return self.runs[0].id

    @property
    def model(self) -> str:
        return str(self.runs[0].spec.get("model") or "")

    @property
    def external(self) -> bool:
        return any(run.external for run in self.runs)

    @property
    def seconds(self) -> float | None:
        """Mean wall seconds of a seed, None where no run tells."""
        told = [run.file.cost.get("wall_seconds") for run in self.runs]
        known = [float(t) for t in told if isinstance(t, int | float) and math.isfinite(t)]
        return sum(known) / len(known) if known else None

    @property
    def seeds(self) -> list[Any]:
        return [run.seed for run in self.runs]


@dataclass
class Section:
    """All entries that were judged on the same data of one task."""

    key: str
    task: str
    title: str
    dataset: str
    images: int
    quantities: list[Quantity]
    score: Quantity
    entries: list[Entry]

    @property
    def primary(self) -> Quantity:
        return self.quantities[0]

    @property
    def tuned(self) -> list[Entry]:
        """The entries that have a start on this board to be compared with."""
        return [entry for entry in self.entries if any(entry.starts)]


def make_sections(folder: RunFolder) -> list[Section]:
    """Sections in the order of the tasks; in each, entries with those that others start from first."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in folder.runs:
        data = run.spec.get("eval_dataset") or run.spec.get("dataset") or {}
        groups.setdefault((run.task, canonical([data, run.file.evaluation_hash])), []).append(run)
    order = {task: k for k, task in enumerate(_TASK_ORDER)}
    sections: list[Section] = []
    names = {(task, data): dataset_text(json.loads(data)[0]) for task, data in groups}
    for task, data in sorted(groups, key=lambda key: (order.get(key[0], len(order)), key)):
        name = names[task, data]
        title = _title(task, name, [text for key, text in names.items() if key[0] == task and key[1] != data])
        key = slug(title, {section.key for section in sections})
        sections.append(_section(key, task, title, name, groups[task, data], folder))
    return sections


def _title(task: str, name: str, others: list[str]) -> str:
    """The task; where it has other sections, its data too, with what tells it from those of the same name."""
    if not others:
        return task
    first, *rest = name.split(", ")
    alike = [parts for parts in (other.split(", ") for other in others) if parts[0] == first]
    return f"{task} · " + ", ".join([first, *(part for part in rest if any(part not in other for other in alike))])


def _section(key: str, task: str, title: str, dataset: str, runs: list[Run], folder: RunFolder) -> Section:
    primary = next((name for run in runs for name, m in run.file.metrics.items() if m.primary), None)
    names = list(dict.fromkeys(name for run in runs for name in run.file.metrics))
    # stable: the evaluator's order, the primary one first, in every decoding
    names.sort(key=lambda name: (name.partition("@")[0] != primary, "@" in name))
    quantities = [_quantity(name, runs) for name in names]
    best = None if primary is None else best_quantity(quantities[0], runs)
    if best is not None:
        quantities.insert(sum(name.partition("@")[0] == primary for name in names), best)
    started = {run.file.start_run for run in folder.runs if run.file.start_run != run.id}
    grouped = in_order(cells_of(runs), started, folder)
    told_apart = variants(grouped)
    entries: list[Entry] = []
    for cell, variant in zip(grouped, told_apart, strict=True):
        starts = [folder.by_id.get(run.file.start_run or "") for run in cell]
        entry = Entry(
            key=f"{key}-{len(entries)}",
            index=len(entries),
            method=cell[0].method,
            reward=reward_name(cell[0]),
            variant=variant,
            runs=cell,
            starts=[None if start is run else start for start, run in zip(starts, cell, strict=True)],
            is_start=any(run.id in started for run in cell),
        )
        for quantity in quantities:
            names_of = best_names if quantity is best else same_names
            entry.cells[quantity.name] = _cell(entry, quantity, names_of(entry.runs, entry.starts, quantity.name))
        if any(run.file.reward for run in cell):
            entry.own_reward = _cell(entry, reward_quantity(entry.reward), same_names(entry.runs, entry.starts, REWARD))
        entries.append(entry)
    images = max(run.sample_key[0] for run in runs)
    score = score_quantity(task, quantities[0] if quantities else reward_quantity("score"))
    return Section(key, task, title, dataset, images, quantities, score, entries)


def _quantity(name: str, runs: list[Run]) -> Quantity:
    found = [run.file.metrics[name] for run in runs if name in run.file.metrics]
    sizes = [abs(m.value) for m in found if m.value is not None and math.isfinite(m.value)]
    first = found[0]
    return metric_quantity(name, first.unit, first.higher_is_better, first.note, max(sizes, default=10.0))


def _cell(entry: Entry, quantity: Quantity, names: Sequence[Names]) -> Cell:
    """The mean over seeds, from the runs that have the quantity, and the change, where every seed has its start."""
    cell = Cell(quantity)
    sides = zip(entry.runs, entry.starts, names, strict=True)
    have = [_Pair(run, start, *its) for run, start, its in sides if its[0] and _value(run, quantity, its[0])]
    if not have:
        cell.why = "not defined on this data" if any(name for name, _ in names) else "no validation in both decodings"
        return cell
    images = have[0].run.sample_key[0]
    values = [_value(pair.run, quantity, pair.name)[0] for pair in have]
    replicates = _replicates([(pair.run, pair.name) for pair in have], quantity)
    cell.mean = mean_over_seeds(values, replicates, images)
    if not cell.mean.known and len(have) == 1 and have[0].run.external:
        cell.mean = _as_told(have[0].run, have[0].name, cell.mean)
    if len(have) == 1 and have[0].run.external and not cell.mean.known:
        cell.mean = _as_stated(have[0].run, have[0].name, values[0])
    cell.why = next(filter(None, (_why_not_paired(pair, quantity) for pair in have)), "")
    if not cell.why:
        present = [(pair.start, pair.start_name) for pair in have if pair.start is not None]
        starts = [_value(start, quantity, name)[0] for start, name in present]
        before = _replicates(present, quantity)
        cell.change = paired_difference(values, starts, replicates, before, images)
        ratio = paired_ratio(values, starts, replicates, before, images)
        cell.ratio = ratio if math.isfinite(ratio.mean) else None
    return cell


def _as_stated(run: Run, name: str, value: float) -> Interval:
    """A result from elsewhere, which has no replicates: with the interval that its record gives, if any."""
    row = run.file.reward if name == REWARD else run.file.metrics[name]
    if row is None or row.low is None or row.high is None:
        return Interval(value, math.nan, math.nan)
    return Interval(value, row.low, row.high)


def contender(entry: Entry, quantity: Quantity) -> Contender | None:
    """The entry as ranking takes it: a value and replicates of each seed; None where a seed lacks one of them."""
    import numpy as np
    from rewardmark.leaderboard.stats import Contender

    values = [value for run in entry.runs for value in _value(run, quantity, quantity.name)]
    drawn = _replicates([(run, quantity.name) for run in entry.runs], quantity)
    if len(values) < len(entry.runs) or not drawn.shape[1]:
        return None
    return Contender(np.array(values), drawn)


@dataclass(frozen=True)
class _Pair:
    """One seed's run and its start, each with the name that the quantity has there."""

    run: Run
    start: Run | None
    name: str
    start_name: str


def _as_told(run: Run, name: str, mean: Interval) -> Interval:
    """The interval that a result from elsewhere came with, as it was told."""
    told = run.file.reward if name == REWARD else run.file.metrics.get(name)
    if told is None or told.low is None or told.high is None:
        return mean
    return replace(mean, low=told.low, high=told.high)


def _why_not_paired(pair: _Pair, quantity: Quantity) -> str:
    """Why no paired change can be stated; empty when it can."""
    run, start = pair.run, pair.start
    if start is None:
        return "the start itself" if not run.file.start_run else "its start is not on this board"
    if not _value(start, quantity, pair.start_name):
        return "the start has no value"
    if pair.name == REWARD and _scored_by(run) != _scored_by(start):
        return "the start was scored by another reward"
    if run.sample_key != start.sample_key or run.file.evaluation_hash != start.file.evaluation_hash:
        return "the start was judged on other images"
    ours, theirs = run.replicates.get(pair.name), start.replicates.get(pair.start_name)
    if (ours is None) != (theirs is None) or (ours is not None and theirs is not None and len(ours) != len(theirs)):
        return "the start has other replicates"
    return ""


def _value(run: Run, quantity: Quantity, name: str) -> tuple[float, ...]:
    """The run's value as a 1-tuple, or () where it has none (so that 0.0 is a value)."""
    if name == REWARD:
        value = run.file.reward.mean if run.file.reward else None
    else:
        value = run.file.metrics[name].value if name in run.file.metrics else None
    return (value,) if value is not None and quantity.defined(value) else ()


def _replicates(runs: list[tuple[Run, str]], quantity: Quantity) -> NDArray[Any]:
    """[S, R], undefined ones NaN; R = 0 unless every run has as many."""
    import numpy as np

    rows = [run.replicates.get(name) for run, name in runs]
    drawn = [row for row in rows if row is not None]
    if len(drawn) < len(rows) or len({len(row) for row in drawn}) != 1:
        return np.zeros((len(runs), 0))
    stacked = np.stack(drawn)
    return stacked if quantity.undefined is None else np.where(stacked == quantity.undefined, np.nan, stacked)


def _scored_by(run: Run) -> tuple[str, str]:
    reward = run.file.reward
    return (reward.name if reward else "", str(run.file.versions.get("reward", "")))
