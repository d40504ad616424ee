"""Explanations side by side: the start's and those of the runs tuned from it, averaged over seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["TITLES", "Row", "comparison", "markdown"]

TITLES = {
    "errors": "AP50 that mending the errors of one type would give (TIDE)",
    "counts": "Errors of each type (TIDE; IoU 0.5 a hit, below 0.1 background)",
    "oracles": "AP as it is, and with confidences, classes or boxes put right",
    "boxes": "Boxes an image",
    "calibration": "Error of the confidences (IoU 0.5, 10 bins)",
    "all": "All segments",
    "things": "Things",
    "stuff": "Stuff",
    "small": "Small segments (below 2% of the image)",
    "medium": "Medium segments (2% to 10%)",
    "large": "Large segments (10% and more)",
    "segments": "Segments an image",
    "colour": "Colour",
    "distance": "Nearness to the true pictures",
    "hues": "Hues against the true ones",
    "endings": "How captions end (shares)",
    "hallucinations": "Objects named that are not there (CHAIR)",
    "words": "Words",
}
"""Groups of numbers, in the order in which they are shown; what is no group of numbers is shown by itself."""


@dataclass(frozen=True)
class Row:
    """One number before and after: group, name, the start's value (None where unknown), the mean over the tuned runs,
    and their least and largest value."""

    group: str
    name: str
    start: float | None
    mean: float
    least: float
    largest: float

    @property
    def title(self) -> str:
        return TITLES[self.group]


def comparison(tuned: Sequence[dict[str, Any]], starts: Sequence[dict[str, Any]]) -> list[Row]:
    """Rows of everything that all the tuned explanations hold; `starts`: explanations of the runs they came from (each
    once a seed), averaged likewise; empty for none."""
    rows = []
    for group in TITLES:
        if not tuned or any(group not in found for found in tuned):
            continue
        for name in tuned[0][group]:
            values = [found[group][name] for found in tuned if name in found[group]]
            before = [found[group][name] for found in starts if name in found.get(group, {})]
            if len(values) == len(tuned):
                start = sum(before) / len(before) if before and len(before) == len(starts) else None
                rows.append(Row(group, name, start, sum(values) / len(values), min(values), max(values)))
    return rows


def markdown(rows: Sequence[Row], endings: Sequence[dict[str, Any]] = ()) -> Iterator[str]:
    """The rows as Markdown tables, a heading line for each group; `endings`: over-represented endings, listed below."""
    several = any(row.least != row.largest for row in rows)
    yield "| | start | tuned | change |" + (" over seeds |" if several else "")
    yield "|---|--:|--:|--:|" + ("--:|" if several else "")
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            yield f"| **{row.title}** | | | |" + (" |" if several else "")
        change = "" if row.start is None else f"{row.mean - row.start:+.3g}"
        spread = f" {row.least:.4g} .. {row.largest:.4g} |" if several else ""
        yield f"| {row.name} | {'' if row.start is None else f'{row.start:.4g}'} | {row.mean:.4g} | {change} |{spread}"
    if endings:
        yield ""
        yield "Endings that the tuned captions have more often than the references: " + ", ".join(
            f"“{row['ending']}” {100 * row['share']:.1f}% ({100 * row['of the references']:.1f}%)" for row in endings
        )
