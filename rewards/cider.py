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
from rewardmark.rewards.tokenize import EOS, split_at_blanks, tokenize_all
from rewardmark.rewards.types import Captions, DocumentFrequency, References

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CiderScorer", "cider", "cider_d", "cider_d_eos"]

ORDERS = 4
#: Cooked reference sets kept for reuse; the oldest leave first.
CACHED_IMAGES = 50_000

Gram = tuple[str, ...]
Texts = tuple[str, ...]


@dataclass(frozen=True)
class _Cooked:
    """The references of one image, turned around: for each n-gram the references that hold it.

    grams: n-gram -> (place, weight, weight / norm) of each; place = reference * ORDERS + order - 1, the weight is its
    tf-idf, the norm that of all n-grams of this order in this reference. lengths: bigrams of each reference.
    """

    grams: dict[Gram, list[tuple[int, float, float]]]
    lengths: list[int]


class CiderScorer:
    """Scores captions against references in float64; cooked references are kept.

    eos: the end token is counted as the last token of candidate and references. clip and sigma: CIDEr-D's clipping and
    length penalty; ``clip=False, sigma=None`` is plain CIDEr.
    """

    def __init__(
        self, frequency: DocumentFrequency, eos: bool = False, clip: bool = True, sigma: float | None = 6.0
    ) -> None:
        if frequency.documents < 1:
            raise RewardmarkError("CIDEr: the document frequencies were counted over no image")
        self._counts = frequency.counts
        most = max(frequency.counts.values(), default=0)
        logarithm = math.log(frequency.documents)
        #: idf by the number of images; what no image has counts as in one.
        self._idf = [logarithm - math.log(max(1, count)) for count in range(most + 1)]
        self._eos, self._clip, self._sigma = eos, clip, sigma
        self._references: OrderedDict[Texts, _Cooked] = OrderedDict()

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

    def scores(self, candidates: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
        """CIDEr(-D) of each raw caption against its raw references, times 10 (0..10). No reference gives 0."""
        rows = [tuple(texts) for texts in references]
        # Held here too: a batch may have more images than are kept, and another thread may be at work.
        held = {texts: self._references.get(texts) for texts in dict.fromkeys(rows) if texts}
        cooked = self._cook([texts for texts, known in held.items() if known is None])
        self._references.update(cooked)
        while len(self._references) > CACHED_IMAGES:
            self._references.popitem(last=False)
        tokens = tokenize_all(candidates)
        pairs = ((mine, held.get(texts) or cooked.get(texts)) for mine, texts in zip(tokens, rows, strict=True))
        return [self._score(mine, truth) if truth else 0.0 for mine, truth in pairs]

    def _cook(self, new: Sequence[Texts]) -> dict[Texts, _Cooked]:
        cooked = {}
        tokens = iter(tokenize_all([text for texts in new for text in texts]))
        for texts in new:
            grams: dict[Gram, list[tuple[int, float, float]]] = {}
            lengths = []
            for number in range(len(texts)):
                weights, norms, length = self._vector(next(tokens))
                lengths.append(length)
                for gram, weight in weights.items():
                    order = len(gram) - 1
                    if norms[order]:  # without weight there is nothing in common
                        place = number * ORDERS + order
                        grams.setdefault(gram, []).append((place, weight, weight / norms[order]))
            cooked[texts] = _Cooked(grams, lengths)
        return cooked

    def _vector(self, tokens: Texts) -> tuple[dict[Gram, float], list[float], int]:
        """tf-idf of each n-gram, the norm of each order, and the length that CIDEr-D compares (bigrams)."""
        tokens = split_at_blanks(tokens)
        if self._eos:
            tokens = (*tokens, EOS)
        known, idf = self._counts.get, self._idf
        weights: dict[Gram, float] = {}
        norms = []
        for order in range(1, ORDERS + 1):
            grams = list(zip(*(tokens[start:] for start in range(order)), strict=False))
            mine = {gram: idf[known(gram, 0)] for gram in grams}
            if len(mine) < len(grams):
                for gram, count in Counter(grams).items():
                    mine[gram] *= count
            norms.append(math.sqrt(sum([weight * weight for weight in mine.values()])))
            weights.update(mine)
        return weights, norms, max(0, len(tokens) - 1)

    def _score(self, candidate: Texts, references: _Cooked) -> float:
        """Mean over the references of the length penalty times the mean over the orders of the (clipped) cosine."""
        weights, norms, length = self._vector(candidate)
        dots = [0.0] * (ORDERS * len(references.lengths))
        clip, held = self._clip, references.grams
        for gram in weights.keys() & held.keys():
            mine = weights[gram]
            for place, weight, share in held[gram]:
                dots[place] += (weight if clip and weight < mine else mine) * share
        total = 0.0
        for number, other in enumerate(references.lengths):
            similarity = 0.0
            for order, norm in enumerate(norms):
                if norm:
                    similarity += dots[number * ORDERS + order] / norm
            if self._sigma is not None:
                similarity *= math.exp(-((length - other) ** 2) / (2 * self._sigma**2))
            total += similarity
        return 10.0 * total / (ORDERS * len(references.lengths))


@register_reward(
    "captioning/cider-d",
    task="captioning",
    bounds=(0.0, 10.0),
    gold="captioning/CIDEr",
    source="Vedantam et al. 2015 (arXiv:1411.5726), sec. 5 and appendix; pycocoevalcap cider_scorer.py",
    status="metric",
    needs_python=True,
    gamed_by=("endings: 'and a' after a short caption pays because the end token is not counted (SacreEOS)",),
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
    return torch.tensor(scorer.scores(predictions.texts, targets.texts), dtype=torch.float32)
