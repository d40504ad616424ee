"""Recaptioning as a job of its own: anyone's pictures, any Hugging Face VLM folder, captions that survive a crash."""

from __future__ import annotations

from rewardmark.baselines.recaption.combine import Combine, combined
from rewardmark.baselines.recaption.cost import Prices, cost_table, read_prices
from rewardmark.baselines.recaption.dataset import write_dataset
from rewardmark.baselines.recaption.filters import Rules, judge_caption
from rewardmark.baselines.recaption.job import Decoding, Job, Outcome, run_job
from rewardmark.tasks.vlm.sources import Item, open_items

__all__ = [
    "Combine",
    "Decoding",
    "Item",
    "Job",
    "Outcome",
    "Prices",
    "Rules",
    "combined",
    "cost_table",
    "judge_caption",
    "open_items",
    "read_prices",
    "run_job",
    "write_dataset",
]
