"""Which runs are one entry of the table, and what an entry is called."""

from __future__ import annotations

import json
import re
from typing import Any

from rewardmark.leaderboard.board.load import Run

__all__ = ["canonical", "cells_of", "dataset_text", "reward_name", "slug", "variants"]

_NOT_A_SETTING = ("seed", "start", "start_run", "also")


def dataset_text(data: Any) -> str:
    """A data set's spec as a person says it: "scenes val, 48 px, 512 images, hard, seed 2"."""
    if not isinstance(data, dict):
        return str(data)
    parts = [" ".join(str(data[key]) for key in ("name", "split") if data.get(key) not in (None, ""))]
    wording = {"size": "{} px", "n": "{} images", "difficulty": "{}", "seed": "data seed {}"}
    parts += [form.format(data[key]) for key, form in wording.items() if data.get(key) not in (None, "")]
    return ", ".join(part for part in parts if part)


def reward_name(run: Run) -> str:
    if run.spec.get("reward"):
        return str(run.spec["reward"])
    return run.file.reward.name if run.file.reward else ""


def settings(run: Run) -> dict[str, Any]:
    """What makes runs the same entry: all of the spec but the seed and what follows from it, and the versions of what
    can change a result (the package's own version is not among them: the others go up when results change)."""
    found = {key: value for key, value in run.spec.items() if key not in _NOT_A_SETTING}
    found |= {f"{key} version": value for key, value in run.file.versions.items() if key != "rewardmark"}
    name = found.get("start_name")
    if isinstance(name, str):  # "cell:mle-detection seed=1" and "... seed=2" are the same start, seed by seed
        found["start_name"] = re.sub(r"[\s,;/]*\bseed\s*=\s*\d+", "", name)
    return found


def cells_of(runs: list[Run]) -> list[list[Run]]:
    """The runs as cells: those that differ only in their seed. Runs of one seed that started from different checkpoints
    are different cells."""
    alike: dict[str, list[Run]] = {}
    for run in runs:
        alike.setdefault(canonical(settings(run)), []).append(run)
    cells: list[list[Run]] = []
    for cell in alike.values():
        if len({canonical(run.seed) for run in cell}) == len(cell):
            cells.append(cell)
            continue
        by_start: dict[str, list[Run]] = {}
        for run in cell:
            by_start.setdefault(_start(run), []).append(run)
        cells += by_start.values()
    return [sorted(cell, key=lambda run: (str(type(run.seed)), run.seed, run.id)) for cell in cells]


def variants(cells: list[list[Run]]) -> list[str]:
    """What tells apart entries of the same method and reward: the settings in which they differ."""
    names = [(cell[0].method, reward_name(cell[0])) for cell in cells]
    texts = []
    for cell, name in zip(cells, names, strict=True):
        alike = [_flat(settings(other[0])) for other, its in zip(cells, names, strict=True) if its == name]
        mine = _flat(settings(cell[0]))
        differing = sorted({k for flat in alike for k in flat if any(o.get(k) != flat.get(k) for o in alike)})
        texts.append(", ".join(f"{k.split('.')[-1]} {mine.get(k, 'unset')}" for k in differing))
    labels = list(zip(names, texts, strict=True))
    return [
        text if labels.count(label) == 1 else ", ".join(filter(None, (text, f"start {_start(cell[0])[:8]}")))
        for cell, label, text in zip(cells, labels, texts, strict=True)
    ]


def _start(run: Run) -> str:
    return str(run.spec.get("start") or run.file.start_run or "none")


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def slug(text: str, taken: set[str]) -> str:
    wanted = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "task"
    found, number = wanted, 2
    while found in taken:
        found, number = f"{wanted}-{number}", number + 1
    return found
