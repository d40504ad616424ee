"""Attention to a beginning that all rows of a batch share, held once instead of once a row.

What a model writes programs after is mostly examples (a few hundred tokens) that are the same for every question. With
their keys and values copied into each row's cache, decoding on a CPU spends most of its time reading those copies. Here
all rows' queries meet the one copy in one matrix product, and one softmax goes over both parts. In exact arithmetic
that is the same attention; in float32 it differs in the last bits (tests/baselines/test_llm_shared_prefix.py).
For learning it is no gain: there PyTorch's fused attention over copies is faster than keeping all scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from rewardmark.baselines.llm.models import LanguageModel
from torch import Tensor
from transformers import AttentionInterface, Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

__all__ = ["Prefix", "can_share", "causal_mask", "prefix_of", "sharing"]

NAME = "rewardmark_shared_prefix"
KINDS = frozenset({"llama", "qwen2", "qwen3"})
"""Model types whose attention is a plain softmax over all tokens, and hands further arguments on to it: CodeLlama and
Qwen-Coder among them. Another type (caps on scores, sinks, windows) keeps copies."""
LARGEST = 2**25
"""Scores held at once, as numbers: rows are taken in turns beyond it."""

Prefix = Sequence[tuple[Tensor, Tensor]]
"""Keys and values [1, H, P, D] of every layer."""


def can_share(language: LanguageModel) -> bool:
    """Whether a prefix can be shared: on a CPU, for the model types that are known to allow it."""
    config: Any = language.model.config
    dropout = float(getattr(config, "attention_dropout", 0))
    if language.device.type != "cpu" or config.model_type not in KINDS or dropout > 0:
        return False
    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=config).layers)


def prefix_of(cache: Cache) -> Prefix:
    """What a cache of one row holds."""
    found: list[tuple[Tensor, Tensor]] = []
    for layer in cache.layers:
        assert isinstance(layer, DynamicLayer) and layer.keys is not None and layer.values is not None
        found.append((layer.keys, layer.values))
    return found


@contextmanager
def sharing(language: LanguageModel) -> Iterator[None]:
    """Within it the model takes `prefix=` (a Prefix) and a mask [B, 1, L, T] of what each row has of its own."""
    config: Any = language.model.config
    before = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before


def causal_mask(real: Tensor) -> Tensor:
    """Which tokens of its own [B, T] row each token may look at, [B, 1, T, T]; real: which are no padding."""
    length = real.shape[1]
    return real[:, None, None, :] & torch.ones(length, length, dtype=torch.bool, device=real.device).tril()


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    *,
    scaling: float,
    prefix: Prefix,
    **_: Any,
) -> tuple[Tensor, None]:
    """query [B, H, L, D]; key, value [B, K, T, D] (H a multiple of K); attention_mask [B, 1, L, T], true where a token
    may be looked at. Returns [B, L, H, D]."""
    heads, length = query.shape[1:3]
    kept = key.shape[1]
    common, stored = (part[0] for part in prefix[module.layer_idx])  # [K, P, D]
    queries = (query * scaling).unflatten(1, (kept, heads // kept)).flatten(2, 3)  # [B, K, G L, D]
    mask = attention_mask.repeat(1, 1, heads // kept, 1)  # [B, 1, G L, T]
    each = heads * length * (common.shape[1] + key.shape[2])
    step = max(1, LARGEST // each)
    parts = [
        _rows(queries[k : k + step], key[k : k + step], value[k : k + step], mask[k : k + step], common, stored)
        for k in range(0, len(queries), step)
    ]
    out = torch.cat(parts) if len(parts) > 1 else parts[0]
    return out.unflatten(2, (heads // kept, length)).flatten(1, 2).transpose(1, 2).contiguous(), None


def _rows(queries: Tensor, key: Tensor, value: Tensor, mask: Tensor, common: Tensor, stored: Tensor) -> Tensor:
    rows, kept, places, width = queries.shape
    together = queries.transpose(0, 1).reshape(kept, rows * places, width)
    shared = (together @ common.transpose(1, 2)).unflatten(1, (rows, places)).transpose(0, 1)  # [B, K, G L, P]
    own = (queries @ key.transpose(2, 3)).masked_fill(~mask, float("-inf"))  # [B, K, G L, T]
    weights = torch.cat([shared, own], -1).softmax(-1)
    split = common.shape[1]
    seen = weights[..., :split].transpose(0, 1).reshape(kept, rows * places, split) @ stored
    return seen.unflatten(1, (rows, places)).transpose(0, 1) + weights[..., split:] @ value


AttentionInterface.register(NAME, _attend)
