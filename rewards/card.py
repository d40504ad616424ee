"""The card of a reward: what it is, where it comes from, what it may return. Frozen data, apart from the function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.tasknames import task_names

__all__ = ["RewardCard", "Status"]

Status = Literal["metric", "published", "mended"]


@dataclass(frozen=True)
class RewardCard:
    """What is known about a reward without running it.

    bounds: smallest and largest value it can return, None for an open end (they hold for the default parameters).
    status: "metric" (an official metric on one sample), "published" (somebody's formula to the letter) or "mended".
    source: paper and section, or repository and file, that was read; after: the same where the text could not be had.
    gold: the official metric that the reward is meant to raise. twin: the published form of a mended reward, or the
    other way round; defect: what is wrong with a published form. gamed_by: the known ways to earn it unfairly,
    "family: why" where the audit's battery has a family of that name ("anything" stands for all of them).
    may_abstain: NaN is allowed and means "unscored". needs_python: works on strings or Python objects, on the CPU.

    >>> RewardCard("detection/x", "detection", bounds=(0.0, 1.0)).status
    'published'
    """

    name: str
    task: str
    bounds: tuple[float | None, float | None]
    gold: str | None = None
    source: str | None = None
    after: str | None = None
    version: str = "1"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "published"
    may_abstain: bool = False
    needs_python: bool = False
    summary: str = ""
    twin: str | None = None
    defect: str | None = None
    gamed_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        head, _, tail = self.name.partition("/")
        if not head or not tail or any(c.isspace() for c in self.name):
            raise RewardmarkError(f"reward name {self.name!r}: write it as 'task/name', without spaces")
        if self.task not in task_names():
            raise RewardmarkError(
                f"reward {self.name}: unknown task {self.task!r}; known tasks: {', '.join(task_names())}"
            )
        if self.status not in get_args(Status):
            raise RewardmarkError(f"reward {self.name}: status {self.status!r} is not one of {get_args(Status)}")
        if not isinstance(self.bounds, tuple) or len(self.bounds) != 2:
            raise RewardmarkError(f"reward {self.name}: bounds must be a pair (low, high), not {self.bounds!r}")
        low, high = self.bounds
        if low is not None and high is not None and not low < high:
            raise RewardmarkError(f"reward {self.name}: the lower bound {low} is not below the upper bound {high}")

    def as_dict(self) -> dict[str, Any]:
        """The card as plain data for JSON."""
        return {
            "name": self.name,
            "task": self.task,
            "bounds": list(self.bounds),
            "gold": self.gold,
            "source": self.source,
            "after": self.after,
            "version": self.version,
            "parameters": dict(self.parameters),
            "status": self.status,
            "may_abstain": self.may_abstain,
            "needs_python": self.needs_python,
            "summary": self.summary,
            "twin": self.twin,
            "defect": self.defect,
            "gamed_by": list(self.gamed_by),
        }
