"""Drawing programs from a causal model: the prompt is read once, and every sequence is dropped when it ends.

Hugging Face's `generate` reads the whole prompt again for every sample, and carries finished sequences along until the
last one ends. Here the common beginning of all prompts (the few-shot examples) is read once for everybody, each
question once for its N samples, and the batch shrinks as sequences end; the beginning is not copied where the model
lets rows share it (`shared_prefix`). Greedy, the tokens are those of `generate` (tests/baselines/test_llm_sampling.py).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from rewardmark.baselines.growing_cache import growing_cache
from rewardmark.baselines.llm.models import LanguageModel
from rewardmark.baselines.llm.shared_prefix import Prefix, can_share, causal_mask, prefix_of, sharing
from rewardmark.baselines.llm.tokenizer import END
from torch import Tensor
from transformers import Cache

__all__ = ["Completion", "Sampling", "draw"]

SHRINK_BELOW = 0.75
"""The batch is made smaller when fewer than this share of its sequences still run: a copy of the cache each time."""
LIKELIEST = 64
"""So many tokens are put in order for top_p; all of them only where a row needs more."""
LOOK_EVERY = 8
"""Models without a token for the blank line are read back every so many tokens to see whether they have ended."""


@dataclass(frozen=True)
class Sampling:
    """How to draw: temperature 0 is greedy; top_p keeps the likeliest tokens that together have that probability;
    rows: sequences at once."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int = 160
    rows: int = 256


@dataclass(frozen=True)
class Completion:
    """One sequence: its tokens (the stop token included), their text up to the blank line, and whether it ended."""

    tokens: tuple[int, ...]
    text: str
    ended: bool


@torch.no_grad()
def draw(
    language: LanguageModel,
    prefix: str,
    queries: Sequence[str],
    samples: int,
    how: Sampling,
    generator: torch.Generator | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[list[Completion]]:
    """`samples` completions of `prefix + query` for each query, in the order given.

    generator: of the draws, on the CPU (not needed for greedy). A prompt is the tokens of the prefix followed by those
    of the query.
    """
    language.model.eval()
    start = language.ids(prefix, begin=True)
    ids = [language.ids(query) for query in queries]
    common = _read(language, torch.tensor([start], device=language.device), None, None)[1] if start else None
    order = sorted(range(len(ids)), key=lambda k: -len(ids[k]))
    found: list[list[Completion]] = [[] for _ in queries]
    size = max(1, how.rows // samples)
    for first in range(0, len(order), size):
        chosen = order[first : first + size]
        drawn = _draw_batch(language, common, len(start), [ids[k] for k in chosen], samples, how, generator)
        for k, completions in zip(chosen, drawn, strict=True):
            found[k] = completions
        progress(min(first + size, len(order)), len(order))
    return found


def _draw_batch(
    language: LanguageModel,
    common: Cache | None,
    before: int,
    ids: Sequence[Sequence[int]],
    samples: int,
    how: Sampling,
    generator: torch.Generator | None,
) -> list[list[Completion]]:
    device = language.device
    prefix = prefix_of(common) if common is not None and can_share(language) else None
    held = 0 if prefix is not None else before  # tokens of the common beginning in each row's own cache
    longest = max(len(row) for row in ids)
    tokens = torch.full((len(ids), longest), language.pad, device=device)
    for k, row in enumerate(ids):
        tokens[k, longest - len(row) :] = torch.tensor(row, device=device)
    lengths = torch.tensor([len(row) for row in ids], device=device)
    real = torch.arange(longest, device=device)[None, :] >= longest - lengths[:, None]
    mask = torch.cat([torch.ones(len(ids), held, dtype=torch.bool, device=device), real], 1)
    positions = before + (real.long().cumsum(1) - 1).clamp(min=0)
    cache = None
    if common is not None and prefix is None:
        cache = copy.deepcopy(common)
        cache.batch_repeat_interleave(len(ids))
    logits, cache = _read(language, tokens, cache, mask, positions, prefix)
    cache.batch_repeat_interleave(samples)
    logits, mask = logits.repeat_interleave(samples, 0), mask.repeat_interleave(samples, 0)
    position = (before + lengths).repeat_interleave(samples)

    stops = torch.tensor(language.stops, device=device)
    by_text = len(language.tokenizer.encode(END, add_special_tokens=False)) > 1
    written: list[list[int]] = [[] for _ in range(len(ids) * samples)]
    ended = [False] * len(written)
    rows = torch.arange(len(written), device=device)  # which sequence each row of the batch is
    alive = torch.ones(len(written), dtype=torch.bool, device=device)
    for step in range(how.max_new_tokens):
        chosen = _choose(logits, how, generator)
        stopped = torch.isin(chosen, stops)
        for row, token, runs, stop in zip(
            rows.tolist(), chosen.tolist(), alive.tolist(), stopped.tolist(), strict=True
        ):
            if runs:
                written[row].append(token)
                ended[row] = stop
        alive &= ~stopped
        if by_text and step % LOOK_EVERY == LOOK_EVERY - 1:
            for place, row in enumerate(rows.tolist()):
                if alive[place] and END in language.tokenizer.decode(written[row]):
                    alive[place], ended[row] = False, True
        running = int(alive.sum())
        if running == 0 or step + 1 == how.max_new_tokens:
            break
        if running < SHRINK_BELOW * len(rows):
            cache.batch_select_indices(alive)
            rows, chosen, mask, position = rows[alive], chosen[alive], mask[alive], position[alive]
            alive = alive[alive]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
        logits, cache = _read(language, chosen[:, None], cache, mask, position[:, None], prefix)
        position = position + 1
    return [
        [_completion(language, written[k * samples + n], ended[k * samples + n]) for n in range(samples)]
        for k in range(len(ids))
    ]


def _completion(language: LanguageModel, tokens: list[int], ended: bool) -> Completion:
    text = str(language.tokenizer.decode(tokens, skip_special_tokens=False))
    eos = language.tokenizer.eos_token
    if ended and isinstance(eos, str) and text.endswith(eos):
        text = text.removesuffix(eos)
    before, blank, _ = text.partition(END)
    return Completion(tuple(tokens), before, ended or bool(blank))


def _read(
    language: LanguageModel,
    tokens: Tensor,
    cache: Cache | None,
    mask: Tensor | None,
    positions: Tensor | None = None,
    prefix: Prefix | None = None,
) -> tuple[Tensor, Cache]:
    """Logits [B, V] after the last token, and the cache that now holds these tokens too; mask [B, T] of what the cache
    then holds, prefix: what stands before that in every row."""
    arguments: dict[str, Any] = {"attention_mask": None if mask is None else mask.long()}
    if prefix is not None and mask is not None:
        first = tokens.shape[1] == mask.shape[1]
        arguments = {"attention_mask": causal_mask(mask) if first else mask[:, None, None], "prefix": prefix}
    with sharing(language) if prefix is not None else nullcontext():
        out: Any = language.model(
            input_ids=tokens,
            past_key_values=cache if cache is not None else growing_cache(),
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **arguments,
        )
    return out.logits[:, -1], out.past_key_values


def _choose(logits: Tensor, how: Sampling, generator: torch.Generator | None) -> Tensor:
    """The next token of each row [B]."""
    if how.temperature == 0:
        return logits.argmax(-1)
    probs = torch.softmax(logits.float() / how.temperature, -1)
    if how.top_p < 1:
        ordered, places = probs.topk(min(LIKELIEST, probs.shape[-1]))
        if ordered.shape[-1] < probs.shape[-1] and bool((ordered.cumsum(-1)[:, -1] < how.top_p).any()):
            ordered, places = probs.sort(-1, descending=True)
        kept = ordered.cumsum(-1) - ordered < how.top_p  # the first that crosses the line stays
        probs = torch.zeros_like(probs).scatter(-1, places, ordered * kept)
    # On the CPU and by the inverse of the distribution: the same draws on every device.
    edges = probs.cumsum(-1).cpu()
    at = torch.rand(len(edges), 1, generator=generator) * edges[:, -1:]
    drawn = torch.searchsorted(edges, at, right=True).squeeze(1).clamp(max=edges.shape[-1] - 1)
    return drawn.to(logits.device)
