"""Published question files asked of any Hugging Face VLM folder; answers as `rewardmark score` reads them."""

from __future__ import annotations

from rewardmark.baselines.answering.benchmarks import BENCHMARKS, open_sheet
from rewardmark.baselines.answering.job import Outcome, answer_sheet
from rewardmark.baselines.answering.sheet import Ask, Request, Sheet

__all__ = ["BENCHMARKS", "Ask", "Outcome", "Request", "Sheet", "answer_sheet", "open_sheet"]
