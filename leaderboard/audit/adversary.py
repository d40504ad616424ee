"""A policy tuned on the reward alone, from a garbage start: what it learns to write is what the reward really pays.

REINFORCE as in "Tuning computer vision models with task rewards" (arXiv:2302.08242, algorithm 2): N answers to one
sample, the reward of each against the mean of the others. The policy never sees the sample, so nothing of what it gains
is understanding. The best answers so far are learned from again (self-imitation, Oh et al. 2018, arXiv:1806.05635),
since what pays may be rare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rewardmark.baselines.advantages import advantages
from rewardmark.leaderboard.audit.find import findings_of, score_of, summary_of
from rewardmark.leaderboard.audit.policy import BlindPolicy, Drawn
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.parting import parting
from rewardmark.rewards.audit.result import Finding
from rewardmark.rewards.audit.search import space_for
from rewardmark.rewards.audit.search_alphabets import alphabet_for
from rewardmark.rewards.audit.search_minimise import reduced
from rewardmark.rewards.audit.search_objective import Budget, Candidate, Meter, Objective, conclude
from rewardmark.rewards.audit.search_space import Score, Space
from rewardmark.rewards.reward import Reward
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Tuned", "train_adversary", "tune_on_reward"]

SAMPLES, ANSWERS = 8, 32
"""Samples a step, and answers to each."""

JUDGED = 48
"""Points of the curve at which the official metric is measured."""

KEPT, FRESH = 16, 4
"""Answers that are learned from again, and how many a step may join them: judged on several samples first, so that one
lucky guess is no lesson."""

REDUCED = 8
"""Answers of the policy that are reduced to the parts that pay."""

SMALLEST_SCALE = 0.1
"""Advantages are divided by their standard deviation, but by no less than this share of gold's reward: the noise of a
reward that pays nothing teaches nothing."""


@dataclass
class Tuned:
    """What the tuning left: the curve (steps, mean reward, mean official metric, both of drawn answers), the genomes of
    the best answers on the way, and of what the policy writes in the end.
    """

    steps: list[int] = field(default_factory=list)
    reward: list[float] = field(default_factory=list)
    official: list[float] = field(default_factory=list)
    best: list[Any] = field(default_factory=list)
    final: list[Any] = field(default_factory=list)


def train_adversary(
    reward: Reward,
    material: Material,
    *,
    steps: int,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[dict[str, Any], dict[str, Any], list[Finding]]:
    """Tune a policy on the reward for so many steps: the section "adversary", its curve, and the findings.

    The same seed gives the same result. The curve holds steps, reward, official, and the step at which they part.
    """
    return tune_on_reward(
        score_of(reward, material), material.judged_by(reward.card.gold), steps=steps, seed=seed, progress=progress
    )


def tune_on_reward(
    score: Score,
    material: Material,
    *,
    steps: int,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[dict[str, Any], dict[str, Any], list[Finding]]:
    """As `train_adversary`, for any function from typed predictions and rows of the material to values."""
    space = space_for(material)
    if space is None:
        return {"note": f"no adversary for predictions of type {type(material.gold).__name__}"}, {}, []
    meter = Meter(Budget())
    objective = Objective(space, score, np.random.default_rng([seed, 23]), meter)
    if not objective.rows:
        return {"note": "no sample has a reward"}, {}, []
    objective.calibrate([genome for genome in space.constants() if space.blind(genome)][:64])
    tuned = _tune(space, objective, steps, seed, progress or (lambda what, share: None))
    metric_span = float(np.nanmean(objective.official_gold[objective.scored])) - material.floor
    apart = parting(tuned.steps, tuned.reward, tuned.official, objective.gap, metric_span)
    curve = {"steps": tuned.steps, "reward": tuned.reward, "official": tuned.official, "parts_at": apart}
    curve |= {"gold": objective.gold_mean, "official_name": material.official_name}
    section: dict[str, Any] = {
        "steps": steps,
        "first_reward": tuned.reward[0] if tuned.reward else None,
        "last_reward": tuned.reward[-1] if tuned.reward else None,
        "first_official": tuned.official[0] if tuned.official else None,
        "last_official": tuned.official[-1] if tuned.official else None,
        "parts_at": apart,
    }
    outcome = conclude(objective, _held(objective, [*tuned.final, *tuned.best]), [])
    if outcome is None:
        return {**section, "note": "all that it learned raises the official metric too"}, curve, []
    findings = findings_of(outcome, material, "adversary")
    summary = {name: value for name, value in summary_of(outcome, material).items() if name not in ("curve", "seconds")}
    return {**summary, **section}, curve, findings


def _held(objective: Objective, genomes: list[Any]) -> list[Candidate]:
    """What the policy wrote, and the parts of it that pay, where the official metric stays at its floor; best first."""

    def ranked(some: list[Any]) -> list[Candidate]:
        judged = [one for one in objective.judged(list(dict.fromkeys(some))) if np.isfinite(one.reward)]
        return sorted(judged, key=lambda one: (-one.reward, objective.space.cost(one.genome)))

    def rewards(some: Sequence[Any]) -> NDArray[np.float64]:
        return np.array([one.reward for one in objective.judged(some)])

    whole = ranked(genomes)
    small = [reduced(objective.space, one.genome, rewards) for one in whole[:REDUCED]]
    return [one for one in ranked([*small, *genomes]) if objective.at_floor(one.genome)]


def _tune(
    space: Space[Any], objective: Objective, steps: int, seed: int, progress: Callable[[str, float], None]
) -> Tuned:
    alphabet = alphabet_for(space)
    policy = BlindPolicy(alphabet, seed)
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.05, betas=(0.9, 0.98))
    generator = torch.Generator().manual_seed(seed + 1)
    rng = np.random.default_rng([seed, 29])
    kept: list[Kept] = []
    tuned = Tuned()
    every = max(1, steps // JUDGED)

    def spelled(drawn: Drawn) -> list[Any]:
        return [
            alphabet.spell(_values(alphabet.fields, row, int(ends)))
            for row, ends in zip(drawn.tokens.tolist(), drawn.written.sum(1).tolist(), strict=True)
        ]

    for step in range(steps):
        samples = rng.choice(objective.rows, SAMPLES, replace=len(objective.rows) < SAMPLES).tolist()
        rows = [row for row in samples for _ in range(ANSWERS)]
        drawn = policy.sample(len(rows), generator)
        genomes = spelled(drawn)
        values = objective.rewards(genomes, rows)
        values = np.where(np.isfinite(values), values, objective.low[rows])  # no reward is worth what garbage is
        shares = torch.from_numpy((values - objective.low[rows]) / objective.gap).float()

        advantage = advantages(shares.view(SAMPLES, ANSWERS, 1), "leave-one-out", normalize=False).flatten()
        advantage = advantage / advantage.std().clamp(min=SMALLEST_SCALE)
        log_prob, entropy = policy.log_prob(drawn)
        loss = -(advantage * log_prob).mean() - 0.01 * (1 - step / steps) * entropy
        kept = _keep(kept, drawn, shares, genomes, objective)
        if worth := [one for one in kept if one[0] > float(shares.mean()) + SMALLEST_SCALE]:
            again = Drawn(torch.stack([one[1] for one in worth]), torch.stack([one[2] for one in worth]))
            gain = torch.tensor([one[0] for one in worth]) - shares.mean()
            loss = loss - (gain / gain.max() * policy.log_prob(again)[0]).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()

        if step % every == 0 or step == steps - 1:
            some = rng.choice(len(rows), 32, replace=False).tolist()
            on = [rows[k] for k in some]
            judged = objective.official(space.build([genomes[k] for k in some], on), on)
            tuned.steps.append(step)
            tuned.reward.append(float(values.mean()))
            tuned.official.append(float(np.nanmean(judged)) if np.isfinite(judged).any() else float("nan"))
            progress("adversary", step / steps)
    ends = [policy.sample(1, generator, greedy=True), policy.sample(15, generator)]
    tuned.final = [genome for drawn in ends for genome in spelled(drawn)]
    if kept:
        again = Drawn(torch.stack([one[1] for one in kept]), torch.stack([one[2] for one in kept]))
        tuned.best = spelled(again)
    return tuned


def _values(fields: tuple[tuple[Any, ...], ...], tokens: list[int], written: int) -> list[tuple[Any, ...]]:
    """The parts that a row of tokens spells, up to its stop."""
    period = len(fields)
    return [
        tuple(choices[tokens[start + k]] for k, choices in enumerate(fields))
        for start in range(0, written - written % period, period)
    ]


Kept = tuple[float, Tensor, Tensor]
"""(mean share on several samples, tokens, which of them were written)"""


def _keep(kept: list[Kept], drawn: Drawn, shares: Tensor, genomes: list[Any], objective: Objective) -> list[Kept]:
    """The best answers so far, each once."""
    known = {one[1].numpy().tobytes() for one in kept}
    bar = kept[-1][0] if len(kept) == KEPT else float(shares.mean())
    best = [k for k in shares.topk(min(4 * FRESH, len(shares))).indices.tolist() if float(shares[k]) > bar + 1e-6]
    fresh = [k for k in best if drawn.tokens[k].numpy().tobytes() not in known][:FRESH]
    judged = objective.judged([genomes[k] for k in fresh])
    new = [(one.share, drawn.tokens[k], drawn.written[k]) for k, one in zip(fresh, judged, strict=True)]
    return sorted([*kept, *(one for one in new if np.isfinite(one[0]))], key=lambda one: -one[0])[:KEPT]
