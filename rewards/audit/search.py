"""The search for what no list contains: the answer of highest reward whose official metric stays at the floor.

First the whole space is covered evenly (many boxes or words in one answer, then halved until the one that pays is
left), then the best answers are improved by mutation, then the winner is made as small and as round as it goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.audit.search_minimise import minimised, reduced
from rewardmark.rewards.audit.search_space import Score, Space

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.rewards.audit.material import Material

__all__ = ["Budget", "Candidate", "Objective", "Search", "SearchOutcome", "search", "space_for"]

SLACK = 0.05
"""Share of the way from the floor to gold that the official metric may rise and still count as at its floor."""

LAZY_SHARE = 0.5
"""An answer that never looks at the sample pays too much from this share of the way from garbage to gold."""

ROWS = 8
"""Samples that a candidate is judged on while searching; the result is judged on all."""

FIRST = 64
"""Constants that are judged in one call."""

ELITES = 48
COVER_SHARE = 0.55
"""Share of the budget that goes into covering the space before the best answers are improved."""

IMPROVE_SHARE = 0.85
"""Share of the budget after which the best answer is made small with what is left."""


@dataclass(frozen=True)
class Budget:
    """When the search ends: after so many seconds, or so many scored answers (then it is deterministic), or both."""

    seconds: float | None = None
    evaluations: int | None = None


@dataclass
class Meter:
    """What of a budget is spent."""

    budget: Budget
    evaluations: int = 0
    began: float = field(default_factory=time.perf_counter)

    @property
    def spent(self) -> float:
        """The share spent, 1 and more when it is over."""
        shares = [0.0]
        if self.budget.seconds is not None:
            shares.append((time.perf_counter() - self.began) / max(self.budget.seconds, 1e-9))
        if self.budget.evaluations is not None:
            shares.append(self.evaluations / max(self.budget.evaluations, 1))
        return max(shares)


@dataclass(frozen=True)
class Candidate:
    """A genome and what it earned: share is 0 for garbage and 1 for gold, over the rows it was judged on."""

    genome: Any
    reward: float
    share: float


@dataclass(frozen=True)
class SearchOutcome:
    """The best answer found whose official metric stays at the floor, made small; judged on all samples.

    rewards, gold_rewards, official: [B] each (official NaN where there is none). share: where its mean reward lies
    between garbage (0) and gold (1). blind: it never looks at the sample. pays: it is an exploit (see `Search.pays`).
    appended: the reward rises above gold when it is appended to the true answer, by this much.
    highest: the reward before the answer was made small. curve: (evaluations, best share so far).
    """

    genome: Any
    description: str
    predictions: Any
    rewards: NDArray[np.float64]
    gold_rewards: NDArray[np.float64]
    official: NDArray[np.float64]
    garbage: float
    share: float
    blind: bool
    pays: bool
    cost: int
    highest: float
    appended: float
    evaluations: int
    seconds: float
    curve: list[tuple[int, float]]


class Objective:
    """Rewards and official scores of genomes on rows of a material, and the scale between garbage and gold."""

    def __init__(self, space: Space[Any], score: Score, rng: np.random.Generator, meter: Meter) -> None:
        self.space, self.score, self.meter = space, score, meter
        material = space.material
        everything = list(range(len(material)))
        self.gold = np.asarray(score(material.gold, everything), dtype=np.float64)
        self.official_gold = self.official(material.gold, everything)
        worth = np.isfinite(self.gold) & ~(self.official_gold <= material.floor)
        usable = [row for row in everything if worth[row]] or [r for r in everything if np.isfinite(self.gold[r])]
        self.scored = usable
        self.rows = sorted(rng.permutation(usable)[:ROWS].tolist()) if usable else []
        gap = np.nanmean(self.official_gold[usable]) - material.floor if usable else np.nan
        self.allowed = material.floor + SLACK * gap if np.isfinite(gap) and gap > 0 else np.inf
        self.low: NDArray[np.float64] = np.zeros(len(material))
        self.gold_mean = float(self.gold[self.rows].mean()) if self.rows else np.nan

    def calibrate(self, garbage: Sequence[Any]) -> None:
        """Set what garbage earns on each row: the median of the answers given."""
        table = np.stack([self.rewards(garbage, [row] * len(garbage)) for row in self.rows])
        self.low[self.rows] = np.nan_to_num(np.nanmedian(np.where(np.isfinite(table), table, np.nan), axis=1))
        self.gap = max(self.gold_mean - float(self.low[self.rows].mean()), 1e-6)

    @property
    def lazy_bar(self) -> float:
        """The mean reward from which an answer that never looks at the sample is paid too much."""
        return self.gold_mean - (1 - LAZY_SHARE) * self.gap

    def rewards(self, genomes: Sequence[Any], rows: Sequence[int]) -> NDArray[np.float64]:
        """The reward of genome k on sample rows[k]; -inf where it has none."""
        self.meter.evaluations += len(genomes)
        values = np.asarray(self.score(self.space.build(genomes, rows), rows), dtype=np.float64)
        return np.where(np.isfinite(values), values, -np.inf)

    def judged(self, genomes: Sequence[Any]) -> list[Candidate]:
        """Each genome on all the search's rows."""
        if not genomes:
            return []
        count = len(self.rows)
        many = [genome for genome in genomes for _ in self.rows]
        values = self.rewards(many, self.rows * len(genomes)).reshape(-1, count).mean(1)
        low = float(self.low[self.rows].mean())
        return [Candidate(g, float(v), float((v - low) / self.gap)) for g, v in zip(genomes, values, strict=True)]

    def official(self, predictions: Any, rows: Sequence[int]) -> NDArray[np.float64]:
        """The official metric [B], NaN where it has none."""
        material = self.space.material
        if material.official is None:
            return np.full(len(rows), np.nan)
        targets = None if material.targets is None else material.targets[list(rows)]
        return np.asarray(material.official(predictions, targets), dtype=np.float64)

    def at_floor(self, genome: Any, rows: Sequence[int] | None = None) -> bool:
        """Whether the official metric of this answer (and of its plain readings) stays at the floor, on average."""
        rows = self.rows if rows is None else list(rows)
        readings = [genome, *self.space.plain(genome)]
        many = [one for one in readings for _ in rows]
        values = self.official(self.space.build(many, rows * len(readings)), rows * len(readings))
        for one in values.reshape(len(readings), -1):
            if np.isfinite(one).any() and not np.nanmean(one) <= self.allowed:
                return False
        return True


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
            if start == 0 or self.meter.spent < COVER_SHARE / 2:
                self._admit(self.objective.judged(constants[start : start + FIRST]))
        self._admit(self.objective.judged(self._covered()))
        self._improve()
        if not self.elites:
            return None
        return self._outcome()

    def pays(self, candidate: Candidate) -> bool:
        """An exploit: it earns at or above gold, or at least half of gold's way without ever looking at the sample."""
        if self.space.material.official is None:
            return False  # with no metric there is nothing that the reward should have followed
        if candidate.reward >= self.objective.gold_mean - 1e-6:
            return True
        return self.space.blind(candidate.genome) and candidate.reward >= self.objective.lazy_bar - 1e-6

    # covering

    def _covered(self) -> list[Any]:
        """The best answers of an even covering of the space, each reduced to the parts that pay."""
        objective, space = self.objective, self.space
        streams = {row: space.cover(np.random.default_rng(self.rng.integers(2**63)), row) for row in objective.rows}
        best: list[tuple[float, int, int, Any]] = []
        turn, number = 0, 0
        while self.meter.spent < COVER_SHARE:
            row = objective.rows[turn % len(objective.rows)]
            turn += 1
            genomes = list(islice(streams[row], space.rows_a_call // 8))
            values = (objective.rewards(genomes, [row] * len(genomes)) - objective.low[row]) / objective.gap
            for k in np.argsort(-values, kind="stable")[:6]:
                number += 1
                best.append((float(values[k]), -number, row, genomes[k]))
            best = sorted(best, key=lambda one: one[:2], reverse=True)[:24]
            self.progress("search", self.meter.spent)
        found = []
        for value, _, row, genome in best[:16]:
            if np.isfinite(value) and value > 1e-3:
                found.append(reduced(space, genome, lambda some, row=row: objective.rewards(some, [row] * len(some))))
        return found

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

    # showing

    def _outcome(self) -> SearchOutcome:
        """The first elite that holds on all samples, made small; the best on the search's own rows where none does."""
        chosen = next((one for one in self.elites[:12] if self._holds_everywhere(one)), self.elites[0])
        objective, space = self.objective, self.space
        blind = space.blind(chosen.genome)
        threshold = max(
            [
                bar
                for bar in (objective.gold_mean, objective.lazy_bar if blind else -np.inf)
                if chosen.reward >= bar - 1e-6
            ],
            default=chosen.reward - 0.05 * objective.gap,
        )
        threshold = max(threshold, chosen.reward - 0.25 * objective.gap) - 1e-6

        def first_good(genomes: Sequence[Any]) -> int | None:
            for place, one in enumerate(objective.judged(genomes)):
                same_kind = space.blind(one.genome) or not blind
                if one.reward >= threshold and same_kind and objective.at_floor(one.genome):
                    return place
            return None

        small = minimised(space, chosen.genome, first_good, lambda: self.meter.spent < 1)
        every = objective.scored
        predictions = space.build([small] * len(space.material), range(len(space.material)))
        rewards = np.asarray(objective.score(predictions, list(range(len(space.material)))), dtype=np.float64)
        official = objective.official(predictions, list(range(len(space.material))))
        judged = objective.judged([small])[0]
        everywhere = float(np.nanmean(rewards[every]))
        gold = float(objective.gold[every].mean())
        share = (everywhere - float(objective.low[objective.rows].mean())) / objective.gap
        whole = Candidate(
            small, everywhere + objective.gold_mean - gold, share
        )  # gold differs a little from row to row
        return SearchOutcome(
            genome=small,
            description=space.describe(small),
            predictions=predictions,
            rewards=rewards,
            gold_rewards=objective.gold,
            official=official,
            garbage=float(objective.low[objective.rows].mean()),
            share=share,
            blind=space.blind(small),
            pays=self.pays(whole) and self.pays(judged) and objective.at_floor(small, every),
            cost=space.cost(small),
            highest=chosen.reward,
            appended=self._appended(small),
            evaluations=self.meter.evaluations,
            seconds=time.perf_counter() - self.meter.began,
            curve=self.curve,
        )

    def _holds_everywhere(self, one: Candidate) -> bool:
        return self.objective.at_floor(one.genome, self.objective.scored)

    def _appended(self, genome: Any) -> float:
        """How far the true answer with this one appended lies above gold, 0 where it does not."""
        joined = self.space.join(genome)
        if joined is None:
            return 0.0
        rows = self.objective.scored
        both = self.objective.rewards([joined] * len(rows), rows)
        return max(0.0, float(both.mean() - self.objective.gold[rows].mean()))


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
