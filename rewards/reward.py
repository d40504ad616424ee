"""A reward ready to be called: the function with its parameters, and the one place where its results are checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rewardmark.rewards._torch import torch
from rewardmark.rewards.card import RewardCard
from rewardmark.rewards.errors import RewardFailure, RewardmarkError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Reward", "Scored"]

#: float32 sums may pass a bound by rounding alone: by this share of a bound beyond 1.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Scored:
    """What `Reward.score` found: values [B] float32 with NaN where a sample is unscored or failed, the failures, and
    the components [B] by name. A sample is unscored when its value is NaN and no failure names it.
    """

    values: Tensor
    failures: list[RewardFailure] = field(default_factory=list)
    components: dict[str, Tensor] = field(default_factory=dict)


class Reward:
    """A registered reward with its parameters bound.

    Calling it gives a float32 tensor [B] or raises RewardFailure; `score` never raises for a bad sample.
    `components` holds the parts of the last call by name ({} when the reward has none).
    """

    def __init__(
        self, card: RewardCard, function: Callable[..., Any], parameters: Mapping[str, Any], batched: bool = True
    ) -> None:
        self.card = card
        self.parameters: dict[str, Any] = {**card.parameters, **parameters}
        self.components: dict[str, Tensor] = {}
        self._function = function
        self._batched = batched

    @property
    def name(self) -> str:
        """The name it is registered under."""
        return self.card.name

    def __repr__(self) -> str:
        changed = {k: v for k, v in self.parameters.items() if self.card.parameters.get(k) != v}
        return f"Reward({self.name!r}{''.join(f', {k}={v!r}' for k, v in changed.items())})"

    def __call__(self, predictions: Any, targets: Any) -> Tensor:
        """The reward of every sample, [B] float32, NaN where it abstains. Raises RewardFailure naming the sample."""
        try:
            values, components = self._evaluate(predictions, targets)
        except RewardmarkError:
            raise
        except Exception as error:
            raise self._located(predictions, targets, error) from error
        for row, message in self._faults(values):
            raise RewardFailure(self.name, row, message, float(values[row]))
        self.components = components
        return values

    def score(self, predictions: Any, targets: Any, sample_ids: Sequence[Any] | None = None) -> Scored:
        """The reward of every sample that has one; what fails is named and stays NaN.

        When the whole batch raises (or has a wrong shape or type), it is done again sample by sample, so that one bad
        sample costs no other its value. Raises RewardmarkError only when `sample_ids` has the wrong length.
        """
        size = len(predictions)
        ids = list(range(size)) if sample_ids is None else list(sample_ids)
        if len(ids) != size:
            raise RewardmarkError(f"reward {self.name}: {size} predictions but {len(ids)} sample ids")
        failures: list[RewardFailure] = []
        self.components = {}
        try:
            values, components = self._evaluate(predictions, targets)
        except Exception as error:
            if size == 1:
                values, components = torch.full((1,), torch.nan), {}
                value = error.value if isinstance(error, RewardFailure) else None
                failures.append(RewardFailure(self.name, ids[0], _one_line(error), value))
            else:
                parts = [
                    self.score(predictions[i], None if targets is None else targets[i], [ids[i]]) for i in range(size)
                ]
                values = torch.cat([part.values.cpu() for part in parts]) if parts else torch.zeros(0)
                failures = [failure for part in parts for failure in part.failures]
                names = sorted({name for part in parts for name in part.components})
                nothing = torch.full((1,), torch.nan)
                components = {n: torch.cat([part.components.get(n, nothing).cpu() for part in parts]) for n in names}
        else:
            values = values.clone()
            for row, message in self._faults(values):
                failures.append(RewardFailure(self.name, ids[row], message, float(values[row])))
                values[row] = torch.nan
        self.components = components
        return Scored(values, failures, components)

    def _evaluate(self, predictions: Any, targets: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Call the function and check shape and type of all that it returns."""
        size = len(predictions)
        if targets is not None and len(targets) != size:
            raise RewardFailure(self.name, "(batch)", f"{size} predictions but {len(targets)} targets")
        with torch.no_grad():
            if self._batched:
                result = self._function(predictions, targets, **self.parameters)
            else:
                result = self._lifted(predictions, targets, size)
        if isinstance(result, tuple) and len(result) != 2:
            message = f"a tuple must be (values, components), not of {len(result)} entries"
            raise RewardFailure(self.name, "(batch)", message)
        values, components = result if isinstance(result, tuple) else (result, {})
        if not isinstance(components, dict):
            raise RewardFailure(self.name, "(batch)", f"components must be a dict, not {type(components).__name__}")
        for what, tensor in [("the result", values), *((f"component {n}", t) for n, t in components.items())]:
            if not isinstance(tensor, torch.Tensor):
                raise RewardFailure(self.name, "(batch)", f"{what} must be a tensor, not {type(tensor).__name__}")
            if tuple(tensor.shape) != (size,):
                raise RewardFailure(
                    self.name,
                    "(batch)",
                    f"{what} has shape {list(tensor.shape)}, expected [{size}]",
                    tuple(tensor.shape),
                )
        if values.dtype != torch.float32:
            value = values.item() if size == 1 else None
            raise RewardFailure(self.name, "(batch)", f"the result is {values.dtype}, expected torch.float32", value)
        return values, components

    def _located(self, predictions: Any, targets: Any, error: Exception) -> RewardFailure:
        """The failure of the first sample that raises alone, or of the batch where none does."""
        for i in range(len(predictions) if len(predictions) > 1 else 0):
            try:
                self._evaluate(predictions[i], None if targets is None else targets[i])
            except Exception as alone:
                return RewardFailure(self.name, i, _one_line(alone))
        return RewardFailure(self.name, 0 if len(predictions) == 1 else "(batch)", _one_line(error))

    def _lifted(self, predictions: Any, targets: Any, size: int) -> Tensor:
        """A per-sample function over the batch; each result must be one number."""
        values = []
        for i in range(size):
            value = self._function(
                predictions.sample(i), None if targets is None else targets.sample(i), **self.parameters
            )
            if isinstance(value, torch.Tensor):
                if value.numel() != 1:
                    raise RewardFailure(
                        self.name, i, f"a per-sample reward must return one number, not shape {list(value.shape)}"
                    )
                value = value.item()
            if isinstance(value, str) or not hasattr(value, "__float__") or getattr(value, "shape", ()) != ():
                raise RewardFailure(
                    self.name, i, f"a per-sample reward must return a number, not {type(value).__name__}", value
                )
            values.append(float(value))
        return torch.tensor(values, dtype=torch.float32)

    def _faults(self, values: Tensor) -> list[tuple[int, str]]:
        """(row, what is wrong) for every value that breaks the card."""
        low, high = self.card.bounds
        suspect = ~torch.isfinite(values)
        if low is not None:
            suspect |= values < low - TOLERANCE * max(1.0, abs(low))
        if high is not None:
            suspect |= values > high + TOLERANCE * max(1.0, abs(high))
        faults = []
        for row in suspect.nonzero().flatten().tolist():
            value = float(values[row])
            if math.isnan(value):
                if not self.card.may_abstain:
                    faults.append((row, "the value is NaN, and this reward may not abstain"))
            elif math.isinf(value):
                faults.append((row, f"the value is {value}"))
            elif low is not None and value < low:
                faults.append((row, f"{value:.6g} is below the lower bound {low:g}"))
            else:
                faults.append((row, f"{value:.6g} is above the upper bound {high:g}"))
        return faults


def _one_line(error: Exception) -> str:
    if isinstance(error, RewardFailure):
        return error.message
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
