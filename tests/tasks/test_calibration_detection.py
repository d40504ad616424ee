"""Confidence calibration of detections: by hand, and against hotcoco's own on the same matches."""

from __future__ import annotations

import hotcoco
import numpy as np
import pytest
from rewardmark.tasks.detection.evaluate import evaluate
from rewardmark.tasks.detection.records import Results, Truths


def truths(boxes: list[list[float]], crowd: list[bool]) -> Truths:
    n = len(boxes)
    corners = np.array(boxes, dtype=np.float64).reshape(n, 4)
    return Truths(
        images=[{"id": 1, "width": 100, "height": 100}],
        categories=[{"id": 1, "name": "a"}],
        ids=np.arange(n) + 1,
        image_ids=np.ones(n, dtype=np.int64),
        category_ids=np.ones(n, dtype=np.int64),
        boxes=corners,
        areas=corners[:, 2] * corners[:, 3],
        is_crowd=np.array(crowd, dtype=bool),
    )


def results(boxes: list[list[float]], scores: list[float]) -> Results:
    ones = np.ones(len(scores), dtype=np.int64)
    return Results(ones, ones, np.array(scores), np.array(boxes, dtype=np.float64).reshape(-1, 4))


@pytest.mark.parametrize("evaluator", ["hotcoco", "pycocotools"])
def test_expected_error_by_hand(evaluator: str) -> None:
    # right at 0.95 (gap .05), wrong at 0.85 (gap .85), one inside a crowd that does not count: ECE = (.05 + .85) / 2
    found = evaluate(
        truths([[0, 0, 10, 10], [50, 50, 40, 40]], [False, True]),
        results([[0, 0, 10, 10], [20, 20, 10, 10], [60, 60, 10, 10]], [0.95, 0.85, 0.75]),
        evaluator=evaluator,
    ).calibration()
    assert found["ece"] == pytest.approx(0.45)
    assert found["mce"] == pytest.approx(0.85)
    assert [row["count"] for row in found["bins"]] == [0] * 8 + [1, 1]
    assert found["iou_threshold"] == 0.5


def test_nothing_found_is_no_error() -> None:
    assert evaluate(truths([[0, 0, 5, 5]], [False]), results([], [])).calibration()["ece"] == 0.0


def test_equal_to_hotcoco_on_random_boxes() -> None:
    rng = np.random.default_rng(0)
    boxes = np.concatenate([rng.uniform(0, 60, (60, 2)), rng.uniform(5, 35, (60, 2))], axis=1)
    true = truths(boxes[:25].tolist(), (rng.random(25) < 0.2).tolist())
    guesses = np.concatenate([boxes[:25] + rng.normal(0, 2, (25, 4)), boxes[25:]]).clip(0.5)
    made = results(guesses.tolist(), rng.random(60).tolist())
    ground = hotcoco.COCO(true.to_coco())
    judge = hotcoco.COCOeval(ground, ground.load_res(made.to_array()), "bbox")
    judge.evaluate()
    theirs, ours = judge.calibration(), evaluate(true, made).calibration()
    assert ours["ece"] == pytest.approx(theirs["ece"], abs=1e-12)
    assert ours["mce"] == pytest.approx(theirs["mce"], abs=1e-12)
    assert [b["count"] for b in ours["bins"]] == [b["count"] for b in theirs["bins"]]
