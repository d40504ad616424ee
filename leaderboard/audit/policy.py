"""The adversary's policy: a tiny network that writes answers token by token and sees nothing of the sample."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from rewardmark.rewards.audit.search_alphabets import Alphabet
from torch import Tensor, nn

__all__ = ["BlindPolicy", "Drawn"]


@dataclass(frozen=True)
class Drawn:
    """Sequences of a policy: tokens [N, T] int64 (choice of the field at each place), written [N, T] bool, False after
    the stop; places before it count.
    """

    tokens: Tensor
    written: Tensor


class BlindPolicy(nn.Module):
    """P(token | its place, the token before): logits = bias[place] + U tanh(P[place] + E[token before]).

    A part has one token a field; before each part a stop may be written (choice 0 of an extra field). Starts near
    uniform: what it writes first is garbage.
    """

    allowed: Tensor

    def __init__(self, alphabet: Alphabet, seed: int, width: int = 32) -> None:
        super().__init__()
        sizes = [len(choices) for choices in alphabet.fields]
        self.period, self.parts, self.may_stop = len(sizes), alphabet.parts, not alphabet.fixed
        self.vocabulary = max(sizes) + 1  # the last choice is the stop
        self.length = self.parts * self.period
        generator = torch.Generator().manual_seed(seed)
        allowed = torch.zeros(self.period, self.vocabulary, dtype=torch.bool)
        for field, size in enumerate(sizes):
            allowed[field, :size] = True
        allowed[0, -1] = self.may_stop
        self.register_buffer("allowed", allowed.repeat(self.parts, 1))

        def weights(*shape: int, scale: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator) * scale)

        self.bias = weights(self.length, self.vocabulary, scale=0.01)
        self.place = weights(self.length, width, scale=0.3)
        self.before = weights(self.vocabulary + 1, width, scale=0.3)
        self.out = weights(width, self.vocabulary, scale=0.05)
        with torch.no_grad():
            self.bias[:, -1] -= 2.0  # long answers first: they cover more

    def logits(self, places: Tensor, before: Tensor) -> Tensor:
        """Log probabilities [N, T, V] at `places` [T] after the tokens `before` [N, T]."""
        hidden = torch.tanh(self.place[places] + self.before[before])
        scores = hidden @ self.out + self.bias[places]
        return torch.log_softmax(scores.masked_fill(~self.allowed[places], -torch.inf), -1)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, greedy: bool = False) -> Drawn:
        """`count` sequences, drawn from the policy or its most likely ones."""
        tokens = torch.zeros(count, self.length, dtype=torch.int64)
        hidden = self.before[self.vocabulary].expand(count, -1)
        forbidden = torch.zeros(self.allowed.shape).masked_fill(~self.allowed, -torch.inf)
        drawn = torch.rand(self.length, count, 1, generator=generator)
        for place in range(self.length):
            scores = torch.tanh(self.place[place] + hidden) @ self.out + self.bias[place] + forbidden[place]
            if greedy:
                token = scores.argmax(-1)
            else:  # the inverse of the cumulative distribution: much faster than multinomial
                heap = torch.softmax(scores, -1).cumsum(-1)
                token = (heap < drawn[place] * heap[:, -1:]).sum(-1).clamp(max=self.vocabulary - 1)
            tokens[:, place] = token
            hidden = self.before[token]
        stopped = (tokens == self.vocabulary - 1) & (torch.arange(self.length) % self.period == 0)
        return Drawn(tokens, stopped.cumsum(1) == 0)

    def log_prob(self, drawn: Drawn) -> tuple[Tensor, Tensor]:
        """Log probability [N] of each sequence (its stop included), and the mean entropy of a token."""
        start = torch.full((len(drawn.tokens), 1), self.vocabulary, dtype=torch.int64)
        logits = self.logits(torch.arange(self.length), torch.cat([start, drawn.tokens[:, :-1]], 1))
        counted = torch.cat([torch.ones_like(drawn.written[:, :1]), drawn.written[:, :-1]], 1) | drawn.written
        picked = logits.gather(-1, drawn.tokens[..., None])[..., 0].masked_fill(~counted, 0.0)
        finite = logits.masked_fill(torch.isinf(logits), 0.0)
        entropy = -(finite.exp() * finite).masked_fill(torch.isinf(logits), 0.0).sum(-1)
        return picked.sum(1), (entropy * counted).sum() / counted.sum()
