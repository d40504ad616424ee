"""Log-likelihood of completions, with gradients; what all prompts begin with is read once a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rewardmark.baselines.llm.models import LanguageModel
from rewardmark.baselines.llm.shared_prefix import can_share, causal_mask, prefix_of, sharing
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
    positions = (before + torch.arange(longest, device=device)).expand(len(rows), -1)
    first = min(map(len, queries))  # no logits are needed before the shortest query's last token
    wanted: dict[str, Any] = {"input_ids": tokens, "position_ids": positions, "logits_to_keep": longest - first + 1}
    cache = DynamicCache()
    if before:
        model(input_ids=torch.tensor([list(prefix)], device=device), past_key_values=cache, use_cache=True)
    if before and can_share(language):
        with sharing(language):
            out = model(**wanted, attention_mask=causal_mask(real), prefix=prefix_of(cache), use_cache=False)
    elif before:
        cache.batch_repeat_interleave(len(rows))
        mask = torch.cat([torch.ones(len(rows), before, dtype=torch.bool, device=device), real], 1)
        out = model(**wanted, attention_mask=mask.long(), past_key_values=cache, use_cache=True)
    else:
        out = model(**wanted, attention_mask=real.long(), use_cache=False)
    logits = out.logits[:, :-1]
    distribution = torch.log_softmax(logits.float() / temperature, -1)
    next_tokens, mask = tokens[:, first:], target[:, first:]
    chosen = distribution.gather(-1, next_tokens[..., None]).squeeze(-1)
    entropy = -(distribution.detach().exp() * distribution.detach()).sum(-1)
    return Scored(chosen.masked_fill(~mask, 0.0), mask, entropy * mask)
