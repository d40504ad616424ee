"""Cells that do a part of another cell's work: named by its options, run before it, the same in all that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rewardmark.leaderboard.spec import CellSpec
from rewardmark.leaderboard.starts import find_cell
from rewardmark.rewards.errors import RewardmarkError

if TYPE_CHECKING:
    from rewardmark.leaderboard.plan import PlannedCell

__all__ = ["check_sources", "find_sources"]


def find_sources(k: int, cells: Sequence[CellSpec]) -> dict[str, int]:
    """The places of the cells that the options of cell k name, by those names; see `baselines.method.Method`.

    The options are right by `check_options`. Raises RewardmarkError when there is no such cell.
    """
    from rewardmark.baselines import get_method

    method = get_method(cells[k].method)
    named: list[str] = method.sources(cells[k].options) if hasattr(method, "sources") else []
    return {name: find_cell(k, name, cells, "options: ") for name in named}


def check_sources(cell: PlannedCell, planned: Mapping[int, PlannedCell]) -> None:
    """Raises RewardmarkError where what a source makes on its way is not what the cell would make itself: sources save
    work, and change no number."""
    from rewardmark.baselines import get_method

    def what(one: PlannedCell) -> dict[str, Any]:
        begun = planned[one.start_cell].fit_key if one.start_cell is not None else one.start_hash
        alike = ("task", "method", "dataset", "model", "seed", "batch_size")
        return {"start": begun} | {key: getattr(one.spec, key) for key in alike}

    mine = what(cell)
    for name, other in cell.sources.items():
        theirs = what(planned[other])
        differing = [key for key in mine if mine[key] != theirs[key]]
        if differing:
            raise RewardmarkError(f"options: {name!r} has another {', '.join(differing)}, so it does another work")
    method = get_method(cell.spec.method)
    if cell.sources and hasattr(method, "check_sources"):
        options = {name: planned[other].spec.options for name, other in cell.sources.items()}
        method.check_sources(cell.spec.options, options)
