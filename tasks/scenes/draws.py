"""Cheap random draws for one scene: a Philox stream keyed by what names the scene, fetched in blocks of plain
floats."""

from __future__ import annotations

from hashlib import blake2b
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Draws:
    """Uniform numbers in [0, 1) from a counter-based generator; the same key gives the same numbers everywhere."""

    def __init__(self, *key: object) -> None:
        digest = blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
        self._generator = np.random.Philox(key=int.from_bytes(digest, "little"))
        self._block: list[float] = []

    def unit(self) -> float:
        """The next number in [0, 1)."""
        if not self._block:
            # Philox's raw words, not Generator.random: words are fixed by the algorithm, not by numpy's version.
            self._block = ((self._generator.random_raw(256) >> np.uint64(11)) * 2.0**-53).tolist()
        return self._block.pop()

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int((high - low + 1) * self.unit())

    def chance(self, probability: float) -> bool:
        return self.unit() < probability

    def pick(self, options: list[T] | tuple[T, ...]) -> T:
        return options[int(len(options) * self.unit())]

    def sample(self, options: list[T], k: int) -> list[T]:
        """k different options in random order (all, if there are fewer)."""
        rest, chosen = list(options), list[T]()
        while rest and len(chosen) < k:
            chosen.append(rest.pop(int(len(rest) * self.unit())))
        return chosen
