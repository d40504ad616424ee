"""A report that can be committed: tables, curves and specs of finished runs, without weights, pictures or texts of
the data.

python -m rewardmark.leaderboard.report runs reports/bccd
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.changes import paired_change
from rewardmark.leaderboard.store import Store
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["write_report"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito's palette, told apart with every kind of colour vision."""


def write_report(runs: Path, out: Path, title: str | None = None) -> Path:
    """Write `out/README.md`, `out/runs.json`, `out/curves.csv` and one SVG a curve from the finished runs in `runs`.

    What stands in `out/notes.md` is put under the heading. Raises RewardmarkError when there is no finished run.
    """
    from pyarrow import parquet

    store = Store(runs)
    found = sorted((store.read(run_id) for run_id in store.run_ids()), key=_order)
    if not found:
        raise RewardmarkError(f"{runs}: no finished run to report; `rewardmark run SUITE --out {runs}` makes some")
    out.mkdir(parents=True, exist_ok=True)
    (out / "runs.json").write_text(json.dumps(found, indent=1) + "\n")
    rows = []
    for run in found:
        for row in parquet.read_table(store.path(run["id"]) / "curves.parquet").to_pylist():
            rows.append(
                {
                    "run": run["id"],
                    "name": run["name"],
                    "step": row["step"],
                    "curve": row["name"],
                    "value": row["value"],
                }
            )
    with (out / "curves.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["run", "name", "step", "curve", "value"])
        writer.writeheader()
        writer.writerows(rows)
    pictures = _pictures(found, rows, out)
    heading = title or ", ".join(sorted({run["suite"] for run in found}))
    notes = out / "notes.md"  # what a person has to say about it; kept when the report is made again
    said = [notes.read_text().strip(), ""] if notes.is_file() else []
    lines = [f"# {heading}", "", *said, *_how(found), "", *_tables(store, found), *_curve_list(pictures), ""]
    (out / "README.md").write_text("\n".join(lines))
    return out / "README.md"


def _order(run: dict[str, Any]) -> tuple[str, bool, str, str, int]:
    spec = run["spec"]
    return spec["task"], spec["method"] != "mle", json.dumps(spec["decoding"]), run["name"], spec["seed"]


def _how(found: list[dict[str, Any]]) -> Iterable[str]:
    commands = list(dict.fromkeys(f"`{run['provenance']['command']}`" for run in found))
    hardware = found[0]["provenance"]["hardware"]
    minutes = sum(run["cost"]["wall_seconds"] for run in found) / 60
    place = f"{hardware.get('cpu')} ({hardware.get('threads')} threads a run, {hardware.get('device')})"
    yield f"Made by {', '.join(commands)}: {len(found)} runs, {minutes:.0f} minutes in all on {place}."
    yield "Specs, versions and costs: [runs.json](runs.json); curves: [curves.csv](curves.csv)."
    yield ""
    yield "Intervals are 95%, by bootstrap over the held-out images; a change is paired with the run's own start,"
    yield "image by image. *Real* means that the interval of the change leaves out zero."


def _tables(store: Store, found: list[dict[str, Any]]) -> Iterable[str]:
    for task in dict.fromkeys(run["spec"]["task"] for run in found):
        runs = [run for run in found if run["spec"]["task"] == task]
        metrics = [name for name, metric in runs[0]["metrics"].items() if metric["value"] not in (None, -1.0)]
        metrics.sort(key=lambda name: not runs[0]["metrics"][name]["primary"])
        data = runs[0]["spec"]["eval_dataset"]
        yield f"## {task}"
        yield ""
        held_out = f"{data.get('folder', data['name'])}, split `{data['split']}`, {data['size']} px"
        yield f"Held-out images: {runs[0]['images']} of {held_out}."
        yield ""
        yield (
            "| run | own reward | change | "
            + " | ".join(f"{name} | change" for name in metrics[:1])
            + " | failed | seconds |"
        )
        yield "|---|--:|--:|" + "--:|--:|" * len(metrics[:1]) + "--:|--:|"
        for run in runs:
            cells = [f"{run['name']} (seed {run['spec']['seed']}, {run['spec']['steps']} steps)"]
            cells += [
                _interval({**run["reward"], "value": run["reward"]["mean"]}),
                _change(paired_change(store, run, "reward")),
            ]
            for name in metrics[:1]:
                cells += [_interval(run["metrics"][name]), _change(paired_change(store, run, name))]
            cells += [str(run["reward"]["failures"]), f"{run['cost']['wall_seconds']:.0f}"]
            yield "| " + " | ".join(cells) + " |"
        yield ""
        yield "| official metric | " + " | ".join(run["name"] for run in runs) + " |"
        yield "|---|" + "--:|" * len(runs)
        for name in metrics:
            yield f"| {name} | " + " | ".join(_interval(run["metrics"][name]) for run in runs) + " |"
        yield ""


def _interval(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return "-"
    if row["low"] is None or row["high"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _change(row: dict[str, float | None] | None) -> str:
    if row is None:
        return ""
    low, high = row["low"], row["high"]
    real = low is not None and high is not None and (low > 0 or high < 0)
    return f"{row['value']:+.3f} [{low:+.3f}, {high:+.3f}]" + (" *real*" if real else "") if low is not None else ""


def _curve_list(pictures: list[tuple[str, str]]) -> Iterable[str]:
    if pictures:
        yield "## Curves"
        yield ""
        for name, file in pictures:
            yield f"![{name}]({file})"


def _pictures(found: list[dict[str, Any]], rows: list[dict[str, Any]], out: Path) -> list[tuple[str, str]]:
    """One SVG a task and curve: reward, validation metrics, losses, and so on; a line a run."""
    made = []
    for task in dict.fromkeys(run["spec"]["task"] for run in found):
        runs = [run for run in found if run["spec"]["task"] == task]
        ids = {run["id"] for run in runs}
        names = sorted(
            {row["curve"] for row in rows if row["run"] in ids},
            key=lambda n: (not n.startswith("val/"), n != "reward", n),
        )
        for name in names:
            if name.startswith("seconds_"):
                continue
            lines = []
            for run in runs:
                points = [(r["step"], r["value"]) for r in rows if r["run"] == run["id"] and r["curve"] == name]
                if len(points) > 1:
                    lines.append((run["name"], points))
            if lines:
                file = f"{task}-{name.replace('/', '-')}.svg"
                (out / file).write_text(_chart(f"{task}: {name}", lines))
                made.append((f"{task}: {name}", file))
    return made


def _chart(title: str, lines: list[tuple[str, list[tuple[float, float]]]]) -> str:
    """A line chart, 360 px wide, its legend below in rows of three."""
    legend = 14 * ((len(lines) + 2) // 3)
    width, height, left, top, right, bottom = 360, 220 + legend, 52, 28, 12, 24 + legend
    xs = [x for _, points in lines for x, _ in points]
    ys = [y for _, points in lines for _, y in points]
    low, high = min(ys), max(ys)
    if high == low:
        low, high = low - 0.5, high + 0.5
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)
    last = max(max(xs), 1)

    def place(x: float, y: float) -> str:
        across = left + x / last * (width - left - right)
        return f"{across:.1f},{top + (high - y) / (high - low) * (height - top - bottom):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="10" role="img" aria-label="{escape(title)}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{left}" y="16" font-size="12" font-weight="bold" fill="#222">{escape(title)}</text>',
    ]
    for k in range(4):
        value = low + (high - low) * (k + 0.5) / 4
        x, y = place(0, value).split(",")
        parts.append(f'<line x1="{x}" y1="{y}" x2="{width - right}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 5}" y="{float(y) + 3:.1f}" text-anchor="end" fill="#555">{value:.3g}</text>')
    below = height - legend - 9
    parts.append(f'<text x="{left}" y="{below}" fill="#555">0</text>')
    parts.append(f'<text x="{width - right}" y="{below}" text-anchor="end" fill="#555">{last:g} steps</text>')
    for k, (name, points) in enumerate(lines):
        colour = COLOURS[k % len(COLOURS)]
        drawn = " ".join(place(x, y) for x, y in points)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        across, down = 8 + 118 * (k % 3), height - legend + 8 + 14 * (k // 3)
        parts.append(f'<text x="{across}" y="{down}" font-weight="bold" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit("usage: python -m rewardmark.leaderboard.report RUNS OUT [TITLE]")
    print(write_report(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
