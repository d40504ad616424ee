"""The four tasks on generated scenes: truth predicted is perfect, JSON reads back, rows keep their order."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.types import Boxes, Captions, Images, Segments
from rewardmark.tasks import get_task, list_tasks
from rewardmark.tasks.base import Statistics, Task, register_task
from rewardmark.tasks.coco import CocoSplit, open_split
from rewardmark.tasks.dataset_spec import DatasetSpec
from rewardmark.tasks.scenes import write_scenes

INDICES = [5, 0, 3, 7]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> CocoSplit:
    root = tmp_path_factory.mktemp("scenes")
    write_scenes(root, "val", 48, 9, 3, "standard")
    return open_split(DatasetSpec(name="coco", split="val", size=48, root=str(root)))


def truths(name: str, split: CocoSplit) -> Any:
    """The truth of INDICES in the form of a prediction."""
    targets = get_task(name).targets(split, INDICES)
    if name == "captioning":
        return Captions([texts[0] for texts in targets.texts])
    if name == "detection":
        return Boxes(targets.boxes, targets.labels, targets.scores, targets.mask)
    return targets


def statistics(name: str, split: CocoSplit, predictions: Any, **options: Any) -> Statistics:
    if name == "captioning":
        options["meteor"] = False
    return get_task(name).statistics(split, INDICES, predictions, **options)


def test_listing_tasks_imports_no_torch() -> None:
    code = "import sys; from rewardmark.tasks import get_task, list_tasks; [get_task(t) for t in list_tasks()]"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'torch' not in sys.modules"], check=True)
    assert list_tasks()[:4] == ["detection", "panoptic", "colorization", "captioning"]


@pytest.mark.parametrize("name", ["detection", "panoptic", "colorization", "captioning"])
def test_a_task_declares_itself(name: str) -> None:
    from rewardmark.rewards import get_reward

    task = get_task(name)
    assert task.name == name and task.version and task.metric(task.primary).higher_is_better
    assert get_reward(task.default_reward).card.task == name
    assert task.prediction_type in (Boxes, Segments, Images, Captions)
    with pytest.raises(RewardmarkError, match="no metric 'nope'; its metrics: "):
        task.metric("nope")


@pytest.mark.parametrize(
    ("name", "metric", "best"),
    [
        ("detection", "AP50", 1.0),
        ("panoptic", "PQ", 1.0),
        ("colorization", "psnr", 50.0),
        ("captioning", "Bleu_1", 1.0),
    ],
)
def test_the_truth_is_the_best_prediction(split: CocoSplit, name: str, metric: str, best: float) -> None:
    found = statistics(name, split, truths(name, split))
    numbers = found.metrics()
    assert set(numbers) == {m.name for m in get_task(name).metrics}
    assert numbers[metric] == pytest.approx(best, abs=1e-6)
    assert found.metrics(np.ones(4, dtype=int))[metric] == pytest.approx(best, abs=1e-6)
    values = found.per_sample()
    assert next(iter(values)) == "score" and all(len(v) == len(found) == 4 for v in values.values())


@pytest.mark.parametrize("name", ["detection", "panoptic", "colorization", "captioning"])
def test_rows_stay_with_their_images(split: CocoSplit, name: str) -> None:
    """One prediction is spoilt: its own row is the bad one, and weighting it away restores the best numbers."""
    predictions = truths(name, split)
    if name == "captioning":
        predictions = Captions([*predictions.texts[:2], "zebra", predictions.texts[3]])
    elif name == "detection":
        boxes = predictions.boxes.clone()
        boxes[2] += 1000
        predictions = Boxes(boxes, predictions.labels, predictions.scores, predictions.mask)
    elif name == "panoptic":
        ids = predictions.ids.clone()
        ids[2] = 0
        predictions = Segments(ids, predictions.categories)
    else:
        rgb = predictions.rgb.clone()
        rgb[2] = 0.5
        predictions = Images(rgb)
    found = statistics(name, split, predictions)
    score = found.per_sample()["score"]
    assert np.argmin(score) == 2 and score[2] == 0
    best = statistics(name, split, truths(name, split))
    weights = np.array([1, 2, 0, 1])
    for metric, value in found.metrics(weights).items():
        assert value == pytest.approx(best.metrics(weights)[metric], abs=1e-9, nan_ok=True)


def test_both_evaluators_judge_boxes_alike(split: CocoSplit) -> None:
    predictions = truths("detection", split)
    boxes = predictions.boxes + torch.tensor([0.0, 0.7, 1.3, 0.2])
    shifted = Boxes(boxes, predictions.labels, predictions.scores, predictions.mask)
    found = statistics("detection", split, shifted)
    other = statistics("detection", split, shifted, evaluator="pycocotools")
    assert found.metrics() == other.metrics() and 0 < found.metrics()["AP"] < 1
    np.testing.assert_array_equal(found.per_sample()["score"], other.per_sample()["score"])


def test_swapped_corners_find_nothing_and_nonsense_is_refused(split: CocoSplit) -> None:
    good = truths("detection", split)
    swapped = Boxes(good.boxes[..., [2, 3, 0, 1]], good.labels, good.scores, good.mask)
    assert statistics("detection", split, swapped).metrics()["AP"] == 0
    with pytest.raises(RewardmarkError, match="is not finite"):
        statistics("detection", split, Boxes(good.boxes, good.labels, good.scores * float("nan"), good.mask))
    with pytest.raises(RewardmarkError, match="category 99"):
        statistics("detection", split, Boxes(good.boxes, good.labels * 0 + 99, good.scores, good.mask))
    with pytest.raises(RewardmarkError, match="3 predictions for 4 images"):
        statistics("detection", split, good[:3])
    with pytest.raises(RewardmarkError, match="named twice"):
        get_task("detection").statistics(split, [1, 1], good[:2])
    with pytest.raises(RewardmarkError, match="no evaluator 'x'"):
        statistics("panoptic", split, truths("panoptic", split), evaluator="x")


def test_detection_json(split: CocoSplit) -> None:
    task, predictions = get_task("detection"), truths("detection", split)
    found, truth = json.loads(task.to_json(split, 3, predictions, 2)), json.loads(task.truth_json(split, 3))
    assert found == truth and len(truth["boxes"]) == len(truth["labels"]) == len(truth["scores"]) > 0
    assert set(truth["labels"]) <= {category["name"] for category in split.categories}


def test_panoptic_json(split: CocoSplit) -> None:
    task, predictions = get_task("panoptic"), truths("panoptic", split)
    found, truth = json.loads(task.to_json(split, 3, predictions, 2)), json.loads(task.truth_json(split, 3))
    assert [s["name"] for s in found["segments"]] == [s["name"] for s in truth["segments"]]
    for data in (found, truth):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["png"])))).astype(int)
        ids = pixels[..., 0] + 256 * pixels[..., 1] + 65536 * pixels[..., 2]
        assert set(np.unique(ids)) - {0} == {s["id"] for s in data["segments"]}
        assert {s["isthing"] for s in data["segments"]} <= {0, 1}


def test_colorization_and_captioning_json(split: CocoSplit) -> None:
    task = get_task("colorization")
    found = json.loads(task.to_json(split, 3, truths("colorization", split), 2))
    assert found == json.loads(task.truth_json(split, 3))
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found["png"]))))
    np.testing.assert_array_equal(pixels, split.images([3])[0])
    task = get_task("captioning")
    assert json.loads(task.to_json(split, 3, Captions(["a", "b", "c"]), 2)) == {"text": "c"}
    assert json.loads(task.truth_json(split, 3)) == {"texts": split.captions(3)}


def test_caption_frequencies_come_from_the_training_split(split: CocoSplit) -> None:
    train = split.head(2)
    targets = get_task("captioning").targets(split, [4], train=train)
    assert targets.document_frequency.documents == 2
    assert targets.document_frequency is get_task("captioning").targets(split, [5], train=train).document_frequency
    assert get_task("captioning").targets(split, [4]).document_frequency.documents == len(split)


def test_unknown_and_taken_names_are_refused() -> None:
    with pytest.raises(RewardmarkError, match="did you mean detection"):
        get_task("detektion")
    task: Task = get_task("detection")
    with pytest.raises(RewardmarkError, match="already registered"):
        register_task(task)
