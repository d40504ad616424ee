"""The table beside the page, for other programs: CSV, JSON and Parquet with one row an entry and metric, raw units."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.board.entries import REWARD, Cell, Entry, Section

__all__ = ["COLUMNS", "export", "rows"]

COLUMNS: dict[str, type] = {
    "task": str, "evaluated_on": str, "method": str, "reward": str, "variant": str, "metric": str, "primary": bool,
    "higher_is_better": bool, "mean": float, "low": float, "high": float, "seeds": int, "change": float,
    "change_low": float, "change_high": float, "change_df": float, "verdict": str, "no_change_because": str,
    "images": int, "failures": int, "unscored": int, "runs": str,
}  # fmt: skip
"""Numbers are in the evaluator's own units (AP in 0..1). metric is `reward` for the entry's own reward. low and high
are 95% intervals. verdict: better, worse, unclear or empty; runs: run ids, separated by blanks."""


def rows(sections: list[Section]) -> list[dict[str, Any]]:
    """The table in long form, every row with all of COLUMNS."""
    return [
        _row(section, entry, name, cell)
        for section in sections
        for entry in section.entries
        for name, cell in [*entry.cells.items(), *([(REWARD, entry.own_reward)] if entry.own_reward else [])]
    ]


def export(sections: list[Section], folder: Path) -> None:
    """Write table.csv, table.json and table.parquet into `folder`."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    table = rows(sections)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(COLUMNS))
        writer.writeheader()
        writer.writerows(table)
    (folder / "table.json").write_text(json.dumps(table, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    types = {str: arrow.string(), bool: arrow.bool_(), float: arrow.float64(), int: arrow.int64()}
    schema = arrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    parquet.write_table(arrow.Table.from_pylist(table, schema), folder / "table.parquet")


def _row(section: Section, entry: Entry, name: str, cell: Cell) -> dict[str, Any]:
    mean, change = cell.mean, cell.change
    return {
        "task": section.task,
        "evaluated_on": section.dataset,
        "method": entry.method,
        "reward": entry.reward,
        "variant": entry.variant,
        "metric": name,
        "primary": name == section.primary.name,
        "higher_is_better": cell.quantity.higher_is_better,
        "mean": mean.mean if mean else None,
        "low": mean.low if mean and mean.known else None,
        "high": mean.high if mean and mean.known else None,
        "seeds": mean.seeds if mean else 0,
        "change": change.mean if change else None,
        "change_low": change.low if change and change.known else None,
        "change_high": change.high if change and change.known else None,
        "change_df": change.df if change else None,
        "verdict": cell.verdict,
        "no_change_because": cell.why,
        "images": section.images,
        "failures": entry.failures,
        "unscored": entry.unscored,
        "runs": " ".join(run.id for run in entry.runs),
    }
