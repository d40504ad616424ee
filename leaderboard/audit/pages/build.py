"""From OUT/audit.json to OUT/index.html, OUT/choosing.html and a card for each reward; static files, no network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.audit.pages.card import Card, make_card
from rewardmark.leaderboard.audit.pages.pictures import Pictures
from rewardmark.leaderboard.audit.pages.ranking import RULE, USE_RULE, make_tables
from rewardmark.leaderboard.board.numbers import duration, number
from rewardmark.rewards.audit.result import AuditResult
from rewardmark.rewards.errors import DataError, RewardmarkError

__all__ = ["build", "read_audits"]

_HERE = Path(__file__).parent
_BOARD = _HERE.parents[1] / "board" / "assets"
_SHARED = ("board.css", "theme.js", "icon.svg")
"""What the pages look like is the board's: one style for both."""


def build(out: Path) -> Path:
    """Write the pages of OUT/audit.json into OUT; returns OUT/index.html. The same audits give the same bytes.

    Raises DataError when audit.json is missing, broken or of another version.
    """
    out = Path(out)
    results = read_audits(out)
    tables = make_tables(results)
    rows = {row.name: row for table in tables for row in table.rows}
    assets = out / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    for name in _SHARED:
        shutil.copyfile(_BOARD / name, assets / name)
    shutil.copyfile(_HERE / "assets" / "audit.css", assets / "audit.css")
    pages = _environment()
    pictures = Pictures()
    common: dict[str, Any] = {"tables": tables, "rewards": len(results)}
    for result in results:
        row = rows[result.reward]
        card: Card = make_card(result, pictures)
        peers = next(table for table in tables if table.task == result.task)
        _write(out / row.file, pages, "card.html.j2", row=row, card=card, result=result, table=peers, **common)
    _write(out / "choosing.html", pages, "choosing.html.j2", rule=RULE, use_rule=USE_RULE, **common)
    _write(out / "index.html", pages, "index.html.j2", rule=RULE, **common)
    return out / "index.html"


def read_audits(out: Path) -> list[AuditResult]:
    """The results in OUT/audit.json. Raises DataError naming the file, and the record that cannot be used."""
    file = Path(out) / "audit.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        found = list(content["rewards"])
    except OSError as error:
        raise DataError(file, f"cannot be read ({error.strerror}); run `rewardmark audit` first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(file, "is no table of audits; run `rewardmark audit` again") from error
    results = []
    for place, one in enumerate(found):
        try:
            results.append(AuditResult.from_json(one))
        except (RewardmarkError, TypeError, AttributeError) as error:
            raise DataError(file, f"{error}; run `rewardmark audit` again", record=f"rewards[{place}]") from error
    return results


def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": duration,
        "number": number,
        "plain": plain,
        "task_title": task_title,
        "count": count,
    }
    return environment


def _write(file: Path, pages: Any, template: str, **content: Any) -> None:
    file.write_text(pages.get_template(template).render(**content), encoding="utf-8")


def plain(value: Any) -> str:
    """A value of the audit for a reader: about three significant digits, words for flags.

    >>> plain(0.123456), plain(True), plain(None), plain(12345.6)
    ('0.123', 'yes', '–', '12 346')
    """
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number(float(value), 0).replace("\N{NARROW NO-BREAK SPACE}", " ")
    if isinstance(value, float):
        digits = (
            0
            if abs(value) >= 100 or (value.is_integer() and abs(value) >= 2)
            else 1
            if abs(value) >= 10
            else 2
            if abs(value) >= 1
            else 3
        )
        return number(value, digits).replace("\N{NARROW NO-BREAK SPACE}", " ")
    if isinstance(value, list):
        return ", ".join(plain(one) for one in value)
    return str(value)


def task_title(task: str) -> str:
    """A task's name as a heading.

    >>> task_title("vqa"), task_title("detection")
    ('VQA', 'Detection')
    """
    return "VQA" if task == "vqa" else task.capitalize()


def count(value: float | None) -> str:
    """A large number in two or three digits.

    >>> count(594685.0), count(2597.0), count(35.0), count(None)
    ('595 k', '2.6 k', '35', '–')
    """
    if value is None or value < 1000:
        return plain(None if value is None else float(round(value)))
    return f"{value / 1e6:.3g} M" if value >= 999_500 else f"{value / 1e3:.{0 if value >= 9_950 else 1}f} k"
