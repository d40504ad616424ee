"""The search for what no list contains: the answer of highest reward whose official metric stays at the floor.

First the whole space is covered evenly (many boxes or words in one answer, then halved until the one that pays is
left), then the best answers are improved by mutation, then the winner is made as small and as round as it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.audit.search_minimise import reduced
from rewardmark.rewards.audit.search_objective import Budget, Candidate, Meter, Objective, SearchOutcome, conclude
from rewardmark.rewards.audit.search_space import Score, Space

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.rewards.audit.material import Material

__all__ = ["Budget", "Candidate", "Objective", "Search", "SearchOutcome", "search", "space_for"]

FIRST = 64
"""Constants that are judged in one call."""

ELITES = 48
COVER_SHARE = 0.55
"""Share of the budget that goes into covering the space before the best answers are improved."""

IMPROVE_SHARE = 0.85
"""Share of the budget after which the best answer is made small with what is left."""


class Search:
    """One search; `run` does it."""

    def __init__(
        self, space: Space[Any], score: Score, budget: Budget, seed: int, progress: Callable[[str, float], None]
    ) -> None:
        self.space, self.progress = space, progress
        self.rng = np.random.default_rng([seed, 17])
        self.meter = Meter(budget)
        self.objective = Objective(space, score, self.rng, self.meter)
        self.elites: list[Candidate] = []
        self.feasible: dict[Any, bool] = {}
        self.curve: list[tuple[int, float]] = []

    def run(self) -> SearchOutcome | None:
        """The outcome, None where no sample of the material has a reward or nothing stays at the floor."""
        if not self.objective.rows:
            return None
        constants = self.space.constants()
        self.objective.calibrate([g for g in constants if self.space.blind(g)][:64])
        for start in range(0, len(constants), FIRST):
            if start == 0 or self.meter.spent < COVER_SHARE:
                self._admit(self.objective.judged(constants[start : start + FIRST]))
        self._admit(self.objective.judged(self._covered()))
        self._improve()
        return conclude(self.objective, self.elites, self.curve)

    # covering

    def _covered(self) -> list[Any]:
        """The best answers of an even covering of the space, each reduced to the parts that pay."""
        objective, space = self.objective, self.space
        stream = space.cover(np.random.default_rng(self.rng.integers(2**63)))
        best: list[tuple[float, int, int, Any]] = []
        number = 0
        while self.meter.spent < COVER_SHARE:
            genomes = list(islice(stream, space.rows_a_call // 8))
            rows = [objective.rows[(number + k) % len(objective.rows)] for k in range(len(genomes))]
            genomes = [space.apart(genome, row) for genome, row in zip(genomes, rows, strict=True)]
            values = (objective.rewards(genomes, rows) - objective.low[rows]) / objective.gap
            fresh = [
                (float(values[k]), -(number + k), rows[k], genomes[k]) for k in np.argsort(-values, kind="stable")[:8]
            ]
            best = sorted([*best, *fresh], key=lambda one: one[:2], reverse=True)[:24]
            number += len(genomes)
            self.progress("search", self.meter.spent)
        found = []
        for value, _, row, genome in best[:16]:
            if np.isfinite(value) and value > 1e-3:
                found.append(reduced(space, genome, self._on(row)))
        return found

    def _on(self, row: int) -> Callable[[Sequence[Any]], NDArray[np.float64]]:
        """The rewards of genomes on one sample."""
        return lambda some: self.objective.rewards(some, [row] * len(some))

    # improving

    def _admit(self, candidates: Sequence[Candidate]) -> None:
        """Take the best into the elites; those whose official metric leaves the floor stay out."""
        known = {one.genome for one in self.elites}
        ranked = sorted(candidates, key=lambda one: -one.reward)
        floor = self.elites[-1].reward if len(self.elites) >= ELITES else -np.inf
        admitted = 0
        for one in ranked:
            if not np.isfinite(one.reward) or one.reward <= floor or admitted >= ELITES // 2:
                break
            if one.genome in known:
                continue
            if one.genome not in self.feasible:
                self.feasible[one.genome] = self.objective.at_floor(one.genome)
            if self.feasible[one.genome]:
                known.add(one.genome)
                self.elites.append(one)
                admitted += 1
        self.elites = sorted(self.elites, key=lambda one: (-one.reward, self.space.cost(one.genome)))[:ELITES]
        if self.elites:
            self.curve.append((self.meter.evaluations, round(self.elites[0].share, 6)))

    def _improve(self) -> None:
        """Mutate the elites until the budget is spent, or a long while brought nothing."""
        children = max(8, self.space.rows_a_call // (4 * len(self.objective.rows)))
        stale = 0
        while self.elites and self.meter.spent < IMPROVE_SHARE and stale < 60:
            before = self.elites[0].reward
            weights = np.linspace(2.0, 0.2, len(self.elites))
            picks = self.rng.choice(len(self.elites), (children, 2), p=weights / weights.sum())
            made = [
                self.space.mutate(self.elites[a].genome, self.elites[b].genome, self.rng) for a, b in picks.tolist()
            ]
            self._admit(self.objective.judged(list(dict.fromkeys(made))))
            stale = 0 if self.elites[0].reward > before + 1e-6 * self.objective.gap else stale + 1
            self.progress("search", min(self.meter.spent, 0.99))


def search(
    space: Space[Any],
    score: Score,
    budget: Budget,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> SearchOutcome | None:
    """Search `space` for the answer that `score` pays best while the material's official metric stays at its floor.

    score(predictions, rows) gives the rewards [B] of a typed batch whose row k answers sample rows[k] of the material,
    NaN where there is none. progress(what, share) is called now and then. Deterministic for a budget of evaluations
    alone. None where no sample has a reward, or where nothing that was tried keeps the metric at the floor.
    """
    return Search(space, score, budget, seed, progress or (lambda what, share: None)).run()


def space_for(material: Material) -> Space[Any] | None:
    """The space of answers of the material's prediction type, None where there is none for it."""
    from rewardmark.rewards.audit.search_boxes import BoxSpace
    from rewardmark.rewards.audit.search_grounded import GroundedSpace, PairSpace
    from rewardmark.rewards.audit.search_maps import ImageSpace, SegmentSpace
    from rewardmark.rewards.audit.search_text import TextSpace
    from rewardmark.rewards.types import Answers, Boxes, Captions, Grounded, Images, PairScores, Segments

    spaces: dict[type, type[Space[Any]]] = {
        Answers: TextSpace, Boxes: BoxSpace, Captions: TextSpace, Grounded: GroundedSpace, Images: ImageSpace,
        PairScores: PairSpace, Segments: SegmentSpace,
    }  # fmt: skip
    kind = spaces.get(type(material.gold))
    return None if kind is None else kind(material)
