"""The compiled loops and the batched torch operations give the same values, and compiled code is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from rewardmark.rewards import Boxes, RewardmarkError, get_reward, list_rewards
from rewardmark.rewards._slots_kernel import sort_falling, sort_keys
from rewardmark.rewards.detection_ap import coco_ap_float64
from rewardmark.rewards.detection_match import one_to_one
from rewardmark.rewards.engine import engine
from rewardmark.rewards.greedy import greedy_matches

NAMES = [card.name for card in list_rewards("detection")]


def awkward_batch(seed: int, size: int = 30, count: int = 14, truths: int = 9) -> tuple[Boxes, Boxes]:
    """Boxes on a coarse grid: equal IoUs and scores, inverted and empty boxes, crowds, padding, what is no number."""
    g = torch.Generator().manual_seed(seed)
    corner = torch.randint(0, 8, (size, truths, 2), generator=g).float() * 1.3
    truth = torch.cat([corner, corner + torch.randint(0, 6, corner.shape, generator=g)], -1)
    near = torch.randint(0, truths, (size, count), generator=g)
    shift = torch.randint(-1, 2, (size, count, 4), generator=g) * torch.randint(0, 2, (size, count, 1), generator=g)
    found = truth.gather(1, near[:, :, None].expand(-1, -1, 4)) + shift
    found[torch.rand((size, count), generator=g) < 0.05] = torch.nan
    found[torch.rand((size, count), generator=g) < 0.05] = torch.inf
    scores = (torch.rand((size, count), generator=g) * 5).round() / 5
    if seed % 2:
        scores[torch.rand((size, count), generator=g) < 0.1] = torch.nan
    return (
        Boxes(
            found,
            torch.randint(1, 4, (size, count), generator=g),
            scores,
            torch.rand((size, count), generator=g) < 0.8,
        ),
        Boxes(
            truth,
            torch.randint(1, 4, (size, truths), generator=g),
            torch.ones(size, truths),
            torch.rand((size, truths), generator=g) < 0.8,
            is_crowd=torch.rand((size, truths), generator=g) < 0.2,
            areas=torch.rand((size, truths), generator=g) * 40 if seed % 3 else None,
        ),
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(4))
def test_torch_equals_the_compiled_loops(name: str, seed: int) -> None:
    predictions, targets = awkward_batch(seed)
    reward = get_reward(name)
    compiled = reward.score(predictions, targets).values
    with engine("torch"):
        batched = reward.score(predictions, targets).values
    torch.testing.assert_close(batched, compiled, rtol=0, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("area", ["all", "small", "medium"])
@pytest.mark.parametrize("max_detections", [1, 3, 100])
def test_average_precision_is_the_same_to_twelve_digits(area: str, max_detections: int) -> None:
    for seed in range(3):
        predictions, targets = awkward_batch(seed, size=60)
        limits = {"area": area, "max_detections": max_detections}
        compiled = coco_ap_float64(predictions, targets, **limits)  # type: ignore[arg-type]
        with engine("torch"):
            batched = coco_ap_float64(predictions, targets, **limits)  # type: ignore[arg-type]
        torch.testing.assert_close(batched, compiled, rtol=0, atol=1e-12)


def test_average_precision_takes_any_thresholds_in_any_order() -> None:
    predictions, targets = awkward_batch(2, size=60)
    thresholds = np.random.default_rng(0).permutation(np.linspace(0.2, 1.0, 150))  # more than are matched at once
    alone = [coco_ap_float64(predictions, targets, iou_thresholds=[t]) for t in thresholds]
    together = coco_ap_float64(predictions, targets, iou_thresholds=thresholds.tolist())
    torch.testing.assert_close(together, torch.stack(alone).mean(0), rtol=0, atol=1e-12)


def test_more_pairs_than_there_was_room_for_at_first() -> None:
    g = torch.Generator().manual_seed(0)
    found, truth = (torch.rand((3, count, 4), generator=g) + torch.tensor([0, 0, 9, 9]) for count in (90, 20))
    predictions, targets = (Boxes.from_lists(b.tolist(), [[1] * b.shape[1]] * 3) for b in (found, truth))
    compiled = one_to_one(predictions, targets)  # every box overlaps every other
    assert (compiled.prediction >= 0).all()
    with engine("torch"):
        batched = one_to_one(predictions, targets)
    assert torch.equal(compiled.prediction, batched.prediction)
    torch.testing.assert_close(compiled.truth_iou, batched.truth_iou)


@pytest.mark.parametrize("name", NAMES)
def test_empty_lists_take_both_paths(name: str) -> None:
    nothing = Boxes.from_lists([[], []], [[], []])
    something = Boxes.from_lists([[[0, 0, 8, 8]], []], [[1], []])
    for pair in ((nothing, nothing), (nothing, something), (something, nothing)):
        compiled = get_reward(name).score(*pair).values
        with engine("torch"):
            torch.testing.assert_close(get_reward(name).score(*pair).values, compiled, equal_nan=True)


def test_greedy_rounds_equal_pair_after_pair() -> None:
    g = torch.Generator().manual_seed(0)
    pairs = (torch.rand((40, 12, 9), generator=g) * 6).floor() / 6  # many equal values
    found = greedy_matches(pairs)
    for image, chosen in zip(pairs, found.prediction.tolist(), strict=True):
        left, wanted = image.clone(), [-1] * 9
        while left.max() > 0:
            n, m = divmod(int(left.flatten().argmax()), 9)
            wanted[m] = n
            left[n], left[:, m] = 0, 0
        assert chosen == wanted


@pytest.mark.parametrize("count", [0, 1, 7, 15, 16, 17, 33, 100, 1000])
def test_sorting_is_stable_and_ranks_what_is_no_number_last(count: int) -> None:
    rng = np.random.default_rng(count)
    scores = rng.integers(0, 20, count).astype(np.float32)
    scores[rng.random(count) < 0.1] = np.nan
    scores[rng.random(count) < 0.1] = -np.inf
    scores[rng.random(count) < 0.1] = -0.0
    order = np.arange(count)
    keys, spare = np.empty(count, np.int64), np.empty(count, np.int64)
    sort_keys(scores, order, count, np.empty(count), keys)
    sort_falling(keys, order, 0, count, spare, spare.copy())
    wanted = sorted(range(count), key=lambda i: (np.isnan(scores[i]), 0 if np.isnan(scores[i]) else -scores[i], i))
    assert order.tolist() == wanted


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(RewardmarkError, match="no engine 'fast': numba, torch"), engine("fast"):
        pass


PROBE = """
import logging, sys
logging.basicConfig(level="WARNING", stream=sys.stdout, format="%(message)s")
sys.path.insert(0, sys.argv[1])
import numba.core.caching as caching
if sys.argv[2] == "nowhere":  # as on a read-only system without a home
    caching.CacheImpl._locator_classes = []
import probe
print(probe.double(2), probe.half(4), sum(probe.double.stats.cache_hits.values()))
"""
MODULE = """
from rewardmark.rewards.compiled import compiled
@compiled
def double(x): return 2 * x
@compiled
def half(x): return x / 2
"""


def run_probe(folder: Path, where: str) -> str:
    environment = {**os.environ, "HOME": str(folder / "home")}
    environment.pop("NUMBA_CACHE_DIR", None)
    command = [sys.executable, "-c", PROBE, str(folder), where]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_compiled_code_is_kept_for_the_next_process_or_a_warning_says_why_not(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(MODULE)
    assert run_probe(tmp_path, "source") == "4 2.0 0\n"
    assert run_probe(tmp_path, "source") == "4 2.0 1\n"  # from the cache
    told = run_probe(tmp_path, "nowhere")
    assert told.count("set NUMBA_CACHE_DIR to a folder that can be written") == 1
    assert told.endswith("4 2.0 0\n")
