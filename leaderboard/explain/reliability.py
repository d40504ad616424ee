"""Reliability curves of several runs put together: how often a box is right, by how sure its model was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["pooled"]


def pooled(explanations: Sequence[dict[str, Any]]) -> list[tuple[float, float, int]]:
    """(mean confidence, share that is right, boxes) of each bin that holds a box, over all the explanations' boxes.

    >>> bin = {"avg_confidence": 0.4, "avg_accuracy": 0.5, "count": 2}
    >>> pooled([{"reliability": [bin]}, {"reliability": [{**bin, "avg_accuracy": 0.0}]}])
    [(0.4, 0.25, 4)]
    """
    curves = [found["reliability"] for found in explanations if found.get("reliability")]
    points = []
    for bins in zip(*curves, strict=True):
        count = sum(int(row["count"]) for row in bins)
        if count:
            confidence, accuracy = (
                sum(float(row[name]) * row["count"] for row in bins) / count
                for name in ("avg_confidence", "avg_accuracy")
            )
            points.append((round(confidence, 6), round(accuracy, 6), count))
    return points
