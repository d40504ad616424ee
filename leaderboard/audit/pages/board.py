"""The audit's pages as a part of the board: copied beside it, so that one folder holds both."""

from __future__ import annotations

import shutil
from pathlib import Path

from rewardmark.leaderboard.audit.pages.build import build, read_audits
from rewardmark.leaderboard.audit.store import slug

__all__ = ["AUDITS", "copy_audit"]

AUDITS = "audits"
"""Where `rewardmark audit` puts its results inside a folder of runs."""


def copy_audit(runs: Path, site: Path) -> dict[str, str]:
    """Put the pages of RUNS/audits into SITE/audit; reward name -> address of its card, relative to the site.

    Empty where nothing was audited. Raises DataError for an audit.json that cannot be used.
    """
    source, out = Path(runs) / AUDITS, Path(site) / "audit"
    if not (source / "audit.json").is_file():
        return {}
    results = read_audits(source)
    out.mkdir(parents=True)
    for name in ("audit.json", "audit.parquet"):
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)
    if (source / "repro").is_dir():
        shutil.copytree(source / "repro", out / "repro")
    build(out)
    return {result.reward: f"audit/{slug(result.reward)}.html" for result in results}
