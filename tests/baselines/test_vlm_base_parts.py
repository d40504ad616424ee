"""What the parts of a VLM are taught before they meet: what each patch of a scene shows, and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from rewardmark.baselines.vlm.corpus import corpus_texts, instructions
from rewardmark.baselines.vlm.grid import PLACE, patch_boxes, patch_segments, patch_words
from rewardmark.baselines.vlm.learn import Lesson
from rewardmark.baselines.vlm.models import SHAPES, Vlm, new_vlm, train_tokenizer
from rewardmark.baselines.vlm.reading import read_scenes
from rewardmark.baselines.vlm.stages import part_of
from rewardmark.baselines.vlm.tower import train_tower
from rewardmark.tasks.programs.pictures import ScenePictures
from rewardmark.tasks.scenes.scene import make_scene

SIDE, PATCH = 48, 8


@pytest.mark.parametrize("index", range(6))
def test_every_thing_is_shown_by_a_patch_that_tells_its_box_and_its_name(index: int) -> None:
    scene = make_scene(5, index, SIDE, "standard", "tower")
    ids, boxes, words = (make(scene, PATCH) for make in (patch_segments, patch_boxes, patch_words))
    assert boxes.shape == ((SIDE // PATCH) ** 2, PLACE) and len(words) == len(ids) == len(boxes)
    for thing in range(1, len(scene.labels) + 1):
        if not (scene.panoptic == thing).any():
            continue
        for k in np.flatnonzero(ids == thing):
            np.testing.assert_allclose(boxes[k], scene.boxes[thing - 1] / SIDE, rtol=1e-6)
            assert scene.graph["things"][thing - 1]["colour"] in words[k]
        middle = scene.panoptic[PATCH // 2 :: PATCH, PATCH // 2 :: PATCH]
        assert (ids == thing).any() or not (middle == thing).any()


def test_a_patch_of_stuff_tells_where_it_is_itself() -> None:
    scene = make_scene(5, 0, SIDE, "standard", "tower")
    ids, boxes = patch_segments(scene, PATCH), patch_boxes(scene, PATCH)
    columns = SIDE // PATCH
    shown = [k for k, segment in enumerate(ids) if not 0 < segment <= len(scene.labels)]
    assert shown
    for k in shown:
        row, column = divmod(k, columns)
        np.testing.assert_allclose(boxes[k] * columns, [column, row, column + 1, row + 1], rtol=1e-6)


def lesson(folder: Path, steps: int) -> Lesson:
    return Lesson(steps, folder, 1e-3, 4, 0, lambda step, total, values: None)


def tiny(like: ScenePictures) -> Vlm:
    texts = list(corpus_texts([], instructions(like, 0)))
    return new_vlm(train_tokenizer(texts, 400), SHAPES["vlm-tiny"], SIDE, 0)


def test_each_part_learns_alone(tmp_path: Path) -> None:
    like = ScenePictures("tower", SIDE, 6, 3, "standard")
    for name, teach, part in (("reading", read_scenes, "text"), ("tower", train_tower, "vision")):
        vlm = tiny(like)
        before = {key: value.clone() for key, value in vlm.model.state_dict().items()}
        log = teach(vlm, like, 6, lesson(tmp_path / name, 30))
        losses = [row["value"] for row in log.curves]
        assert losses[-1] < losses[0]
        after = vlm.model.state_dict()
        assert before.keys() == after.keys()
        changed = {part_of(key) for key in before if not torch.equal(before[key], after[key])}
        assert changed == {part}
