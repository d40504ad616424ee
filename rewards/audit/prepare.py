"""Every prediction that an audit scores, made once for a material and shared by all rewards that it suits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.audit.corruptions import SEVERITIES, corruptions_for
from rewardmark.rewards.audit.exploits import Exploit, exploits_for
from rewardmark.rewards.audit.junk import Junk, half_right, junk_for
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.policies import draws, fixed_answers, untrained

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DRAWS", "GROUPS", "Prepared"]

#: Prompts and samples of each behind best-of-n and the signal.
GROUPS, DRAWS = 24, 64


@dataclass(frozen=True, eq=False)
class Prepared:
    """The predictions made from `material` with `seed`, each kept after it was first asked for.

    The official metric of each is kept too, by the metric's name: many rewards of a task share one.
    """

    material: Material
    seed: int = 0
    _official: dict[tuple[str, str], NDArray[np.float64] | None] = field(default_factory=dict, repr=False)

    def rng(self, *key: int) -> np.random.Generator:
        """A generator of its own for each purpose, so that what one draws moves no other."""
        return np.random.default_rng([self.seed, *key])

    @cached_property
    def battery(self) -> list[tuple[Exploit, Any, Any]]:
        """(entry, its predictions, what it is compared with: None for gold)."""
        return [
            (
                e,
                e.make(self.material, self.rng(1, k)),
                None if e.base is None else e.base(self.material, self.rng(1, k)),
            )
            for k, e in enumerate(exploits_for(self.material))
        ]

    @cached_property
    def corrupted(self) -> dict[str, list[Any]]:
        """Corruption -> predictions at each of SEVERITIES."""
        return {
            c.name: [c.make(self.material, severity, self.rng(2, k)) for severity in SEVERITIES]
            for k, c in enumerate(corruptions_for(self.material))
        }

    @cached_property
    def half(self) -> Any:
        """Half-right answers."""
        return half_right(self.material, self.rng(3))

    @cached_property
    def junk(self) -> list[tuple[str, str, Any, Any]]:
        """(kind of junk, "gold" or "half-right", predictions with junk, pieces [B])."""
        kinds: Sequence[Junk] = junk_for(self.material)
        return [
            (kind.name, base, *kind.add(answer, self.material, self.rng(4, k)))
            for k, kind in enumerate(kinds)
            for base, answer in (("gold", self.material.gold), ("half-right", self.half))
        ]

    @cached_property
    def fixed(self) -> dict[str, Any]:
        """Name -> one answer for every sample."""
        return fixed_answers(self.material, self.rng(5))

    @cached_property
    def untrained(self) -> list[Any]:
        """Four answers at random to every sample."""
        return [untrained(self.material, self.rng(6, k)) for k in range(4)]

    @cached_property
    def groups(self) -> Material:
        """The first GROUPS samples: the prompts of best-of-n."""
        return self.material.rows(range(min(GROUPS, len(self.material))))

    @cached_property
    def draws(self) -> list[Any]:
        """DRAWS answers to each of the groups."""
        return draws(self.groups, DRAWS, self.rng(7))

    def official(
        self, material: Material, key: str, predictions: Any, targets: Any = None
    ) -> NDArray[np.float64] | None:
        """The official metric of `predictions` ([B] float64), kept under `key`; None where the material has none.

        material: `self.material`, perhaps judged by another of its metrics; targets: its own unless given.
        """
        if material.official is None:
            return None
        name = (material.official_name, key)
        if name not in self._official:
            truths = material.targets if targets is None else targets
            self._official[name] = material.official(predictions, truths).detach().cpu().double().numpy()
        return self._official[name]
