"""torch, imported at its first use: the names of all rewards can be listed without waiting over a second for it."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch as torch
else:

    class _LazyTorch(ModuleType):
        """Stands for the module ``torch``; each attribute is looked up once in the real one and kept."""

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):  # introspection (copy, inspect, doctest) must not import torch
                raise AttributeError(name)
            import torch as real

            value = getattr(real, name)
            setattr(self, name, value)
            return value

    torch = _LazyTorch("torch")

__all__ = ["torch"]
