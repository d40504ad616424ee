"""CIDEr, BLEU, METEOR and ROUGE-L as pycocoevalcap gives them, and the same over any resample of the images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.base import Metric, Statistics, check_weights
from rewardmark.tasks.captioning.java import Meteor, tokenize_files
from rewardmark.tasks.captioning.meteor import meteor_counts, meteor_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METRICS", "CaptioningStatistics", "evaluate"]

METRICS = (
    Metric(
        "CIDEr",
        unit="0..10",
        note="CIDEr-D, as pycocoevalcap's CIDEr is; in a resample the document frequencies stay those of all images",
    ),
    Metric("Bleu_1", unit="0..1"),
    Metric("Bleu_2", unit="0..1"),
    Metric("Bleu_3", unit="0..1"),
    Metric("Bleu_4", unit="0..1"),
    Metric("METEOR", unit="0..1", note="version 1.5; a corpus score from summed counts, not a mean over images"),
    Metric("ROUGE_L", unit="0..1"),
)

#: pycocoevalcap's guards against a division by zero in BLEU.
SMALL, TINY = 1e-9, 1e-15


def evaluate(references: Sequence[Sequence[str]], captions: Sequence[str], meteor: bool = True) -> CaptioningStatistics:
    """Score one caption an image against its references (raw text, line breaks and all; PTB-tokenised here).

    An empty caption scores 0 in every metric (save ROUGE_L against a reference that is empty too, where pycocoevalcap
    says 1). An image without references is not scored: it is NaN per sample and in no corpus number. `meteor=False`
    saves its JVM (some 6 s and 1 GB); METEOR is NaN then. Java is needed for METEOR, and for the tokens of captions
    that are not plain text (see `rewards/ptb_native.py`).
    """
    if len(references) != len(captions):
        raise RewardmarkError(f"captioning: {len(captions)} captions for {len(references)} images")
    scored = [i for i, texts in enumerate(references) if texts]
    flat = [text for i in scored for text in references[i]]
    tokens, hypotheses = tokenize_files([flat, [captions[i] for i in scored]])
    remaining = iter(tokens)
    truths = [[next(remaining) for _ in references[i]] for i in scored]
    return CaptioningStatistics(truths, hypotheses, scored, len(captions), meteor)


class CaptioningStatistics(Statistics):
    """Counts and scores of each image. truths, hypotheses: tokenised, of the images `scored` of `n`."""

    def __init__(
        self, truths: list[list[str]], hypotheses: list[str], scored: list[int], n: int, meteor: bool = True
    ) -> None:
        self._scored, self._n = np.array(scored, dtype=np.int64), n
        self._official = dict.fromkeys((metric.name for metric in METRICS), math.nan)
        self._meteor: NDArray[np.float64] | None = None
        self._values: dict[str, NDArray[np.float64]] = {}
        self._bleu_counts = bleu_counts(truths, hypotheses)
        if not scored:
            return
        from pycocoevalcap.bleu.bleu import Bleu
        from pycocoevalcap.cider.cider import Cider
        from pycocoevalcap.rouge.rouge import Rouge

        gts, res = dict(enumerate(truths)), {i: [text] for i, text in enumerate(hypotheses)}
        bleus, bleu_values = Bleu(4).compute_score(gts, res, verbose=0)
        for k in range(4):
            self._official[f"Bleu_{k + 1}"] = float(bleus[k])
            self._values[f"Bleu_{k + 1}"] = np.array(bleu_values[k])
        self._official["ROUGE_L"], self._values["ROUGE_L"] = Rouge().compute_score(gts, res)
        if any(text for texts in truths for text in texts):
            self._official["CIDEr"], self._values["CIDEr"] = Cider().compute_score(gts, res)
        else:  # pycocoevalcap fails when no reference has a word; nothing can be right then
            self._official["CIDEr"], self._values["CIDEr"] = 0.0, np.zeros(len(scored))
        if meteor:
            with Meteor(sum(1 + len(texts) for texts in truths)) as judge:
                lines = [judge.statistics(text, texts) for text, texts in zip(hypotheses, truths, strict=True)]
                self._official["METEOR"], values = judge.evaluate(lines)
            self._values["METEOR"] = np.array(values)
            self._meteor = meteor_counts(lines)
        self._official = {name: float(value) for name, value in self._official.items()}

    def __len__(self) -> int:
        return self._n

    def metrics(self, weights: NDArray[Any] | None = None) -> dict[str, float]:
        """CIDEr, Bleu_1..Bleu_4, METEOR, ROUGE_L; NaN where no image counts (METEOR also where it was left out).

        With weights: BLEU and METEOR from their summed counts, exactly as over the repeated data set; ROUGE_L and CIDEr
        are weighted means, CIDEr with the document frequencies of all images (those of a resample would call every
        n-gram of a left-out image unseen, and would change the measure with the sample).
        """
        if weights is None:
            return dict(self._official)
        counts = check_weights(weights, self._n)[self._scored]
        if counts.sum() == 0:
            return dict.fromkeys(self._official, math.nan)
        out = dict(self._official)
        for k, value in enumerate(bleu_score(counts @ self._bleu_counts), start=1):
            out[f"Bleu_{k}"] = float(value)
        for name in ("CIDEr", "ROUGE_L"):
            out[name] = float(np.average(self._values[name], weights=counts))
        if self._meteor is not None:
            out["METEOR"] = float(meteor_score(counts @ self._meteor))
        return out

    def per_sample(self) -> dict[str, NDArray[np.float64]]:
        """score: CIDEr of each image (document frequencies of all images); the other metrics by name; NaN unscored."""
        out = {}
        for name in (metric.name for metric in METRICS):
            out["score" if name == "CIDEr" else name] = column = np.full(self._n, np.nan)
            if name in self._values:
                column[self._scored] = self._values[name]
        return out


def bleu_counts(truths: list[list[str]], hypotheses: list[str]) -> NDArray[np.float64]:
    """[n, 10]: words of the caption, of the reference nearest in length, guessed and right n-grams, n = 1..4."""
    from pycocoevalcap.bleu.bleu_scorer import cook_refs, cook_test

    out = np.zeros((len(hypotheses), 10))
    for row, texts, hypothesis in zip(out, truths, hypotheses, strict=True):
        cooked = cook_test(hypothesis, cook_refs(texts), eff="closest")
        row[:2] = cooked["testlen"], cooked["reflen"]
        row[2:6], row[6:] = cooked["guess"], cooked["correct"]
    return out


def bleu_score(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bleu_1..Bleu_4 [4] of summed counts [10], with pycocoevalcap's guards."""
    precisions = (counts[6:] + TINY) / (counts[2:6] + SMALL)
    scores: NDArray[np.float64] = np.cumprod(precisions) ** (1 / np.arange(1, 5))
    ratio = (counts[0] + TINY) / (counts[1] + SMALL)
    return scores * math.exp(1 - 1 / ratio) if ratio < 1 else scores
