"""The search of one reward, and what its card says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.measure import shown_samples
from rewardmark.rewards.audit.result import Finding, Origin
from rewardmark.rewards.audit.search import Budget, SearchOutcome, search, space_for
from rewardmark.rewards.audit.statistics import mean_of, share_at_or_above
from rewardmark.rewards.audit.verdict import with_truth
from rewardmark.rewards.reward import Reward

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.rewards.audit.search_space import Score

__all__ = ["find_exploits", "findings_of", "score_of", "search_reward", "search_score", "summary_of"]

LONGEST_NAME = 72
"""Letters of an exploit's name; its description has it all."""

Progress = Callable[[str, float], None]
"""(what, share done)"""


def score_of(reward: Reward, material: Material) -> Score:
    """The reward as the search asks for it: (predictions, rows of the material) to values, NaN where there is none."""

    def score(predictions: Any, rows: Sequence[int]) -> NDArray[np.float64]:
        targets = None if material.targets is None else material.targets[list(rows)]
        return np.asarray(reward.score(predictions, targets).values.detach().cpu().double().numpy())

    return score


def search_reward(
    reward: Reward,
    material: Material,
    *,
    seconds: float | None = None,
    evaluations: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], list[Finding]]:
    """Search for an answer that the reward pays while the metric that its card names stays at the floor.

    Ends after `seconds`, or `evaluations` scored answers (then the same seed gives the same result). Returns the
    section "search" of the card and the findings, none where the reward holds.
    """
    judged = material.judged_by(reward.card.gold)
    budget = Budget(seconds, evaluations)
    return search_score(score_of(reward, material), judged, budget, seed=seed, progress=progress)


def search_score(
    score: Score, material: Material, budget: Budget, *, seed: int = 0, progress: Progress | None = None
) -> tuple[dict[str, Any], list[Finding]]:
    """As `search_reward`, for any function from typed predictions and rows of the material to values."""
    space = space_for(material)
    if space is None:
        return {"note": f"no search for predictions of type {type(material.gold).__name__}"}, []
    outcome = search(space, score, budget, seed, progress)
    if outcome is None:
        return {"note": "no sample has a reward, or no answer keeps the metric at its floor"}, []
    return summary_of(outcome, material), findings_of(outcome, material, "search")


def summary_of(outcome: SearchOutcome, material: Material) -> dict[str, Any]:
    """What the card says of the best answer found, whether it is an exploit or not."""
    truths = with_truth(material)
    return {
        "best": outcome.description,
        "holds": not (outcome.pays or outcome.appended > 0),
        "mean_reward": mean_of(outcome.rewards[truths]),
        "gold_mean": mean_of(outcome.gold_rewards[truths]),
        "garbage": outcome.garbage,
        "normalized": outcome.share,
        "mean_official": mean_of(outcome.official[truths]),
        "official": material.official_name,
        "looks_at_the_sample": not outcome.blind,
        "highest_before_minimising": outcome.highest,
        "appended_to_gold": outcome.appended,
        "cost": outcome.cost,
        "evaluations": outcome.evaluations,
        "seconds": outcome.seconds,
        "curve": [list(point) for point in outcome.curve[:: max(1, len(outcome.curve) // 60)]],
    }


def findings_of(outcome: SearchOutcome, material: Material, origin: Origin) -> list[Finding]:
    """The exploit that the outcome is, if it is one; or that it becomes when it is appended to the truth."""
    truths = with_truth(material)
    by = {"search": "found by search", "adversary": "found by a policy tuned on the reward alone"}.get(origin, origin)
    appended = not outcome.pays and outcome.appended > 0
    if not outcome.pays and not appended:
        return []
    gold = mean_of(outcome.gold_rewards[truths])
    mean = mean_of(outcome.rewards[truths])
    said = f"{outcome.description} ({by}; {'the same for every sample' if outcome.blind else 'made from the truth'})"
    if appended:
        said += f"; appended to the true answer it raises the reward above gold by {outcome.appended:.3g}"
    return [
        Finding(
            kind="exploit",
            name=f"{_short(outcome.description)}{', appended to the truth' if appended else ''}",
            origin=origin,
            description=said,
            mean_reward=mean,
            gold_mean=gold,
            mean_official=mean_of(outcome.official[truths]) if material.official is not None else None,
            share_at_or_above_gold=share_at_or_above(outcome.rewards[truths], outcome.gold_rewards[truths]),
            cost=outcome.cost,
            samples=shown_samples(
                material,
                outcome.predictions,
                outcome.rewards,
                outcome.gold_rewards,
                outcome.official if material.official is not None else None,
            ),
        )
    ]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def find_exploits(reward: Reward, material: Material, *, seconds: float, seed: int = 0) -> list[Finding]:
    """The findings of `search_reward` alone."""
    return search_reward(reward, material, seconds=seconds, seed=seed)[1]
