"""detection/coco-ap equals pycocotools (and hotcoco) on generated images, one at a time."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import torch
from rewardmark.rewards import Boxes, get_reward
from rewardmark.rewards.detection_ap import AREA_RANGES, coco_ap_float64


def generated_image(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Truths and predictions with ties, crowds, empty lists, annotated areas that differ from the boxes'."""
    n_gt, n_dt = rng.integers(0, 9), rng.integers(0, 14)
    scale = int(rng.choice([20, 60, 200]))

    def boxes(n: int) -> np.ndarray:
        corner = rng.integers(0, 2 * scale, (n, 2)).astype(float)
        return np.concatenate([corner, corner + rng.integers(1, scale, (n, 2))], 1)

    gt = boxes(n_gt)
    gt_labels = rng.integers(1, 4, n_gt)
    dt, dt_labels = boxes(n_dt), rng.integers(1, 5, n_dt)
    for k in range(n_dt):  # most predictions are near a truth, some copy it, some copy another prediction
        if n_gt and rng.random() < 0.7:
            g = rng.integers(n_gt)
            dt[k] = gt[g] + rng.choice([0, 0, 1, 3]) * rng.integers(-1, 2, 4)
            dt[k, 2:] = np.maximum(dt[k, 2:], dt[k, :2] + 1)
            dt_labels[k] = gt_labels[g]
        if k and rng.random() < 0.15:
            dt[k], dt_labels[k] = dt[k - 1], dt_labels[k - 1]
    crowd = rng.random(n_gt) < 0.15
    for k in range(1, n_gt):  # some crowds lie over a truth of their class
        if crowd[k] and rng.random() < 0.6:
            gt[k], gt_labels[k] = gt[k - 1] + [-3, -3, 3, 3], gt_labels[k - 1]
    areas = (gt[:, 2] - gt[:, 0]) * (gt[:, 3] - gt[:, 1]) * rng.choice([1.0, 0.6], n_gt)
    scores = np.round(rng.random(n_dt), rng.choice([1, 6])).astype(np.float32).astype(float)
    return {
        "gt": gt, "gt_labels": gt_labels, "crowd": crowd, "areas": np.float32(areas).astype(float),
        "dt": dt, "dt_labels": dt_labels, "scores": scores,
    }  # fmt: skip


def reference(module: object, image: dict[str, np.ndarray], area: str, max_detections: int) -> float:
    """AP of one image by a package that has pycocotools' COCO and COCOeval."""
    xywh = lambda b: [float(b[0]), float(b[1]), float(b[2] - b[0]), float(b[3] - b[1])]  # noqa: E731
    truth = {
        "images": [{"id": 1, "width": 1000, "height": 1000}],
        "categories": [{"id": k, "name": str(k)} for k in range(1, 5)],
        "annotations": [
            {"id": k + 1, "image_id": 1, "category_id": int(c), "bbox": xywh(b), "iscrowd": int(w), "area": float(a)}
            for k, (b, c, w, a) in enumerate(
                zip(image["gt"], image["gt_labels"], image["crowd"], image["areas"], strict=True)
            )
        ],
    }
    found = [
        {"image_id": 1, "category_id": int(c), "bbox": xywh(b), "score": float(s)}
        for b, c, s in zip(image["dt"], image["dt_labels"], image["scores"], strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        gt = module.COCO()  # type: ignore[attr-defined]
        gt.dataset = truth
        gt.createIndex()
        evaluation = module.COCOeval(gt, gt.loadRes(found), "bbox")  # type: ignore[attr-defined]
        evaluation.params.areaRng = [list(AREA_RANGES[area])]
        evaluation.params.areaRngLbl = [area]
        evaluation.params.maxDets = [max_detections]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = np.asarray(evaluation.eval["precision"])
    counted = precision[precision > -1]
    return float(counted.mean()) if counted.size else -1.0


class _Pycocotools:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval


def batch(images: list[dict[str, np.ndarray]]) -> tuple[Boxes, Boxes]:
    part = lambda key: [image[key] for image in images]  # noqa: E731
    return (
        Boxes.from_lists(part("dt"), part("dt_labels"), part("scores")),
        Boxes.from_lists(part("gt"), part("gt_labels"), is_crowd=part("crowd"), areas=part("areas")),
    )


def check(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    images = [generated_image(rng) for _ in range(count)]
    predictions, targets = batch(images)
    settings = [("all", 100), ("small", 100), ("medium", 100), ("large", 100), ("all", 1), ("all", 3)]
    values = {s: coco_ap_float64(predictions, targets, area=s[0], max_detections=s[1]) for s in settings}
    for i, image in enumerate(images):
        setting = settings[i % len(settings)]
        if len(image["dt"]) == 0:  # loadRes([]) raises: without predictions AP is 0 where a truth counts, else -1
            low, high = AREA_RANGES[setting[0]]
            counts = (~image["crowd"] & (image["areas"] >= low) & (image["areas"] <= high)).any()
            expected = 0.0 if counts else -1.0
        else:
            expected = reference(_Pycocotools, image, *setting)
        assert abs(values[setting][i] - expected) < 1e-9, (seed, i, setting)


def test_equals_pycocotools_on_generated_images() -> None:
    check(seed=1, count=400)


@pytest.mark.slow
def test_equals_pycocotools_on_two_thousand_images() -> None:
    check(seed=2, count=2000)


def test_equals_hotcoco_on_generated_images() -> None:
    hotcoco = pytest.importorskip("hotcoco")
    rng = np.random.default_rng(3)
    images = [image for image in (generated_image(rng) for _ in range(150)) if len(image["dt"]) and len(image["gt"])]
    values = coco_ap_float64(*batch(images))
    for value, image in zip(values, images, strict=True):
        assert abs(value - reference(hotcoco, image, "all", 100)) < 1e-9


def test_order_of_ties_is_the_order_of_the_list() -> None:
    truth = Boxes.from_lists([[[0, 0, 9, 9]]] * 2, [[1]] * 2)
    right, wrong = [0, 0, 9, 9], [50, 50, 60, 60]
    found = Boxes.from_lists([[right, wrong], [wrong, right]], [[1, 1]] * 2, [[0.5, 0.5]] * 2)
    torch.testing.assert_close(get_reward("detection/coco-ap")(found, truth), torch.tensor([1.0, 0.5]))


def test_boxes_and_scores_that_are_no_numbers_earn_nothing() -> None:
    nan = float("nan")
    truth = Boxes.from_lists([[[0, 0, 9, 9]]] * 3, [[1]] * 3)
    found = Boxes.from_lists([[[nan] * 4], [[9, 9, 0, 0]], [[0, 0, 0, 9]]], [[1]] * 3, [[0.9], [nan], [1.0]])
    assert get_reward("detection/coco-ap")(found, truth).tolist() == [0.0, 0.0, 0.0]


def test_without_a_truth_that_counts_it_abstains() -> None:
    truth = Boxes.from_lists([[], [[0, 0, 9, 9]]], [[], [1]], is_crowd=[[], [True]])
    found = Boxes.from_lists([[[0, 0, 9, 9]], []], [[1], []])
    scored = get_reward("detection/coco-ap").score(found, truth)
    assert torch.isnan(scored.values).all()
    assert scored.failures == []
