"""Panoptic quality of maps of 512 x 512 pixels with 20 segments, beside panopticapi's core and torchmetrics.

panopticapi-lite, which carries the core, wants NumPy below 2: PANOPTIC_PYTHON names the Python of an environment that
has it (`make bench` builds build/panoptic-env). Its core is timed on maps in memory, in a process of its own that waits
in between, the way to and fro (some bytes) included. torchmetrics is timed on one image.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ratios import Peer, compare, growth
from rewardmark.rewards import Segments, get_reward

pytestmark = [pytest.mark.slow, pytest.mark.benchmark(group="panoptic")]

IMAGES, PIXELS, SEGMENTS, CATEGORIES = 32, 512, 20, 8


def batch(images: int = IMAGES, pixels: int = PIXELS, segments: int = SEGMENTS, noise: float = 0.0) -> Any:
    """Maps of patches, and predictions: the same moved by some pixels, in half of the patches another segment, and
    with `noise` that share of the pixels anything."""
    g = torch.Generator().manual_seed(0)

    def patches() -> torch.Tensor:
        small = torch.randint(0, segments + 1, (images, 1, 12, 12), generator=g).float()
        return torch.nn.functional.interpolate(small, (pixels, pixels), mode="nearest")[:, 0].long()

    truth, other = patches(), patches()
    keep = torch.nn.functional.interpolate(
        (torch.rand((images, 1, 12, 12), generator=g) < 0.7).float(), (pixels, pixels), mode="nearest"
    )[:, 0]
    found = torch.roll(torch.where(keep > 0, truth, other), (pixels // 100, pixels // 80), (1, 2))
    if noise:
        anything = torch.randint(0, segments + 1, found.shape, generator=g)
        found = torch.where(torch.rand(found.shape, generator=g) < noise, anything, found)
    categories = torch.randint(1, CATEGORIES + 1, (images, segments), generator=g)
    return Segments(found, categories), Segments(truth, categories)


@pytest.fixture
def panopticapi(tmp_path: Path) -> Iterator[Callable[[Any, Any], Callable[[], list[float]]] | None]:
    """Starts the worker on a batch and gives a call that has it compute all PQs; None where there is none."""
    ours = Path(__file__).parents[2] / "build" / "panoptic-env" / "bin" / "python"
    python = os.environ.get("PANOPTIC_PYTHON") or (str(ours) if ours.exists() else None)
    workers: list[subprocess.Popen[str]] = []

    def start(predictions: Segments, targets: Segments) -> Callable[[], list[float]]:
        file, script = tmp_path / "maps.npz", Path(__file__).parent / "panopticapi_worker.py"
        columns = {"predictions": predictions.ids, "truths": targets.ids, "categories": targets.categories}
        np.savez(file, **{name: column.numpy() for name, column in columns.items()})  # type: ignore[arg-type]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        worker = subprocess.Popen(
            [str(python), str(script), str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        workers.append(worker)

        def call() -> list[float]:
            assert worker.stdin is not None and worker.stdout is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
            found: list[float] = json.loads(worker.stdout.readline())
            return found

        return call

    yield start if python else None
    for worker in workers:
        worker.communicate()


def one_by_torchmetrics(predictions: Segments, targets: Segments) -> Callable[[], Any] | None:
    try:
        from torchmetrics.functional.detection import panoptic_quality
    except ImportError:
        return None

    def pairs(side: Segments) -> torch.Tensor:  # [1, H, W, 2]: category and instance, void a category of its own
        categories = torch.nn.functional.pad(side.categories[0], (1, 0))
        return torch.stack([categories[side.ids[0]], side.ids[0]], -1)[None]

    found, truth = pairs(predictions), pairs(targets)
    things = set(range(1, CATEGORIES + 1))
    return lambda: panoptic_quality(found, truth, things, {0}, allow_unknown_preds_category=True)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_bench_panoptic_quality(benchmark: Any, panopticapi: Any, noise: float) -> None:
    predictions, targets = batch(noise=noise)
    reward = get_reward("panoptic/pq")
    peers: dict[str, Any] = {}
    if panopticapi is not None:
        peers["panopticapi's core"] = panopticapi(predictions, targets)
        assert peers["panopticapi's core"]() == pytest.approx(reward(predictions, targets).tolist(), abs=1e-6)
    if (alone := one_by_torchmetrics(predictions, targets)) is not None:
        peers["torchmetrics"] = Peer(alone, share=1 / IMAGES)
    if not peers:
        pytest.skip("no peer is installed: pip install '.[bench]', or set PANOPTIC_PYTHON")
    work = f"{IMAGES} images of {PIXELS} x {PIXELS} pixels, {SEGMENTS} segments, {noise:.0%} noise"
    compare(benchmark, lambda: reward(predictions, targets), peers, work, rounds=5)


@pytest.mark.parametrize("what", ["images", "pixels", "segments"])
def test_bench_growth_of_panoptic_quality(benchmark: Any, what: str) -> None:
    sizes = {"images": [8, 32, 128], "pixels": [128, 256, 512], "segments": [5, 20, 80]}
    reward = get_reward("panoptic/pq")

    def make(size: int) -> Callable[[], Any]:
        predictions, targets = batch(**({"images": 32, "pixels": 256} | {what: size}))
        return lambda: reward(predictions, targets)

    found = growth(benchmark, make, sizes[what], what if what != "pixels" else "side")
    if what == "pixels":
        benchmark.extra_info["slope:pixels"] = found / 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_bench_panoptic_quality_on_a_gpu(benchmark: Any) -> None:
    images = 256
    predictions, targets = (side.to("cuda") for side in batch(images))
    reward = get_reward("panoptic/pq")

    def run() -> None:
        reward(predictions, targets)
        torch.cuda.synchronize()

    benchmark.pedantic(run, rounds=7, warmup_rounds=2)
    if not benchmark.disabled:
        benchmark.extra_info["images_per_second"] = images / benchmark.stats.stats.median
