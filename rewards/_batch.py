"""What all batched types share: moving to a device and taking a part of the batch."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from rewardmark.rewards._torch import torch

if TYPE_CHECKING:
    pass

__all__ = ["Batched", "Index", "as_rows"]

Index = "int | slice | list[int] | Tensor"
Self = TypeVar("Self", bound="Batched")


def as_rows(index: Any, size: int) -> list[int]:
    """The rows of a batch of `size` that `index` names: an int, a slice, a list or tensor of indexes, or a mask."""
    if isinstance(index, slice):
        return list(range(size))[index]
    if isinstance(index, int):
        if not -size <= index < size:
            raise IndexError(f"index {index} is outside a batch of {size}")  # IndexError also ends `for x in batch`
        return [index % size]
    values = index.tolist() if hasattr(index, "tolist") else list(index)
    if values and isinstance(values[0], bool):
        if len(values) != size:
            raise IndexError(f"a boolean mask of {len(values)} cannot index a batch of {size}")
        return [row for row, taken in enumerate(values) if taken]
    return [as_rows(int(value), size)[0] for value in values]


class Batched:
    """Base of the frozen batched dataclasses: every tensor field has the batch as its first dimension."""

    def to(self: Self, device: Any) -> Self:
        """The same batch with its tensors on `device`; what is not a tensor stays as it is."""
        moved = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        moved = {name: value.to(device) if isinstance(value, torch.Tensor) else value for name, value in moved.items()}
        return replace(self, **moved)  # type: ignore[type-var]

    def __getitem__(self: Self, index: Any) -> Self:
        """A sub-batch: an int gives a batch of one; a slice, a list or a tensor of indexes gives those rows."""
        size = len(self)  # type: ignore[arg-type]
        part: dict[str, Any] = {}
        rows: Any = None
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, torch.Tensor) and isinstance(index, slice):
                part[field.name] = value[index]
            elif isinstance(value, (torch.Tensor, list, tuple)):
                rows = as_rows(index, size) if rows is None else rows
                if isinstance(value, torch.Tensor):
                    part[field.name] = value[torch.as_tensor(rows, dtype=torch.int64, device=value.device)]
                else:
                    part[field.name] = [value[row] for row in rows]
            else:
                part[field.name] = value
        return type(self)(**part)
