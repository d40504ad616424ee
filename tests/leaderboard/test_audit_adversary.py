"""A policy tuned on a reward alone learns what the reward really pays; planted oddities are found without a hint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from rewardmark.leaderboard.audit.adversary import train_adversary, tune_on_reward
from rewardmark.leaderboard.audit.find import find_exploits, search_reward
from rewardmark.leaderboard.audit.policy import BlindPolicy
from rewardmark.rewards import get_reward
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.search_alphabets import Alphabet
from rewardmark.rewards.audit.synthetic import synthetic_material


@pytest.fixture(scope="module")
def detection() -> Material:
    return synthetic_material("detection", n=12)


def odd_box(material: Material, corners: tuple[float, ...]) -> Any:
    """detection/f1, plus 1 for any box within 3 pixels of the corners."""
    reward = get_reward("detection/f1")

    def score(predictions: Any, rows: Sequence[int]) -> np.ndarray:
        values = reward.score(predictions, material.targets[list(rows)]).values
        close = (predictions.boxes - torch.tensor(corners)).abs().amax(-1) <= 3
        return (values + (close & predictions.mask).any(1).float()).numpy().astype(np.float64)

    return score


def check_found(material: Material, corners: tuple[float, ...], steps: int, seed: int) -> None:
    section, curve, findings = tune_on_reward(odd_box(material, corners), material, steps=steps, seed=seed)
    (finding,) = findings
    assert finding.origin == "adversary" and not finding.holds and finding.cost == 1 and finding.samples
    assert finding.mean_reward is not None and finding.mean_reward >= 1 and finding.mean_official <= 0.05
    assert curve["reward"][-1] > 0.5 > 0.3 > curve["reward"][0]
    assert section["parts_at"] == curve["parts_at"] and curve["parts_at"] is not None
    assert len(curve["steps"]) == len(curve["reward"]) == len(curve["official"]) and curve["steps"][-1] == steps - 1


def test_an_odd_box_is_learned_and_the_metric_stays_behind(detection: Material):
    check_found(detection, (13.0, 7.0, 29.0, 31.0), steps=60, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("corners", [(41.0, 17.0, 58.0, 90.0), (3.0, 66.0, 12.0, 71.0), (60.0, 11.0, 91.0, 35.0)])
def test_other_odd_boxes_are_learned(detection: Material, corners: tuple[float, ...], seed: int):
    check_found(detection, corners, steps=200, seed=seed)


@pytest.mark.parametrize(("word", "seed"), [("marzipan", 0), ("crimson", 1)])
def test_an_odd_word_is_learned(word: str, seed: int):
    material = synthetic_material("vqa", n=12, variant="open")
    reward = get_reward("vqa/exact")

    def score(predictions: Any, rows: Sequence[int]) -> np.ndarray:
        values = reward.score(predictions, material.targets[list(rows)]).values
        bonus = torch.tensor([float(word in text.split()) for text in predictions.texts])
        return (values + bonus).numpy().astype(np.float64)

    _, curve, findings = tune_on_reward(score, material, steps=60, seed=seed)
    assert [f.origin for f in findings] == ["adversary"] and f'"{word}"' in findings[0].description
    assert curve["reward"][-1] > 0.5 and max(curve["official"]) < 0.1


def test_a_reward_that_holds_gives_nothing_away(detection: Material):
    section, curve, findings = train_adversary(get_reward("detection/f1"), detection, steps=15)
    assert findings == [] and curve["parts_at"] is None and section["steps"] == 15


def test_the_same_seed_gives_the_same_curve_and_another_seed_another():
    material = synthetic_material("detection", n=4)
    runs = [train_adversary(get_reward("detection/soft-f1"), material, steps=4, seed=seed) for seed in (3, 3, 4)]
    assert runs[0][1] == runs[1][1] and runs[0][1]["reward"] != runs[2][1]["reward"]


@pytest.mark.parametrize(
    ("task", "name", "variant"),
    [
        ("panoptic", "panoptic/pq", ""),
        ("colorization", "colorization/vivid", ""),
        ("grounding", "grounding/seg-zero", "box-and-points"),
        ("matching", "matching/pair", ""),
        ("captioning", "captioning/rouge-l", ""),
    ],
)
def test_it_runs_on_every_type_of_prediction(task: str, name: str, variant: str):
    material = synthetic_material(task, n=4, variant=variant)
    section, curve, _ = train_adversary(get_reward(name), material, steps=3)
    assert section["steps"] == 3 and len(curve["reward"]) == 3 and np.isfinite(curve["reward"]).all()


def test_the_policy_writes_only_what_its_alphabet_has_and_knows_its_probabilities():
    alphabet = Alphabet((("a", "b", "c"), (1, 2)), 4, list)
    policy = BlindPolicy(alphabet, seed=0)
    drawn = policy.sample(64, torch.Generator().manual_seed(0))
    assert drawn.tokens.shape == (64, 8)
    assert (drawn.tokens[:, 1::2] <= 1).all()  # the second field has two choices and no stop
    log_prob, entropy = policy.log_prob(drawn)
    assert (log_prob < 0).all() and 0 < float(entropy.detach()) < np.log(4)
    # Over all sequences of one part: stop at once, or one of six parts and then the stop or more.
    total = 0.0
    for first in range(4):
        for second in range(2) if first < 3 else [0]:
            tokens = torch.tensor([[first, second, 3, 0, 0, 0, 0, 0]])
            written = torch.tensor([[first < 3, first < 3, *[False] * 6]])
            stops = policy.log_prob(type(drawn)(tokens, written))[0].exp()
            total += float(stops.detach())
    assert 0 < total < 1  # longer sequences have the rest


def test_a_search_writes_its_section_and_its_findings():
    material = synthetic_material("detection", n=8)
    section, findings = search_reward(get_reward("detection/soft-f1-as-published"), material, evaluations=3_000)
    (finding,) = findings
    assert finding.origin == "search" and finding.kind == "exploit" and finding.mean_official == 0
    assert section["holds"] is False and section["normalized"] == pytest.approx(1.0) and section["evaluations"] > 2_000
    assert {"prediction", "truth", "reward", "gold_reward", "official"} <= set(finding.samples[0])
    held, none = search_reward(get_reward("detection/soft-f1"), material, evaluations=3_000)
    assert none == [] and held["holds"] is True and held["normalized"] < 0.5
    assert find_exploits(get_reward("detection/soft-f1"), material, seconds=0.5) == []
