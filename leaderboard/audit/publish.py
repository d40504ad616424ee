"""From the audits in a folder to its tables and pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rewardmark.leaderboard.audit.store import AuditStore

if TYPE_CHECKING:
    from rewardmark.leaderboard.progress import Reporter

__all__ = ["publish"]


def publish(out: Path, show: Reporter) -> Path:
    """Write audit.json, audit.parquet and the pages of every audit in `out`; returns the page to open."""
    store = AuditStore(out)
    results = store.all()
    show.stage("tables", 0, 2, {})
    store.write_tables(results)
    from rewardmark.leaderboard.audit.pages import build

    show.stage("pages", 1, 2, {})
    return build(out)
