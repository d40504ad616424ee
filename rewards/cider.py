"""CIDEr-D and CIDEr as rewards: n-gram cosine with the references, weighed by frozen document frequencies."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.tokenize import EOS, ngrams, tokenize
from rewardmark.rewards.types import Captions, DocumentFrequency, References

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CiderScorer", "cider", "cider_d", "cider_d_eos"]

ORDERS = 4
#: Cooked reference sets kept for reuse; the oldest leave first.
CACHED_IMAGES = 50_000

Gram = tuple[str, ...]


@dataclass(frozen=True)
class _Vector:
    """tf-idf weights by n-gram for each order, their norms, and the length that CIDEr-D compares (its bigrams)."""

    weights: tuple[dict[Gram, float], ...]
    norms: tuple[float, ...]
    length: int


class CiderScorer:
    """Scores token lists against references in float64; cooked references are kept.

    eos: the end token is counted as the last token of candidate and references. clip and sigma: CIDEr-D's clipping and
    length penalty; ``clip=False, sigma=None`` is plain CIDEr.
    """

    def __init__(
        self, frequency: DocumentFrequency, eos: bool = False, clip: bool = True, sigma: float | None = 6.0
    ) -> None:
        if frequency.documents < 1:
            raise RewardmarkError("CIDEr: the document frequencies were counted over no image")
        self._frequency = frequency
        self._log_documents = math.log(frequency.documents)
        self._eos, self._clip, self._sigma = eos, clip, sigma
        self._references: OrderedDict[tuple[str, ...], list[_Vector]] = OrderedDict()

    @classmethod
    def of(
        cls, frequency: DocumentFrequency, eos: bool = False, clip: bool = True, sigma: float | None = 6.0
    ) -> CiderScorer:
        """The scorer kept with `frequency`, made at the first call."""
        key = (cls.__name__, eos, clip, sigma)
        scorer = frequency.cache.get(key)
        if scorer is None:
            scorer = frequency.cache[key] = cls(frequency, eos, clip, sigma)
        return scorer

    def score(self, candidate: str, references: Sequence[str]) -> float:
        """CIDEr(-D) of one raw caption against raw references, times 10 (0..10). No reference gives 0."""
        cooked = self._cooked(tuple(references))
        if not cooked:
            return 0.0
        vector = self._vector(tokenize(candidate))
        total = sum(self._similarity(vector, reference) for reference in cooked)
        return 10.0 * total / len(cooked)

    def _cooked(self, references: tuple[str, ...]) -> list[_Vector]:
        cooked = self._references.get(references)
        if cooked is None:
            cooked = self._references[references] = [self._vector(tokenize(text)) for text in references]
            if len(self._references) > CACHED_IMAGES:
                self._references.popitem(last=False)
        return cooked

    def _vector(self, tokens: tuple[str, ...]) -> _Vector:
        if self._eos:
            tokens = (*tokens, EOS)
        weights: tuple[dict[Gram, float], ...] = tuple({} for _ in range(ORDERS))
        counts = self._frequency.counts
        for gram, count in Counter(ngrams(tokens, ORDERS)).items():
            weights[len(gram) - 1][gram] = count * (self._log_documents - math.log(max(1, counts.get(gram, 0))))
        norms = tuple(math.sqrt(sum(w * w for w in order.values())) for order in weights)
        return _Vector(weights, norms, max(0, len(tokens) - 1))

    def _similarity(self, candidate: _Vector, reference: _Vector) -> float:
        """Mean over the orders of the (clipped) cosine, times the length penalty."""
        total = 0.0
        for n in range(ORDERS):
            norm = candidate.norms[n] * reference.norms[n]
            if norm == 0:
                continue  # without weight on one side there is no common n-gram with weight either
            other = reference.weights[n]
            if self._clip:
                dot = sum(
                    min(w, other[gram]) * other[gram] for gram, w in candidate.weights[n].items() if gram in other
                )
            else:
                dot = sum(w * other[gram] for gram, w in candidate.weights[n].items() if gram in other)
            total += dot / norm
        if self._sigma is not None:
            total *= math.exp(-((candidate.length - reference.length) ** 2) / (2 * self._sigma**2))
        return total / ORDERS


@register_reward(
    "captioning/cider-d",
    task="captioning",
    bounds=(0.0, 10.0),
    gold="captioning/CIDEr",
    source="Vedantam et al. 2015 (arXiv:1411.5726), sec. 5 and appendix; pycocoevalcap cider_scorer.py",
    status="metric",
    needs_python=True,
    gamed_by=("endings: 'with a', 'and a' cost nothing because the end token is not counted (SacreEOS)",),
)
def cider_d(predictions: Captions, targets: References, *, sigma: float = 6.0) -> Tensor:
    """CIDEr-D of each caption with document frequencies of a fixed reference set (pycocoevalcap's "CIDEr").

        10 / |S| sum_{s in S} exp(-(l_c - l_s)^2 / (2 sigma^2)) mean_{n=1..4} <min(g_c, g_s), g_s> / (|g_c| |g_s|)

    with g the tf-idf vector of n-grams, idf = log(images) - log(max(1, df)). Captions are tokenised as PTB does.
    Predictions: Captions; targets: References with `document_frequency`. Returns [B] float32 in 0..10; an empty caption
    earns 0. Raises RewardmarkError without document frequencies: one image's own references would give 0 everywhere.

    >>> refs = [["a dog on the grass"], ["a cat in a box"]]
    >>> truth = References(refs, DocumentFrequency.from_references(refs))
    >>> [round(v, 3) for v in cider_d(Captions(["a dog on the grass", ""]), truth).tolist()]
    [10.0, 0.0]
    """
    return _scores(predictions, targets, eos=False, clip=True, sigma=sigma)


@register_reward(
    "captioning/cider-d-eos",
    task="captioning",
    bounds=(0.0, 10.0),
    gold="captioning/CIDEr",
    source="Hu et al. 2023, A request for clarity over the end of sequence token (arXiv:2305.12254): Standard mode",
    status="mended",
    needs_python=True,
    twin="captioning/cider-d",
    gamed_by=(),
)
def cider_d_eos(predictions: Captions, targets: References, *, sigma: float = 6.0) -> Tensor:
    """`captioning/cider-d` with the end token counted as the last word of captions, references and frequencies.

    An ending such as "with a" then loses the n-grams that end a sentence, so it no longer pays. The rest as in
    `captioning/cider-d`; an empty caption earns 0.

    >>> refs = [["a dog on the grass"], ["a cat in a box"]]
    >>> truth = References(refs, DocumentFrequency.from_references(refs))
    >>> [round(v, 3) for v in cider_d_eos(Captions(["a dog on the grass", ""]), truth).tolist()]
    [10.0, 0.0]
    """
    return _scores(predictions, targets, eos=True, clip=True, sigma=sigma)


@register_reward(
    "captioning/cider",
    task="captioning",
    bounds=(0.0, 10.0),
    gold="captioning/CIDEr",
    source="Vedantam et al. 2015 (arXiv:1411.5726), sec. 4, eq. 1-3 (without stemming), times 10",
    status="metric",
    needs_python=True,
    gamed_by=("repeating a rare word of the references: nothing is clipped, length costs nothing",),
)
def cider(predictions: Captions, targets: References) -> Tensor:
    """Plain CIDEr: mean over n = 1..4 and the references of the cosine of tf-idf vectors, times 10.

    Neither clipping nor a length penalty; the paper's stemming is left out, as in every public implementation.
    Types, tokenisation and errors as in `captioning/cider-d`.

    >>> refs = [["a dog on the grass"], ["a cat in a box"]]
    >>> truth = References(refs, DocumentFrequency.from_references(refs))
    >>> [round(v, 3) for v in cider(Captions(["a dog on the grass", "dog"]), truth).tolist()]
    [10.0, 0.0]
    """
    return _scores(predictions, targets, eos=False, clip=False, sigma=None)


def _scores(predictions: Captions, targets: References, *, eos: bool, clip: bool, sigma: float | None) -> Tensor:
    if targets.document_frequency is None:
        raise RewardmarkError(
            "CIDEr needs document frequencies: "
            "References(texts, DocumentFrequency.from_references(the training captions))"
        )
    scorer = CiderScorer.of(targets.document_frequency, eos, clip, sigma)
    values = [scorer.score(text, references) for text, references in zip(predictions.texts, targets.texts, strict=True)]
    return torch.tensor(values, dtype=torch.float32)
