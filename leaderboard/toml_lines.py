"""On which line of a TOML file a key stands: the standard parser does not say, and an error message should."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

__all__ = ["line_of"]

_ARRAY = re.compile(r"\s*\[\[\s*([A-Za-z0-9_.\"' -]+?)\s*\]\]")
_TABLE = re.compile(r"\s*\[\s*([A-Za-z_][A-Za-z0-9_.\"' -]*?)\s*\]\s*(#.*)?$")


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line (from 1) of the key at `path`, as far down the path as it can be found; 1 when nothing is.

    path: keys and places in arrays of tables, as in ("cell", 2, "dataset", "size").

    >>> line_of('[[cell]]\\ntask = 1\\n[[cell]]\\ntask = 2', ("cell", 1, "task"))
    4
    """
    best, best_depth = 1, 0
    for number, context, line in _with_context(text):
        depth = _shared(context, path)
        if depth < len(context):
            continue
        if depth > best_depth:
            best, best_depth = number, depth
        rest = [str(key) for key in path[depth:]]
        found, at = 0, 0
        for key in rest:  # `dataset = { size = 48 }` or `dataset.size = 48`: the keys follow each other on the line
            match = re.compile(rf"(?:^\s*|[{{,.]\s*)[\"']?{re.escape(key)}[\"']?\s*(?=[=.])").search(line, at)
            if match is None or (found == 0 and line[: match.start()].strip()):
                break
            found, at = found + 1, match.end()
        if found and depth + found > best_depth:
            best, best_depth = number, depth + found
    return best


def _shared(context: tuple[str | int, ...], path: Sequence[str | int]) -> int:
    depth = 0
    for ours, theirs in zip(context, path, strict=False):
        if ours != theirs:
            break
        depth += 1
    return depth


def _with_context(text: str) -> list[tuple[int, tuple[str | int, ...], str]]:
    """(line number, the table that the line belongs to, the line)."""
    rows: list[tuple[int, tuple[str | int, ...], str]] = []
    context: tuple[str | int, ...] = ()
    seen: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if (match := _ARRAY.match(line)) is not None:
            name = match[1]
            context = (name, seen[name])
            seen[name] += 1
        elif (match := _TABLE.match(line)) is not None:
            head, *rest = [part.strip().strip("\"'") for part in match[1].split(".")]
            context = (head, seen[head] - 1, *rest) if seen[head] else (head, *rest)
        rows.append((number, context, line))
    return rows
