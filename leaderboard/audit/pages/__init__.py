"""The audit as pages: a ranking of all rewards of a task, a card for each reward, and a page on choosing one."""

from __future__ import annotations

from rewardmark.leaderboard.audit.pages.build import build

__all__ = ["build"]
