"""What the sections of an audit share: the reward, the predictions, and the numbers that several of them ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.prepare import Prepared
from rewardmark.rewards.audit.render import as_json
from rewardmark.rewards.audit.result import SHOWN, Finding
from rewardmark.rewards.audit.statistics import EQUAL
from rewardmark.rewards.reward import Reward

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Audit", "share_of", "shown_samples"]


@dataclass(eq=False)
class Audit:
    """One audit under way.

    judged: the material with the metric that the card names as its official one, where it has that; gold [B]: rewards
    of the gold predictions; truths [B]: where there is something to find. findings and curves: what the sections add.
    """

    reward: Reward
    prepared: Prepared
    judged: Material
    gold: NDArray[np.float64]
    truths: NDArray[np.bool_]
    findings: list[Finding] = field(default_factory=list)
    curves: dict[str, Any] = field(default_factory=dict)

    @property
    def material(self) -> Material:
        return self.prepared.material

    def values(self, predictions: Any, targets: Any = None, material: Material | None = None) -> NDArray[np.float64]:
        """The reward of every sample, NaN where it failed or abstained."""
        of = material or self.material
        scored = self.reward.score(predictions, of.targets if targets is None else targets, of.sample_ids)
        return np.asarray(scored.values.detach().cpu().double().numpy())

    def official(self, key: str, predictions: Any) -> NDArray[np.float64] | None:
        """The official metric of every sample, kept under `key`; None where the material has none."""
        return self.prepared.official(self.judged, key, predictions)

    @cached_property
    def graded(self) -> dict[str, NDArray[np.float64]]:
        """Corruption -> rewards [severities, B]."""
        return {
            name: np.stack([self.values(predictions) for predictions in graded])
            for name, graded in self.prepared.corrupted.items()
        }

    @cached_property
    def random(self) -> list[NDArray[np.float64]]:
        """Rewards [B] of the answers at random."""
        return [self.values(predictions) for predictions in self.prepared.untrained]

    @cached_property
    def drawn(self) -> NDArray[np.float64]:
        """Rewards [prompts, samples] of the answers that best-of-n draws."""
        groups = self.prepared.groups
        return np.stack([self.values(predictions, material=groups) for predictions in self.prepared.draws], 1)


def share_of(value: float, floor: float, top: float) -> float:
    """Where a value lies between a floor (0) and a top (1); NaN where they are the same.

    >>> share_of(0.5, 0.0, 2.0)
    0.25
    """
    return (value - floor) / (top - floor) if top - floor > EQUAL else float("nan")


def shown_samples(
    material: Material,
    predictions: Any,
    values: NDArray[Any],
    base: NDArray[Any],
    official: NDArray[Any] | None,
    count: int = SHOWN,
) -> list[dict[str, Any]]:
    """The samples that show a finding best, highest reward first: see Finding.samples."""
    ranked = np.argsort(np.where(np.isfinite(values), -values, np.inf), kind="stable")[:count]
    return [
        {
            "sample_id": material.sample_ids[k],
            "reward": float(values[k]),
            "gold_reward": float(base[k]),
            "official": None if official is None else float(official[k]),
            "prediction": as_json(predictions, int(k), material.categories),
            "truth": as_json(material.targets, int(k), material.categories),
        }
        for k in ranked
    ]
