"""Cells that do a part of another cell's work: named by it, run before it, the same in all that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rewardmark.leaderboard.spec import CellSpec
from rewardmark.leaderboard.starts import PREFIX, find_cell
from rewardmark.rewards.errors import RewardmarkError

if TYPE_CHECKING:
    from rewardmark.leaderboard.plan import PlannedCell

__all__ = ["check_sources", "find_sources"]

SAID = "sources: "


def find_sources(k: int, cells: Sequence[CellSpec]) -> dict[str, int]:
    """The places of the cells that cell k names as its sources, by those names; see `baselines.method.Method`.

    Raises RewardmarkError when there is no such cell.
    """
    found = {}
    for name in cells[k].sources:
        if not name.startswith(PREFIX):
            raise cells[k].place.error(f"{SAID}{name!r} must name a cell: '{PREFIX}LABEL'")
        found[name] = find_cell(k, name, cells, SAID)
    return found


def check_sources(cell: PlannedCell, planned: Mapping[int, PlannedCell]) -> None:
    """Raises RewardmarkError where what a source makes on its way is not what the cell would make itself: sources save
    work, and change no number."""
    from rewardmark.baselines import get_method

    def what(one: PlannedCell) -> dict[str, Any]:
        begun = planned[one.start_cell].fit_key if one.start_cell is not None else one.start_hash
        alike = ("task", "method", "dataset", "model", "seed", "batch_size")
        return {"start": begun} | {key: getattr(one.spec, key) for key in alike}

    if not cell.sources:
        return
    method, mine = get_method(cell.spec.method), what(cell)
    if not hasattr(method, "check_sources"):
        raise RewardmarkError(f"{SAID}method {cell.spec.method!r} takes nothing from other cells")
    for name, other in cell.sources.items():
        theirs = what(planned[other])
        differing = [key for key in mine if mine[key] != theirs[key]]
        if differing:
            raise RewardmarkError(f"{SAID}{name!r} has another {', '.join(differing)}, so it does another work")
    try:
        method.check_sources(cell.spec.options, {name: planned[k].spec.options for name, k in cell.sources.items()})
    except RewardmarkError as error:
        raise RewardmarkError(f"{SAID}{error}") from error
