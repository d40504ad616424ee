"""Whatever is done to a result file, `score` gives numbers or one DataError: never another exception."""

from __future__ import annotations

import copy
import json
import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.captioning import evaluate as captioning
from rewardmark.tasks.score.captioning import score_captioning
from rewardmark.tasks.score.detection import score_detection
from rewardmark.tasks.score.panoptic import score_panoptic

GOLDEN = Path(__file__).parents[1] / "golden" / "panoptic"
STRANGE: list[Any] = [
    None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e308, -1e308, 1e-320, float("nan"), float("inf"), 2**31, 2**63,
    10**400, "", "0", "1", "a|||b", "\ud800", "a\0b", "../x", "a\nb", "é", [], {}, [[]], [{}], {"id": 1}, [0, 0, 0, 0],
    [1, 2, 3, 4, 5, 6], [[1, 2, 3, 4, 5, 6]], {"size": [200, 300], "counts": "0"},
    {"size": [200, 300], "counts": [60000]},
]  # fmt: skip
fuzzed = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, item in inside for p in ((*path, key), *places(item, (*path, key)))]


def mutated(value: Any, rng: random.Random) -> Any:
    """A copy with one to three things replaced, removed, doubled, swapped or put elsewhere."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        found = places(value)
        if not found or rng.random() < 0.02:
            return rng.choice(STRANGE)
        *parents, key = rng.choice(found)
        holder = value
        for parent in parents:
            holder = holder[parent]
        action = rng.randrange(5)
        if action == 0:
            del holder[key]
        elif action == 1 and isinstance(holder, list):
            holder.insert(rng.randint(0, len(holder)), copy.deepcopy(holder[key]))
        elif action == 2:
            holder[key] = copy.deepcopy(taken_from(value, rng))
        elif action == 3 and isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] = rng.choice([-1, 0, 1e-9, 7, 1e6]) * holder[key]
        else:
            holder[key] = copy.deepcopy(rng.choice(STRANGE))
    return value


def taken_from(value: Any, rng: random.Random) -> Any:
    for key in rng.choice(places(value)):
        value = value[key]
    return value


def written(path: Path, value: Any, rng: random.Random) -> Path:
    """The value as a file, now and then with damaged bytes."""
    data = json.dumps(value).encode()
    if rng.random() < 0.1 and data:
        at = rng.randrange(len(data))
        data = rng.choice([data[:at], data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :], data[at:]])
    path.write_bytes(data)
    return path


def numbers_or_one_line(score: Callable[[], dict[str, float]], most: float = 1) -> None:
    try:
        found = score()
    except DataError as error:
        message = str(error)
        assert message and message.isprintable() and len(message) < 800, message
    else:
        assert all(isinstance(v, float) and (v == -1 or 0 <= v <= most) for v in found.values()), found
        assert not any(math.isnan(v) for v in found.values())


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@fuzzed
@given(seed=st.integers(0, 10**9))
def test_detection(tmp_path_factory: pytest.TempPathFactory, make_coco: Any, iou_type: str, seed: int) -> None:
    rng = random.Random(seed)
    truth, results = make_coco(seed % 7, images=4, masks=iou_type == "segm")
    results = results[:: 1 + len(results) // 20]
    if rng.random() < 0.5:
        truth = mutated(truth, rng)
    else:
        results = mutated(results, rng)
    folder = tmp_path_factory.getbasetemp()
    gt, pred = written(folder / "gt.json", truth, rng), written(folder / "pred.json", results, rng)
    numbers_or_one_line(lambda: score_detection(gt, pred, iou_type)[0])


@pytest.fixture(scope="module")
def small_golden(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """Three images of the golden set."""
    folder = tmp_path_factory.mktemp("panoptic")
    for side in ("gt", "pred"):
        shutil.copytree(GOLDEN / side, folder / side)
    truth, predictions = (json.loads((GOLDEN / f"{side}.json").read_text()) for side in ("gt", "pred"))
    kept = [3, 6, 13]
    truth["images"] = [image for image in truth["images"] if image["id"] in kept]
    for content in (truth, predictions):
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] in kept]
    return folder, truth, predictions


@fuzzed
@given(seed=st.integers(0, 10**9))
def test_panoptic(small_golden: tuple[Path, Any, Any], seed: int) -> None:
    rng = random.Random(seed)
    folder, truth, predictions = small_golden
    if rng.random() < 0.5:
        truth = mutated(truth, rng)
    else:
        predictions = mutated(predictions, rng)
    side, name = rng.choice(["gt", "pred"]), rng.choice(["003.png", "006.png", "013.png"])
    sound = (GOLDEN / side / name).read_bytes()
    if rng.random() < 0.3:
        at = rng.randrange(len(sound))
        (folder / side / name).write_bytes(
            rng.choice([sound[:at], sound[:at] + b"\x55" + sound[at + 1 :], sound + b"x"])
        )
    gt, pred = written(folder / "gt.json", truth, rng), written(folder / "pred.json", predictions, rng)
    try:  # a truth's area in the JSON counts, as in panopticapi: where it is too small, a quality can be above 1
        numbers_or_one_line(lambda: score_panoptic(gt, folder / "gt", pred, folder / "pred")[0], most=math.inf)
    finally:
        (folder / side / name).write_bytes(sound)


@fuzzed
@given(seed=st.integers(0, 10**9))
def test_captioning(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = random.Random(seed)
    truth: Any = {
        "images": [{"id": i} for i in (1, 2, 3)],
        "annotations": [{"id": n, "image_id": 1 + n % 3, "caption": f"a dog {n} runs"} for n in range(7)],
    }
    results: Any = [{"image_id": i, "caption": f"a dog {i}"} for i in (3, 1, 2)]
    if rng.random() < 0.5:
        truth = mutated(truth, rng)
    else:
        results = mutated(results, rng)
    folder = tmp_path_factory.getbasetemp()
    gt, pred = written(folder / "gt.json", truth, rng), written(folder / "pred.json", results, rng)
    with pytest.MonkeyPatch.context() as patch:  # a JVM for each example would take minutes
        patch.setattr(
            captioning, "tokenize_files", lambda files: [[" ".join(t.split()) for t in texts] for texts in files]
        )
        numbers_or_one_line(lambda: score_captioning(gt, pred, meteor=False), most=10)
