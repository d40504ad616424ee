"""Log-likelihood of completions, with gradients; what all prompts begin with is read once a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rewardmark.baselines.llm.models import LanguageModel
from torch import Tensor
from transformers import DynamicCache

__all__ = ["Scored", "log_likelihood"]


@dataclass(frozen=True)
class Scored:
    """log_probs [B, T] of the completions' tokens, 0 where a row has none; mask [B, T]; entropy [B, T] of the
    distribution that each token was drawn from, without gradient."""

    log_probs: Tensor
    mask: Tensor
    entropy: Tensor


def log_likelihood(
    language: LanguageModel,
    prefix: Sequence[int],
    queries: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    temperature: float = 1.0,
) -> Scored:
    """log P(completion | prefix, query) token by token, all as token ids; `temperature` divides the logits.

    The prefix is one row through the model, and its keys and values are shared by all rows: gradients flow into it.
    """
    device = language.device
    model: Any = language.model
    rows = [[*query, *completion] for query, completion in zip(queries, completions, strict=True)]
    longest, before = max(map(len, rows)), len(prefix)
    tokens = torch.full((len(rows), longest), language.pad, device=device)
    real = torch.zeros(len(rows), longest, dtype=torch.bool, device=device)
    target = torch.zeros(len(rows), longest, dtype=torch.bool, device=device)
    for k, (row, query) in enumerate(zip(rows, queries, strict=True)):
        tokens[k, : len(row)] = torch.tensor(row, device=device)
        real[k, : len(row)] = True
        target[k, len(query) : len(row)] = True
    cache = None
    if before:
        cache = DynamicCache()
        model(input_ids=torch.tensor([list(prefix)], device=device), past_key_values=cache, use_cache=True)
        cache.batch_repeat_interleave(len(rows))
    mask = torch.cat([torch.ones(len(rows), before, dtype=torch.bool, device=device), real], 1)
    positions = (before + torch.arange(longest, device=device)).expand(len(rows), -1)
    first = min(map(len, queries))  # no logits are needed before the shortest query's last token
    logits = model(
        input_ids=tokens,
        past_key_values=cache,
        attention_mask=mask.long(),
        position_ids=positions,
        use_cache=cache is not None,
        logits_to_keep=longest - first + 1,
    ).logits[:, :-1]
    distribution = torch.log_softmax(logits.float() / temperature, -1)
    wanted, mask = tokens[:, first:], target[:, first:]
    chosen = distribution.gather(-1, wanted[..., None]).squeeze(-1)
    entropy = -(distribution.detach().exp() * distribution.detach()).sum(-1)
    return Scored(chosen.masked_fill(~mask, 0.0), mask, entropy * mask)
