"""Scoring what others predict: the field's own result files in, the field's own numbers out."""

from __future__ import annotations

from rewardmark.tasks.score.captioning import score_captioning
from rewardmark.tasks.score.detection import score_detection
from rewardmark.tasks.score.panoptic import score_panoptic

__all__ = ["score_captioning", "score_detection", "score_panoptic"]
