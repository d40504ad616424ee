"""Generated data sets for the tests of evaluators and of `score`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def coco_data(
    seed: int, images: int = 12, masks: bool = False, ties: bool = True
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Instances JSON and a result list with crowds, empty images, categories without truth or detections, tied scores,
    areas at and beyond the ends of the area ranges, and more than 100 detections of one category in one image."""
    rng = np.random.default_rng(seed)
    image_ids = rng.permutation(1000)[:images].tolist()
    categories = [{"id": int(c), "name": f"c{c}"} for c in (7, 2, 90, 5)]
    truth: dict[str, Any] = {
        "images": [{"id": i, "width": 300, "height": 200, "file_name": f"{i}.jpg"} for i in image_ids],
        "categories": categories,
        "annotations": [],
    }
    results: list[dict[str, Any]] = []
    for n, image_id in enumerate(image_ids):
        if n == 1:
            continue  # neither truth nor detection
        for _ in range(0 if n == 2 else int(rng.integers(1, 6))):
            category = int(rng.choice([7, 2, 90]))
            width, height = (float(v) for v in rng.choice([4, 31, 32, 33, 96, 97, 150], size=2))
            x, y = float(rng.integers(0, 140)), float(rng.integers(0, 90))
            height = min(height, 200 - y)
            crowd = int(rng.random() < 0.15)
            area = float(rng.choice([width * height, 32.0**2, 96.0**2, width * height * 0.7]))
            annotation = {
                "id": len(truth["annotations"]) + 1,
                "image_id": image_id,
                "category_id": category,
                "bbox": [x, y, width, height],
                "area": area,
                "iscrowd": crowd,
            }
            truth["annotations"].append(annotation)
            copies = 130 if n == 0 and len(truth["annotations"]) == 1 else int(rng.integers(0, 4))
            for _ in range(copies):
                box = np.array(annotation["bbox"]) + rng.choice([0, 0, 1, 5], size=4) * rng.choice([-1, 1], size=4)
                box[2:] = np.maximum(box[2:], 2)
                score = float(rng.random())
                results.append(
                    {
                        "image_id": image_id,
                        "category_id": category if rng.random() < 0.9 else int(rng.choice([7, 2, 90, 5])),
                        "bbox": box.tolist(),
                        "score": round(score, 1) if ties else score,
                    }
                )
        if n == 3:
            results.append({"image_id": image_id, "category_id": 5, "bbox": [1.5, 2.5, 0.0, 7.0], "score": 0.5})
    if masks:
        for annotation in truth["annotations"]:
            annotation["segmentation"] = _polygon(annotation["bbox"], annotation["iscrowd"])
        for result in results:
            result["segmentation"] = _compressed(result["bbox"])
    order = rng.permutation(len(results))
    return truth, [results[k] for k in order]


def _mask(box: list[float]) -> np.ndarray:
    mask = np.zeros((200, 300), dtype=np.uint8, order="F")
    x, y, width, height = (round(v) for v in box)
    mask[max(y, 0) : y + height, max(x, 0) : x + width - width // 4] = 1
    return mask


def _polygon(box: list[float], crowd: int) -> Any:
    if crowd:
        flat = _mask(box).ravel(order="F")
        edges = np.flatnonzero(np.diff(flat)) + 1
        counts = np.diff([0, *edges, flat.size]).tolist()
        return {"size": [200, 300], "counts": [0, *counts] if flat[0] else counts}
    x, y, width, height = box
    return [[x, y, x + width, y, x + width * 0.75, y + height, x, y + height]]


def _compressed(box: list[float]) -> dict[str, Any]:
    from pycocotools import mask

    encoded = mask.encode(_mask(box))
    return {"size": [200, 300], "counts": encoded["counts"].decode("ascii")}


@pytest.fixture(scope="session")
def make_coco() -> Any:
    return coco_data
