"""Who computes the rewards that exist twice: compiled loops for a CPU, batched torch operations for a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from rewardmark.rewards.errors import RewardmarkError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["engine", "on_cpu"]

_forced: ContextVar[str | None] = ContextVar("rewardmark_engine", default=None)


@contextmanager
def engine(name: str) -> Iterator[None]:
    """Within: "torch" makes tensors on a CPU take the path of a GPU too; "numba" is what they take otherwise.

    Both give the same values; this is for tests and for machines whose CPU numba cannot serve.

    >>> with engine("torch"):
    ...     pass
    """
    if name not in ("numba", "torch"):
        raise RewardmarkError(f"there is no engine {name!r}: numba, torch")
    before = _forced.set(name)
    try:
        yield
    finally:
        _forced.reset(before)


def on_cpu(*tensors: Tensor) -> bool:
    """Whether the compiled loops are to take these tensors: all lie on the CPU, and nobody asked for torch."""
    return _forced.get() != "torch" and all(tensor.device.type == "cpu" for tensor in tensors)
