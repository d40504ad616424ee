"""BLEU-4 and ROUGE-L of single captions, as pycocoevalcap computes them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.tokenize import ngrams, split_at_blanks, tokenize_all
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
    gamed_by=("endings: 'and a' after a short caption pays", "frequent phrases shared by most references"),
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
    return _each(predictions, targets, _bleu)


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
    return _each(predictions, targets, _rouge)


Texts = tuple[str, ...]


def _each(predictions: Captions, targets: References, score: Callable[[Texts, tuple[Texts, ...]], float]) -> Tensor:
    """`score` of each caption's tokens and those of its references; 0 for an empty caption or without references."""
    texts = [text for references in targets.texts for text in references]
    tokens = iter(tokenize_all([*predictions.texts, *texts]))
    candidates = [next(tokens) for _ in predictions.texts]
    rows = zip(candidates, targets.texts, strict=True)
    values = []
    for candidate, references in rows:
        truths = tuple(next(tokens) for _ in references)
        values.append(score(candidate, truths) if candidate and truths else 0.0)
    return torch.tensor(values, dtype=torch.float32)


@lru_cache(maxsize=50_000)
def _limits(references: tuple[Texts, ...]) -> dict[Texts, int]:
    """How often each n-gram counts at most: as often as in the reference that has it most."""
    limits: dict[Texts, int] = {}
    for reference in references:
        for gram, count in Counter(ngrams(reference)).items():
            if count > limits.get(gram, 0):
                limits[gram] = count
    return limits


def _bleu(candidate: Texts, references: tuple[Texts, ...]) -> float:
    candidate, references = split_at_blanks(candidate), tuple(map(split_at_blanks, references))
    limits = _limits(references)
    correct = [0] * 5
    grams = Counter(ngrams(candidate))
    for gram in grams.keys() & limits.keys():
        correct[len(gram)] += min(grams[gram], limits[gram])
    length = len(candidate)
    value = 1.0
    for n in range(1, 5):
        value *= (correct[n] + TINY) / (max(0, length - n + 1) + SMALL)
    value **= 0.25
    closest = min((abs(len(reference) - length), len(reference)) for reference in references)[1]
    ratio = (length + TINY) / (closest + SMALL)
    return value * math.exp(1 - 1 / ratio) if ratio < 1 else value


def _rouge(candidate: Texts, references: tuple[Texts, ...]) -> float:
    common = [(_common_subsequence(candidate, reference), len(reference)) for reference in references if reference]
    if not common:
        return 0.0
    precision = max(length for length, _ in common) / len(candidate)
    recall = max(length / size for length, size in common)
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


@lru_cache(maxsize=200_000)
def _places(words: Texts) -> dict[str, int]:
    """Where each word stands, as a number with a bit for each place."""
    places: dict[str, int] = {}
    for place, word in enumerate(words):
        places[word] = places.get(word, 0) | 1 << place
    return places


def _common_subsequence(a: Texts, b: Texts) -> int:
    """Length of the longest common subsequence: a row of the table at a time, as the bits of one number.

    Source: Crochemore et al. 2001, A fast and practical bit-vector algorithm for the longest common subsequence.
    """
    places = _places(b)
    everything = (1 << len(b)) - 1
    row = everything
    for word in a:
        matches = row & places.get(word, 0)
        if matches:
            row = (row + matches | row - matches) & everything
    return len(b) - row.bit_count()
