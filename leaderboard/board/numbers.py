"""How the board writes numbers: the field's units and digits, proper minus signs, durations."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from rewardmark.leaderboard.statistics import Interval

__all__ = [
    "Quantity",
    "duration",
    "figure",
    "interval_text",
    "metric_quantity",
    "number",
    "reward_quantity",
    "score_quantity",
]

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
TIMES_100 = "\N{MULTIPLICATION SIGN} 100"


@dataclass(frozen=True)
class Quantity:
    """One thing that is measured: its name, and how its numbers are shown.

    scale: what is shown is value * scale; unit: as a reader sees it in a header (TIMES_100, "dB", ""); note: a caution
    of the task's author; undefined: a value that stands for "not defined" (COCO's -1).
    """

    name: str
    scale: float = 1.0
    digits: int = 3
    unit: str = ""
    higher_is_better: bool = True
    note: str = ""
    undefined: float | None = None

    @property
    def arrow(self) -> str:
        return "↑" if self.higher_is_better else "↓"

    def defined(self, value: float | None) -> bool:
        return value is not None and math.isfinite(value) and value != self.undefined

    def show(self, value: float | None) -> str:
        return number(value * self.scale, self.digits) if value is not None and self.defined(value) else DASH

    def show_change(self, value: float) -> str:
        return number(value * self.scale, self.digits, sign=True)


def number(value: float | None, digits: int, sign: bool = False) -> str:
    """A number with a fixed count of decimals, a real minus sign, and never a negative zero.

    >>> number(-0.04, 1), number(2.25, 1, sign=True), number(None, 1)
    ('0.0', '+2.2', '–')
    """
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:,.{digits}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if not any(c in "123456789" for c in text):
        return text.lstrip("-")
    if text.startswith("-"):
        return MINUS + text[1:]
    return "+" + text if sign else text


def figure(value: float | None, sign: bool = False) -> str:
    """A number of no known scale with at most four significant digits and four decimals.

    >>> figure(0.31234), figure(1240.0), figure(-0.02, sign=True), figure(None)
    ('0.3123', '1240', '\u22120.02', '\u2013')
    """
    if value is None or not math.isfinite(value):
        return DASH
    rounded = round(value, 4) + 0.0  # no negative zero
    text = f"{rounded:+.4g}" if sign else f"{rounded:.4g}"
    return text.replace("-", MINUS)


def interval_text(quantity: Quantity, interval: Interval, sign: bool = False) -> str:
    """The ends of an interval: `[31.0, 33.5]`, or an empty text when there is none."""
    if not interval.known:
        return ""
    low, high = (number(end * quantity.scale, quantity.digits, sign) for end in (interval.low, interval.high))
    return f"[{low}, {high}]"


def metric_quantity(
    name: str, unit: str = "", higher_is_better: bool = True, note: str = "", largest: float = 10.0
) -> Quantity:
    """How an official metric is written in its field: AP, PQ, BLEU and CIDEr (0..1 or 0..10) times 100, one decimal.

    unit: as the task declares it; largest: the largest magnitude to be shown, by which a metric of no known scale gets
    about three significant digits.
    """
    if unit in ("0..1", "0..10"):
        return Quantity(name, 100.0, 1, TIMES_100, higher_is_better, note, -1.0 if unit == "0..1" else None)
    digits = 1 if unit or largest >= 10 else 2 if largest >= 1 else 4
    return Quantity(name, 1.0, digits, "" if ".." in unit else unit, higher_is_better, note)


def reward_quantity(name: str) -> Quantity:
    return Quantity(name)


def score_quantity(task: str, primary: Quantity) -> Quantity:
    """The official score of one sample, written as the task's primary metric is."""
    names = {"detection": "image AP", "panoptic": "image PQ", "captioning": "CIDEr", "colorization": "colorfulness"}
    return replace(primary, name=names.get(task, "score"), higher_is_better=True, note="")


def duration(seconds: Any) -> str:
    """
    >>> duration(42), duration(125), duration(7322), duration(None)
    ('42 s', '2 min 5 s', '2 h 2 min', '–')
    """
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return DASH
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
