"""Detection metrics: the two evaluators agree, weights are repetition, and per-image AP is the AP of that image."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.detection.evaluate import DetectionStatistics, evaluate
from rewardmark.tasks.score.detection import read_results, read_truths, score_detection


def statistics(
    folder: Path,
    truth: dict[str, Any],
    results: list[dict[str, Any]],
    iou_type: str = "bbox",
    evaluator: str = "hotcoco",
) -> DetectionStatistics:
    (folder / "gt.json").write_text(json.dumps(truth))
    (folder / "pred.json").write_text(json.dumps(results))
    truths = read_truths(folder / "gt.json", masks=iou_type == "segm")
    return evaluate(truths, read_results(folder / "pred.json", truths, masks=iou_type == "segm"), iou_type, evaluator)


def pycocotools_stats(truth: dict[str, Any], results: list[dict[str, Any]], iou_type: str) -> list[float]:
    """The twelve numbers as pycocotools itself summarises them, from the files' own content."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        ground = COCO()
        ground.dataset = json.loads(json.dumps(truth))
        ground.createIndex()
        judge = COCOeval(ground, ground.loadRes(json.loads(json.dumps(results))), iou_type)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return [float(v) for v in judge.stats]


def repeated(
    truth: dict[str, Any], results: list[dict[str, Any]], weights: dict[int, int]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The data set in which image i really stands weights[i] times, copies next to one another in the order of ids."""
    out: dict[str, Any] = {"images": [], "annotations": [], "categories": truth["categories"]}
    rows: list[dict[str, Any]] = []
    for image in sorted(truth["images"], key=lambda image: image["id"]):
        for _ in range(weights[image["id"]]):
            new = len(out["images"]) + 1
            out["images"].append({**image, "id": new})
            for annotation in truth["annotations"]:
                if annotation["image_id"] == image["id"]:
                    out["annotations"].append({**annotation, "id": len(out["annotations"]) + 1, "image_id": new})
            rows += [{**row, "image_id": new} for row in results if row["image_id"] == image["id"]]
    return out, rows


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(6))
def test_hotcoco_equals_pycocotools_on_generated_data(tmp_path: Path, make_coco: Any, seed: int, iou_type: str) -> None:
    truth, results = make_coco(seed, masks=iou_type == "segm")
    wanted = pycocotools_stats(truth, results, iou_type)
    for evaluator in ("hotcoco", "pycocotools"):
        found = statistics(tmp_path, truth, results, iou_type, evaluator)
        assert list(found.metrics().values()) == wanted
        assert list(found.metrics(np.ones(len(found), dtype=int)).values()) == wanted


def test_masks_without_boxes_use_the_area_of_the_mask(tmp_path: Path, make_coco: Any) -> None:
    truth, results = make_coco(11, masks=True)
    for result in results:
        del result["bbox"]
    wanted = pycocotools_stats(truth, results, "segm")
    for evaluator in ("hotcoco", "pycocotools"):
        assert list(statistics(tmp_path, truth, results, "segm", evaluator).metrics().values()) == wanted


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(4))
def test_weights_are_repetition(tmp_path: Path, make_coco: Any, seed: int, iou_type: str) -> None:
    truth, results = make_coco(seed + 20, masks=iou_type == "segm")
    whole = statistics(tmp_path, truth, results, iou_type)
    weights = np.random.default_rng(seed).integers(0, 4, len(whole))
    found = whole.metrics(weights)
    again = repeated(truth, results, dict(zip(whole.image_ids.tolist(), weights.tolist(), strict=True)))
    assert found == statistics(tmp_path, *again, iou_type).metrics()


def test_score_is_the_ap_of_the_image_alone(tmp_path: Path, make_coco: Any) -> None:
    truth, results = make_coco(3)
    whole = statistics(tmp_path, truth, results)
    found = whole.per_sample()
    assert next(iter(found)) == "score"
    for image_id, score, ap50 in zip(whole.image_ids.tolist(), found["score"], found["AP50"], strict=True):
        alone = repeated(truth, results, {image["id"]: int(image["id"] == image_id) for image in truth["images"]})
        wanted = statistics(tmp_path, *alone).metrics()
        if wanted["AP"] == -1:
            assert np.isnan(score)
        else:
            assert score == pytest.approx(wanted["AP"], abs=1e-12)
            assert ap50 == pytest.approx(wanted["AP50"], abs=1e-12)


@pytest.mark.alone
def test_bootstrap_of_a_finished_run_takes_a_few_seconds_at_most(tmp_path: Path, make_coco: Any) -> None:
    import time

    truth, results = make_coco(1, images=500, ties=False)
    whole = statistics(tmp_path, truth, results)
    whole.metrics(np.ones(len(whole), dtype=int))  # compile
    rng = np.random.default_rng(0)
    started = time.perf_counter()
    for _ in range(200):
        whole.metrics(rng.multinomial(len(whole), np.full(len(whole), 1 / len(whole))))
    assert time.perf_counter() - started < 5


def one(**changes: Any) -> dict[str, Any]:
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
    return {
        "images": [{"id": 1, "width": 100, "height": 100}],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "annotations": [annotation | changes],
    }


def detection(score: float = 0.9, category_id: int = 1, bbox: Any = (10, 10, 20, 20)) -> dict[str, Any]:
    return {"image_id": 1, "category_id": category_id, "bbox": list(bbox), "score": score}


@pytest.mark.parametrize("evaluator", ["hotcoco", "pycocotools"])
def test_known_edge_cases(tmp_path: Path, evaluator: str) -> None:
    def ap(truth: dict[str, Any], results: list[dict[str, Any]]) -> float:
        # pycocotools adds 2.2e-16 to a denominator: a perfect AP is 0.9999999999999998
        return round(statistics(tmp_path, truth, results, evaluator=evaluator).metrics()["AP"], 12)

    assert ap(one(), []) == 0  # loadRes([]) raises in pycocotools
    assert ap(one() | {"annotations": []}, [detection()]) == -1
    assert ap(one(), [detection()]) == 1
    spam = [detection(0.99, category_id=2) for _ in range(20)]
    assert ap(one(), [detection(), *spam]) == 1  # a category without truth costs nothing
    miss = detection(0.9, bbox=(60, 60, 20, 20))
    assert ap(one(), [detection(), miss]) == 1  # tied scores: the file's order decides
    assert ap(one(), [miss, detection()]) == 0.5
    assert ap(one(), [detection(bbox=(10, 10, 0, 20))]) == 0
    assert statistics(tmp_path, one(iscrowd=1), [detection()], evaluator=evaluator).metrics()["AR100"] == -1
    empty = {"images": [], "categories": [], "annotations": []}
    assert set(statistics(tmp_path, empty, [], evaluator=evaluator).metrics().values()) == {-1.0}


@pytest.mark.parametrize("evaluator", ["hotcoco", "pycocotools"])
def test_ids_may_be_large_negative_or_zero_but_for_annotations(tmp_path: Path, evaluator: str) -> None:
    truth = one(image_id=2**60, category_id=-4)
    truth["images"] = [{"id": 2**60}, {"id": 0}]
    truth["categories"] = [{"id": -4, "name": "a"}, {"id": 0, "name": "b"}]
    found = statistics(tmp_path, truth, [detection() | {"image_id": 2**60, "category_id": -4}], evaluator=evaluator)
    assert found.metrics()["AP"] == pytest.approx(1)
    assert found.per_sample()["score"].tolist()[1] == pytest.approx(1)


def test_refuses_unknown_names_and_weights(tmp_path: Path) -> None:
    found = statistics(tmp_path, one(), [detection()])
    for weights in (np.ones(3), np.array([0.5]), np.array([-1])):
        with pytest.raises(RewardmarkError, match="weights"):
            found.metrics(weights)
    with pytest.raises(RewardmarkError, match="no evaluator 'fast'"):
        statistics(tmp_path, one(), [detection()], evaluator="fast")
    truths = read_truths(tmp_path / "gt.json")
    with pytest.raises(RewardmarkError, match="segmentation"):
        evaluate(truths, read_results(tmp_path / "pred.json", truths), "segm")
    assert all(v == -1 for v in found.metrics(np.zeros(1, dtype=int)).values())


@pytest.mark.parametrize("evaluator", ["hotcoco", "pycocotools"])
def test_boxes_stand_for_masks_where_no_result_has_one(tmp_path: Path, make_coco: Any, evaluator: str) -> None:
    truth, results = make_coco(5, masks=True)
    for row in results:
        del row["segmentation"]
    files = (tmp_path / "gt.json", tmp_path / "pred.json")
    for file, content in zip(files, (truth, results), strict=True):
        file.write_text(json.dumps(content))
    found, notes = score_detection(*files, "segm", evaluator)
    assert list(found.values()) == pytest.approx(pycocotools_stats(truth, results, "segm"), abs=1e-12)
    assert found["AP"] > 0 and len(notes) == 1 and "no detection has a segmentation" in notes[0]

    results[1]["bbox"][0] = 1e300
    files[1].write_text(json.dumps(results))
    with pytest.raises(DataError, match=r"\[1\] \(image_id .*'bbox', taken for a mask"):
        score_detection(*files, "segm", evaluator)
