"""What a reward is audited on: gold predictions, truths, and the task's official metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Material", "Official"]

Official = Callable[[Any, Any], "Tensor"]
"""(predictions, targets) -> [B] float64: the official metric on each sample alone, higher is better, NaN = unscored."""


@dataclass(frozen=True)
class Material:
    """What a reward of one task is audited on.

    gold: predictions equal to the truth, a batch of B (a prediction type of rewards.types); targets: the truths, a
    batch of B (None for matching). official: the task's official metric on each sample alone, higher is better; None
    where the task has none (format). floor: what it gives for garbage. source: one line, where it all comes from.
    images: uint8 [B, H, W, 3] or None; sizes: (height, width) of each; categories: id -> name; prompts: what a model
    would be asked. officials: every official metric of the task by the name that cards give it (`RewardCard.gold`).
    parameters: what single rewards need beside their defaults, by reward name (a vocabulary for CHAIR).
    """

    task: str
    gold: Any
    targets: Any
    official: Official | None
    official_name: str
    floor: float
    sample_ids: list[str]
    source: str
    images: Any = None
    sizes: Sequence[tuple[int, int]] = ()
    categories: dict[int, str] = field(default_factory=dict)
    prompts: Sequence[str] = ()
    officials: dict[str, Official] = field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sample_ids)

    def judged_by(self, gold: str | None) -> Material:
        """The same material with the metric called `gold` as its official one, where it has that metric."""
        if gold is None or gold not in self.officials:
            return self
        return replace(self, official=self.officials[gold], official_name=gold)

    def rows(self, index: Sequence[int]) -> Material:
        """The same material with only the samples of these rows, in this order."""
        rows = [int(i) for i in index]
        return replace(
            self,
            gold=self.gold[rows],
            targets=None if self.targets is None else self.targets[rows],
            sample_ids=[self.sample_ids[i] for i in rows],
            images=None if self.images is None else self.images[rows],
            sizes=[self.sizes[i] for i in rows] if self.sizes else (),
            prompts=[self.prompts[i] for i in rows] if self.prompts else (),
        )
