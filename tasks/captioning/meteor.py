"""METEOR's score from its counts: counts of segments add up, so any resample of a corpus has its exact METEOR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["meteor_counts", "meteor_score"]

#: METEOR 1.5's parameters for English (-l en): Denkowski and Lavie 2014, table 1; weights of exact, stem, synonym and
#: paraphrase matches.
ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
STAGES: NDArray[np.float64] = np.array([1.0, 0.6, 0.8, 0.6])


def meteor_counts(lines: Sequence[str]) -> NDArray[np.float64]:
    """[n, 23] counts from the program's lines, ready to be summed.

    A caption that is its reference word for word is one chunk but counts as none: it is not fragmented at all, and the
    program adds no chunk of it to a corpus either.
    """
    counts = np.array([line.split() for line in lines], dtype=np.float64).reshape(-1, 23)
    whole = (counts[:, 20] == 1) & (counts[:, 21] == counts[:, 0]) & (counts[:, 22] == counts[:, 1])
    counts[whole, 20] = 0
    return counts


def meteor_score(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """METEOR [...] of `meteor_counts` [..., 23], summed over the segments of a corpus.

    The counts in order: words of the caption and of the reference, function words of both; for each of four stages
    matched content words of caption and reference, then matched function words of both; chunks; matched words of both.
    """
    test_words, true_words, test_function, true_function = (counts[..., k] for k in range(4))
    stages = counts[..., 4:20].reshape(*counts.shape[:-1], 4, 4)
    matched = np.einsum("...sk,s->...k", stages, STAGES)
    precision = _share(
        DELTA * matched[..., 0] + (1 - DELTA) * matched[..., 2],
        DELTA * (test_words - test_function) + (1 - DELTA) * test_function,
    )
    recall = _share(
        DELTA * matched[..., 1] + (1 - DELTA) * matched[..., 3],
        DELTA * (true_words - true_function) + (1 - DELTA) * true_function,
    )
    mean = _share(precision * recall, ALPHA * precision + (1 - ALPHA) * recall)
    chunks, test_matched, true_matched = (counts[..., k] for k in range(20, 23))
    fragments = _share(chunks, (test_matched + true_matched) / 2)
    return mean * (1 - GAMMA * fragments**BETA)


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(np.asarray(part, dtype=np.float64)), where=whole > 0)
