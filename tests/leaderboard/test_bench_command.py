"""The bench: its rule on made-up numbers, what it keeps of pytest-benchmark's figures, its page, its command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rewardmark.leaderboard import bench
from rewardmark.leaderboard.bench import baseline_of, judge, markdown, read_bench, write_page
from rewardmark.leaderboard.bench.baseline import read_baseline, widened
from rewardmark.leaderboard.bench.measure import cases_folder, tidy
from rewardmark.leaderboard.bench.page import short
from rewardmark.leaderboard.cli import app
from rewardmark.rewards.errors import DataError
from typer.testing import CliRunner


def figures(ratio: float, low: float, high: float) -> dict[str, Any]:
    """pytest-benchmark's JSON with one compared case, one that grows, and one alone."""

    def case(group: str, name: str, extra: dict[str, Any]) -> dict[str, Any]:
        stats = {"median": 0.02, "rounds": 5}
        return {"group": group, "name": f"test_bench_{name}", "stats": stats, "extra_info": extra}

    compared = {"work": "512 <captions>", "ratio:peer": ratio, "spread:peer": [low, high], "seconds:peer": 0.2}
    compared |= {"memory:ours": 1.5, "memory:peer": 12.25}
    grown = {"slope:images": 1.02, "sizes:images": {"10": 0.1, "100": 1.05}}
    return {
        "machine_info": {
            "system": "Linux",
            "release": "6",
            "python_version": "3.11",
            "cpu": {"brand_raw": "C", "count": 2},
        },
        "benchmarks": [
            case("captions", "cider", compared),
            case("captions", "growth[cider]", grown),
            case("scenes", "make", {"images_per_second": 512.0}),
        ],
    }


def made(ratio: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return tidy(figures(ratio, low or ratio, high or ratio), quick=False)


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        ((10, 10, 10), (10, 10, 10), "held"),
        ((10, 10, 10), (30, 30, 30), "held"),  # faster is never wrong
        ((10, 10, 10), (8.81, 8.81, 8.81), "held"),  # without noise: 3 x 4%
        ((10, 10, 10), (8.79, 8.79, 8.79), "fallen"),
        ((10, 9, 11), (7.1, 7.1, 7.1), "held"),  # the baseline was noisy: 3 x 10%
        ((10, 9, 11), (6.9, 6.9, 6.9), "fallen"),
        ((10, 10, 10), (7.1, 6.39, 7.81), "held"),  # the new one is: 3 x 10%
        ((10, 10, 10), (6.9, 6.21, 7.59), "fallen"),
        ((10, 2, 18), (4.1, 0.1, 9), "held"),  # never more than 3 x 20%
        ((10, 2, 18), (3.9, 0.1, 9), "fallen"),
    ],
)
def test_a_ratio_has_fallen_when_it_is_below_the_baseline_by_three_times_the_noise(
    old: tuple[float, float, float], new: tuple[float, float, float], state: str
) -> None:
    (finding,) = judge(made(*new), baseline_of(made(*old)))
    assert (finding.case, finding.peer, finding.state) == ("captions/cider", "peer", state)


def test_a_ratio_that_was_not_measured_is_missing_unless_only_some_were_asked_for() -> None:
    baseline, nothing = baseline_of(made(10)), made(10) | {"cases": []}
    assert [finding.state for finding in judge(nothing, baseline)] == ["missing"]
    assert judge(nothing, baseline, missing=False) == []


def test_a_baseline_holds_ratios_and_no_seconds(tmp_path: Path) -> None:
    baseline = baseline_of(made(10, 9, 11))
    assert baseline["ratios"] == {"captions/cider": {"peer": {"ratio": 10, "low": 9, "high": 11}}}
    assert "seconds" not in json.dumps(baseline)
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps(baseline))
    assert read_baseline(file) == baseline
    for broken in ("{}", "[", "[]"):
        file.write_text(broken)
        with pytest.raises(DataError, match="baseline"):
            read_baseline(file)
        with pytest.raises(DataError, match=r"rewardmark bench"):
            read_bench(file)


def test_what_is_kept_of_a_case() -> None:
    compared, grown, alone = made(10, 9, 11)["cases"]
    assert compared["ratios"] == {"peer": {"ratio": 10, "low": 9, "high": 11, "seconds": 0.2}}
    assert compared["memory"] == {"ours": 1.5, "peer": 12.25}
    assert grown["slopes"] == {"images": {"slope": 1.02, "sizes": {"10": 0.1, "100": 1.05}}}
    assert alone["figures"] == {"images_per_second": 512.0}


def test_the_page_tells_everything_and_stands_alone(tmp_path: Path) -> None:
    text = write_page(made(10, 9, 11), tmp_path, board=False).read_text(encoding="utf-8")
    text = text.replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")
    for part in (
        "10.0",
        "9 to 11.0",
        "200 ms",
        "20 ms",
        "1.5 MB",
        "12.2 MB",
        "1.02",
        "512 &lt;captions&gt;",
        "100: 1.05 s",
    ):
        assert part in text, part
    assert "index.html" not in text
    assert (tmp_path / "assets" / "board.css").is_file()


def test_the_text_tells_every_ratio_with_its_quartiles() -> None:
    bench = made(10, 9, 11)
    text = markdown(bench)
    for case in bench["cases"]:
        for peer, ratio in case["ratios"].items():
            row = next(line for line in text.splitlines() if f"| {peer} | {short(ratio['ratio'])}" in line)
            assert f"| {short(ratio['ratio'])} [{short(ratio['low'])}, {short(ratio['high'])}] |" in row
        for what in case["slopes"]:
            assert f"{case['name']}: {what} |" in text
    assert bench["machine"]["cpu"] in text


def test_the_board_has_the_page_where_there_are_figures(board_runs: Path, board_site: Path, tmp_path: Path) -> None:
    import shutil

    from rewardmark.leaderboard.board import build_board

    assert not (board_site / "bench.html").exists()
    assert "bench.html" not in (board_site / "index.html").read_text(encoding="utf-8")
    runs = tmp_path / "runs"
    shutil.copytree(board_runs, runs)
    (runs / "bench").mkdir()
    (runs / "bench" / "bench.json").write_text(json.dumps(made(10)))
    site = build_board(runs, tmp_path / "site").index.parent
    assert 'href="bench.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert 'href="index.html"' in (site / "bench.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("ratio", "code"), [(10, 0), (3, 1)])
def test_the_command_fails_when_a_ratio_has_fallen(
    ratio: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "measure", lambda quick, only: made(ratio))
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps(baseline_of(made(10))))
    done = CliRunner().invoke(app, ["bench", "--out", str(tmp_path / "runs"), "--compare", str(baseline)])
    assert done.exit_code == code, done.output
    assert ("FALLEN captions/cider beside peer: 3, below 8.8 (baseline 10)" in done.output) == (code == 1)
    assert read_bench(tmp_path / "runs" / "bench" / "bench.json")["cases"][0]["ratios"]["peer"]["ratio"] == ratio
    assert (tmp_path / "runs" / "bench" / "bench.html").is_file()


def test_a_baseline_that_is_none_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "measure", lambda quick, only: pytest.fail("measured"))
    done = CliRunner().invoke(app, ["bench", "--compare", str(tmp_path / "none.json")])
    assert isinstance(done.exception, DataError)


def test_the_cases_are_where_the_command_looks() -> None:
    assert (cases_folder() / "test_bench_captions.py").is_file()
    assert (cases_folder() / "ratios.py").is_file()


@pytest.mark.slow
def test_a_case_is_really_measured() -> None:
    pytest.importorskip("pytest_benchmark")
    (case,) = bench.measure(quick=True, only="caption_reward and rouge and known")["cases"]
    assert case["ratios"]["pycocoevalcap"]["ratio"] > 1
    assert case["memory"]["ours"] >= 0


def test_a_baseline_of_two_runs_forgives_what_lies_between_them() -> None:
    both = widened(baseline_of(made(1.24, 1.23, 1.25)), baseline_of(made(1.08, 1.07, 1.09)))
    (kept,) = (peers["peer"] for peers in both["ratios"].values() if "peer" in peers)
    assert kept == {"ratio": 1.16, "low": 1.07, "high": 1.25}
    assert [f.state for f in judge(made(1.02, 1.01, 1.03), both)] == ["held"]
    assert [f.state for f in judge(made(0.85, 0.85, 0.85), both)] == ["fallen"]
