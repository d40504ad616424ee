"""Several tasks at a time, each in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from rewardmark.leaderboard.audit.driver import Audited, Options, audit_rewards, select_rewards
from rewardmark.leaderboard.orphans import end_with_the_parent
from rewardmark.rewards.card import RewardCard

if TYPE_CHECKING:
    from rewardmark.leaderboard.progress import Reporter

__all__ = ["audit_parallel"]


def audit_parallel(
    cards: Sequence[RewardCard], out: Path, options: Options, show: Reporter, jobs: int, plugins: Sequence[Path]
) -> Audited:
    """As `audit_rewards`, `jobs` tasks at a time: rewards of one task share their material and stay together."""
    groups: dict[str, list[str]] = {}
    for card in cards:
        groups.setdefault(card.task, []).append(card.name)
    found: list[Audited] = []
    done = 0
    context, processes = get_context("spawn"), min(jobs, len(groups)) or 1
    with ProcessPoolExecutor(processes, mp_context=context, initializer=end_with_the_parent) as pool:
        waiting = {
            pool.submit(_audit_group, names, out, options, [Path(p) for p in plugins]): names
            for names in groups.values()
        }
        for future in as_completed(waiting):
            part = future.result()
            found.append(part)
            done += len(waiting[future])
            for skip in part.skipped:
                show.line(f"{skip.reward}: skipped: {skip.reason}")
            show.stage("rewards audited", done, len(cards), {})
    return Audited(
        sorted((result for part in found for result in part.results), key=lambda result: result.reward),
        sum(part.kept for part in found),
        [skip for part in found for skip in part.skipped],
    )


def _audit_group(names: list[str], out: Path, options: Options, plugins: list[Path]) -> Audited:
    from rewardmark.leaderboard.progress import Silent
    from rewardmark.rewards import load_plugin

    for file in plugins:
        load_plugin(file)
    return audit_rewards(select_rewards(names), out, options, Silent())
