"""KV-cached sampling: N sequences an image, one encoder pass, shared cross-attention keys."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from rewardmark.baselines.model.modeling import EncodedImages, PixelsToTokens
from rewardmark.tasks.codec import BOS, EOS, PAD
from torch import Tensor


@dataclass(frozen=True)
class Sampled:
    """Sequences drawn from a model.

    tokens: `[B, N, T]` without BOS, EOS kept, PAD after it; lengths: `[B, N]` tokens up to and with EOS (or max
        length);
    token_probs: `[B, N, T]` probability of each drawn token under the model (temperature 1); hidden: `[B, N, T, D]`,
        state t chose token t.
    """

    tokens: Tensor
    lengths: Tensor
    token_probs: Tensor
    hidden: Tensor


@torch.no_grad()
def sample(
    model: PixelsToTokens,
    encoded: EncodedImages,
    samples: int = 1,
    *,
    temperature: float = 1.0,
    greedy: bool = False,
    generator: torch.Generator | None = None,
    max_length: int | None = None,
) -> Sampled:
    """Draw `samples` sequences for each encoded image.

    Greedy decoding takes the most likely token at every step. Sampling draws from softmax(logits / temperature) by
    inverting the
    cumulative distribution with uniform numbers from `generator`; those are drawn on the CPU, so that a seed means
    the same on every device.
    Stops early when every sequence has ended.
    """
    config = model.config
    steps = config.sequence_length if max_length is None else min(max_length, config.sequence_length)
    device = encoded.grid.device
    rows = encoded.batch * samples
    heads, channels = config.heads, config.d_model // config.heads
    on_cpu = device.type == "cpu"
    dtype = torch.float32 if on_cpu else encoded.memory[0][0].dtype
    # On a CPU attention runs in float32: cast once, not at every step.
    memories = [(k.float().contiguous(), v.float().contiguous()) if on_cpu else (k, v) for k, v in encoded.memory]
    caches = [
        (
            torch.zeros(rows, heads, steps, channels, device=device, dtype=dtype),
            torch.zeros(rows, heads, steps, channels, device=device, dtype=dtype),
        )
        for _ in model.decoder
    ]
    tokens = torch.zeros(rows, steps, dtype=torch.long, device=device)
    token_probs = torch.ones(rows, steps, device=device)
    hidden = torch.zeros(rows, steps, config.d_model, device=device, dtype=dtype)
    lengths = torch.full((rows,), steps, dtype=torch.long, device=device)
    ended = torch.zeros(rows, dtype=torch.bool, device=device)
    current = torch.full((rows,), BOS, dtype=torch.long, device=device)
    positions = model.positions(steps)
    has_end = bool(model.codec_grammar[:, EOS].any())
    for t in range(steps):
        x = (model.token_embedding(current) + positions[t])[:, None, :]
        for layer, memory, cache in zip(model.decoder, memories, caches, strict=True):
            x = layer.step(x, memory, cache, t)  # type: ignore[operator]
        state = model.decoder_norm(x)
        hidden[:, t] = state[:, 0]
        logits = model.logits(state, first=t)[:, 0]
        probabilities = torch.softmax(logits, dim=-1)
        if greedy:
            chosen = logits.argmax(-1)
        else:
            drawn_from = probabilities if temperature == 1.0 else torch.softmax(logits / temperature, dim=-1)
            uniform = torch.rand(rows, 1, generator=generator).to(device)
            cumulative = drawn_from.cumsum(-1)
            chosen = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True).squeeze(-1)
            chosen = chosen.clamp(max=config.vocab_size - 1)
            # Rounding can point at a token of probability zero (once in millions of draws): take the likeliest then.
            impossible = drawn_from.gather(1, chosen[:, None]).squeeze(1) == 0
            chosen = torch.where(impossible, logits.argmax(-1), chosen)
        tokens[:, t] = torch.where(ended, PAD, chosen)
        token_probs[:, t] = torch.where(ended, 1.0, probabilities.gather(1, chosen[:, None]).squeeze(1))
        if has_end:
            now = (chosen == EOS) & ~ended
            lengths = torch.where(now, t + 1, lengths)
            ended = ended | now
            if t % 4 == 3 and bool(ended.all()):
                break
        current = torch.where(ended, PAD, chosen)
    used = int(lengths.max())
    shape = (encoded.batch, samples)
    return Sampled(
        tokens[:, :used].view(*shape, used),
        lengths.view(shape),
        token_probs[:, :used].view(*shape, used),
        hidden[:, :used].view(*shape, used, -1),
    )
