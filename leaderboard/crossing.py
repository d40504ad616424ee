"""Tables with lists in them, crossed into single cells, and names that tell the cells apart."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["CROSSED", "cross", "distinguish", "name_of"]

CROSSED = (
    "task", "dataset", "evaluation", "validation", "model", "start", "method", "options", "reward",
    "reward_parameters", "seed", "steps", "batch_size", "decoding",
)  # fmt: skip
"""The keys of a cell that may hold a list: one cell for each entry, crossed with every other list. The order is that in
which cells run: the last one varies fastest."""


def cross(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of the lists in a cell's table; a table without lists gives itself.

    >>> [c["seed"] for c in cross({"task": "detection", "seed": [0, 1]})]
    [0, 1]
    """
    axes = [(key, table[key]) for key in CROSSED if isinstance(table.get(key), list)]
    keys = [key for key, _ in axes]
    return [{**table, **dict(zip(keys, values, strict=True))} for values in itertools.product(*(v for _, v in axes))]


def name_of(cell: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    """A cell's name: its label or method, its task, then whatever was crossed, as key=value.

    >>> cell = {"task": "detection", "method": "mle", "seed": 1}
    >>> name_of(cell, {**cell, "seed": [0, 1]})
    'mle detection seed=1'
    """
    words = [str(cell.get("label") or cell["method"]), str(cell["task"])]
    for key in CROSSED:
        values = table.get(key)
        if (
            not isinstance(values, list)
            or len(values) < 2
            or key == "task"
            or (key == "method" and not cell.get("label"))
        ):
            continue
        words.append(f"{key}={_brief(cell[key], values)}")
    return " ".join(words)


def distinguish(names: Sequence[str], cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same names, with key=value added where two cells would share one: whatever differs between them."""
    groups: dict[str, list[int]] = defaultdict(list)
    for k, name in enumerate(names):
        groups[name].append(k)
    result = list(names)
    for name, members in groups.items():
        if len(members) == 1:
            continue
        for key in ("method", *(key for key in CROSSED if key != "method")):
            values = [cells[k].get(key) for k in members]
            if all(value == values[0] for value in values) or f"{key}=" in name:
                continue
            for k, value in zip(members, values, strict=True):
                result[k] += f" {key}={_brief(value, values)}"
    return result


def _brief(value: Any, among: Sequence[Any]) -> str:
    """A value in few characters: of a table, only what differs from the other entries."""
    if not isinstance(value, dict):
        return "none" if value is None else str(value).replace(" ", "_")
    tables = [other for other in among if isinstance(other, dict)]
    shown = {k: v for k, v in value.items() if any(k not in t or t[k] != v for t in tables)} or value
    return ",".join(f"{k}:{v}" for k, v in shown.items()).replace(" ", "_") or "default"
