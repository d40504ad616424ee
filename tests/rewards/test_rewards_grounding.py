"""Grounding rewards: values, and what the mended ones must not pay for."""

from __future__ import annotations

import pytest
import torch
from rewardmark.rewards import Boxes, Grounded, get_reward
from rewardmark.rewards.geometry import giou, iou

TRUTH = Boxes.from_lists([[[10, 10, 30, 30]]] * 9, [[1]] * 9)
GOOD, FAR = [10, 10, 30, 30], [70, 70, 80, 80]
CASES = {
    "gold": [GOOD],
    "half": [[10, 10, 30, 20]],
    "empty": [],
    "inverted": [[30, 30, 10, 10]],
    "zero area": [[10, 10, 10, 30]],
    "huge": [[-4800, -4800, 4800, 4800]],
    "far": [FAR],
    "spam": [GOOD, FAR],
    "duplicate": [GOOD, GOOD],
}
FOUND = Boxes.from_lists(list(CASES.values()), [[1] * len(boxes) for boxes in CASES.values()])


def values(name: str) -> dict[str, float]:
    return dict(zip(CASES, get_reward(name)(FOUND, TRUTH).tolist(), strict=True))


@pytest.mark.parametrize("name", ["grounding/iou", "grounding/giou"])
def test_mended_grounding_rewards_pay_for_gold_only(name: str) -> None:
    value = values(name)
    assert value["gold"] == 1
    assert value["half"] == pytest.approx(0.5)
    assert max(value[k] for k in ("empty", "inverted", "zero area", "huge", "far")) < 0.01
    assert value["spam"] < 1
    assert value["duplicate"] < 1


def test_published_grounding_rewards_keep_their_values() -> None:
    assert values("grounding/iou-squared")["half"] == pytest.approx(0.25)
    assert values("grounding/acc50") == {
        "gold": 1, "half": 1, "empty": 0, "inverted": 0, "zero area": 0, "huge": 0, "far": 0, "spam": 1, "duplicate": 1
    }  # fmt: skip
    published = values("grounding/giou-as-published")
    assert published["inverted"] == 1
    assert published["far"] < published["empty"] == 0


def test_giou_of_two_boxes_side_by_side() -> None:
    a, b = torch.tensor([[[0.0, 0, 2, 2]]]), torch.tensor([[[3.0, 0, 5, 2]]])
    assert giou(a, b).item() == pytest.approx(-(10 - 8) / 10)
    assert iou(a, a).item() == 1


def test_nothing_to_find_is_answered_by_naming_nothing() -> None:
    nothing = Boxes.from_lists([[], []], [[], []])
    found = Boxes.from_lists([[], [GOOD]], [[], [1]])
    assert get_reward("grounding/iou")(found, nothing).tolist() == [1.0, 0.0]


def test_points_in_the_box() -> None:
    found = Grounded.from_lists([None] * 4, [[[20, 20]], [[31, 20]], [], [[20, 20], [0, 0]]])
    assert get_reward("grounding/point-in-box")(found, TRUTH[:4]).tolist() == [1.0, 0.0, 0.0, 0.5]


def test_seg_zero_and_its_published_form() -> None:
    truth = Grounded.from_lists([GOOD] * 6, [[[15, 15], [25, 25]]] * 6)
    boxes = [GOOD, GOOD, [12, 10, 30, 30], None, [30, 30, 10, 10], [0, 0, 90, 90]]
    points = [
        [[15, 15], [25, 25]],
        [[25, 25], [15, 15]],  # the other pairing
        [[29, 11], [29, 12]],  # far from the points, in the box
        [[15, 15], [25, 25]],
        [[15, 15], [25, 25]],
        [[80, 80], [85, 85]],  # nowhere near, with a box around them
    ]
    found = Grounded.from_lists(boxes, points)
    assert get_reward("grounding/seg-zero")(found, truth).tolist() == pytest.approx([1, 1, 2 / 3, 0, 0, 0])
    published = get_reward("grounding/seg-zero-as-published")(found, truth).tolist()
    assert published[:3] == [3, 3, 3]
    assert published[5] == 1  # points within 100 pixels
