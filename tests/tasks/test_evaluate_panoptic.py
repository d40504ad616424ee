"""Panoptic metrics: panopticapi's golden values, hotcoco on random maps, and weights as repetition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewardmark.tasks.panoptic.evaluate import PanopticStatistics, evaluate, official
from rewardmark.tasks.panoptic.records import PanopticSet, SegmentList, read_png, write_png
from rewardmark.tasks.score.panoptic import read_panoptic_predictions, read_panoptic_truths, score_panoptic

GOLDEN = Path(__file__).parents[1] / "golden" / "panoptic"
CATEGORIES = [{"id": c, "name": str(c), "isthing": int(c < 4)} for c in (1, 2, 3, 5, 8)]
SUMS = ("iou", "tp", "fp", "fn")


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def golden() -> PanopticStatistics:
    truths = read_panoptic_truths(GOLDEN / "gt.json")
    predictions = read_panoptic_predictions(GOLDEN / "pred.json", truths)
    return counted(truths, predictions, GOLDEN / "gt", GOLDEN / "pred")


def counted(truths: PanopticSet, predictions: PanopticSet, gt: Path, pred: Path) -> PanopticStatistics:
    ids = list(truths.segments)
    return evaluate(
        [read_png(gt / truths.segments[i].file_name) for i in ids],
        [truths.segments[i] for i in ids],
        [read_png(pred / predictions.segments[i].file_name) for i in ids],
        [predictions.segments[i] for i in ids],
        truths.categories,
    )


def group(numbers: dict[str, Any], name: str, key: str) -> float:
    return -1.0 if numbers[name] is None else float(numbers[name][key])


def test_score_gives_panopticapis_numbers(expected: dict[str, Any]) -> None:
    found, notes = score_panoptic(GOLDEN / "gt.json", GOLDEN / "gt", GOLDEN / "pred.json", GOLDEN / "pred")
    whole = expected["whole_set"]
    wanted = {"PQ": whole["All"]["pq"], "SQ": whole["All"]["sq"], "RQ": whole["All"]["rq"]}
    wanted |= {"PQ_th": whole["Things"]["pq"], "PQ_st": whole["Stuff"]["pq"]}
    assert found == pytest.approx(wanted, abs=1e-9)
    assert notes == []


def test_own_sums_are_panopticapis(golden: PanopticStatistics, expected: dict[str, Any]) -> None:
    for counts, image in zip(golden.counts, expected["per_image"].values(), strict=True):
        wanted = [[image["counts"][str(c)][k] for k in SUMS] for c in range(1, 9)] if image else np.zeros((8, 4))
        np.testing.assert_allclose(counts, wanted, rtol=0, atol=1e-12)


def test_per_image_quality_is_panopticapis(golden: PanopticStatistics, expected: dict[str, Any]) -> None:
    found = golden.per_sample()
    for n, image in enumerate(expected["per_image"].values()):
        for key, name in (("pq", "score"), ("sq", "SQ"), ("rq", "RQ")):
            if image is None:
                assert np.isnan(found[name][n])
            else:
                assert found[name][n] == pytest.approx(image["All"][key], abs=1e-9)


def test_one_weighted_image_is_that_image_alone(golden: PanopticStatistics, expected: dict[str, Any]) -> None:
    for n, image in enumerate(expected["per_image"].values()):
        weights = np.zeros(len(golden), dtype=int)
        weights[n] = 3
        found = golden.metrics(weights)
        if image is None:
            assert set(found.values()) == {-1.0}
        else:
            assert found["PQ_th"] == pytest.approx(group(image, "Things", "pq"), abs=1e-9)
            assert found["PQ_st"] == pytest.approx(group(image, "Stuff", "pq"), abs=1e-9)


def random_set(folder: Path, seed: int, images: int = 10) -> tuple[PanopticSet, PanopticSet]:
    """Truths and predictions of random rectangles as PNGs: void, crowds, stuff in two pieces, claimed areas."""
    rng = np.random.default_rng(seed)
    sets = []
    base = {}
    for side in ("gt", "pred"):
        (folder / side).mkdir(parents=True)
        segments = {}
        for image_id in range(images):
            painted = (
                base[image_id].copy() if side == "pred" and rng.random() < 0.9 else np.zeros((40, 30), dtype=np.int64)
            )
            for _ in range(int(rng.integers(0, 7))):
                y, x = rng.integers(0, 30), rng.integers(0, 20)
                height, width = rng.integers(3, 25, size=2)
                painted[y : y + height, x : x + width] = rng.integers(0, 256**3) if rng.random() < 0.9 else 0
            base[image_id] = painted
            ids = np.unique(painted[painted != 0])
            kept = categories[image_id] if side == "pred" else {}
            chosen = [
                kept[i] if i in kept and rng.random() < 0.8 else rng.choice([1, 2, 3, 5, 8]) for i in ids.tolist()
            ]
            areas = np.array([(painted == i).sum() for i in ids], dtype=float)
            crowd = (rng.random(len(ids)) < 0.25) & (side == "gt")
            if side == "gt" and rng.random() < 0.2:
                areas = np.rint(areas * 0.8)
            categories[image_id] = dict(zip(ids.tolist(), chosen, strict=True)) if side == "gt" else kept
            name = f"{image_id}.png"
            write_png(folder / side / name, painted)
            segments[image_id] = SegmentList(name, ids, np.array(chosen, dtype=np.int64), crowd, areas)
        sets.append(PanopticSet(folder / f"{side}.json", dict.fromkeys(segments, (40, 30)), CATEGORIES, segments))
    return sets[0], sets[1]


categories: dict[int, dict[int, int]] = {}


@pytest.mark.parametrize("seed", range(8))
def test_own_counts_and_weights_equal_hotcoco(tmp_path: Path, seed: int) -> None:
    truths, predictions = random_set(tmp_path, seed)
    found = counted(truths, predictions, tmp_path / "gt", tmp_path / "pred")
    wanted = official(truths, predictions, tmp_path / "gt", tmp_path / "pred")
    assert found.metrics() == pytest.approx(wanted, abs=1e-12)

    weights = np.random.default_rng(seed).integers(0, 4, len(found))
    copies = [i for i, weight in enumerate(weights) for _ in range(weight)]
    again = [
        PanopticSet(
            s.file,
            dict.fromkeys(range(len(copies)), (40, 30)),
            CATEGORIES,
            {n: s.segments[i] for n, i in enumerate(copies)},
        )
        for s in (truths, predictions)
    ]
    wanted = official(again[0], again[1], tmp_path / "gt", tmp_path / "pred")
    assert found.metrics(weights) == pytest.approx(wanted, abs=1e-12)


def test_png_ids_survive_writing(tmp_path: Path) -> None:
    ids = np.array([[0, 1, 255], [256, 65536, 256**3 - 1]])
    write_png(tmp_path / "a.png", ids)
    assert read_png(tmp_path / "a.png").tolist() == ids.tolist()
