"""From tokens and features to predictions: colours, masks, scores, and the dense loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rewardmark.baselines.batches import Crop, batch_indices, crop_boxes, crop_images
from rewardmark.baselines.model.heads import DenseHead, MaskHead, dense_loss
from rewardmark.baselines.outputs.colorization import lab_to_rgb
from rewardmark.baselines.outputs.concatenate import concatenate
from rewardmark.baselines.outputs.panoptic import PanopticOutput, at_sizes
from rewardmark.rewards import Boxes, Captions
from rewardmark.tasks.panoptic.codec import SegmentCodec
from skimage.color import lab2rgb, rgb2lab


def test_lab_to_rgb_equals_scikit_image_inside_the_gamut():
    rgb = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float64)
    lab = rgb2lab(rgb)
    ours = lab_to_rgb(torch.from_numpy(lab).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(ours, lab2rgb(lab), atol=2e-5)


def test_colours_outside_the_gamut_are_clipped_and_finite():
    lab = torch.tensor([[[[50.0]], [[120.0]], [[-120.0]]]])
    rgb = lab_to_rgb(lab)
    assert torch.isfinite(rgb).all() and rgb.min() >= 0 and rgb.max() <= 1


def test_dense_loss_is_least_at_the_truth():
    boxes = torch.tensor([[[0.1, 0.1, 0.4, 0.5]]])  # y0 x0 y1 x1; its centre lies in the first cell of a 2 x 2 grid
    classes, mask = torch.tensor([[1]]), torch.tensor([[True]])
    right = (
        torch.tensor([[9.0, -9.0, -9.0, -9.0]]),
        torch.zeros(1, 4, 3).index_put_((torch.tensor(0), torch.tensor(0), torch.tensor(1)), torch.tensor(9.0)),
        torch.tensor([[[0.15, 0.15, 0.15, 0.25]] * 4]),
    )
    assert dense_loss(right, (2, 2), boxes, classes, mask) < 0.01
    moved = (right[0].flip(1), right[1], right[2])
    assert dense_loss(moved, (2, 2), boxes, classes, mask) > 1


def test_dense_loss_without_objects_asks_for_silence():
    head = DenseHead(8, 3)
    grid = torch.randn(2, 4, 8)
    none = torch.zeros(2, 1, dtype=torch.bool)
    loss = dense_loss(head(grid), (2, 2), torch.zeros(2, 1, 4), torch.zeros(2, 1, dtype=torch.long), none)
    assert torch.isfinite(loss) and loss > 0


def test_masks_follow_the_boxes_that_the_tokens_name():
    head = MaskHead(8, (4, 6), 5)
    pixels = torch.zeros(1, 5, 8, 8)
    hidden = torch.zeros(1, 1, 2, 8)
    boxes = torch.tensor([[[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]]])
    logits = head(pixels, hidden, boxes)[0, 0]
    assert logits.shape == (2, 8, 8)
    assert (logits[0, :4, :4] > logits[1, :4, :4]).all() and (logits[1, 4:, 4:] > logits[0, 4:, 4:]).all()


def test_repeated_stuff_becomes_one_segment_and_repeated_things_do_not():
    output = PanopticOutput(SegmentCodec([(1, "cat"), (2, "sky")]))
    owner = torch.tensor([[[0, 1], [2, 3]]])
    labels, mask = torch.tensor([[1, 2, 1, 2]]), torch.ones(1, 4, dtype=torch.bool)
    merged = output.merge_stuff(owner, labels, mask, things=torch.tensor([1]))
    assert merged.tolist() == [[[0, 1], [2, 1]]]


def test_maps_of_different_sizes_are_padded_with_void():
    ids = torch.ones(2, 4, 4, dtype=torch.long)
    out = at_sizes(ids, [(4, 4), (2, 6)])
    assert out.shape == (2, 4, 6)
    assert out[1, :2].sum() == 12 and out[1, 2:].sum() == 0


def test_batches_of_predictions_join_with_padding():
    a = Boxes.from_lists([[[0, 0, 1, 1]]], [[1]])
    b = Boxes.from_lists([[[0, 0, 2, 2], [1, 1, 3, 3]]], [[1, 2]])
    both = concatenate([a, b])
    assert both.mask.tolist() == [[True, False], [True, True]]
    assert concatenate([Captions(["a"]), Captions(["b", "c"])]).texts == ["a", "b", "c"]


def test_every_epoch_sees_every_image_once():
    seen = np.concatenate([batch_indices(0, k, 4, 10) for k in range(5)])
    assert sorted(seen[:10]) == list(range(10)) and sorted(seen[10:]) == list(range(10))
    assert not np.array_equal(seen[:10], seen[10:])
    assert np.array_equal(batch_indices(0, 3, 4, 10), batch_indices(0, 3, 4, 10))


@pytest.mark.parametrize(("flip_x", "flip_y"), [(False, False), (True, False), (False, True), (True, True)])
def test_crops_move_pixels_and_boxes_alike(flip_x, flip_y):
    images = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    images[0, 8:16, 12:20] = 255  # y 0.25..0.5, x 0.375..0.625
    crop = Crop((0.125, 0.25, 0.625, 0.75), flip_x, flip_y)
    unit, _ = crop_boxes(crop, np.array([[0.25, 0.375, 0.5, 0.625]], dtype=np.float32), np.array([0]))
    y0, x0, y1, x1 = np.rint(unit[0] * 16).astype(int)
    pixels = crop_images([crop], images, 16)[0, 0]
    inside = torch.zeros(16, 16, dtype=torch.bool)
    inside[y0:y1, x0:x1] = True
    assert pixels[inside].mean() > 200 and pixels[~inside].mean() < 20


def test_boxes_that_leave_the_window_are_dropped():
    crop = Crop((0.0, 0.0, 0.5, 0.5), False, False)
    boxes = np.array([[0.0, 0.0, 0.2, 0.2], [0.4, 0.4, 0.9, 0.9]], dtype=np.float32)
    kept, slots = crop_boxes(crop, boxes, np.array([3, 4]))
    assert slots.tolist() == [3]
    np.testing.assert_allclose(kept, [[0, 0, 0.4, 0.4]], atol=1e-6)
