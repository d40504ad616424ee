"""From runs to rows: which runs are one entry, what they are compared with, and when a change may be stated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from rewardmark.leaderboard.board.entries import Section, make_sections
from rewardmark.leaderboard.board.load import read_runs
from rewardmark.leaderboard.statistics import t_quantile


def change_run(folder: Path, **changes) -> None:
    """Set fields of run.json; spec_X sets spec["X"]."""
    run = json.loads((folder / "run.json").read_text())
    for key, value in changes.items():
        place = run["spec"] if key.startswith("spec_") else run
        place[key.removeprefix("spec_")] = value
    (folder / "run.json").write_text(json.dumps(run))


@pytest.fixture
def detection(board_fixture, tmp_path) -> Path:
    return board_fixture.write_runs(tmp_path / "runs", only=("detection",))


def only_section(runs: Path) -> Section:
    (section,) = make_sections(read_runs(runs))
    return section


def test_seeds_of_one_cell_are_one_entry_and_the_start_comes_first(board_runs):
    sections = make_sections(read_runs(board_runs))
    assert [section.task for section in sections] == ["detection", "panoptic", "colorization", "captioning"]
    detection = sections[0]
    assert [(entry.label, entry.seeds) for entry in detection.entries] == [
        ("mle", [0]),
        ("reinforce · detection/recall", [0, 1, 2]),
        ("reinforce · detection/f1", [0, 1]),
    ]
    assert detection.entries[0].is_start and detection.primary.name == "AP"


def test_a_chain_of_starts_is_in_its_order_and_names_count(detection):
    runs = read_runs(detection)
    (start,) = [run for run in runs.runs if run.method == "mle"]
    tuned = [run for run in runs.runs if run.method != "mle"]
    before = start.id
    for number, run in zip((2, 10, 9), tuned[:3], strict=True):  # each from the one before
        change_run(run.folder, start_run=before, name=f"round-{number}", spec_method=f"{'zyx'[number % 3]}-tuned")
        before = run.id
    for number, run in zip((10, 9), tuned[3:5], strict=True):
        change_run(run.folder, name=f"end-{number}", spec_method="mle", spec_seed=0, spec_steps=number)
    entries = only_section(detection).entries
    names = [entry.runs[0].file.name for entry in entries]
    assert names[:3] == [start.file.name, "round-2", "round-10"]
    assert [name for name in names if name.startswith("end")] == ["end-9", "end-10"]
    assert [entry.is_start for entry in entries].index(False) == 3


def test_values_are_those_of_the_runs_and_one_seeds_interval_is_that_of_its_replicates(detection):
    section = only_section(detection)
    mle = section.entries[0]
    stored = mle.runs[0].file.metrics["AP"]
    mean = mle.cells["AP"].mean
    drawn = mle.runs[0].replicates["AP"]
    moved = drawn.var(ddof=1) + (drawn.mean() - stored.value) ** 2
    half = t_quantile(0.95, section.images - 1) * moved**0.5
    expected = stored.value, stored.value - half, stored.value + half
    assert (mean.mean, mean.low, mean.high) == pytest.approx(expected, rel=1e-12)
    tuned = section.entries[1].cells["AP"]
    values = [run.file.metrics["AP"].value for run in section.entries[1].runs]
    assert tuned.mean.mean == pytest.approx(np.mean(values))
    assert tuned.change.mean == pytest.approx(np.mean(values) - stored.value)
    assert tuned.start_mean == pytest.approx(stored.value)
    assert tuned.verdict == "better"


def test_a_metric_where_less_is_better_is_judged_the_other_way(board_runs):
    colorization = make_sections(read_runs(board_runs))[2]
    cells = colorization.entries[1].cells
    assert cells["frechet_scenes_features"].change.mean < 0
    assert cells["frechet_scenes_features"].verdict == "better"
    assert cells["psnr"].change.mean < 0 and cells["psnr"].verdict == "worse"


def test_cocos_minus_one_is_no_value(detection):
    cell = only_section(detection).entries[1].cells["APl"]
    assert cell.mean is None and cell.change is None and cell.why == "not defined on this data"


def test_a_rewards_change_needs_the_start_scored_by_the_same_reward(detection):
    recall, f1 = only_section(detection).entries[1:]
    assert recall.own_reward.change is not None
    assert f1.own_reward.change is None and f1.own_reward.why == "the start was scored by another reward"
    assert f1.cells["AP"].change is not None


def test_a_change_is_not_stated_against_other_images(detection):
    for folder in detection.glob("detrreca*"):
        change_run(folder, evaluation_hash="00" * 32)
    sections = make_sections(read_runs(detection))
    moved = next(section for section in sections if len(section.entries) == 1)
    cell = moved.entries[0].cells["AP"]
    assert cell.change is None and cell.why == "the start was judged on other images"


def test_a_start_that_is_not_on_the_board_is_said(detection):
    shutil.rmtree(next(detection.glob("detm*")))
    cell = only_section(detection).entries[0].cells["AP"]
    assert cell.change is None and cell.why == "its start is not on this board"


def test_entries_that_differ_only_in_a_setting_say_which(detection):
    for folder in detection.glob("detrreca1*"):
        change_run(folder, spec_options={"samples": 16})
    labels = [entry.label for entry in only_section(detection).entries]
    assert "reinforce · detection/recall (samples 16)" in labels
    assert "reinforce · detection/recall (samples 8)" in labels


def test_starts_named_by_seed_are_one_start(detection):
    for folder in detection.glob("detr*"):
        seed = json.loads((folder / "run.json").read_text())["spec"]["seed"]
        change_run(folder, spec_start_name=f"cell:mle-detection seed={seed}")
    assert len(only_section(detection).entries) == 3


def test_a_run_of_an_older_version_is_another_entry_and_not_another_seed(detection):
    folder = next(detection.glob("detrreca2*"))
    versions = json.loads((folder / "run.json").read_text())["versions"]
    change_run(folder, spec_seed=0, versions=versions | {"method": "2"})
    labels = [(entry.label, entry.seeds) for entry in only_section(detection).entries]
    assert ("reinforce · detection/recall (method version 2)", [0]) in labels
    assert ("reinforce · detection/recall (method version 1)", [0, 1]) in labels


def test_one_seed_from_two_starts_is_two_entries(detection):
    change_run(next(detection.glob("detrreca2*")), spec_seed=0, spec_start="ab" * 32)
    labels = [(entry.label, entry.seeds) for entry in only_section(detection).entries]
    assert ("reinforce · detection/recall (start abababab)", [0]) in labels
    assert ("reinforce · detection/recall (start 9f9f9f9f)", [0, 1]) in labels


def test_failures_and_unscored_are_summed_over_seeds(detection):
    recall = only_section(detection).entries[1]
    assert (recall.failures, recall.unscored) == (1, 3)


def test_sections_of_one_task_are_told_apart_by_what_differs_in_their_data(detection):
    folders = [run.folder for run in read_runs(detection).runs]
    data = json.loads((folders[0] / "run.json").read_text())["spec"]["eval_dataset"]
    other = {"compositional": {**data, "split": "compositional"}, "more": {**data, "n": 5000}}
    for folder, (name, changed) in zip(folders, other.items(), strict=False):
        change_run(folder, spec_eval_dataset=changed, evaluation_hash=name)
    sections = make_sections(read_runs(detection))
    here = f"detection · {data['name']} {data['split']}"
    titles = {f"{here}, {data['n']} images", f"{here}, 5000 images", f"detection · {data['name']} compositional"}
    assert {section.title for section in sections} == titles
    assert len({section.key for section in sections}) == 3
