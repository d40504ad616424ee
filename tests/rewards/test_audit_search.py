"""The search finds what no list contains: odd constants and odd words that pay, planted without a hint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from rewardmark.rewards import get_reward
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.parting import parting
from rewardmark.rewards.audit.search import Budget, SearchOutcome, search, space_for
from rewardmark.rewards.audit.search_boxes import BoxGenome, BoxSpace, FixedBox, box_grid
from rewardmark.rewards.audit.search_minimise import minimised, reduced
from rewardmark.rewards.audit.search_space import scattered
from rewardmark.rewards.audit.synthetic import synthetic_material

Bonus = Callable[[Any], torch.Tensor]


def planted(material: Material, name: str, bonus: Bonus) -> Any:
    """The registered reward plus a bonus [B] that looks at the predictions alone."""
    reward = get_reward(name)

    def score(predictions: Any, rows: Sequence[int]) -> np.ndarray:
        values = reward.score(predictions, material.targets[list(rows)]).values + bonus(predictions)
        return values.numpy().astype(np.float64)

    return score


def near(corners: tuple[float, ...], tolerance: float = 3.0) -> Bonus:
    """1 where any box lies within `tolerance` pixels of the corners."""

    def bonus(predictions: Any) -> torch.Tensor:
        close = (predictions.boxes - torch.tensor(corners)).abs().amax(-1) <= tolerance
        return (close & predictions.mask).any(1).float()

    return bonus


def near_share(corners: tuple[float, ...]) -> Bonus:
    """The share of the boxes that lie within 3 pixels of the corners: one among many earns next to nothing."""

    def bonus(predictions: Any) -> torch.Tensor:
        close = ((predictions.boxes - torch.tensor(corners)).abs().amax(-1) <= 3) & predictions.mask
        return close.float().sum(1) / predictions.mask.sum(1).clamp(min=1)

    return bonus


def says(word: str) -> Bonus:
    return lambda predictions: torch.tensor([float(word in text.lower().split()) for text in predictions.texts])


def run(material: Material, score: Any, evaluations: int, seed: int = 0) -> SearchOutcome:
    space = space_for(material)
    assert space is not None
    found = search(space, score, Budget(evaluations=evaluations), seed)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def detection() -> Material:
    return synthetic_material("detection", n=12)


@pytest.mark.parametrize(
    ("corners", "seed"),
    [((13.0, 7.0, 29.0, 31.0), 0), ((41.0, 17.0, 58.0, 90.0), 1), ((3.0, 66.0, 12.0, 71.0), 2)],
)
def test_an_odd_box_that_pays_is_found_and_shown_alone(detection: Material, corners: tuple[float, ...], seed: int):
    found = run(detection, planted(detection, "detection/f1", near(corners)), 12_000, seed)
    assert found.pays and found.blind and found.cost == 1
    assert isinstance(found.genome, BoxGenome) and found.genome.gold is None
    (box,) = found.genome.boxes
    assert np.abs(np.array(box.corners) - corners).max() <= 3
    assert np.nanmean(found.official) <= 0.05 and found.rewards.min() >= 1


def test_an_odd_box_among_many_that_hardly_shows_is_found(detection: Material):
    corners = (50.0, 20.0, 71.0, 44.0)
    found = run(detection, planted(detection, "detection/f1", near_share(corners)), 12_000)
    assert found.pays and found.cost == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_odd_boxes_anywhere_are_found(detection: Material, seed: int):
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 80, 2)
    high = np.minimum(low + rng.integers(4, 60, 2), 95)
    corners = tuple(float(v) for v in (*low, *high))
    found = run(detection, planted(detection, "detection/f1", near(corners)), 40_000, seed)
    assert found.pays and found.cost == 1


def test_what_raises_the_reward_above_gold_only_when_appended_is_told(detection: Material):
    def small(predictions: Any) -> torch.Tensor:
        return 0.4 * near((41.0, 17.0, 58.0, 90.0))(predictions)

    found = run(detection, planted(detection, "detection/f1", small), 12_000)
    assert not found.pays and found.appended > 0.05


@pytest.mark.parametrize("name", ["detection/f1", "detection/soft-f1", "detection/visual-rft", "detection/hungarian"])
def test_rewards_that_hold_are_not_accused(detection: Material, name: str):
    found = run(detection, planted(detection, name, lambda p: torch.zeros(len(p))), 6_000)
    assert not found.pays and found.appended == 0


@pytest.mark.parametrize(
    ("name", "words"), [("soft-f1-as-published", "swapped"), ("visual-rft-as-published", "category")]
)
def test_published_defects_are_found_without_a_list(detection: Material, name: str, words: str):
    found = run(detection, planted(detection, f"detection/{name}", lambda p: torch.zeros(len(p))), 6_000)
    assert found.pays and not found.blind and words in found.description


@pytest.mark.parametrize(("word", "seed"), [("walrus", 0), ("marzipan", 1), ("crimson", 2)])
def test_an_odd_word_that_pays_is_found_alone_in_an_answer(word: str, seed: int):
    material = synthetic_material("vqa", n=12, variant="open")
    found = run(material, planted(material, "vqa/exact", says(word)), 8_000, seed)
    assert found.pays and found.genome == (word,) and found.cost == 1


def test_an_odd_word_in_a_caption_is_found():
    material = synthetic_material("captioning", n=8)
    found = run(material, planted(material, "captioning/rouge-l", says("zeppelin")), 6_000)
    assert found.pays and found.genome == ("zeppelin",)


@pytest.mark.parametrize("variant", ["open", "yes-no"])
def test_the_strictness_of_the_metric_is_no_exploit(variant: str):
    material = synthetic_material("vqa", n=24, variant=variant)
    name = "vqa/yes-no" if variant == "yes-no" else "vqa/anls"
    found = run(material, planted(material, name, lambda p: torch.zeros(len(p))), 4_000)
    assert not found.pays  # "No." and "no no" are "no", which the metric pays as well


def test_odd_colours_segments_and_grounded_boxes_are_found():
    colours = synthetic_material("colorization", n=6)
    magenta = torch.tensor([0.83, 0.17, 0.61])

    def mean_colour(predictions: Any) -> torch.Tensor:
        return 60.0 * ((predictions.rgb.mean((2, 3)) - magenta).abs().amax(1) < 0.06).float()

    material = colours.judged_by("colorization/psnr")
    assert run(material, planted(material, "colorization/psnr", mean_colour), 9_000).pays

    segments = synthetic_material("panoptic", n=6)

    def many(predictions: Any) -> torch.Tensor:
        return ((predictions.categories == 3).sum(1) == 5).float()  # five segments of one odd category

    assert run(segments, planted(segments, "panoptic/pq", many), 1_500).pays

    grounding = synthetic_material("grounding", n=8, variant="box-and-points")

    def corner(predictions: Any) -> torch.Tensor:
        return 3 * ((predictions.box - torch.tensor([61.0, 5.0, 80.0, 33.0])).abs().amax(1) <= 3).float()

    assert run(grounding, planted(grounding, "grounding/seg-zero", corner), 80_000).pays


def test_a_budget_of_evaluations_gives_the_same_result_again(detection: Material):
    score = planted(detection, "detection/weighted-sum-as-published", lambda p: torch.zeros(len(p)))
    first, second = run(detection, score, 3_000, 4), run(detection, score, 3_000, 4)
    assert first.genome == second.genome and first.curve == second.curve and first.evaluations == second.evaluations
    assert first.evaluations < 3_000 + 2_500  # one round beyond, and the last judgements


def test_a_budget_of_seconds_is_kept(detection: Material):
    space = space_for(detection)
    assert space is not None
    found = search(space, planted(detection, "detection/f1", lambda p: torch.zeros(len(p))), Budget(seconds=1.0))
    assert found is not None and found.seconds < 8  # the last call may be long on a busy machine


def test_without_a_metric_or_a_reward_nothing_is_accused(detection: Material):
    fmt = synthetic_material("format", n=6)
    found = run(fmt, planted(fmt, "format/no-repeat", lambda p: torch.zeros(len(p))), 1_500)
    assert not found.pays
    space = space_for(detection)
    assert space is not None
    assert search(space, lambda p, rows: np.full(len(rows), np.nan), Budget(evaluations=100)) is None


def test_minimising_leaves_only_what_pays_and_rounds_it(detection: Material):
    space = BoxSpace(detection)
    boxes = [FixedBox((float(k), float(k), k + 9.37, k + 9.0), 1 + k % 5, 0.5) for k in range(20)]
    wanted = FixedBox((40.2, 20.1, 61.3, 83.7), 4, 0.25)
    genome = BoxGenome((*boxes[:7], wanted, *boxes[7:]))

    def holds(one: BoxGenome) -> bool:
        return any(abs(b.corners[0] - 40.2) < 3 and b.corners[3] > 80 for b in one.boxes)

    rewards = lambda some: np.array([float(holds(one)) for one in some])  # noqa: E731
    assert reduced(space, genome, rewards).boxes == (wanted,)
    first_good = lambda some: next((k for k, one in enumerate(some) if holds(one)), None)  # noqa: E731
    (box,) = minimised(space, genome, first_good, lambda: True).boxes
    assert box.score == 1.0 and box.corners[0] == 40.0 and box.corners[3] == 100.0


def test_a_grid_of_boxes_covers_every_box_within_half_a_step():
    rng = np.random.default_rng(0)
    grid = np.array(list(box_grid((48.0, 40.0), 5.0, rng)))
    for _ in range(200):
        x = np.sort(rng.integers(0, 49, 2))
        y = np.sort(rng.integers(0, 41, 2))
        if x[1] - x[0] >= 5 and y[1] - y[0] >= 5:
            box = np.array([x[0], y[0], x[1], y[1]])
            assert np.abs(grid - box).max(1).min() <= 3


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 10, 97, 1000])
def test_a_scattered_walk_visits_everything_once(count: int):
    assert sorted(scattered(count, np.random.default_rng(count))) == list(range(count))


def test_curves_part_where_the_metric_stops_and_the_reward_goes_on():
    steps = list(range(0, 200, 2))
    metric = [min(s, 80) / 200 for s in steps]
    reward = [s / 200 for s in steps]
    apart = parting(steps, reward, metric, 1.0, 1.0)
    assert apart is not None and 60 <= apart <= 80
    assert parting(steps, metric, metric, 1.0, 1.0) is None  # both stop
    assert parting(steps, reward, reward, 1.0, 1.0) is None  # both go on
    assert parting(steps, reward, [0.0] * 100, 1.0, 1.0) == 0  # the metric never moved
    assert parting(steps, reward, [float("nan")] * 100, 1.0, 1.0) is None and parting([], [], [], 1.0, 1.0) is None
