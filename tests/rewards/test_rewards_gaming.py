"""What mended detection and grounding rewards must not pay for, on image sets of many kinds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from rewardmark.rewards import Boxes, Grounded, RewardCard, get_reward, list_rewards

POINTS = {"grounding/point-in-box", "grounding/seg-zero", "grounding/seg-zero-as-published"}
CARDS = [c for task in ("detection", "grounding") for c in list_rewards(task) if c.name not in POINTS]
MENDED = [card.name for card in CARDS if card.status == "mended"]
SIZE = 640.0


def image_set(kind: str) -> Boxes:
    """Truths of 24 images of 640 pixels: (boxes an image, smallest and largest side, span of the corners, classes)."""
    rng = np.random.default_rng(sorted(KINDS).index(kind))
    low, high, smallest, largest, span, classes = KINDS[kind]
    boxes, labels = [], []
    for _ in range(24):
        corner = rng.uniform(0, span, (rng.integers(low, high + 1), 2))
        boxes.append(np.concatenate([corner, corner + rng.uniform(smallest, largest, corner.shape)], 1))
        labels.append(rng.integers(1, classes + 1, len(corner)))
    if kind == "whole image":
        boxes = [np.array([[0.0, 0.0, SIZE, SIZE]])] * 24
    return Boxes.from_lists(boxes, labels)


KINDS = {
    "small boxes": (1, 7, 3, 9, 630, 5),
    "boxes of two pixels": (1, 5, 1.5, 2.5, 40, 5),
    "one box": (1, 1, 30, 200, 400, 5),
    "many boxes": (40, 40, 20, 90, 540, 5),
    "crowded, one class": (30, 30, 30, 60, 80, 1),
    "whole image": (1, 1, 1, 2, 1, 5),
    "as large as the image": (2, 6, 500, 640, 10, 5),
}
SETS = {kind: image_set(kind) for kind in KINDS}


def garbage(gold: Boxes) -> Iterator[tuple[str, Boxes]]:
    """Predictions that are worth nothing, as many a image as there are truths."""

    def found(boxes: torch.Tensor, labels: torch.Tensor = gold.labels, scores: torch.Tensor = gold.scores) -> Boxes:
        return Boxes(boxes, labels, scores, gold.mask)

    b = gold.boxes
    centre = (b[..., :2] + b[..., 2:]) / 2
    large = torch.tensor([-50 * SIZE, -50 * SIZE, 50 * SIZE, 50 * SIZE])
    yield "empty", Boxes(b, gold.labels, gold.scores, torch.zeros_like(gold.mask))
    yield "inverted", found(b[..., [2, 3, 0, 1]])
    yield "inverted", found(b[..., [2, 1, 0, 3]])
    yield "inverted", found(b[..., [0, 3, 2, 1]])
    yield "zero area", found(b[..., [0, 1, 0, 3]])
    yield "zero area", found(torch.cat([centre, centre], -1))
    yield "huge", found(large.expand_as(b))
    yield "huge", found((large + 50 * SIZE).expand_as(b))
    yield "wrong at zero confidence", found(b + 3 * SIZE, scores=gold.scores * 0)
    yield "wrong", found(b + 3 * SIZE)
    yield "wrong label", found(b, gold.labels + 100)
    yield "not a number", found(b * torch.nan)
    yield "not a number", found(b * torch.inf)


def additions(gold: Boxes) -> Iterator[tuple[str, Boxes]]:
    """Gold, and boxes appended to it that nobody asked for."""
    rng = torch.Generator().manual_seed(0)
    here = torch.rand((len(gold), 20, 4), generator=rng) * SIZE / 2
    here[..., 2:] += here[..., :2]
    one = torch.ones((len(gold), 1), dtype=torch.int64)

    def appended(boxes: torch.Tensor, labels: torch.Tensor, score: float = 1.0) -> Boxes:
        mask = torch.cat([gold.mask, torch.ones(labels.shape, dtype=torch.bool)], 1)
        scores = torch.cat([gold.scores, torch.full(labels.shape, score)], 1)
        return Boxes(torch.cat([gold.boxes, boxes], 1), torch.cat([gold.labels, labels], 1), scores, mask)

    for label in (1, 99):
        for score in (1.0, 0.0):
            yield "spam", appended(here[:, :1] + 5 * SIZE, one * label, score)
    yield "spam", appended(here, torch.randint(1, 6, here.shape[:2], generator=rng))
    yield "spam", appended(here[:, :1, [2, 3, 0, 1]], one)
    yield "spam of empty boxes", appended(here[:, :1, [0, 1, 0, 1]], one)
    yield "spam of empty boxes", appended(torch.full((len(gold), 1, 4), torch.nan), one)
    for score in (1.0, 0.0):
        yield "duplicates", appended(gold.boxes[:, :1], gold.labels[:, :1], score)


def failings(name: str, gold: Boxes) -> set[str]:
    """The kinds of garbage that earn more than a third of gold, and the kinds of additions that do not cost."""
    reward = get_reward(name)
    best = reward(gold, gold)
    found = {kind for kind, batch in garbage(gold) if not reward(batch, gold).mean() <= best.mean() / 3}
    return found | {kind for kind, batch in additions(gold) if not (reward(batch, gold) < best).all()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MENDED)
def test_mended_rewards_pay_gold_the_maximum_and_garbage_and_additions_not(name: str, kind: str) -> None:
    gold = SETS[kind]
    torch.testing.assert_close(get_reward(name)(gold, gold), torch.ones(len(gold)))
    assert failings(name, gold) == set()


@pytest.mark.parametrize("card", [card for card in CARDS if card.status != "mended"], ids=lambda card: card.name)
def test_cards_of_metrics_and_published_rewards_name_what_they_pay_for(card: RewardCard) -> None:
    found = failings(card.name, SETS["small boxes"]) | failings(card.name, SETS["one box"])
    assert {
        kind for kind in found if not any(kind.startswith(way.split(":")[0].split(",")[0]) for way in card.gamed_by)
    } == set()


def test_seg_zero_and_point_in_box_pay_for_gold_only() -> None:
    truth = SETS["one box"]
    box = truth.boxes[:, 0]
    third = (box[:, 2:] - box[:, :2]) / 3
    points = torch.stack([box[:, :2] + third, box[:, 2:] - third], 1)
    gold, nothing = Grounded(box, points), torch.full_like(box, torch.nan)
    seg_zero = get_reward("grounding/seg-zero")
    torch.testing.assert_close(seg_zero(gold, gold), torch.ones(len(gold)))
    far = 3 * SIZE
    for bad in (nothing, box[:, [2, 3, 0, 1]], box[:, [0, 1, 0, 3]], box * 0 + torch.tensor([-far, -far, far, far])):
        assert seg_zero(Grounded(bad, points), gold).mean() <= 1 / 3
    assert (seg_zero(Grounded(box, torch.cat([points, points[:, :1]], 1)), gold) < 1).all()
    in_box = get_reward("grounding/point-in-box")
    assert (in_box(Grounded(box, points[:, :1]), truth) == 1).all()
    for bad in (points[:, :0], points[:, :1] + far, points[:, :1] * torch.nan):
        assert (in_box(Grounded(box, bad), truth) == 0).all()
    for more in (points[:, :1], points[:, :1] + far):
        assert (in_box(Grounded(box, torch.cat([points[:, :1], more], 1)), truth) < 1).all()


def test_fewer_than_two_points_are_worth_the_same_alone_and_in_a_batch() -> None:
    truth = Grounded.from_lists([[0, 0, 20, 20]] * 3, [[[5, 5], [9, 9]]] * 3)
    few = Grounded.from_lists([[0, 0, 20, 20]] * 3, [[], [[5, 5]], [[5, 5], [9, 9]]])
    for name, values in (("grounding/seg-zero", [2 / 3, 2 / 3, 1]), ("grounding/seg-zero-as-published", [2, 2, 3])):
        reward = get_reward(name)
        assert reward(few, truth).tolist() == pytest.approx(values)
        for i, (box, points) in enumerate([([0, 0, 20, 20], []), ([0, 0, 20, 20], [[5, 5]])]):
            assert reward(Grounded.from_lists([box], [points]), truth[i]).tolist() == pytest.approx([values[i]])
        scored = reward.score(few, Grounded.from_lists([[0, 0, 9, 9]] * 3, [[[1, 1], [2, 2]], [[1, 1]], []]))
        assert [failure.sample_id for failure in scored.failures] == ["1", "2"]
        assert "needs a box and two points" in scored.failures[0].message


def test_several_truths_of_an_expression_are_asked_for_one_to_one() -> None:
    truth = Boxes.from_lists([[[0, 0, 8, 8], [20, 20, 30, 30]]] * 4, [[1, 1]] * 4)
    a, b, far = [0, 0, 8, 8], [20, 20, 30, 30], [50, 50, 60, 60]
    found = Boxes.from_lists([[a, b], [b, a], [a], [far, a, b]], [[1, 1], [1, 1], [1], [1, 1, 1]])
    for name in ("grounding/iou", "grounding/giou"):
        assert get_reward(name)(found, truth).tolist() == pytest.approx([1, 1, 1 / 2, 1 / 3])


def test_a_box_without_a_category_is_not_of_the_wrong_one() -> None:
    truth = Boxes.from_lists([[[0, 0, 8, 8]]] * 3, [[7]] * 3)
    found = Boxes.from_lists([[[0, 0, 8, 8]]] * 3, [[7], [-1], [8]])
    assert get_reward("grounding/iou")(found, truth).tolist() == [1, 1, 0]
