"""On which line of a TOML file a key stands: the standard parser does not say, and an error message should."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

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
    tables = _tables(text)
    above = [tuple(path[:depth]) for depth in range(len(path) + 1)]  # the tables that the key may stand in
    for number, depth, line in sorted((n, len(table), line) for table in above for n, line in tables.get(table, ())):
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


@lru_cache(maxsize=32)
def _tables(text: str) -> dict[tuple[str | int, ...], list[tuple[int, str]]]:
    """(line number, line) of all lines, by the table that they belong to: a suite asks for many keys of one text."""
    tables: dict[tuple[str | int, ...], list[tuple[int, str]]] = {}
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
        tables.setdefault(context, []).append((number, line))
    return tables
