"""The audit of one reward: every statistic of its card, from one material."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit import sections_gaming as gaming
from rewardmark.rewards.audit import sections_quality as quality
from rewardmark.rewards.audit.context import Audit, shown_samples
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.prepare import Prepared
from rewardmark.rewards.audit.result import AuditResult
from rewardmark.rewards.audit.verdict import with_truth
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.reward import TOLERANCE, Reward

__all__ = ["SECTIONS", "Progress", "audit_reward", "shown_samples", "suits"]

Progress = Callable[[str, int, int], None]
"""(section, done, total)"""

SECTIONS: dict[str, Callable[[Audit], dict[str, Any]]] = {
    "parity": quality.parity,
    "validity": quality.validity,
    "gold": quality.gold,
    "battery": gaming.battery,
    "pairwise": quality.pairwise,
    "monotonicity": quality.monotonicity,
    "rank": quality.rank,
    "invariance": quality.invariance,
    "junk": gaming.junk,
    "floor": gaming.floor,
    "best_of_n": gaming.best_of_n,
    "signal": gaming.signal,
    "determinism": quality.determinism,
    "speed": quality.speed,
}


def suits(reward: Reward, material: Material) -> bool:
    """Whether the reward can judge this kind of material: gold is scored, and earns more than the least there is.

    A reward for yes and no is none for open questions, and one for points none for boxes.
    """
    values = reward.score(material.gold, material.targets, material.sample_ids).values
    scored = values[torch.isfinite(values)]
    low = reward.card.bounds[0]
    return bool(len(scored)) and (low is None or bool((scored > low + TOLERANCE).any()))


def audit_reward(
    reward: Reward,
    material: Material,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    prepared: Prepared | None = None,
    fingerprint: str = "",
) -> AuditResult:
    """Measure `reward` on `material`: every section of the card, and a finding for each way in which it is gamed.

    prepared: the predictions of the same material and seed, made for an earlier reward. Nothing that the reward does on
    a sample stops the audit. Raises RewardmarkError when it scores no gold prediction at all: then it is not a reward
    of this material.
    """
    began = time.monotonic()
    ready = prepared if prepared is not None else Prepared(material, seed)
    scored = reward.score(material.gold, material.targets, material.sample_ids)
    gold = scored.values.detach().cpu().double().numpy()
    if not np.isfinite(gold).any():
        why = f": {scored.failures[0].message}" if scored.failures else ""
        raise RewardmarkError(f"reward {reward.name} scores none of the {len(material)} gold predictions{why}")
    audit = Audit(reward, ready, material.judged_by(reward.card.gold), gold, with_truth(material))
    sections: dict[str, dict[str, Any]] = {}
    for done, (name, measure) in enumerate(SECTIONS.items()):
        if progress is not None:
            progress(name, done, len(SECTIONS))
        sections[name] = measure(audit)
    if progress is not None:
        progress("", len(SECTIONS), len(SECTIONS))
    return AuditResult(
        reward=reward.name,
        task=reward.card.task,
        card={**reward.card.as_dict(), "parameters": reward.parameters},
        fingerprint=fingerprint,
        material=material.source,
        samples=len(material),
        seed=seed,
        sections=sections,
        findings=audit.findings,
        seconds=time.monotonic() - began,
        curves=audit.curves,
    )
