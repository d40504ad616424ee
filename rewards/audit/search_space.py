"""What the search may try for one prediction type: the interface, and what all spaces share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Sequence
from math import gcd
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from rewardmark.rewards.audit.material import Material

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SPECIAL_NUMBERS", "Score", "Space", "rounder", "scattered"]

G = TypeVar("G", bound=Hashable)
"""A genome: one way to answer, the same for every sample (it may say "the truth, with its corners swapped")."""

Score = Callable[[Any, Sequence[int]], "NDArray[np.float64]"]
"""(predictions, rows) -> rewards [B]: predictions is a typed batch, row k of it an answer to the material's sample
rows[k]; NaN where the reward failed or had no opinion."""

SPECIAL_NUMBERS = (0.0, 1.0, -1.0, 0.5, 2.0, 10.0, 100.0, 255.0, 256.0, 999.0, 1000.0, 1024.0, 1e4, 1e6, -1e6)
"""Numbers that formulas treat apart, wanted or not: zeros, units, frame sizes, powers of ten."""


class Space(ABC, Generic[G]):
    """All answers that the search may give to the samples of one material."""

    material: Material
    rows_a_call: int = 1024
    """Rows that are scored in one call while the search covers ground."""

    def __init__(self, material: Material) -> None:
        self.material = material

    @abstractmethod
    def constants(self) -> list[G]:
        """What a careful engineer tries by hand first: empty, round numbers, corners, everything, the truth bent."""

    @abstractmethod
    def cover(self, rng: np.random.Generator) -> Iterator[G]:
        """An endless stream of answers that covers the space evenly, coarse first."""

    def apart(self, genome: G, row: int) -> G:
        """The answer without what really fits the truth of that sample: that is paid for with right."""
        return genome

    @abstractmethod
    def mutate(self, genome: G, other: G, rng: np.random.Generator) -> G:
        """A neighbour of `genome`; `other` is a second parent to take parts from."""

    @abstractmethod
    def parts(self, genome: G) -> int:
        """How many parts could be left out (boxes, words, strokes)."""

    @abstractmethod
    def keep(self, genome: G, parts: Sequence[int]) -> G:
        """The genome with only these of its parts."""

    @abstractmethod
    def simpler(self, genome: G) -> Iterator[G]:
        """The same answer with rounder numbers, plainer labels, shorter words: the simplest proposals first."""

    @abstractmethod
    def build(self, genomes: Sequence[G], rows: Sequence[int]) -> Any:
        """The typed batch of predictions: genome k as an answer to sample rows[k]."""

    @abstractmethod
    def describe(self, genome: G) -> str:
        """One line that tells a reader what the answer is."""

    @abstractmethod
    def blind(self, genome: G) -> bool:
        """Whether the answer can be given without looking at the sample at all."""

    def plain(self, genome: G) -> list[G]:
        """What a fair judge might read the answer as: where the official metric pays for one of these, its silence on
        the answer itself is only strictness (about case, punctuation, an extra word), and no sign of a game."""
        return []

    def cost(self, genome: G) -> int:
        """How many edits or tokens the answer takes."""
        return self.parts(genome)

    def join(self, genome: G) -> G | None:
        """The true answer with this one appended, or None where that means nothing."""
        return None


def scattered(count: int, rng: np.random.Generator) -> Iterator[int]:
    """Every index below `count` once, in an order without pattern or memory: an affine walk modulo `count`.

    >>> sorted(scattered(7, np.random.default_rng(0)))
    [0, 1, 2, 3, 4, 5, 6]
    """
    if count < 1:
        return
    step = int(rng.integers(count // 3, count)) | 1 if count > 3 else 1
    while gcd(step, count) != 1:
        step += 1
    place = int(rng.integers(count))
    for _ in range(count):
        yield place
        place = (place + step) % count


UNITS = (100.0, 50.0, 10.0, 5.0, 2.0, 1.0, 0.1, 0.01)


def rounder(value: float) -> list[float]:
    """Rounder numbers near `value`, the roundest first; none further off than a quarter or so.

    >>> rounder(12.83), rounder(12.0), rounder(10.0)
    ([10.0, 15.0, 12.0, 13.0, 12.8], [10.0], [])
    """
    found: list[float] = []
    for unit in UNITS:
        near = round(round(value / unit) * unit, 6)
        if near == value:
            break  # what follows is no rounder
        if abs(near - value) <= max(0.25 * abs(value), 0.5) and near not in found:
            found.append(near)
    return found
