"""How many pixels each pair of a predicted and a true segment shares, compiled."""

from __future__ import annotations

import numpy as np
from rewardmark.rewards.compiled import compiled

__all__ = ["count_pairs"]

#: Pixels looked at together. Nearly all of a real map are inside segments, where a block is one pair and one addition.
BLOCK = 16


@compiled
def count_pairs(predicted, true, rows, columns):  # type: ignore[no-untyped-def]
    """Pixels [B, rows, columns] int64 of each pair of ids, from maps [B, pixels] of integers; and how many pixels have
    ids outside 0..rows - 1 and 0..columns - 1, which are left out."""
    size, pixels = predicted.shape
    counts = np.zeros((size, rows * columns), np.int64)
    outside = 0
    for b in range(size):
        i = 0
        while i + BLOCK <= pixels:
            p, t = predicted[b, i], true[b, i]
            differ = (predicted[b, i + 1] ^ p) | (true[b, i + 1] ^ t)
            for k in range(2, BLOCK):  # without a branch, so that the processor compares many at once
                differ |= (predicted[b, i + k] ^ p) | (true[b, i + k] ^ t)
            if differ == 0:
                if 0 <= p < rows and 0 <= t < columns:
                    counts[b, p * columns + t] += BLOCK
                else:
                    outside += BLOCK
            else:
                for k in range(BLOCK):
                    p, t = predicted[b, i + k], true[b, i + k]
                    if 0 <= p < rows and 0 <= t < columns:
                        counts[b, p * columns + t] += 1
                    else:
                        outside += 1
            i += BLOCK
        for k in range(i, pixels):
            p, t = predicted[b, k], true[b, k]
            if 0 <= p < rows and 0 <= t < columns:
                counts[b, p * columns + t] += 1
            else:
                outside += 1
    return counts.reshape(size, rows, columns), outside
