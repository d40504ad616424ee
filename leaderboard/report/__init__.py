"""A report that can be committed: tables, curves and specs of finished runs, without weights, and without pictures or
texts of data that was not generated.

python -m rewardmark.leaderboard.report runs reports/bccd
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.board.curves import thin
from rewardmark.leaderboard.board.entries import Section, make_sections
from rewardmark.leaderboard.board.load import read_runs
from rewardmark.leaderboard.report.cost import captioning_cost
from rewardmark.leaderboard.report.curves import curve_pictures
from rewardmark.leaderboard.report.habits import corpus_habits
from rewardmark.leaderboard.report.many import MANY, choosing
from rewardmark.leaderboard.report.pictures import before_and_after
from rewardmark.leaderboard.report.tables import entry_names, tables
from rewardmark.leaderboard.store import Store
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["write_report"]


def write_report(runs: Path, out: Path, title: str | None = None) -> Path:
    """Write `out/README.md`, `out/runs.json`, `out/explained.json`, `out/curves.csv`, an SVG a curve, and for generated
    data a PNG a task (the same images, start and tuned) from the finished runs in `runs`.

    Runs that differ in their seed alone are one row. What stands in `out/notes.md` is put under the heading. Raises
    RewardmarkError when there is no finished run.
    """
    store = Store(runs)
    if next(store.run_ids(), None) is None:
        raise RewardmarkError(f"{runs}: no finished run to report; `rewardmark run SUITE --out {runs}` makes some")
    folder = read_runs(runs)
    sections = make_sections(folder)
    found = [store.read(run.id) for section in sections for entry in section.entries for run in entry.runs]
    out.mkdir(parents=True, exist_ok=True)
    (out / "runs.json").write_text(json.dumps(found, indent=1) + "\n")
    explanations = {run.id: run.explanation for run in folder.runs if run.explanation is not None}
    (out / "explained.json").write_text(json.dumps(explanations, indent=1) + "\n")
    with (out / "curves.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "name", "step", "curve", "value"])
        for section in sections:
            for entry in section.entries:
                for run in entry.runs:
                    for name, points in run.curves.items():
                        rows = zip(*thin(points, KEPT_POINTS), strict=True)
                        writer.writerows([run.id, run.file.name, step, name, f"{value:.6g}"] for step, value in rows)
    heading = title or ", ".join(sorted({str(run["suite"]) for run in found}))
    notes = out / "notes.md"  # what a person has to say about it; kept when the report is made again
    said = [notes.read_text().strip(), ""] if notes.is_file() else []
    lines = [f"# {heading}", "", *said, *_how(found), ""]
    for section in sections:
        lines += _section(section, out)
    lines += captioning_cost(found)
    lines += corpus_habits(found, folder.runs)
    (out / "README.md").write_text("\n".join(lines).rstrip("\n") + "\n")
    return out / "README.md"


KEPT_POINTS = 40
"""Points of a curve in curves.csv; a longer one is averaged over equal stretches. All of them are in the runs."""
FEW_COMMANDS = 3
"""A suite that was filled over many commands is named instead of them."""


def _how(found: list[dict[str, Any]]) -> Iterable[str]:
    commands = list(dict.fromkeys(f"`{run['provenance']['command']}`" for run in found))
    if len(commands) > FEW_COMMANDS:
        commands = [f"`rewardmark run {name}`" for name in dict.fromkeys(str(run["suite"]) for run in found)]
        commands[-1] += " in parts (each run's own command is in runs.json)"
    hardware = found[0]["provenance"]["hardware"]
    minutes = sum(run["cost"]["wall_seconds"] for run in found) / 60
    place = f"{hardware.get('cpu')} ({hardware.get('threads')} threads a run, {hardware.get('device')})"
    yield f"Made by {', '.join(commands)}: {len(found)} runs, {minutes:.0f} minutes in all on {place}."
    yield "Specs, versions and costs: [runs.json](runs.json); curves: [curves.csv](curves.csv); kinds of error:"
    yield "[explained.json](explained.json)."
    yield ""
    yield "Intervals are 95%: for one seed by bootstrap over the held-out images; for several, of the mean over seeds,"
    yield "from the variance over images and between seeds. A change and a ratio are paired with the run's own start,"
    yield "seed by seed and image by image. *Real* means that the interval of the change leaves out zero. `@sample` is"
    yield "the sampled decoding (temperature 1) beside the greedy one; *best decoding* takes each model, start or"
    yield "tuned, in whichever of its decodings was best on the validation images. `@full` is greedy and never stops"
    yield "before the sequence is full: the simplest cure of a detector that stops early."


def _section(section: Section, out: Path) -> Iterator[str]:
    names = entry_names(section)
    many = len(section.entries) > MANY
    yield from choosing(section, names, out) if many else tables(section, names)
    picture = before_and_after(section, names, out)
    if picture is not None:
        yield from ["### The same images, before and after", "", f"![{picture[0]}]({picture[1]})", "", picture[0], ""]
    pictures = [] if many else curve_pictures(section, names, out)
    if pictures:
        yield from [f"### Curves of {section.title}", "", *(f"![{name}]({file})" for name, file in pictures), ""]
