"""Resumable training state: one file, replaced atomically."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import torch

SAVE_EVERY_SECONDS = float(os.environ.get("REWARDMARK_SAVE_SECONDS", "20"))
"""A killed training loses at most this much of its work."""


class StateFile:
    """The state of a training in `workdir/state.pt`.

    Everything random in a training is derived from (seed, step), so the weights, the optimisers and the step are all
    that a resumed run needs
    to end bit for bit where an unbroken one ends.
    """

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self.path = workdir / "state.pt"
        self._last = time.monotonic()

    def load(self, device: str) -> dict[str, Any] | None:
        """The newest state, or None at a fresh start."""
        if not self.path.exists():
            return None
        return torch.load(self.path, map_location=device, weights_only=True)

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state; a kill at any moment leaves the old one or the new one."""
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether enough time has passed since the last save."""
        return time.monotonic() - self._last >= SAVE_EVERY_SECONDS
