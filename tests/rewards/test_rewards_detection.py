"""Detection rewards: the published recall rewritten as loops, per-box credits, and what every reward must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rewardmark.rewards import Boxes, Reward, get_reward, list_rewards
from rewardmark.rewards.detection_match import best_iou
from rewardmark.rewards.detection_recall import class_weights_from_counts, recall_credits

#: detection/coco-ap and the rewards on it rank by score and list order; Visual-RFT ranks by confidence.
ORDERED = {"detection/coco-ap", "detection/od-as-published", "detection/od-length-as-published"}
NAMES = [card.name for card in list_rewards("detection")]
MENDED = [card.name for card in list_rewards("detection") if card.status == "mended"]


def random_batch(seed: int, size: int = 12, most: int = 9) -> tuple[Boxes, Boxes]:
    """Truths, and predictions near them with duplicates, wrong labels, misses, inverted and empty boxes."""
    rng = np.random.default_rng(seed)
    found: list[list] = [[], [], []]
    truth: list[list] = [[], []]
    for _ in range(size):
        corner = rng.uniform(0, 40, (rng.integers(0, most), 2))
        boxes = np.concatenate([corner, corner + rng.uniform(2, 15, corner.shape)], 1)
        labels = rng.integers(1, 4, len(boxes))
        truth[0].append(boxes)
        truth[1].append(labels)
        picks = rng.integers(0, max(1, len(boxes)), rng.integers(0, most) if len(boxes) else 0)
        near = boxes[picks] + rng.normal(0, 1.0, (len(picks), 4))
        wrong = np.where(rng.random(len(picks)) < 0.2, 1, 0)
        flip = rng.random(len(picks)) < 0.1
        near[flip] = near[flip][:, [2, 3, 0, 1]]
        found[0].append(near)
        found[1].append((labels[picks] + wrong).tolist() if len(boxes) else [])
        found[2].append(np.round(rng.random(len(picks)), 2))
    return Boxes.from_lists(*found), Boxes.from_lists(*truth)


def iou_of(a: list[float], b: list[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0 or min(a[2] - a[0], a[3] - a[1]) <= 0:
        return 0.0
    inter = width * height
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def recall_by_loops(p: tuple, t: tuple, thresholds: list[float], duplicate: float, weights: dict[int, float]) -> float:
    """The rule threshold by threshold: each prediction keeps its best truth above t, each truth its best prediction."""
    total = 0.0
    for threshold in thresholds:
        claims: dict[int, list[int]] = {}
        for k, (box, label) in enumerate(zip(p[0], p[1], strict=True)):
            ious = [
                iou_of(box, other) if label == c and iou_of(box, other) > threshold else 0.0
                for other, c in zip(t[0], t[1], strict=True)
            ]
            if ious and max(ious) > 0:
                claims.setdefault(int(np.argmax(ious)), []).append(k)
        for truth, boxes in claims.items():
            total += weights.get(int(t[1][truth]), 1.0) * (1 - duplicate * (len(boxes) - 1))
    return total / len(thresholds)


@pytest.mark.parametrize("weights", [None, class_weights_from_counts({1: 50, 2: 5, 3: 1})])
@pytest.mark.parametrize(
    ("name", "thresholds"),
    [
        ("detection/recall", [0.5 + 0.05 * k for k in range(10)]),
        ("detection/recall-as-published", [0.5] + [0.6] * 2 + [0.7] * 2 + [0.85] * 3 + [0.95] * 2),
    ],
)
def test_recall_equals_the_rule_written_as_loops(name: str, thresholds: list[float], weights: dict | None) -> None:
    predictions, targets = random_batch(1, size=60)
    values = get_reward(name, class_weights=weights)(predictions, targets)
    for row, (p, t) in enumerate(zip(predictions.lists(), targets.lists(), strict=True)):
        expected = recall_by_loops(p, t, thresholds, 0.3, weights or {})
        assert abs(values[row].item() - expected) < 1e-5


def test_class_weights_have_mean_one_and_favour_the_rare() -> None:
    weights = class_weights_from_counts({1: 900, 2: 90, 3: 10})
    assert math.isclose(sum(weights.values()) / 3, 1.0)
    assert math.isclose(weights[3] / weights[1], (900 + 50) / (10 + 50))
    assert get_reward("detection/recall", class_weights={"2": 3.0})(  # keys as a suite file has them
        Boxes.from_lists([[[0, 0, 4, 4]]], [[2]]), Boxes.from_lists([[[0, 0, 4, 4]]], [[2]])
    ).tolist() == [3.0]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), duplicate=st.sampled_from([0.0, 0.3, 1.0]), normalize=st.booleans())
def test_credits_are_the_differences_of_recall_as_the_list_grows(seed: int, duplicate: float, normalize: bool) -> None:
    predictions, targets = random_batch(seed, size=4)
    options = {"duplicate_weight": duplicate, "normalize": normalize, "class_weights": {1: 2.0}}
    credits = recall_credits(predictions, targets, **options)
    reward = get_reward("detection/recall", **options)
    before = torch.zeros(len(predictions))
    for k in range(predictions.boxes.shape[1]):
        mask = predictions.mask.clone()
        mask[:, k + 1 :] = False
        grown = reward(Boxes(predictions.boxes, predictions.labels, predictions.scores, mask), targets)
        torch.testing.assert_close(credits[:, k], grown - before, atol=1e-5, rtol=0)
        before = grown
    torch.testing.assert_close(credits.sum(1), reward(predictions, targets), atol=1e-5, rtol=0)


def test_best_iou_is_the_largest_of_the_same_class() -> None:
    predictions, targets = random_batch(3)
    values = best_iou(predictions, targets)
    for row, (p, t) in enumerate(zip(predictions.lists(), targets.lists(), strict=True)):
        for k in range(len(p[0])):
            same = [iou_of(p[0][k], box) for box, label in zip(t[0], t[1], strict=True) if label == p[1][k]]
            assert abs(values[row, k].item() - max(same, default=0.0)) < 1e-5


def padded(boxes: Boxes, extra: int, seed: int) -> Boxes:
    """More slots, filled with garbage that the mask hides."""
    size = (len(boxes), extra)
    noise = torch.rand((*size, 4), generator=torch.Generator().manual_seed(seed)) * 30
    return Boxes(
        torch.cat([boxes.boxes, noise], 1),
        torch.cat([boxes.labels, torch.ones(size, dtype=torch.int64)], 1),
        torch.cat([boxes.scores, torch.ones(size)], 1),
        torch.cat([boxes.mask, torch.zeros(size, dtype=torch.bool)], 1),
    )


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_padding_and_batching_change_nothing(name: str, seed: int) -> None:
    reward = get_reward(name)
    predictions, targets = random_batch(seed, size=5)
    together = reward(predictions, targets)
    wider = reward(padded(predictions, 3, seed), padded(targets, 2, seed))
    torch.testing.assert_close(wider, together, atol=1e-6, rtol=0, equal_nan=True)
    singly = torch.cat([reward(predictions[i], targets[i]) for i in range(5)])
    torch.testing.assert_close(singly, together, atol=1e-6, rtol=0, equal_nan=True)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ORDERED])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_boxes_changes_nothing(name: str, seed: int) -> None:
    reward = get_reward(name)
    predictions, targets = random_batch(seed, size=5)
    count = predictions.boxes.shape[1]
    # distinct confidences: rewards that rank by confidence break ties by order
    predictions = Boxes(
        predictions.boxes,
        predictions.labels,
        predictions.scores + torch.arange(count) * 1e-4 - 2e-3,
        predictions.mask,
    )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    shuffled = Boxes(
        predictions.boxes[:, order],
        predictions.labels[:, order],
        predictions.scores[:, order],
        predictions.mask[:, order],
    )
    torch.testing.assert_close(
        reward(shuffled, targets), reward(predictions, targets), atol=1e-5, rtol=0, equal_nan=True
    )


def test_an_iou_of_exactly_the_threshold_is_no_match_for_recall_and_one_for_f1() -> None:
    truth, half = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]]), Boxes.from_lists([[[0, 0, 8, 4]]], [[1]])
    assert get_reward("detection/recall")(half, truth).item() == 0
    assert get_reward("detection/f1", thresholds=[0.5])(half, truth).item() == 1


@pytest.mark.parametrize("name", NAMES)
def test_empty_lists_of_every_kind_have_a_value_or_an_abstention(name: str) -> None:
    reward = get_reward(name)
    box, nothing = Boxes.from_lists([[[0, 0, 9, 9]]], [[1]]), Boxes.from_lists([[]], [[]])
    for predictions, targets in [(nothing, box), (box, nothing), (nothing, nothing)]:
        scored = reward.score(predictions, targets)
        assert scored.failures == []
        if reward.card.status == "mended":
            right = len(predictions.mask[0]) == len(targets.mask[0])
            assert scored.values.item() == (1.0 if right else 0.0)


# --- what a mended reward must not pay for -------------------------------------------------------------------------


def gold_batch() -> Boxes:
    rng = np.random.default_rng(7)
    boxes, labels = [], []
    for _ in range(24):
        corner = rng.uniform(0, 35, (rng.integers(1, 8), 2))
        boxes.append(np.concatenate([corner, corner + rng.uniform(6, 13, corner.shape)], 1))
        labels.append(rng.integers(1, 6, len(corner)))
    return Boxes.from_lists(boxes, labels)


GOLD = gold_batch()


def like(boxes: torch.Tensor, labels: torch.Tensor | None = None, scores: torch.Tensor | None = None) -> Boxes:
    return Boxes(boxes, GOLD.labels if labels is None else labels, GOLD.scores if scores is None else scores, GOLD.mask)


def appended(boxes: torch.Tensor, labels: torch.Tensor) -> Boxes:
    mask = torch.cat([GOLD.mask, torch.ones(labels.shape, dtype=torch.bool)], 1)
    return Boxes(
        torch.cat([GOLD.boxes, boxes], 1),
        torch.cat([GOLD.labels, labels], 1),
        torch.cat([GOLD.scores, torch.ones(labels.shape)], 1),
        mask,
    )


def mended(name: str) -> Reward:
    return get_reward(name, normalize=True) if name == "detection/recall" else get_reward(name)


GARBAGE = {
    "empty": Boxes(GOLD.boxes, GOLD.labels, GOLD.scores, torch.zeros_like(GOLD.mask)),
    "inverted": like(GOLD.boxes[..., [2, 3, 0, 1]]),
    "zero area": like(GOLD.boxes[..., [0, 1, 0, 3]]),
    "huge": like(torch.tensor([-2400.0, -2400.0, 2400.0, 2400.0]).expand_as(GOLD.boxes)),
    "wrong at zero confidence": like(GOLD.boxes + 500, scores=GOLD.scores * 0),
    "wrong label": like(GOLD.boxes, labels=GOLD.labels + 100),
    "not a number": like(GOLD.boxes * torch.nan),
}


@pytest.mark.parametrize("name", MENDED)
def test_gold_earns_the_maximum(name: str) -> None:
    torch.testing.assert_close(mended(name)(GOLD, GOLD), torch.ones(len(GOLD)))


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("name", MENDED)
def test_garbage_earns_at_most_a_third(name: str, garbage: str) -> None:
    assert mended(name)(GARBAGE[garbage], GOLD).mean() <= 1 / 3


@pytest.mark.parametrize("name", MENDED)
def test_spam_and_duplicates_cost(name: str) -> None:
    gold = mended(name)(GOLD, GOLD)
    somewhere = torch.tensor([60.0, 60.0, 70.0, 70.0]).expand(len(GOLD), 1, 4)
    for label in (1, 99):
        spam = appended(somewhere, torch.full((len(GOLD), 1), label))
        assert (mended(name)(spam, GOLD) < gold).all()
    assert (mended(name)(appended(GOLD.boxes[:, :1], GOLD.labels[:, :1]), GOLD) < gold).all()


def test_recall_makes_duplicates_cost_and_leaves_spam_free_as_its_card_says() -> None:
    reward = mended("detection/recall")
    gold = reward(GOLD, GOLD)
    assert (reward(appended(GOLD.boxes[:, :1], GOLD.labels[:, :1]), GOLD) < gold).all()
    somewhere = torch.tensor([60.0, 60.0, 70.0, 70.0]).expand(len(GOLD), 1, 4)
    torch.testing.assert_close(reward(appended(somewhere, torch.ones((len(GOLD), 1), dtype=torch.int64)), GOLD), gold)
    assert any(way.startswith("spam") for way in reward.card.gamed_by)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_names_exactly_the_garbage_that_earns_more_than_a_third_and_the_additions_that_are_free(
    name: str,
) -> None:
    reward = mended(name)
    gold = reward(GOLD, GOLD)
    measured = {kind for kind, found in GARBAGE.items() if not reward(found, GOLD).mean() <= gold.mean() / 3}
    somewhere = torch.tensor([60.0, 60.0, 70.0, 70.0]).expand(len(GOLD), 1, 4)
    spam = [appended(somewhere, torch.full((len(GOLD), 1), label)) for label in (1, 99)]
    if not all((reward(found, GOLD) < gold).all() for found in spam):
        measured.add("spam")
    if not (reward(appended(GOLD.boxes[:, :1], GOLD.labels[:, :1]), GOLD) < gold).all():
        measured.add("duplicates")
    tried = {*GARBAGE, "spam", "duplicates"}  # the audit tries more, see tests/leaderboard/test_audit_rewards.py
    assert measured == tried & {way.partition(":")[0] for way in reward.card.gamed_by if ":" in way}


def test_published_forms_have_the_defect_that_their_card_names() -> None:
    far = torch.tensor([60.0, 60.0, 70.0, 70.0]).expand(len(GOLD), 1, 4)
    spam = appended(far, GOLD.labels[:, :1])
    torch.testing.assert_close(get_reward("detection/od-as-published")(spam, GOLD), torch.ones(len(GOLD)))
    wrong = get_reward("detection/visual-rft-as-published")(GARBAGE["wrong at zero confidence"], GOLD)
    torch.testing.assert_close(wrong, torch.ones(len(GOLD)))
    torch.testing.assert_close(
        get_reward("detection/weighted-sum-as-published")(GARBAGE["wrong label"], GOLD), torch.full((len(GOLD),), 0.3)
    )
    duplicates = appended(GOLD.boxes[:, :1], GOLD.labels[:, :1])
    torch.testing.assert_close(get_reward("detection/soft-f1-as-published")(duplicates, GOLD), torch.ones(len(GOLD)))
    torch.testing.assert_close(
        get_reward("detection/soft-f1-as-published")(GARBAGE["inverted"], GOLD), torch.ones(len(GOLD))
    )


def test_the_hundred_and_twenty_boxes_that_count_are_boxes_and_not_slots() -> None:
    row = torch.arange(130) * 30.0
    boxes = torch.stack([row, row * 0, row + 20, row * 0 + 20], 1)[None]
    many = Boxes(boxes, torch.ones((1, 130), dtype=torch.int64), torch.ones((1, 130)), torch.ones((1, 130)) > 0)
    reward = get_reward("detection/hungarian-as-published")
    assert reward(many, many).tolist() == [3.0]
    behind = Boxes(
        torch.cat([boxes * 0, boxes], 1),
        torch.cat([many.labels] * 2, 1),
        torch.cat([many.scores] * 2, 1),
        torch.cat([~many.mask, many.mask], 1),
    )
    assert reward(behind, many).tolist() == [3.0]
