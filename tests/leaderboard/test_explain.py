"""Where a result comes from: each number on a case known by hand, and the command on a stored run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewardmark.leaderboard.data import Splits
from rewardmark.leaderboard.explain import comparison, explain, explain_run, markdown, read_explanation
from rewardmark.leaderboard.explain.captioning import endings, hallucinations
from rewardmark.leaderboard.explain.colorization import hues
from rewardmark.leaderboard.explain.detection import oracles
from rewardmark.leaderboard.store import Store
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.base import get_task
from rewardmark.tasks.coco import CocoSplit, DatasetSpec, open_split
from rewardmark.tasks.detection.evaluate import evaluate, tide_errors
from rewardmark.tasks.detection.records import Results, Truths

SCENES = {"name": "scenes", "split": "val", "n": 6, "seed": 5, "size": 48, "difficulty": "standard"}


def truths(boxes: list[list[float]], classes: list[int], crowd: list[bool] | None = None) -> Truths:
    n, corners = len(boxes), np.array(boxes, dtype=np.float64).reshape(-1, 4)
    return Truths(
        [{"id": 1, "width": 100, "height": 100}],
        [{"id": k, "name": str(k)} for k in (1, 2)],
        np.arange(n) + 1,
        np.ones(n, dtype=np.int64),
        np.array(classes),
        corners,
        corners[:, 2] * corners[:, 3],
        np.array(crowd or [False] * n),
    )


def results(boxes: list[list[float]], classes: list[int], scores: list[float]) -> Results:
    corners = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    return Results(np.ones(len(scores), dtype=np.int64), np.array(classes), np.array(scores), corners)


def test_oracles_by_hand() -> None:
    true = truths([[0, 0, 10, 10], [50, 50, 10, 10]], [1, 2])
    # half of the first; all of the second in the wrong class; nothing at all
    made = oracles(true, results([[0, 0, 10, 5], [50, 50, 10, 10], [80, 80, 5, 5]], [1, 1, 1], [0.9, 0.8, 0.7]))
    np.testing.assert_allclose(made["confidences"].scores, [0.5, 0.0, 0.0])
    assert made["classes"].category_ids.tolist() == [1, 2, 1]
    assert made["boxes"].boxes is not None
    assert made["boxes"].boxes.tolist() == [[0, 0, 10, 10], [50, 50, 10, 10], [80, 80, 5, 5]]


def test_a_duplicate_stays_a_duplicate_and_crowds_put_nothing_right() -> None:
    true = truths([[0, 0, 10, 10], [50, 50, 40, 40]], [1, 1], [False, True])
    twice = results([[0, 0, 10, 6], [0, 0, 10, 8], [55, 55, 10, 10]], [1, 1, 1], [0.9, 0.8, 0.7])
    made = oracles(true, twice)
    assert made["boxes"].boxes is not None
    assert made["boxes"].boxes.tolist() == [[0, 0, 10, 10], [0, 0, 10, 8], [55, 55, 10, 10]]
    np.testing.assert_allclose(made["confidences"].scores, [0.6, 0.8, 0.0])


def test_oracles_never_mind_empty_predictions() -> None:
    made = oracles(truths([[0, 0, 10, 10]], [1]), results([], [], []))
    assert all(len(changed) == 0 for changed in made.values())


def test_error_types_by_hand() -> None:
    true = truths([[0, 0, 10, 10], [50, 50, 10, 10], [80, 0, 10, 10]], [1, 2, 1])
    found = tide_errors(
        true,
        results(
            [[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 10, 10], [30, 30, 5, 5], [80, 0, 10, 3]],
            [1, 1, 1, 1, 1],
            [0.9, 0.8, 0.7, 0.6, 0.5],
        ),
    )
    assert found["counts"]["Dupe"] == found["counts"]["Cls"] == found["counts"]["Bkg"] == found["counts"]["Loc"] == 1
    assert found["delta_ap"]["Cls"] > 0


@pytest.fixture(scope="module")
def split(cache: Path) -> CocoSplit:
    return open_split(DatasetSpec.from_dict(SCENES))


@pytest.mark.parametrize("name", ["detection", "panoptic", "colorization", "captioning"])
def test_the_truth_as_a_prediction_has_nothing_to_explain(name: str, split: CocoSplit) -> None:
    task = get_task(name)
    stored = [task.truth_json(split, i) for i in range(len(split))]
    if name == "captioning":
        stored = [json.dumps({"text": json.loads(text)["texts"][0]}) for text in stored]
    found = explain(name, split, stored)
    assert found is not None
    if name == "detection":
        assert found["oracles"] == {"AP": 1.0, "confidences": 1.0, "classes": 1.0, "boxes": 1.0}
        assert set(found["errors"].values()) == {0.0} and set(found["counts"].values()) == {0}
        assert found["boxes"]["predicted"] == found["boxes"]["true"]
        assert found["calibration"]["expected_error"] == pytest.approx(0.0)
    elif name == "panoptic":
        groups = ("all", "things", "stuff", "small", "medium", "large")
        assert all(set(found[group].values()) == {1.0} for group in groups if group in found)
        assert {"all", "things", "stuff", "large"} <= set(found)
    elif name == "colorization":
        assert found["colour"]["colorfulness"] == found["colour"]["of the truth"]
        assert found["hues"]["total variation"] == 0.0
        assert found["distance"]["frechet_scenes_features"] == pytest.approx(0.0, abs=1e-6)
    else:
        assert found["endings"]["unseen"] == 0.0
        assert found["hallucinations"]["CHAIR_i"] == found["hallucinations"]["CHAIR_s"] == 0.0
        assert found["hallucinations"]["mentions"] > 0


def test_panoptic_all_is_the_official_quality(split: CocoSplit) -> None:
    """Void where the sky is: the sums by size belong together, and `all` is what the evaluator says."""
    from rewardmark.rewards.types import Segments

    task = get_task("panoptic")
    truth = task.targets(split, np.arange(len(split)))
    broken = Segments(truth.ids.clone(), truth.categories)
    broken.ids[:, ::2, :20] = 0
    official = task.statistics(split, np.arange(len(split)), broken).metrics()
    found = explain("panoptic", split, [task.to_json(split, i, broken, i) for i in range(len(split))])
    assert found is not None
    assert found["all"]["PQ"] == pytest.approx(official["PQ"])
    assert found["all"]["SQ"] == pytest.approx(official["SQ"])
    assert found["things"]["PQ"] == pytest.approx(official["PQ_th"])
    assert found["stuff"]["PQ"] == pytest.approx(official["PQ_st"])
    assert found["all"]["PQ"] < 1


def test_a_swapped_confidence_is_what_the_oracle_mends(split: CocoSplit) -> None:
    task = get_task("detection")
    stored = [json.loads(task.truth_json(split, i)) for i in range(len(split))]
    for content in stored:  # a sure box on nothing: AP falls, the oracle's does not
        content["boxes"].append([0.0, 0.0, 1.0, 1.0])
        content["labels"].append(content["labels"][0])
        content["scores"] = [0.5] * (len(content["boxes"]) - 1) + [0.9]
    found = explain("detection", split, [json.dumps(content) for content in stored])
    assert found is not None
    assert found["oracles"]["AP"] < 1 == found["oracles"]["confidences"]
    assert found["counts"]["Bkg"] == len(split)


def test_endings_by_hand() -> None:
    captions = [("a", "dog", "with", "a"), ("a", "cat", "with", "a"), ("a", "red", "dog"), ()]
    numbers, listed = endings(captions, [("a", "red", "dog"), ("the", "dog")])
    assert numbers["dangling"] == 0.5 and numbers["dangling references"] == 0.0
    assert numbers["unseen"] == 0.75  # with a, with a, and nothing at all
    assert listed[0] == {"ending": "with a", "share": 0.5, "of the references": 0.0}
    assert numbers["total variation"] == pytest.approx(0.75)


def test_chair_by_hand() -> None:
    found = hallucinations(
        ["two dogs and a cat", "a cat", "nothing here"],
        [["a dog"], ["a kitten"], ["a dog"]],
        [set(), {"cat"}, set()],
        ["dog", "cat"],
    )
    assert found == {"CHAIR_i": 1 / 3, "CHAIR_s": 1 / 3, "mentions": 1.0}


def test_hues_of_grey_and_of_red() -> None:
    grey = np.full((1, 4, 4, 3), 99, dtype=np.uint8)
    red = np.zeros((1, 4, 4, 3), dtype=np.uint8)
    red[..., 0] = 200
    assert hues(grey).sum() == 0.0
    assert hues(red).max() == pytest.approx(1.0)


def test_before_and_after_are_means_over_seeds() -> None:
    def found(value: float) -> dict[str, Any]:
        return {"oracles": {"AP": value}, "reliability": []}

    (row,) = comparison([found(0.3), found(0.5)], [found(0.2), found(0.2)])
    assert (row.start, row.mean, row.least, row.largest) == (0.2, 0.4, 0.3, 0.5)
    (alone,) = comparison([found(0.3)], [])
    assert alone.start is None
    text = "\n".join(markdown([row]))
    assert "| AP | 0.2 | 0.4 | +0.2 | 0.3 .. 0.5 |" in text


def store_run(root: Path, run_id: str, split: CocoSplit, start: str | None) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = root / run_id
    folder.mkdir(parents=True)
    run = {
        "schema": 1,
        "spec": {"task": "captioning", "eval_dataset": SCENES},
        "evaluation_hash": split.content_hash,
        "start_run": start,
    }
    (folder / "run.json").write_text(json.dumps(run))
    rows = [json.dumps({"text": f"a boat and {'a' if start else 'a dog'}"}) for _ in range(len(split))]
    pq.write_table(pa.table({"prediction": rows}), folder / "samples.parquet")


def test_the_command_compares_a_run_with_its_start_and_keeps_what_it_found(split: CocoSplit, tmp_path: Path) -> None:
    from rewardmark.leaderboard.cli import app
    from typer.testing import CliRunner

    store_run(tmp_path, "start", split, None)
    store_run(tmp_path, "tuned", split, "start")
    shown = CliRunner().invoke(app, ["explain", "tuned", "--runs", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert "| dangling | 0 | 1 | +1 |" in shown.output
    assert "“and a” 100.0% (0.0%)" in shown.output
    assert read_explanation(tmp_path / "tuned") == explain_run(Store(tmp_path), "tuned", Splits())
    told = CliRunner().invoke(app, ["explain", str(tmp_path / "tuned"), "--json"])
    assert json.loads(told.output)["against"]["endings"]["dangling"] == 0.0
    missing = CliRunner().invoke(app, ["explain", "other", "--runs", str(tmp_path)])
    assert isinstance(missing.exception, RewardmarkError) and "start, tuned" in str(missing.exception)


def test_other_data_and_broken_files_are_named(split: CocoSplit, tmp_path: Path) -> None:
    store_run(tmp_path, "moved", split, None)
    file = tmp_path / "moved" / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "evaluation_hash": "0" * 64}))
    with pytest.raises(RewardmarkError, match="judged on other data"):
        explain_run(Store(tmp_path), "moved", Splits())
    (tmp_path / "moved" / "explain.json").write_text("{")
    with pytest.raises(DataError, match="rewardmark explain"):
        explain_run(Store(tmp_path), "moved", Splits())


def test_a_task_that_nothing_explains(split: CocoSplit) -> None:
    assert explain("brightness", split, []) is None


def test_evaluating_the_oracles_leaves_the_predictions_as_they_are() -> None:
    true, made = truths([[0, 0, 10, 10]], [1]), results([[0, 0, 10, 6]], [1], [0.4])
    oracles(true, made)
    assert made.boxes is not None and made.boxes.tolist() == [[0, 0, 10, 6]] and made.scores.tolist() == [0.4]
    assert evaluate(true, made).metrics()["AP50"] == pytest.approx(1.0)
