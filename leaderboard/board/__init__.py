"""The leaderboard page: from a folder of runs to a folder of static files."""

from __future__ import annotations

from rewardmark.leaderboard.board.build import Built, build_board

__all__ = ["Built", "build_board"]
