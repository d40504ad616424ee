"""Token encodings: what is written can be read back, the grammar admits every truth, and nothing else parses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from rewardmark.tasks.captioning.codec import CaptionCodec
from rewardmark.tasks.codec import EOS, PAD, Codec, codec_from_dict
from rewardmark.tasks.colorization.codec import ColourCodec, grid_colours, rgb_to_ab
from rewardmark.tasks.detection.codec import BoxCodec
from rewardmark.tasks.panoptic.codec import SegmentCodec, nearest, tight_boxes


class TinySplit:
    """Two images, one of them without objects and of another size."""

    def __init__(self) -> None:
        self.size = 16
        self.sizes = [(16, 16), (32, 16)]
        self.image_ids = [1, 2]
        self.categories = [{"id": 5, "name": "cat"}, {"id": 9, "name": "dog"}]
        things = [{**c, "isthing": 1} for c in self.categories]
        self.panoptic_categories = [*things, {"id": 20, "name": "sky", "isthing": 0}]

    def __len__(self) -> int:
        return 2

    def instances(self, i):
        boxes = [[0, 0, 8, 8], [4, 8, 12, 16], [0, 0, 16, 16]] if i == 0 else np.zeros((0, 4))
        labels = [9, 5, 5] if i == 0 else []
        crowd = [False, False, True] if i == 0 else []
        return SimpleNamespace(
            boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
            labels=np.array(labels, dtype=np.int64),
            is_crowd=np.array(crowd, dtype=bool),
        )

    def panoptic(self, i):
        height, width = self.sizes[i]
        ids = np.full((height, width), 7, dtype=np.int32)
        info = [{"id": 7, "category_id": 20, "iscrowd": 0}]
        if i == 0:
            ids[2:6, 3:9] = 300
            info.insert(0, {"id": 300, "category_id": 9, "iscrowd": 0})
            ids[10:, 10:] = 0
        return ids, info

    def captions(self, i):
        return ["A red ball, on sand.", "two boats"]

    def images(self, indices, size):
        return np.random.default_rng(0).integers(0, 256, (len(indices), size, size, 3), dtype=np.uint8)


SPLIT = TinySplit()
ALL = np.array([0, 1])


def codecs() -> list[Codec]:
    boxes = BoxCodec([(5, "cat"), (9, "dog")], bins=17, max_objects=6, order="reading")
    segments = SegmentCodec([(5, "cat"), (9, "dog"), (20, "sky")], bins=17, max_objects=6)
    colours = ColourCodec(np.random.default_rng(1).uniform(-0.5, 0.5, (7, 2)), grid=4)
    words = CaptionCodec.train([c for i in ALL for c in SPLIT.captions(i)], max_length=8)
    return [boxes, segments, colours, words]


@pytest.mark.parametrize("codec", codecs(), ids=lambda c: c.name)
def test_every_truth_keeps_to_the_grammar(codec):
    tokens = codec.encode(SPLIT, ALL, np.random.default_rng(0)).tokens
    assert tokens.shape[1] <= codec.max_length
    grammar = codec.grammar()
    assert grammar.shape == (codec.period, codec.vocab_size)
    for row in tokens:
        written = row[row != PAD]
        assert all(grammar[t % codec.period, token] for t, token in enumerate(written))


@pytest.mark.parametrize("codec", codecs(), ids=lambda c: c.name)
def test_a_codec_survives_its_dict(codec):
    again = codec_from_dict(codec.to_dict())
    assert again.to_dict() == codec.to_dict()
    a, b = (c.encode(SPLIT, ALL, np.random.default_rng(3)).tokens for c in (codec, again))
    assert np.array_equal(a, b)
    assert len(codec.token_names()) == codec.vocab_size == len(set(codec.token_names()))


def test_boxes_come_back_exactly_on_the_grid_and_crowds_are_left_out():
    codec = codecs()[0]
    assert isinstance(codec, BoxCodec)
    unit, labels, mask = codec.decode(codec.encode(SPLIT, ALL, np.random.default_rng(0)).tokens)
    assert mask.sum(1).tolist() == [2, 0]
    assert labels[0][mask[0]].tolist() == [9, 5]  # reading order
    assert (unit[0][mask[0]] * 16).tolist() == [[0, 0, 8, 8], [8, 4, 16, 12]]


def test_an_unfinished_box_does_not_count():
    codec = codecs()[0]
    tokens = codec.encode(SPLIT, ALL[:1], np.random.default_rng(0)).tokens[:, :9]
    assert codec.decode(tokens)[2].sum() == 1


def test_random_order_is_the_rngs_and_keeps_the_boxes():
    codec = BoxCodec([(5, "cat"), (9, "dog")], bins=17, max_objects=6)
    seen = {tuple(codec.encode(SPLIT, ALL[:1], np.random.default_rng(k)).tokens[0]) for k in range(20)}
    assert len(seen) == 2


def test_more_objects_than_fit_are_cut():
    codec = BoxCodec([(5, "cat"), (9, "dog")], bins=17, max_objects=1)
    tokens = codec.encode(SPLIT, ALL, np.random.default_rng(0)).tokens
    assert tokens.shape == (2, 6)
    assert tokens[0, 5] == EOS


def test_owner_map_names_the_written_segment_and_leaves_void_out():
    codec = codecs()[1]
    encoded = codec.encode(SPLIT, ALL, np.random.default_rng(0))
    owner = encoded.extras["owner"]
    assert owner.shape == (2, 16, 16)
    assert owner[0, 3, 4] == 0  # the thing is written first
    assert owner[0, 0, 0] == 1  # then the sky
    assert owner[0, 12, 12] == -1  # void
    assert (owner[1] == 0).all()


def test_tight_boxes_enclose_the_pixels():
    ids = np.zeros((8, 8), dtype=np.int32)
    ids[2:4, 1:7] = 3
    assert tight_boxes(ids, np.array([3, 5])).tolist() == [[0.25, 0.125, 0.5, 0.875], [0, 0, 0, 0]]


def test_nearest_keeps_ids():
    ids = np.arange(16, dtype=np.int32).reshape(4, 4)
    assert nearest(ids, 4) is ids
    assert set(nearest(ids, 8).ravel()) == set(range(16))
    assert nearest(ids, 8).reshape(4, 2, 4, 2)[:, 0, :, 0].tolist() == ids.tolist()


def test_captions_are_lower_cased_words_and_unknown_words_are_never_written():
    codec = codecs()[3]
    assert isinstance(codec, CaptionCodec)
    assert codec.decode(np.array([codec.encode_text("A red ball, on sand.")])) == ["a red ball , on sand ."]
    assert not codec.grammar()[0, 3]
    assert codec.encode_text("zebra")[0] == 3


def test_palette_tokens_are_the_nearest_colours():
    codec = ColourCodec(np.array([[0.0, 0.0], [0.5, 0.5]]), grid=2)
    assert codec.nearest(np.array([[0.1, 0.1], [0.4, 0.4]])).tolist() == [0, 1]


def test_a_cell_keeps_its_most_saturated_quarter():
    ab = np.zeros((1, 8, 8, 2), dtype=np.float32)
    ab[0, :2, :2] = 0.8
    cells = grid_colours(ab, 2)
    assert cells.shape == (1, 2, 2, 2)
    assert cells[0, 0, 0].tolist() == pytest.approx([0.8, 0.8])
    assert np.abs(cells[0, 1, 1]).max() == 0


def test_grey_has_no_colour():
    assert np.abs(rgb_to_ab(np.full((1, 4, 4, 3), 120, dtype=np.uint8))).max() < 1e-3
