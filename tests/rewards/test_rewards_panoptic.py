"""Panoptic rewards against the values that panopticapi produced for tests/golden/panoptic."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rewardmark.rewards import RewardmarkError, Segments, get_reward
from rewardmark.rewards.engine import engine
from rewardmark.rewards.panoptic_core import _overlaps, count_segments, quality

GOLDEN = Path(__file__).parents[1] / "golden" / "panoptic"


def load(kind: str) -> dict[int, tuple[np.ndarray, list[dict]]]:
    """Image id -> (id map with ids 1..S in the order of the JSON, segments_info); ids the JSON lacks become S + 1."""
    found = {}
    for annotation in json.loads((GOLDEN / f"{kind}.json").read_text())["annotations"]:
        rgb = np.asarray(Image.open(GOLDEN / kind / annotation["file_name"]).convert("RGB")).astype(np.int64)
        coco = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
        infos = annotation["segments_info"]
        ids = np.where(coco == 0, 0, len(infos) + 1)
        for place, info in enumerate(infos, start=1):
            ids[coco == info["id"]] = place
        found[annotation["image_id"]] = (ids, infos)
    return found


def golden_batch() -> tuple[Segments, Segments, list[int]]:
    truths, predictions = load("gt"), load("pred")
    order = sorted(truths)
    gt, pred = [truths[i] for i in order], [predictions[i] for i in order]
    return (
        Segments.from_lists([m for m, _ in pred], [[s["category_id"] for s in info] + [0] for _, info in pred]),
        Segments.from_lists(
            [m for m, _ in gt],
            [[s["category_id"] for s in info] + [0] for _, info in gt],
            is_crowd=[[bool(s["iscrowd"]) for s in info] + [False] for _, info in gt],
            areas=[[float(s["area"]) for s in info] + [0.0] for _, info in gt],
        ),
        order,
    )


@pytest.mark.parametrize("path", ["numba", "torch"])
def test_pq_of_every_golden_image_is_panopticapis(path: str) -> None:
    predictions, targets, order = golden_batch()
    with engine(path):
        values, _ = quality(count_segments(predictions, targets))
    expected = json.loads((GOLDEN / "expected.json").read_text())["per_image"]
    compared = 0
    for row, image_id in enumerate(order):
        golden = expected[str(image_id)]
        if golden is None:  # no category at all: the reference divides by zero, the reward abstains
            assert torch.isnan(values[row])
            continue
        assert abs(float(values[row]) - golden["All"]["pq"]) < 1e-9, image_id
        compared += 1
    assert compared >= 20
    reward = get_reward("panoptic/pq")(predictions, targets)
    torch.testing.assert_close(reward, values.to(torch.float32), equal_nan=True)


@pytest.mark.parametrize("name", ["panoptic/pq", "panoptic/matched-iou"])
def test_batch_equals_one_by_one_and_padding_with_void_changes_nothing(name: str) -> None:
    predictions, targets, _ = golden_batch()
    reward = get_reward(name)
    together = reward(predictions, targets)
    singly = torch.cat([reward(predictions[i], targets[i]) for i in range(len(targets))])
    torch.testing.assert_close(together, singly, equal_nan=True)
    wider = [
        Segments(torch.nn.functional.pad(s.ids, (0, 5, 0, 3)), s.categories, s.is_crowd, s.areas)
        for s in (predictions, targets)
    ]
    torch.testing.assert_close(reward(*wider), together, equal_nan=True)


def test_renaming_predicted_segments_changes_nothing() -> None:
    predictions, targets, _ = golden_batch()
    count = predictions.categories.shape[1]
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    place = torch.cat([torch.zeros(1, dtype=torch.int64), order.argsort() + 1])
    renamed = Segments(place[predictions.ids], predictions.categories[:, order])
    reward = get_reward("panoptic/pq")
    torch.testing.assert_close(reward(renamed, targets), reward(predictions, targets), equal_nan=True)


def test_an_empty_prediction_earns_nothing_and_extra_segments_cost() -> None:
    truth = Segments.from_lists([[[1, 1, 2, 2]]], [[5, 9]])
    nothing = Segments.from_lists([[[0, 0, 0, 0]]], [[]])
    spam = Segments.from_lists([[[1, 3, 2, 4]]], [[5, 9, 6, 7]])
    for name, best in (("panoptic/pq", 1.0), ("panoptic/matched-iou", 2.0)):
        reward = get_reward(name)
        assert reward(truth, truth).tolist() == [best]
        assert reward(nothing, truth).tolist() == [0.0]
        assert reward(spam, truth).item() < best


def test_only_the_last_crowd_of_a_category_excuses() -> None:
    truth = Segments.from_lists([[[1, 1, 2, 2]]] * 2, [[5, 5]] * 2, is_crowd=[[True, True]] * 2)
    first, last = [[1, 1, 0, 0]], [[0, 0, 1, 1]]
    counts = count_segments(Segments.from_lists([first, last], [[5], [5]]), truth)
    assert counts.extra.flatten().tolist() == [1, 0]
    assert counts.missed.sum() == 0


@pytest.mark.parametrize("kind", [torch.uint8, torch.int32, torch.int64])
@pytest.mark.parametrize("pixels", [1, 15, 16, 33, 400])
def test_pixels_of_every_pair_are_counted(pixels: int, kind: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(pixels)
    truth = torch.randint(0, 4, (3, 1, pixels), generator=generator).to(kind)
    truth[0] = 2  # runs as long as the map
    found = torch.where(torch.rand(truth.shape, generator=generator) < 0.3, truth, 3).to(kind)
    found[1] = 1
    counts = []
    for path in ("numba", "torch"):
        with engine(path):
            counts.append(_overlaps(Segments(found, torch.ones((3, 3))), Segments(truth, torch.ones((3, 3)))))
    assert torch.equal(counts[0], counts[1])
    assert counts[0].sum((1, 2)).tolist() == [pixels] * 3


@pytest.mark.parametrize("path", ["numba", "torch"])
def test_maps_that_do_not_fit_are_refused(path: str) -> None:
    with engine(path):
        refuses_maps_that_do_not_fit()


def refuses_maps_that_do_not_fit() -> None:
    small, large = Segments.from_lists([[[1]]], [[5]]), Segments.from_lists([[[1, 1]]], [[5]])
    with pytest.raises(RewardmarkError, match="differ"):
        count_segments(small, large)
    with pytest.raises(RewardmarkError, match="predicted ids run from 2 to 2, but categories has 1"):
        count_segments(Segments(torch.full((1, 1, 1), 2), torch.tensor([[5]])), small)
