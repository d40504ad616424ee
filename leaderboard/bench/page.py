"""The figures as a page beside the leaderboard, in its style."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

__all__ = ["render", "short", "write_page"]

_TEMPLATES = Path(__file__).parents[1] / "board" / "templates"


def render(bench: dict[str, Any], board: bool = True) -> str:
    """The page's HTML. board: whether a leaderboard (index.html) lies beside it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"seconds": seconds, "short": short}
    cases = sorted(bench["cases"], key=lambda case: (case["group"], case["name"]))
    groups = [(name, list(rows)) for name, rows in groupby(cases, key=lambda case: case["group"])]
    return environment.get_template("bench.html.j2").render(bench=bench, groups=groups, board=board)


def write_page(bench: dict[str, Any], folder: Path, board: bool = True) -> Path:
    """Write bench.html into `folder`, whose assets/ must hold the board's style (copied where they are not there)."""
    import shutil

    assets = folder / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    for name in ("board.css", "theme.js", "icon.svg"):
        if not (assets / name).exists():
            shutil.copyfile(_TEMPLATES.parent / "assets" / name, assets / name)
    file = folder / "bench.html"
    file.write_text(render(bench, board), encoding="utf-8")
    return file


def seconds(value: float | None) -> str:
    """A time with its unit, to three digits.

    >>> seconds(0.0123), seconds(4.5e-05), seconds(2)
    ('12.3\\xa0ms', '45\\xa0µs', '2\\xa0s')
    """
    if value is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g}\N{NO-BREAK SPACE}{unit}"
    return f"{value / 1e-6:.3g}\N{NO-BREAK SPACE}µs"


def short(value: Any) -> str:
    """A number to three digits, without exponent.

    >>> short(12345.6), short(0.12345), short(21.04)
    ('12,346', '0.123', '21.0')
    """
    if not isinstance(value, int | float):
        return str(value)
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"
