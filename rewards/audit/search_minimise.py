"""Making an answer small: parts left out while it still pays, then rounder numbers and shorter words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rewardmark.rewards.audit.search_space import Space

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["minimised", "reduced"]

FirstGood = Callable[[Sequence[Any]], int | None]
BATCH = 16
MOST_PARTS = 12
"""Parts up to which each part is worth rounding."""


def reduced(space: Space[Any], genome: Any, rewards: Callable[[Sequence[Any]], NDArray[Any]]) -> Any:
    """The genome without the parts that do not pay: halves, quarters, ... are left out while the reward does not fall
    by more than a hundredth of itself.
    """
    best = float(rewards([genome])[0])
    pieces = 2
    while (count := space.parts(genome)) > 1:
        pieces = min(pieces, count)
        bounds = [count * k // pieces for k in range(pieces + 1)]
        chunks = [range(bounds[k], bounds[k + 1]) for k in range(pieces)]
        proposals = [space.keep(genome, chunk) for chunk in chunks]
        proposals += [space.keep(genome, [p for p in range(count) if p not in chunk]) for chunk in chunks]
        values = rewards(proposals)
        lasting = [k for k in range(len(proposals)) if values[k] >= best - 0.01 * abs(best)]
        if lasting:
            k = min(lasting, key=lambda k: (space.parts(proposals[k]), -values[k]))
            genome, best = proposals[k], max(best, float(values[k]))
            pieces = max(2, pieces - 1)
        elif pieces >= count:
            break
        else:
            pieces *= 2
    return genome


def minimised(space: Space[Any], genome: Any, first_good: FirstGood, more: Callable[[], bool]) -> Any:
    """The smallest genome that greedy steps reach: parts first (delta debugging), then what `space.simpler` proposes.

    first_good(genomes) is the place of the first that still pays, None where none does; more() is False when time is
    up, and the genome is returned as small as it is then.
    """
    genome = _fewer_parts(space, genome, first_good, more)
    refused: set[Any] = set()
    while more() and space.parts(genome) <= MOST_PARTS:
        refused.add(genome)  # never back: rounding up and down again would go on for ever
        proposals = [one for one in space.simpler(genome) if one not in refused]
        step = _step(proposals, first_good, refused)
        if step is None:
            break
        genome = step
    return _fewer_parts(space, genome, first_good, more)


def _fewer_parts(space: Space[Any], genome: Any, first_good: FirstGood, more: Callable[[], bool]) -> Any:
    pieces = 1
    while more() and (count := space.parts(genome)) > 0:
        pieces = min(pieces, count)
        bounds = [count * k // pieces for k in range(pieces + 1)]
        chunks = [range(bounds[k], bounds[k + 1]) for k in range(pieces)]
        proposals = [space.keep(genome, chunk) for chunk in chunks] if pieces > 1 else [space.keep(genome, [])]
        if pieces > 2:
            proposals += [space.keep(genome, [p for p in range(count) if p not in chunk]) for chunk in chunks]
        step = _step([one for one in proposals if one != genome], first_good, set())
        if step is not None:
            genome, pieces = step, 2
        elif pieces >= count:
            break
        else:
            pieces *= 2
    return genome


def _step(proposals: list[Any], first_good: FirstGood, refused: set[Any]) -> Any:
    """The first proposal that is good; asked in batches, since one call scores many."""
    for start in range(0, len(proposals), BATCH):
        batch = proposals[start : start + BATCH]
        place = first_good(batch)
        if place is not None:
            return batch[place]
        refused.update(batch)
    return None
