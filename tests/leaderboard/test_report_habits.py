"""The table of what a corpus gets wrong: questions sorted by the corpus, seeds together, corrections beside plain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rewardmark.baselines.llm.corpus import error_rates, exercises_of, form_of, standing
from rewardmark.leaderboard.board.load import read_runs
from rewardmark.leaderboard.report.habits import corpus_habits
from rewardmark.leaderboard.store import Store
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks import get_task
from rewardmark.tasks.dataset_spec import DatasetSpec

CORPUS = {"name": "scenes", "split": "train", "size": 48, "n": 60, "seed": 11, "difficulty": "standard"}
JUDGED = {**CORPUS, "split": "test", "n": 12, "seed": 1}
RATE = 0.4


FEWER = 3


def spec(**change: Any) -> dict[str, Any]:
    return {"task": "vqa", "eval_dataset": JUDGED, "dataset": CORPUS, "options": {}, "seed": 0, **change}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Plain self-training gets wrong what the corpus hardly ever has right, with corrections nothing; two seeds."""
    corpus = get_task("vqa").open(DatasetSpec.from_dict(CORPUS))
    rates = error_rates([exercise.kind for exercise in exercises_of("vqa", corpus)], RATE)
    samples = list(get_task("vqa").open(DatasetSpec.from_dict(JUDGED)))
    kinds = [f"vqa: {form_of(sample.programs[0])}" for sample in samples]
    persistent = [kind in rates and standing(rates[kind]) == "persistent" for kind in kinds]
    assert any(persistent) and not all(persistent)
    plain = spec(method="self-training", start_name="cell:frozen")
    runs = {
        "read": ("pretrained", spec(method="pretrain-programs", start_name=None, options={"rate": RATE})),
        "few": ("frozen", spec(method="few-shot", start_name="cell:pretrained")),
        **{f"p{k}": ("plain", {**plain, "seed": k}) for k in (0, 1)},
        **{f"c{k}": ("corrected", {**plain, "seed": k, "options": {"corrections": "x"}}) for k in (0, 1)},
        "fewer": ("frozen", spec(method="few-shot", start_name="cell:pretrained", eval_dataset={**JUDGED, "n": FEWER})),
        "alien": ("alien", spec(method="few-shot", start_name="someone/else")),
    }
    for name, (label, each) in runs.items():
        folder = tmp_path / name
        folder.mkdir()
        hashed = f"h{each['eval_dataset']['n']}"
        run = {"id": name, "label": label, "spec": each, "evaluation_hash": hashed, "schema": 1, "metrics": {}}
        (folder / "run.json").write_text(json.dumps(run))
        scores = [0.0 if wrong and label == "plain" else 1.0 for wrong in persistent]
        ids, images = [sample.id for sample in samples], [k // 2 for k in range(len(samples))]
        rows = {"sample_id": ids, "image_id": images, "score": scores, "reward": scores, "outcome": "ok"}
        pd.DataFrame(rows).to_parquet(folder / "samples.parquet")
    return tmp_path


def lines_of(folder: Path, *names: str) -> list[str]:
    kept = read_runs(folder).runs
    return list(corpus_habits([Store(folder).read(name) for name in names], kept))


def test_what_corrections_mend_is_seen_where_the_corpus_is_never_right(folder: Path) -> None:
    lines = lines_of(folder, "read", "few", "p0", "p1", "c0", "c1", "alien")
    rows = {cells[1].strip(): cells for cells in (line.split("|") for line in lines) if len(cells) > 5}
    assert "### 40% of the corpus wrong; split test, 12 scenes" in lines
    assert [rows[name][2].strip() for name in ("frozen", "plain", "corrected")] == ["1", "2", "2"]
    assert [rows[name][-2].strip()[:5] for name in ("frozen", "plain", "corrected")] == ["1.000", "0.000", "1.000"]
    assert [rows[name][3].strip()[:5] for name in ("plain", "corrected")] == ["1.000", "1.000"]
    assert rows["*corrected less plain*"][-2].strip().startswith("+1.000")
    assert rows["*corrected less plain*"][3].strip().startswith("+0.000")
    assert "alien" not in rows


def test_a_split_judged_on_two_numbers_of_scenes_is_two_tables(folder: Path) -> None:
    lines = lines_of(folder, "read", "few", "fewer")
    heads = [line for line in lines if line.startswith("### ")]
    assert heads == [f"### 40% of the corpus wrong; split test, {n} scenes" for n in (12, FEWER)]
    assert sum(line.startswith("| frozen | 1 |") for line in lines) == 2


def test_runs_of_other_models_have_no_such_table(folder: Path) -> None:
    assert lines_of(folder, "alien") == []


def test_seeds_with_other_samples_are_refused(folder: Path) -> None:
    table = pd.read_parquet(folder / "p1" / "samples.parquet")
    table.iloc[1:].to_parquet(folder / "p1" / "samples.parquet")
    with pytest.raises(RewardmarkError, match="judged on different samples"):
        lines_of(folder, "read", "few", "p0", "p1")
