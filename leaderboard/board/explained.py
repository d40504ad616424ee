"""Where the changes of a section come from: the explanations that its runs keep, start and tuned side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rewardmark.leaderboard.board.entries import Entry, Section
from rewardmark.leaderboard.explain import Row, comparison, pooled

__all__ = ["Explained", "explained"]


@dataclass(frozen=True)
class Explained:
    """One tuned entry: rows of numbers before and after, endings that its captions have too often, and the reliability
    curves (mean confidence, share right, boxes) of the start and of the tuned runs; empty where there is none."""

    entry: Entry
    rows: list[Row]
    endings: list[dict[str, Any]]
    reliability_before: list[tuple[float, float, int]]
    reliability: list[tuple[float, float, int]]


def explained(section: Section) -> list[Explained]:
    """The tuned entries of which every run and every start has been explained."""
    result = []
    for entry in section.tuned:
        tuned = [run.explanation for run in entry.runs]
        starts = [start.explanation if start else None for start in entry.starts]
        after, before = ([found for found in side if found is not None] for side in (tuned, starts))
        if len(after) == len(tuned) and len(before) == len(starts):
            endings = after[0].get("over_represented", [])
            result.append(Explained(entry, comparison(after, before), endings, pooled(before), pooled(after)))
    return result
