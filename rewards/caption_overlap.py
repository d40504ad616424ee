"""BLEU-4 and ROUGE-L of single captions, as pycocoevalcap computes them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.tokenize import ngrams, tokenize
from rewardmark.rewards.types import Captions, References

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["bleu4", "rouge_l"]

#: pycocoevalcap adds these to numerators and denominators, so a caption without any 4-gram in common is not quite 0.
TINY, SMALL = 1e-15, 1e-9
BETA = 1.2


@register_reward(
    "captioning/bleu4",
    task="captioning",
    bounds=(0.0, 1.0),
    gold="captioning/Bleu_4",
    source="Papineni et al. 2002, BLEU, sec. 2; pycocoevalcap bleu_scorer.py (sentence scores, closest length)",
    status="metric",
    needs_python=True,
    gamed_by=("frequent phrases shared by most references",),
)
def bleu4(predictions: Captions, targets: References) -> Tensor:
    """Sentence BLEU-4 against all references, with the closest reference length.

        BP * (prod_{n=1..4} (clipped matches_n + 1e-15) / (n-grams_n + 1e-9))^(1/4), BP = exp(1 - 1/r) for r < 1

    with r the caption's length over the closest reference's. Captions are tokenised as PTB does. Predictions: Captions;
    targets: References. Returns [B] float32 in 0..1. An empty caption, or one without references, earns 0.

    >>> truth = References([["a dog runs on the grass"]])
    >>> [round(v, 3) for v in bleu4(Captions(["a dog runs on the grass"]), truth).tolist()]
    [1.0]
    """
    rows = zip(predictions.texts, targets.texts, strict=True)
    return torch.tensor([_bleu(text, references) for text, references in rows], dtype=torch.float32)


@register_reward(
    "captioning/rouge-l",
    task="captioning",
    bounds=(0.0, 1.0),
    gold="captioning/ROUGE_L",
    source="Lin 2004, ROUGE, sec. 3; pycocoevalcap rouge.py (beta 1.2)",
    status="metric",
    needs_python=True,
    gamed_by=("long captions: recall counts more than precision",),
)
def rouge_l(predictions: Captions, targets: References) -> Tensor:
    """ROUGE-L: F of precision and recall of the longest common subsequence.

        P = max_s LCS / |c|, R = max_s LCS / |s|, (1 + b^2) P R / (R + b^2 P) with b = 1.2

    P and R may come from different references. Tokens, types, range and empty captions as in captioning/bleu4.

    >>> truth = References([["a dog runs"]])
    >>> [round(v, 3) for v in rouge_l(Captions(["a dog runs", ][:1]), truth).tolist()]
    [1.0]
    """
    rows = zip(predictions.texts, targets.texts, strict=True)
    return torch.tensor([_rouge(text, references) for text, references in rows], dtype=torch.float32)


def _bleu(candidate: str, references: Sequence[str]) -> float:
    tokens = tokenize(candidate)
    cooked = [tokenize(text) for text in references]
    if not tokens or not cooked:
        return 0.0
    limits: Counter[tuple[str, ...]] = Counter()
    for reference in cooked:
        limits |= Counter(ngrams(reference))
    matches = Counter(ngrams(tokens)) & limits
    correct = [0] * 4
    for gram, count in matches.items():
        correct[len(gram) - 1] += count
    length = len(tokens)
    value = 1.0
    for n in range(4):
        value *= (correct[n] + TINY) / (max(0, length - n) + SMALL)
    value **= 0.25
    closest = min((abs(len(reference) - length), len(reference)) for reference in cooked)[1]
    ratio = (length + TINY) / (closest + SMALL)
    return value * math.exp(1 - 1 / ratio) if ratio < 1 else value


def _rouge(candidate: str, references: Sequence[str]) -> float:
    tokens = tokenize(candidate)
    cooked = [reference for reference in map(tokenize, references) if reference]
    if not tokens or not cooked:
        return 0.0
    common = [(_common_subsequence(tokens, reference), len(reference)) for reference in cooked]
    precision = max(length for length, _ in common) / len(tokens)
    recall = max(length / size for length, size in common)
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        diagonal = 0
        for j, y in enumerate(b, start=1):
            diagonal, row[j] = row[j], diagonal + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]
