"""Batches of predictions joined into one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from torch import Tensor

T = TypeVar("T")


def concatenate(parts: list[T]) -> T:
    """One batch of several of the same prediction type; tensors of different sizes are padded at their ends with
    zeros."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    joined: dict[str, Any] = {}
    for field in fields(first):  # type: ignore[arg-type]
        values = [getattr(part, field.name) for part in parts]
        if isinstance(values[0], Tensor):
            joined[field.name] = _join(values)
        elif isinstance(values[0], list):
            joined[field.name] = [row for value in values for row in value]
        else:
            joined[field.name] = values[0]
    return type(first)(**joined)


def _join(tensors: list[Tensor]) -> Tensor:
    shape = [max(t.shape[d] for t in tensors) for d in range(1, tensors[0].ndim)]
    out = tensors[0].new_zeros((sum(len(t) for t in tensors), *shape))
    row = 0
    for tensor in tensors:
        place = (slice(row, row + len(tensor)), *(slice(0, n) for n in tensor.shape[1:]))
        out[place] = tensor
        row += len(tensor)
    return out
