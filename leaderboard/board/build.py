"""The page itself: a pure function from a folder of runs to index.html, its assets and the table's data."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.bench.measure import FILE, read_bench
from rewardmark.leaderboard.bench.page import write_page
from rewardmark.leaderboard.board.curves import curve_panels
from rewardmark.leaderboard.board.entries import Entry, Section, make_sections
from rewardmark.leaderboard.board.explained import explained
from rewardmark.leaderboard.board.export import export
from rewardmark.leaderboard.board.load import RunFolder, read_runs
from rewardmark.leaderboard.board.numbers import duration, figure, interval_text, number
from rewardmark.leaderboard.board.publish import MARK, replaced
from rewardmark.leaderboard.board.samples import write_gallery
from rewardmark.leaderboard.board.summary import Facts, facts, headline, run_rows, whiskers

__all__ = ["Built", "build_board"]

BOARD_SCHEMA = 1
_HERE = Path(__file__).parent
_SHOWN_METRICS = 3
"""Official metrics that the table shows before a reader asks for all of them."""


@dataclass(frozen=True)
class Built:
    """What was built: the page, and what is on it."""

    index: Path
    runs: int
    entries: int
    tasks: list[str]
    unfinished: int


def build_board(runs: Path, out: Path) -> Built:
    """Build the page of the runs under `runs` in the folder `out`; the same runs give the same bytes.

    Figures of `rewardmark bench` in `runs` become a page of their own, bench.html.
    Audits in `runs` (audits/audit.json) become pages under audit/, linked from the names of the rewards.
    `out` gets index.html, assets/ (style, scripts, pictures, samples) and data/ (the table as CSV, JSON and Parquet).
    It is replaced as a whole when everything is written.

    Raises: DataError for a broken run, no finished run, or an `out` that holds something else than a board.
    """
    folder = read_runs(Path(runs))
    sections = make_sections(folder)
    with replaced(Path(out)) as new:
        assets = new / "assets"
        shutil.copytree(_HERE / "assets", assets, ignore=shutil.ignore_patterns("__pycache__"))
        galleries = {section.key: write_gallery(section, assets) for section in sections}
        export(sections, new / "data")
        mark = {"rewardmark_board": BOARD_SCHEMA, "runs": sorted(folder.by_id), "tasks": [s.task for s in sections]}
        (new / MARK).write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")
        figures = Path(runs) / FILE
        speed = figures.is_file()
        if speed:
            write_page(read_bench(figures), new)
        audits = _audit_pages(Path(runs), new)
        page = _page(folder, sections, galleries, facts(folder), speed, audits)
        (new / "index.html").write_text(page, encoding="utf-8")
    return Built(
        Path(out) / "index.html",
        len(folder.runs),
        sum(len(section.entries) for section in sections),
        list(dict.fromkeys(section.task for section in sections)),
        len(folder.unfinished),
    )


def _audit_pages(runs: Path, new: Path) -> dict[str, str]:
    """Reward name -> its card; imported here, since the audit's pages draw with the board's own tools."""
    from rewardmark.leaderboard.audit.pages.board import copy_audit

    return copy_audit(runs, new)


def _page(
    folder: RunFolder,
    sections: list[Section],
    galleries: dict[str, Any],
    about: Facts,
    speed: bool,
    audits: dict[str, str],
) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "number": number}
    environment.globals |= {
        "explained": explained,
        "figure": figure,
        "interval_text": interval_text,
        "number": number,
        "run_rows": run_rows,
        "whiskers": whiskers,
    }
    return environment.get_template("index.html.j2").render(
        about=about,
        speed=speed,
        audits=audits,
        headline=headline(sections),
        sections=sections,
        folder=folder,
        shown_metrics=_SHOWN_METRICS,
        methods=sorted({entry.method for section in sections for entry in section.entries}),
        rewards=sorted({entry.reward for section in sections for entry in section.entries if entry.reward}),
        page_data=_page_data(sections, galleries),
    )


def _page_data(sections: list[Section], galleries: dict[str, Any]) -> dict[str, Any]:
    """What the page's scripts need: entries, curves, and where the samples are. Free of NaN, so that it is JSON."""
    return {
        "sections": [
            {
                "key": section.key,
                "task": section.task,
                "score": {
                    "name": section.score.name,
                    "scale": section.score.scale,
                    "digits": section.score.digits,
                    "undefined": section.score.undefined,
                },
                "entries": [_entry_data(entry) for entry in section.entries],
                "panels": curve_panels(section),
                "gallery": galleries[section.key],
            }
            for section in sections
        ]
    }


def _entry_data(entry: Entry) -> dict[str, Any]:
    return {
        "index": entry.index,
        "label": entry.label,
        "method": entry.method,
        "reward": entry.reward,
        "tuned": any(entry.starts),
        "runs": [
            {"id": run.id, "seed": str(run.seed), "start": start.id if start else None}
            for run, start in zip(entry.runs, entry.starts, strict=True)
        ],
    }
