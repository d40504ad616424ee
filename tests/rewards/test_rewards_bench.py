"""How fast each reward is on a training batch of 256, beside the reference it is held to.

Run with `pytest -m slow tests/rewards/test_rewards_bench.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from rewardmark.rewards import (
    Answers,
    Boxes,
    Captions,
    DocumentFrequency,
    Grounded,
    Images,
    PairScores,
    References,
    Segments,
    get_reward,
    list_rewards,
)
from rewardmark.rewards.detection_recall import recall_credits

pytest.importorskip("pytest_benchmark")
pytestmark = pytest.mark.slow

SIZE, SLOTS, PIXELS = 256, 20, 48
GENERATOR = torch.Generator().manual_seed(0)


def boxes(near: Boxes | None = None) -> Boxes:
    if near is not None:
        moved = near.boxes + torch.randn(near.boxes.shape, generator=GENERATOR)
        return Boxes(moved, near.labels, torch.rand(near.scores.shape, generator=GENERATOR), near.mask)
    corner = torch.rand((SIZE, SLOTS, 2), generator=GENERATOR) * 36
    size = torch.rand((SIZE, SLOTS, 2), generator=GENERATOR) * 10 + 2
    labels = torch.randint(1, 8, (SIZE, SLOTS), generator=GENERATOR)
    mask = torch.rand((SIZE, SLOTS), generator=GENERATOR) < 0.8
    return Boxes(torch.cat([corner, corner + size], -1), labels, torch.ones(SIZE, SLOTS), mask)


def captions(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    words = [
        "a",
        "red",
        "blue",
        "dog",
        "cat",
        "ball",
        "box",
        "sits",
        "on",
        "the",
        "grass",
        "near",
        "with",
        "water",
        "sky",
        "green",
        "large",
        "small",
    ]
    return [" ".join(rng.choice(words) for _ in range(10)) for _ in range(count)]


def inputs(name: str) -> tuple[Any, Any, dict[str, Any]]:
    """Predictions, targets and parameters for the reward `name`."""
    task, _, short = name.partition("/")
    if short in ("seg-zero", "seg-zero-as-published"):
        truth = Grounded(boxes().boxes[:, 0], boxes().boxes[:, :2, :2])
        return truth, truth, {}
    if short == "point-in-box":
        return Grounded(boxes().boxes[:, 0], boxes().boxes[:, :1, :2]), boxes(), {}
    if task in ("detection", "grounding"):
        truths = boxes()
        return boxes(truths), truths, {}
    if task == "panoptic":
        ids = torch.randint(0, 9, (SIZE, PIXELS, PIXELS), generator=GENERATOR)
        segments = Segments(ids, torch.randint(1, 9, (SIZE, 8), generator=GENERATOR))
        return segments, segments, {}
    if task == "colorization":
        images = [Images(torch.rand((SIZE, 3, PIXELS, PIXELS), generator=GENERATOR)) for _ in range(2)]
        return images[0], images[1], {}
    if short == "clip-score":
        rgb = Images(torch.rand((SIZE, 3, PIXELS, PIXELS), generator=GENERATOR))
        return Captions(captions(SIZE, 1)), rgb, {"scorer": lambda texts, images: torch.zeros(len(texts))}
    if task == "captioning":
        references = [captions(5, seed) for seed in range(SIZE)]
        truth = References(references, DocumentFrequency.from_references(references))
        options = {"vocabulary": {"dog": [], "cat": [], "ball": []}} if short == "chair" else {}
        return Captions(captions(SIZE, 999)), truth, options
    if task == "matching":
        return PairScores(torch.rand((SIZE, 2, 2), generator=GENERATOR)), None, {}
    if task == "counting":
        return Answers(["there are 3"] * SIZE), Answers(["4"] * SIZE), {}
    if short in ("yes-no", "yes-no-as-published"):
        return Answers(["yes, it is"] * SIZE), Answers(["yes"] * SIZE), {}
    return Answers(["the red ball."] * SIZE), Answers([["red ball"] * 6 + ["ball"] * 4] * SIZE), {}


@pytest.mark.parametrize("name", [card.name for card in list_rewards()])
def test_reward(benchmark: Any, name: str) -> None:
    predictions, targets, options = inputs(name)
    reward = get_reward(name, **options)
    benchmark.pedantic(reward, args=(predictions, targets), warmup_rounds=1, rounds=5)


def test_recall_credits(benchmark: Any) -> None:
    truths = boxes()
    benchmark.pedantic(recall_credits, args=(boxes(truths), truths), warmup_rounds=1, rounds=5)


def _pycocotools_ap() -> Callable[[], Any]:
    import contextlib
    import io

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truths = boxes()
    found = boxes(truths)

    def rows(batch: Boxes, i: int) -> list[dict[str, Any]]:
        kept = batch.sample(i)
        size = kept.boxes[:, 2:] - kept.boxes[:, :2]
        xywh = torch.cat([kept.boxes[:, :2], size], 1).tolist()
        return [
            {"id": k + 1, "image_id": 1, "category_id": c, "bbox": b, "area": b[2] * b[3], "iscrowd": 0, "score": s}
            for k, (b, c, s) in enumerate(zip(xywh, kept.labels.tolist(), kept.scores.tolist(), strict=True))
        ]

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            for i in range(SIZE):
                gt = COCO()
                gt.dataset = {
                    "images": [{"id": 1, "width": PIXELS, "height": PIXELS}],
                    "categories": [{"id": k} for k in range(1, 8)],
                    "annotations": rows(truths, i),
                }
                gt.createIndex()
                evaluation = COCOeval(gt, gt.loadRes(rows(found, i)), "bbox")
                evaluation.evaluate()
                evaluation.accumulate()

    return run


def _pycocoevalcap_cider() -> Callable[[], Any]:
    from pycocoevalcap.cider.cider_scorer import CiderScorer

    references = [captions(5, seed) for seed in range(SIZE)]
    candidates = captions(SIZE, 999)

    def run() -> None:
        scorer = CiderScorer(n=4, sigma=6.0)
        for candidate, row in zip(candidates, references, strict=True):
            scorer += (candidate, row)
        scorer.compute_score()

    return run


def _skimage_lab() -> Callable[[], Any]:
    from skimage.color import rgb2lab

    rgb = torch.rand((SIZE, PIXELS, PIXELS, 3), generator=GENERATOR).numpy()
    return lambda: rgb2lab(rgb)


@pytest.mark.parametrize("reference", [_pycocotools_ap, _pycocoevalcap_cider, _skimage_lab])
def test_reference(benchmark: Any, reference: Callable[[], Callable[[], Any]]) -> None:
    benchmark.pedantic(reference(), rounds=3)
