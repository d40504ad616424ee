"""Captions in batches of 32 beside one by one: the same model, pictures, prompt and texts, on one core."""

from __future__ import annotations

import numpy as np
import pytest
from ratios import compare
from rewardmark.baselines.vlm.generate import captions
from rewardmark.baselines.vlm.models import SHAPES, new_vlm, train_tokenizer

PICTURES, TOKENS = 32, 24


@pytest.mark.benchmark(group="recaption")
@pytest.mark.parametrize("shape", [pytest.param("vlm-tiny", marks=pytest.mark.slow), "vlm-small"])
def test_bench_batched_captions(benchmark, shape):
    vlm = new_vlm(train_tokenizer(["a red ball on the grass", "Describe it."] * 9, 300), SHAPES[shape], 48, 0)
    vlm.model.generation_config.suppress_tokens = list(range(5))  # untrained, it would write nothing else
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (48, 48, 3), dtype=np.uint8) for _ in range(PICTURES)]

    def write(batch_size: int) -> list[str]:
        return captions(vlm.model, vlm.processor, images, "Describe it.", batch_size=batch_size, max_new_tokens=TOKENS)

    assert write(32) == write(1)
    work = f"{PICTURES} captions of {TOKENS} tokens"
    ratio = compare(benchmark, lambda: write(32), {"one by one": lambda: write(1)}, work, rounds=3)
    if ratio:
        assert ratio["one by one"] >= 4
