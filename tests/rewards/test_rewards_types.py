"""Prediction types: padding, parts of a batch, and messages that name what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rewardmark.rewards import (
    Answers,
    Boxes,
    Captions,
    Images,
    References,
    RewardmarkError,
    Segments,
    get_reward,
    list_rewards,
)

BATCH = Boxes.from_lists(
    [np.array([[0, 0, 4, 4], [1, 1, 2, 2]]), [], [[5.0, 5.0, 6.0, 6.0]]],
    [np.array([3, 4]), [], [5]],
    [[0.5, 0.25], [], [1.0]],
    is_crowd=[[False, True], [], [False]],
)


def test_ragged_lists_are_padded_and_come_back() -> None:
    assert BATCH.boxes.shape == (3, 2, 4)
    assert BATCH.mask.tolist() == [[True, True], [False, False], [True, False]]
    boxes, labels, scores = BATCH.lists()[0]
    assert boxes.tolist() == [[0, 0, 4, 4], [1, 1, 2, 2]]
    assert labels.tolist() == [3, 4]
    assert scores.tolist() == [0.5, 0.25]
    assert len(Boxes.from_lists([], [])) == 0


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (1, [1]),
        (-1, [2]),
        (slice(1, 3), [1, 2]),
        ([2, 0], [2, 0]),
        (torch.tensor([2, 0]), [2, 0]),
        (torch.tensor([True, False, True]), [0, 2]),
    ],
)
def test_every_index_gives_a_batch(index: object, rows: list[int]) -> None:
    part = BATCH[index]
    assert part.mask.tolist() == [BATCH.mask[row].tolist() for row in rows]
    assert part.is_crowd is not None
    assert Captions(["a", "b", "c"])[index].texts == [["a", "b", "c"][row] for row in rows]


def test_an_index_outside_the_batch_is_refused() -> None:
    with pytest.raises(IndexError, match="outside a batch of 3"):
        BATCH[3]


def test_a_sample_has_no_padding() -> None:
    sample = BATCH.sample(2)
    assert len(sample) == 1
    assert sample.labels.tolist() == [5]


def test_moving_keeps_what_is_not_a_tensor() -> None:
    assert BATCH.to("cpu").areas is None
    assert References([["a"]]).to("cpu").texts == [["a"]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Boxes.from_lists([[[0, 0, 1, 1]]], [[1, 2]]), "image 0 has 1 boxes but 2 entries in labels"),
        (lambda: Boxes.from_lists([[[0, 0, 1]]], [[1]]), "image 0: boxes has shape"),
        (lambda: Boxes.from_lists([[]], []), "labels has 0 images, boxes has 1"),
        (lambda: Images.from_lists([np.zeros((4, 4))]), r"image 0 must have shape \[H, W, 3\]"),
        (lambda: Segments.from_lists([[[1]]], []), "1 id maps but 0 lists"),
        (lambda: Captions("a dog"), "a list of strings is wanted"),
        (lambda: Captions(["a", 3]), "entry 1 is a int"),
        (lambda: References([["a"], "b"]), "image 1: a list of strings"),
        (lambda: Answers([["a"]]).text(0), "question 0 has a list of answers"),
    ],
)
def test_messages_say_what_and_where(make: object, message: str) -> None:
    with pytest.raises(RewardmarkError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[[0, 0, 1, 1]]], [["cat"]]), "image 0: labels cannot be read as numbers"),
        (([[[0, 0, 1, 1]]], [[1.5]]), "image 0: labels cannot be read as numbers: a category id is a whole number"),
        (([[[0, 0, 1, None]]], [[1]]), "image 0: boxes cannot be read as numbers"),
        (([[], [[0, 0, 1]]], [[], [1]]), r"image 1: boxes has shape \[1, 3\], expected \[1, 4\]"),
        (([None], [[]]), "image 0: boxes must be a list for each image, not NoneType"),
        (([[[0, 0, 1, 1]]], [[1]], [[0.5, 0.5]]), "image 0 has 1 boxes but 2 entries in scores"),
    ],
)
def test_lists_that_are_no_boxes_are_refused_with_their_image(arguments: tuple, message: str) -> None:
    with pytest.raises(RewardmarkError, match=message):
        Boxes.from_lists(*arguments)


def test_boxes_of_doubles_keep_them_and_every_reward_takes_them() -> None:
    lists = [[[0.1, 0.2, 8.3, 8.4]], []], [np.array([1]), np.zeros(0)], [None, []]
    doubles = Boxes.from_lists(*lists, dtype=torch.float64)
    assert doubles.boxes[0, 0].tolist() == [0.1, 0.2, 8.3, 8.4]
    floats = Boxes.from_lists(*lists)
    assert floats.boxes.dtype == floats.scores.dtype == torch.float32
    for card in list_rewards("detection") + [c for c in list_rewards("grounding") if c.name.count("iou")]:
        reward = get_reward(card.name)
        torch.testing.assert_close(reward(doubles, doubles), reward(floats, floats), equal_nan=True)
