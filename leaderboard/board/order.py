"""The order of a section's rows: starts first, each after its own."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from rewardmark.leaderboard.board.grouping import reward_name
from rewardmark.leaderboard.board.load import Run, RunFolder

__all__ = ["in_order"]


def in_order(cells: list[list[Run]], started: Collection[str | None], folder: RunFolder) -> list[list[Run]]:
    """The cells with those that others start from first, a chain of them from its beginning; then by method, the reward
    that starts have first; then by name, 9 before 10. started: the runs that others start from."""
    usual = {reward_name(run) for cell in cells for run in cell if run.id in started}

    def place(cell: list[Run]) -> tuple[Any, ...]:
        reward, is_start = reward_name(cell[0]), any(run.id in started for run in cell)
        how = (cell[0].method, reward not in usual, reward, _natural(cell[0].file.name))
        return (not is_start, max(_starts_before(run, folder) for run in cell) if is_start else 0, *how)

    return sorted(cells, key=place)


def _starts_before(run: Run, folder: RunFolder) -> int:
    """How many runs of the board it goes back to, start by start."""
    seen = {run.id}
    while (before := folder.by_id.get(run.file.start_run or "")) is not None and before.id not in seen:
        seen.add(before.id)
        run = before
    return len(seen) - 1


def _natural(text: str) -> list[tuple[bool, int, str]]:
    """For sorting: numbers in a text by what they are worth.

    >>> sorted(["round-10", "round-9", "round"], key=_natural)
    ['round', 'round-9', 'round-10']
    """
    parts = re.split(r"(\d+)", text)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
