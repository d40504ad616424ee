"""How fast scenes are made (aim: 500 a second a core in memory with all annotations) and written (aim: 150) at 48
px."""

from __future__ import annotations

from itertools import count

import pytest
from rewardmark.tasks.scenes import make_scene, write_scenes


@pytest.mark.benchmark(group="scenes")
@pytest.mark.parametrize("difficulty", ["easy", "standard", "hard"])
def test_bench_make_scene(benchmark, difficulty):
    make_scene(0, 0)  # compiles
    index = count()
    benchmark.pedantic(lambda: make_scene(1, next(index), 48, difficulty), rounds=200)
    benchmark.extra_info["images_per_second"] = 1 / benchmark.stats.stats.mean


@pytest.mark.benchmark(group="scenes-write")
@pytest.mark.parametrize("difficulty", ["standard", "hard"])
def test_bench_write_scenes(benchmark, tmp_path, difficulty):
    make_scene(0, 0)
    folder, n = count(), 100
    benchmark.pedantic(lambda: write_scenes(tmp_path / str(next(folder)), "train", 48, n, 1, difficulty), rounds=3)
    benchmark.extra_info["images_per_second"] = n / benchmark.stats.stats.mean
