"""The suite `smoke` as a user runs it: every task and method, from the command line, in under two minutes.

Two minutes of processor time: how long the clock runs depends on what else the machine does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rewardmark.leaderboard.store import Store

LIMIT_SECONDS = 120
HANGS = 900
"""Seconds by the clock, even on a machine that is full."""


def processor_seconds() -> float:
    """Of all processes that this one started, and theirs, that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


@pytest.mark.alone
def test_every_task_and_method_run(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    began = processor_seconds()
    done = subprocess.run(
        [sys.executable, "-m", "rewardmark.leaderboard.cli", "run", "smoke", "--out", str(out), "--device", "cpu"],
        env={**os.environ, "REWARDMARK_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    took = processor_seconds() - began
    assert done.returncode == 0, done.stderr
    store = Store(out)
    runs = [store.read(run_id) for run_id in store.run_ids()]
    tasks = ("detection", "panoptic", "colorization", "captioning")
    programs = {(task, method) for task in ("vqa", "phrases", "matching") for method in ("few-shot", "self-training")}
    assert {(run["spec"]["task"], run["spec"]["method"]) for run in runs} == {
        *((task, method) for task in tasks for method in ("mle", "reinforce")),
        *programs,
        ("vqa", "pretrain-programs"),
        ("vqa", "reinforce-text"),
        *(("vlm", method) for method in ("vlm-base", "vlm", "self-augment", "specialist-augment")),
    }
    for run in runs:
        assert run["reward"]["failures"] == 0
        assert run["reward"]["mean"] is not None
        assert any(metric["primary"] and metric["value"] is not None for metric in run["metrics"].values())
        tuned = run["spec"]["method"] in ("reinforce", "self-training", "reinforce-text", "self-augment")
        assert (run["start_run"] is not None) >= tuned
        assert not any(path.suffix == ".partial" for path in out.iterdir())
    by_label = {run["label"]: run for run in runs}
    assert by_label["vlm-specialists"]["fit"]["sources"] == {"cell:vlm-spatial": by_label["vlm-spatial"]["id"]}
    assert took < LIMIT_SECONDS
