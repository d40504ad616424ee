"""Turns finished runs of the suite `starts` into the checkpoints that ship with the package.

python -m rewardmark.leaderboard.ship runs baselines/checkpoints
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rewardmark.rewards.errors import RewardmarkError

__all__ = ["ship"]

SUITE = "starts"


def ship(runs: Path, out: Path) -> list[Path]:
    """Write `out/LABEL` for every finished run of the suite `starts`: weights in float16, and where they come from.

    Raises RewardmarkError when there is no such run.
    """
    import torch
    from rewardmark.baselines.build import load_model, save_model

    made = []
    for file in sorted(runs.glob("*/run.json")):
        run = json.loads(file.read_text())
        if run.get("suite") != SUITE:
            continue
        folder = out / run["label"]
        folder.parent.mkdir(parents=True, exist_ok=True)
        if run["spec"]["method"] == "pretrain-programs":
            from rewardmark.baselines.llm.models import load_llm, save_llm

            save_llm(load_llm(file.parent / "checkpoint"), folder, torch.float16)
        elif run["spec"]["task"] == "vlm":
            from rewardmark.baselines.vlm.models import load_vlm, save_vlm

            save_vlm(load_vlm(file.parent / "checkpoint"), folder, torch.float16)
        else:
            model, _ = load_model(file.parent / "checkpoint")
            save_model(model, folder, torch.float16)
        (folder / "provenance.json").write_text(json.dumps(provenance_of(run), indent=1) + "\n")
        made.append(folder)
    if not made:
        raise RewardmarkError(f"{runs}: no finished run of the suite {SUITE!r}; make them with: rewardmark run {SUITE}")
    return made


def provenance_of(run: dict[str, Any]) -> dict[str, Any]:
    """What a reader needs to make a checkpoint again, and what it reached on held-out images (in float32)."""
    # Sums are taken in another order with another number of threads, so it belongs to what makes the same bits.
    threads = run["provenance"]["hardware"]["threads"]
    return {
        "command": f"rewardmark run {SUITE} --only '*{run['name']}*' --threads {threads}",
        "run": run["id"],
        "spec": run["spec"],
        "versions": run["versions"],
        "evaluation_hash": run["evaluation_hash"],
        "metrics": {name: metric["value"] for name, metric in run["metrics"].items()},
        "packages": run["provenance"].get("packages"),
        "weights": "float16; loaded as float32",
    }


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: python -m rewardmark.leaderboard.ship RUNS OUT")
    for written in ship(Path(sys.argv[1]), Path(sys.argv[2])):
        print(written)
