"""The cache that grows in place holds what Hugging Face's holds, whatever is done to it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from rewardmark.baselines.growing_cache import GrowingLayer, growing_cache
from transformers import Cache, DynamicCache, LlamaConfig, MistralConfig

LAYERS, HEADS, WIDTH = 2, 2, 4
OPERATIONS = ("write", "write", "write", "repeat", "mask", "rows", "crop", "copy")


def same(one: Cache, other: Cache) -> None:
    assert one.get_seq_length() == other.get_seq_length()
    for mine, theirs in zip(one.layers, other.layers, strict=True):
        assert torch.equal(mine.keys, theirs.keys)
        assert torch.equal(mine.values, theirs.values)


@pytest.mark.parametrize("seed", range(12))
@torch.no_grad()
def test_random_operations_give_what_dynamic_cache_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs, rows = growing_cache(), DynamicCache(), int(rng.integers(1, 4))
    for step in range(40):
        what = rng.choice(OPERATIONS) if step else "write"
        if what == "write":
            states = torch.rand(LAYERS, 2, rows, HEADS, int(rng.choice([1, 1, 5, 90])), WIDTH)
            for layer, (keys, values) in enumerate(states):
                got = ours.update(keys, values, layer)
                for mine, wanted in zip(got, theirs.update(keys, values, layer), strict=True):
                    assert torch.equal(mine, wanted)
        elif what == "repeat" and rows < 20:
            repeats = int(rng.integers(1, 4))
            ours.batch_repeat_interleave(repeats)
            theirs.batch_repeat_interleave(repeats)
            rows *= repeats
        elif what == "mask":
            mask = torch.from_numpy(rng.random(rows) < 0.7)
            mask[int(rng.integers(rows))] = True
            ours.batch_select_indices(mask)
            theirs.batch_select_indices(mask)
            rows = int(mask.sum())
        elif what == "rows":
            chosen = torch.from_numpy(rng.integers(0, rows, rows + 1))
            ours.batch_select_indices(chosen)
            theirs.batch_select_indices(chosen)
            rows += 1
        elif what == "crop" and ours.get_seq_length() > 3:
            ours.crop(-2)
            theirs.crop(-2)
        elif what == "copy":
            old, ours = ours, copy.deepcopy(ours)
            old.update(torch.zeros(rows, HEADS, 1, WIDTH), torch.zeros(rows, HEADS, 1, WIDTH), 0)
        same(ours, theirs)


@torch.no_grad()
def test_a_token_is_written_without_copying_what_was_there() -> None:
    layer = GrowingLayer()
    layer.update(torch.rand(2, HEADS, 3, WIDTH), torch.rand(2, HEADS, 3, WIDTH))
    one = torch.rand(2, HEADS, 1, WIDTH)
    layer.update(one, one)
    place = layer.keys.data_ptr()
    for _ in range(30):
        layer.update(one, one)
    assert layer.keys.data_ptr() == place
    assert layer.get_seq_length() == 34


def test_gradients_flow_through_what_was_kept() -> None:
    first = torch.rand(1, HEADS, 3, WIDTH, requires_grad=True)
    layer = GrowingLayer()
    layer.update(first, first)
    layer.batch_repeat_interleave(2)
    keys, _ = layer.update(torch.rand(2, HEADS, 1, WIDTH), torch.rand(2, HEADS, 1, WIDTH))
    torch.autograd.backward(keys.sum())
    assert first.grad is not None
    assert torch.equal(first.grad, torch.full_like(first, 2.0))


def test_models_with_windows_keep_their_own_cache() -> None:
    shape = {"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 2}
    plain = growing_cache(LlamaConfig(**shape))
    assert [type(layer) for layer in plain.layers] == [GrowingLayer, GrowingLayer]
    windowed = growing_cache(MistralConfig(**shape, sliding_window=4))
    assert not any(isinstance(layer, GrowingLayer) for layer in windowed.layers)
