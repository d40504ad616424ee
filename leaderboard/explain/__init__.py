"""Where a result comes from: what kinds of error are left, task by task, from a run's stored predictions."""

from __future__ import annotations

from rewardmark.leaderboard.explain.reliability import pooled
from rewardmark.leaderboard.explain.run import EXPLAINED, explain, explain_run, read_explanation
from rewardmark.leaderboard.explain.table import Row, comparison, markdown

__all__ = ["EXPLAINED", "Row", "comparison", "explain", "explain_run", "markdown", "pooled", "read_explanation"]
