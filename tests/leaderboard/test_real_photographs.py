"""The harness on real photographs (BCCD, given by REWARDMARK_REAL_DATA), trained by the toy method: no cores needed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rewardmark.leaderboard.cell import Context
from rewardmark.leaderboard.data import Splits
from rewardmark.leaderboard.harness import run_plan
from rewardmark.leaderboard.plan import plan_suite
from rewardmark.leaderboard.store import Store
from rewardmark.leaderboard.suite import load_suite

REAL = os.environ.get("REWARDMARK_REAL_DATA")
pytestmark = pytest.mark.skipif(not REAL, reason="REWARDMARK_REAL_DATA is not set")

CELL = """
[[cell]]
task = "brightness"
method = "toy"
model = "toy-model"
steps = 3
dataset = { name = "coco", split = "train", size = 96, n = 5 }
evaluation = { name = "coco", split = "test", size = 96, n = 4 }
"""


def test_real_data_given_by_path_runs_and_is_known_by_its_content(
    plugin: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    suite = load_suite(write(CELL, defaults=False))
    moved = tmp_path / "elsewhere"
    shutil.copytree(Path(REAL or "") / "bccd", moved)
    here = Splits(Path(REAL or "") / "bccd")
    plans = [plan_suite(suite, splits) for splits in (here, Splits(moved))]
    assert plans[0].cells[0].run_id == plans[1].cells[0].run_id
    context = Context(plans[0], Store(tmp_path / "runs"), here, threads=1)
    assert [outcome.state for outcome in run_plan(context)] == ["finished"]
    run = context.store.read(plans[0].cells[0].run_id)
    assert run["images"] == 4
    assert run["spec"]["eval_dataset"] == {"name": "coco", "split": "test", "size": 96, "n": 4, "folder": "bccd"}
    assert str(REAL) not in (context.store.path(run["id"]) / "run.json").read_text()
