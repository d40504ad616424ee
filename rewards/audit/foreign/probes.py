"""What is tried on a function: one text a row, and how its reward is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rewardmark.rewards.audit.foreign.reading import Reading
from rewardmark.rewards.audit.foreign.rows import Row

__all__ = ["Probe", "Rule", "Write"]

Rule = Literal["bad", "free", "cap", "good", "odd", "frail", "told"]
Write = Callable[[Reading, Row, Sequence[Row]], "str | None"]


@dataclass(frozen=True)
class Probe:
    """One text for each row.

    rule "bad": wrong or worthless, must earn little more than an honest mistake (share: how much of the way from there
    to gold counts as paid); "free": the right answer and something that must cost, must earn less than gold; "cap":
    the right answer dressed up, must not earn more than gold; "good": as right as gold, must earn what gold earns;
    "odd": must only not fail (and is judged as bad where share is below 1); "frail": as odd, for text that no model is
    likely to write; "told": a choice that the card names. Neither of the last two is ever a finding.
    kind: that of the finding. write(reading, row, rows) -> the text, or None where the row does not lend itself to it.
    cost: edits or tokens it takes.
    """

    name: str
    rule: Rule
    description: str
    write: Write
    cost: int = 1
    share: float = 0.25
    kind: Literal["exploit", "false-pass", "false-fail", "error"] = "exploit"
