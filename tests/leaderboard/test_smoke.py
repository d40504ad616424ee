"""The suite `smoke` as a user runs it: all four tasks and both methods, from the command line, in under 90 seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from rewardmark.leaderboard.store import Store

LIMIT_SECONDS = 90


def test_every_task_and_both_methods_run(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "rewardmark.leaderboard.cli", "run", "smoke", "--out", str(out), "--device", "cpu"],
        env={**os.environ, "REWARDMARK_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    store = Store(out)
    runs = [store.read(run_id) for run_id in store.run_ids()]
    tasks = ("detection", "panoptic", "colorization", "captioning")
    assert {(run["spec"]["task"], run["spec"]["method"]) for run in runs} == {
        (task, method) for task in tasks for method in ("mle", "reinforce")
    }
    for run in runs:
        assert run["reward"]["failures"] == 0
        assert run["reward"]["mean"] is not None
        assert any(metric["primary"] and metric["value"] is not None for metric in run["metrics"].values())
        assert (run["start_run"] is not None) == (run["spec"]["method"] == "reinforce")
        assert not any(path.suffix == ".partial" for path in out.iterdir())
    assert took < LIMIT_SECONDS
