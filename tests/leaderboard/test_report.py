"""The report that is committed: seeds in one row, both decodings, ratios, kinds of error, pictures of scenes only."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from rewardmark.baselines.recaption.cost import read_prices
from rewardmark.leaderboard import report
from rewardmark.leaderboard.board.entries import make_sections
from rewardmark.leaderboard.board.load import read_runs
from rewardmark.leaderboard.report import write_report
from rewardmark.leaderboard.report.cost import captioning_cost
from rewardmark.leaderboard.report.curves import chart
from rewardmark.leaderboard.report.many import forest
from rewardmark.leaderboard.report.tables import change_text, interval_text
from rewardmark.leaderboard.statistics import Interval
from rewardmark.rewards.errors import RewardmarkError


def complete(root: Path) -> None:
    """What the board's fixture leaves out and every stored run has."""
    for file in root.glob("*/run.json"):
        if file.parent.suffix != ".partial":
            run = json.loads(file.read_text())
            run["provenance"] = {"command": "rewardmark run x", "hardware": {"cpu": "CPU", "threads": 1}}
            run["cost"] = {"wall_seconds": 90.0}
            run["spec"]["steps"] = run["spec"].get("steps", 5)
            file.write_text(json.dumps(run))


@pytest.fixture(scope="module")
def runs(board_fixture, tmp_path_factory) -> Path:
    root = board_fixture.write_runs(tmp_path_factory.mktemp("report") / "runs")
    complete(root)
    for file in root.glob("det*/run.json"):
        (file.parent / "explain.json").write_text(json.dumps({"boxes": {"predicted": 3.0}}))
    return root


def test_a_report_of_all_tasks(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.md").write_text("What a person says.")
    text = write_report(runs, tmp_path / "out", "A title").read_text()
    assert text.startswith("# A title\n\nWhat a person says.\n")
    section = make_sections(read_runs(runs))[0]
    ap = section.entries[1].cells["AP"]
    row = next(line for line in text.splitlines() if "| 3 seeds, " in line and "| AP |" in line)
    assert f"{ap.mean.mean:.3f} [{ap.mean.low:.3f}, {ap.mean.high:.3f}]" in row
    assert f"{ap.change.mean:+.3f} [{ap.change.low:+.3f}, {ap.change.high:+.3f}] *real*" in row
    assert f"x {ap.ratio.mean:.3f} [{ap.ratio.low:.3f}, {ap.ratio.high:.3f}]" in row
    assert "| predicted | 3 | 3 | +0 |" in text
    assert text.count("before-after.png") == 4
    for name in ("runs.json", "curves.csv", "explained.json", "detection-reward.svg"):
        assert (tmp_path / "out" / name).is_file()
    with (tmp_path / "out" / "curves.csv").open() as file:
        assert {"run", "name", "step", "curve", "value"} == set(next(csv.DictReader(file)))
    assert Image.open(tmp_path / "out" / "detection-before-after.png").width > 400


def test_many_runs_are_a_row_each_with_all_changes_in_one_picture(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "MANY", 1)
    text = write_report(runs, tmp_path / "out").read_text()
    section = make_sections(read_runs(runs))[0]
    tuned = section.tuned[0]
    row = next(line for line in text.splitlines() if f"| `{tuned.reward}` |" in line)
    assert change_text(tuned.cells["AP"]) in row and interval_text(tuned.cells["AP"].mean) in row
    svg = (tmp_path / "out" / "detection-changes.svg").read_text()
    known = sum(
        e.cells[k].change.known for e in section.tuned for k in e.cells if k.split("@")[0] == "AP" and "," not in k
    )
    assert svg.count("<circle") == known > 0
    assert "detection-reward.svg" not in text and "before-after.png" in text


def test_a_forest_has_its_zero_and_its_dots_in_place() -> None:
    change = Interval(0.5, 0.0, 1.0)
    svg = forest("<t>", ["AP"], [("a & b", [change]), ("none", [None])])
    assert "&lt;t&gt;" in svg and "a &amp; b" in svg and svg.count("<circle") == 1
    at = {name: float(re.search(rf'{name}="([0-9.]+)"', line)[1])
          for line in svg.splitlines() if "<circle" in line for name in ("x1", "x2", "cx")}  # fmt: skip
    assert at["cx"] == pytest.approx((at["x1"] + at["x2"]) / 2, abs=0.1)
    zero = next(line for line in svg.splitlines() if 'stroke="#555"' in line)
    assert f'x1="{at["x1"]:.1f}"' in zero


def test_no_picture_of_data_that_was_not_generated(board_fixture, tmp_path: Path) -> None:
    root = board_fixture.write_runs(tmp_path / "runs", only=("detection",))
    complete(root)
    for file in root.glob("*/run.json"):
        if file.parent.suffix != ".partial":
            run = json.loads(file.read_text())
            run["spec"]["eval_dataset"] = {"name": "coco", "split": "test", "size": 96, "folder": "bccd"}
            file.write_text(json.dumps(run))
    text = write_report(root, tmp_path / "out").read_text()
    assert not list((tmp_path / "out").glob("*.png"))
    assert "before-after" not in text


def test_nothing_to_report_is_said(tmp_path: Path) -> None:
    with pytest.raises(RewardmarkError, match="no finished run"):
        write_report(tmp_path, tmp_path / "out")


def test_a_chart_places_its_points_and_names_its_lines() -> None:
    svg = chart("<t>", [(0, [(0, 0.0), (1, 1.0)])], ["a & b"], across="confidence", unit=True)
    assert "&lt;t&gt;" in svg and "a &amp; b" in svg
    assert '<polyline points="52.0,196.0 348.0,28.0" fill="none" stroke="#0072b2"' in svg  # corner to corner


def run_of(id: str, method: str, start: str | None, seconds: float, texts: float = 0.0) -> dict[str, object]:
    usage = {"fit_seconds": seconds} | ({"recaptioned": texts, "recaption_seconds": texts / 8} if texts else {})
    return {
        "id": id, "name": id, "label": id, "fit": {"key": f"fit-{id}"}, "start_run": start,
        "spec": {"method": method, "dataset": {"n": 1000}},
        "provenance": {"hardware": {"device": "cpu"}},
        "cost": {"wall_seconds": seconds, "usage": usage},
    }  # fmt: skip


def test_captions_cost_what_all_their_rounds_took() -> None:
    runs = [
        run_of("base", "vlm-base", None, 9999.0),
        run_of("round-0", "vlm", "base", 360.0),
        run_of("round-1", "self-augment", "round-0", 360.0, 1000.0),
        {**run_of("round-1", "self-augment", "round-0", 360.0, 1000.0), "id": "judged elsewhere"},
        run_of("round-2", "self-augment", "round-1", 720.0, 1000.0),
    ]
    text = "\n".join(captioning_cost(runs))
    hour = read_prices().machine("cpu-2").usd_per_hour
    one, two = 125 / 3600 * hour, (250 + 1440) / 3600 * hour
    assert f"| round-1 | cpu-2 | 8 | {one:.3g} | 1 | 12 | {(125 + 720) / 3600 * hour:.3g} |" in text
    assert f"| round-2 | cpu-2 | 8 | {one:.3g} | 2 | 24 | {two:.3g} | {36 / two:.3g} x |" in text
    assert f"| here, to round-2, 2 passes and training | {two:.4g} |" in text
    assert "| people | 36 | 1 x |" in text


def test_runs_without_captions_have_no_cost_section() -> None:
    assert list(captioning_cost([run_of("a", "reinforce", None, 10.0)])) == []
