"""Rewards made of rewards: weighted sum, product, gate. Each part is kept in `components` beside the total."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product as pairs
from typing import TYPE_CHECKING, Any

from rewardmark.rewards._torch import torch
from rewardmark.rewards.card import RewardCard
from rewardmark.rewards.errors import RewardFailure, RewardmarkError
from rewardmark.rewards.registry import get_reward
from rewardmark.rewards.reward import Reward

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["gate", "product", "weighted_sum"]

Bounds = "tuple[float | None, float | None]"


class _Composed(Reward):
    """A reward whose parts were each checked against their own card before they were put together."""

    def __init__(
        self,
        kind: str,
        formula: str,
        parts: Sequence[Reward],
        bounds: tuple[float | None, float | None],
        combine: Callable[[list[Tensor]], Tensor],
        parameters: dict[str, Any],
    ) -> None:
        tasks = sorted({part.card.task for part in parts} - {"format"}) or ["format"]
        if len(tasks) > 1:
            raise RewardmarkError(f"{kind}: the parts are of different tasks: {', '.join(tasks)}")
        names = [part.name for part in parts]
        if len(set(names)) != len(names):
            raise RewardmarkError(f"{kind}: a reward is named twice: {', '.join(sorted(names))}")
        card = RewardCard(
            name=f"{tasks[0]}/{formula}",
            task=tasks[0],
            bounds=bounds,
            source="composed of registered rewards",
            version="+".join(part.card.version for part in parts),
            parameters=parameters,
            may_abstain=any(part.card.may_abstain for part in parts),
            needs_python=any(part.card.needs_python for part in parts),
            summary=formula,
        )
        self.parts = tuple(parts)

        def function(predictions: Any, targets: Any, **_: Any) -> tuple[Tensor, dict[str, Tensor]]:
            values = []
            components: dict[str, Tensor] = {}
            for part in self.parts:
                value = part(predictions, targets)
                values.append(value)
                components[part.name] = value
                components.update({f"{part.name}:{name}": tensor for name, tensor in part.components.items()})
            return combine(values).to(torch.float32), components

        super().__init__(card, function, {})

    def _evaluate(self, predictions: Any, targets: Any) -> tuple[Tensor, dict[str, Tensor]]:
        try:
            return super()._evaluate(predictions, targets)
        except RewardFailure as failure:
            if failure.reward == self.name:
                raise
            raise RewardFailure(
                self.name, failure.sample_id, f"{failure.reward}: {failure.message}", failure.value
            ) from failure


def weighted_sum(weights: Mapping[str | Reward, float]) -> Reward:
    """sum over i of weight_i * reward_i. Keys are names of registered rewards, or rewards with parameters.

    >>> weighted_sum({"colorization/vivid": 0.5, "colorization/hasler": 0.5}).card.name
    'colorization/0.5*colorization/vivid+0.5*colorization/hasler'
    """
    if not weights:
        raise RewardmarkError("weighted_sum: give at least one reward")
    parts = [_reward(key) for key in weights]
    factors = [float(weight) for weight in weights.values()]
    scaled = [_scaled(part.card.bounds, factor) for part, factor in zip(parts, factors, strict=True)]
    bounds = (_total([low for low, _ in scaled]), _total([high for _, high in scaled]))
    formula = "+".join(f"{factor:g}*{part.name}" for part, factor in zip(parts, factors, strict=True))

    def combine(values: list[Tensor]) -> Tensor:
        return torch.stack([factor * value for factor, value in zip(factors, values, strict=True)]).sum(0)

    return _Composed(
        "weighted_sum", formula, parts, bounds, combine, {p.name: f for p, f in zip(parts, factors, strict=True)}
    )


def product(rewards: Sequence[str | Reward]) -> Reward:
    """The product of rewards: high only where all are.

    >>> product(["colorization/vivid", "colorization/hasler"]).card.bounds
    (0.0, None)
    """
    if not rewards:
        raise RewardmarkError("product: give at least one reward")
    parts = [_reward(key) for key in rewards]
    bounds: tuple[float | None, float | None] = (1.0, 1.0)
    for part in parts:
        bounds = _multiplied(bounds, part.card.bounds)
    formula = "*".join(part.name for part in parts)
    return _Composed("product", formula, parts, bounds, lambda values: torch.stack(values).prod(0), {})


def gate(condition: str | Reward, reward: str | Reward, *, above: float = 0.0, closed: float = 0.0) -> Reward:
    """`reward` where `condition` is greater than `above`, `closed` elsewhere; NaN where the condition abstains.

    >>> gate("colorization/vivid", "colorization/hasler", above=0.1).card.task
    'colorization'
    """
    parts = [_reward(condition), _reward(reward)]
    low, high = parts[1].card.bounds
    bounds = (None if low is None else min(low, closed), None if high is None else max(high, closed))

    def combine(values: list[Tensor]) -> Tensor:
        opened = torch.where(values[0] > above, values[1], torch.full_like(values[1], closed))
        return torch.where(torch.isnan(values[0]), values[0], opened)

    formula = f"gate({parts[0].name}>{above:g},{parts[1].name})"
    return _Composed("gate", formula, parts, bounds, combine, {"above": above, "closed": closed})


def _reward(key: str | Reward) -> Reward:
    return key if isinstance(key, Reward) else get_reward(key)


def _scaled(bounds: tuple[float | None, float | None], factor: float) -> tuple[float | None, float | None]:
    low, high = (None if end is None else end * factor for end in bounds)
    return (high, low) if factor < 0 else (low, high)


def _total(ends: list[float | None]) -> float | None:
    known = [end for end in ends if end is not None]
    return sum(known) if len(known) == len(ends) else None


def _multiplied(
    a: tuple[float | None, float | None], b: tuple[float | None, float | None]
) -> tuple[float | None, float | None]:
    """Interval product; an open end stays open unless both intervals are known to be non-negative."""
    if None not in a and None not in b:
        ends = [x * y for x, y in pairs(a, b) if x is not None and y is not None]
        return min(ends), max(ends)
    if a[0] is not None and b[0] is not None and a[0] >= 0 and b[0] >= 0:
        return a[0] * b[0], None if a[1] is None or b[1] is None else a[1] * b[1]
    return None, None
