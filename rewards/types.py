"""What a model predicts and what the truth is: batched, padded, frozen. One line of import for every reward."""

from __future__ import annotations

from rewardmark.rewards.boxes import Boxes, ImageBoxes
from rewardmark.rewards.grounded import Grounded, PairScores
from rewardmark.rewards.pixels import Images, ImageSegments, Segments
from rewardmark.rewards.texts import Answers, Captions, DocumentFrequency, References

__all__ = [
    "Answers",
    "Boxes",
    "Captions",
    "DocumentFrequency",
    "Grounded",
    "ImageBoxes",
    "ImageSegments",
    "Images",
    "PairScores",
    "References",
    "Segments",
]
