"""What a cell starts from: a checkpoint folder, or another cell of the suite."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from rewardmark.leaderboard.spec import CellSpec
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["find_cell", "find_checkpoint", "find_start_cell"]

PREFIX = "cell:"

_MAY_AGREE = (
    "task", "dataset", "model", "reward", "reward_parameters", "seed", "options", "method", "steps", "batch_size",
    "evaluation", "validation", "decoding",
)  # fmt: skip
"""In what a cell and its start may agree, the more telling first."""


def find_checkpoint(start: str, suite_file: Path) -> Path:
    """The folder that `start` names: beside the suite file, in the working folder, or shipped with the package.

    Raises RewardmarkError naming every place that was tried.
    """
    shipped = Path(__file__).parent.parent / "baselines"
    places = [suite_file.parent / start, Path(start), shipped / start]
    for place in places:
        if place.is_dir() and any(place.iterdir()):
            return place.resolve()
    tried = ", ".join(dict.fromkeys(str(place) for place in places))
    raise RewardmarkError(f"start {start!r}: no such checkpoint folder; tried {tried} (another cell is 'cell:LABEL')")


def find_start_cell(k: int, cells: Sequence[CellSpec]) -> int | None:
    """The place of the cell that cell k starts from, or None when its start is no cell; see `find_cell`."""
    start = cells[k].start
    return find_cell(k, start, cells, "start = ") if start is not None and start.startswith(PREFIX) else None


def find_cell(k: int, name: str, cells: Sequence[CellSpec], said: str = "") -> int:
    """The place of the cell that cell k calls `name` ("cell:LABEL").

    Of several cells with the label, the one that agrees with cell k in its task and then, wherever they differ among
    themselves, in data, model, reward, seed and so on. Raises RewardmarkError when there is none, or more than one,
    quoting the name as `said` and it.
    """
    cell, label = cells[k], name.removeprefix(PREFIX)
    found = [i for i, other in enumerate(cells) if other.label == label and i != k]
    if not found:
        labels = sorted({other.label for other in cells if other.label})
        near = get_close_matches(label, labels, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"labels: {', '.join(labels) or 'none'}"
        raise cell.place.error(f"{said}{name!r}: no other cell has this label; {hint}")
    for key in _MAY_AGREE:
        agreeing = [i for i in found if getattr(cells[i], key) == getattr(cell, key)]
        found = agreeing or found
    if len(found) == 1 or all(_same_training(cells[i], cells[found[0]]) for i in found):
        return found[0]
    names = ", ".join(repr(cells[i].name) for i in found)
    raise cell.place.error(f"{said}{name!r} could be any of {names}; give them labels of their own")


def _same_training(a: CellSpec, b: CellSpec) -> bool:
    """Whether two cells differ in decoding or evaluation alone."""
    return all(
        getattr(a, key) == getattr(b, key) for key in (*_MAY_AGREE, "start") if key not in ("evaluation", "decoding")
    )
