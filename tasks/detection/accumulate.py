"""COCO's accumulate step over images that count several times: compiled, for bootstrap resamples and single images."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["RECALL_THRESHOLDS", "image_precision", "weighted_curves"]

#: As pycocotools writes it; equal to its `recThrs` bit for bit.
RECALL_THRESHOLDS: NDArray[np.float64] = np.linspace(0.0, 1.0, 101, endpoint=True)
_TINY = float(np.spacing(1))


@njit(cache=True)
def _interpolate(true_sum, false_sum, size, positives, thresholds, precision, recalls):  # type: ignore[no-untyped-def]
    """Precision at the recall thresholds from running counts [size], written to `precision` [R]."""
    best = 0.0
    for i in range(size - 1, -1, -1):  # the envelope, right to left; true_sum is overwritten with it
        recalls[i] = true_sum[i] / positives
        value = true_sum[i] / (false_sum[i] + true_sum[i] + _TINY)
        if value > best:
            best = value
        true_sum[i] = best
    i = 0
    for r in range(thresholds.shape[0]):
        while i < size and recalls[i] < thresholds[r]:
            i += 1
        precision[r] = true_sum[i] if i < size else 0.0


@njit(cache=True)
def weighted_curves(  # type: ignore[no-untyped-def]
    starts, image, rank, block_end, true, false, positives, weights, max_detections, thresholds
):
    """Precision and recall of each (category, area) group with images counted `weights` times.

    starts [G+1]: the rows of each group, sorted by falling score (ties by image, then by rank). Per row: image [P],
    rank [P] of the detection in its image, block_end [P] the end of the run of rows of the same image and score (copies
    of an image repeat such a run as a whole, as they would in a data set that holds the image several times), true and
    false [T, P] bool. positives [G]: weighted truths; weights [n]; max_detections [M] rising.
    Returns precision [T, R, G] at the largest max_detections and recall [T, G, M], -1 where there is no truth.
    """
    groups, depths, count_t = positives.shape[0], max_detections.shape[0], true.shape[0]
    precision = -np.ones((count_t, thresholds.shape[0], groups))
    recall = -np.ones((count_t, groups, depths))
    longest = 0
    for g in range(groups):
        total = 0
        for p in range(starts[g], starts[g + 1]):
            total += weights[image[p]]
        longest = max(longest, total)
    true_sum, false_sum, scratch = np.empty(longest), np.empty(longest), np.empty(longest)
    for g in range(groups):
        if positives[g] == 0:
            continue
        for t in range(count_t):
            size, hits, misses = 0, 0, 0
            found = np.zeros(depths, dtype=np.int64)
            p = starts[g]
            while p < starts[g + 1]:
                for _ in range(weights[image[p]]):
                    for q in range(p, block_end[p]):
                        if rank[q] >= max_detections[depths - 1]:
                            continue
                        if true[t, q]:
                            hits += 1
                            for m in range(depths):
                                if rank[q] < max_detections[m]:
                                    found[m] += 1
                        elif false[t, q]:
                            misses += 1
                        true_sum[size] = hits
                        false_sum[size] = misses
                        size += 1
                p = block_end[p]
            for m in range(depths):
                recall[t, g, m] = found[m] / positives[g]
            _interpolate(true_sum, false_sum, size, positives[g], thresholds, precision[t, :, g], scratch)
    return precision, recall


@njit(cache=True)
def image_precision(first, last, positives, true, false, thresholds):  # type: ignore[no-untyped-def]
    """Mean interpolated precision [E, T] of each entry (one image and category): rows first[e]..last[e], best first."""
    entries, count_t = first.shape[0], true.shape[0]
    out = np.zeros((entries, count_t))
    longest = 1
    for e in range(entries):
        longest = max(longest, last[e] - first[e])
    true_sum, false_sum, scratch = np.empty(longest), np.empty(longest), np.empty(longest)
    precision = np.empty(thresholds.shape[0])
    for e in range(entries):
        for t in range(count_t):
            hits, misses, size = 0, 0, 0
            for q in range(first[e], last[e]):
                if true[t, q]:
                    hits += 1
                elif false[t, q]:
                    misses += 1
                true_sum[size] = hits
                false_sum[size] = misses
                size += 1
            _interpolate(true_sum, false_sum, size, positives[e], thresholds, precision, scratch)
            out[e, t] = precision.mean()
    return out
