"""Scenes: same arguments, same bytes; every annotation agrees with every other; difficulties and held-out pairs are
what they claim."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.scenes import CATEGORIES, GENERATOR_VERSION, HELD_OUT, Scene, make_scene
from rewardmark.tasks.scenes.draws import Draws
from rewardmark.tasks.scenes.world import DIFFICULTIES, LAYOUTS, PALETTES, THINGS

LEVELS = tuple(DIFFICULTIES)
scenes = st.builds(
    make_scene,
    seed=st.integers(0, 2**31),
    index=st.integers(0, 10**6),
    size=st.sampled_from([48, 64, 101]),
    difficulty=st.sampled_from(LEVELS),
    split=st.sampled_from(["train", "val", "compositional"]),
)


def digest(scene: Scene) -> str:
    parts = [scene.image.tobytes(), scene.panoptic.tobytes(), scene.boxes.tobytes(), scene.labels.tobytes()]
    text = json.dumps([scene.captions, scene.alt_text, scene.segments_info, scene.graph])
    return hashlib.sha256(b"".join([*parts, text.encode()])).hexdigest()


def test_same_arguments_give_the_same_bytes_in_another_process():
    code = (
        "import json, hashlib; from rewardmark.tasks.scenes import make_scene;"
        "s = make_scene(3, 17, 64, 'hard', 'val');"
        "print(hashlib.sha256(s.image.tobytes() + s.panoptic.tobytes() + json.dumps(s.graph).encode()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    scene = make_scene(3, 17, 64, "hard", "val")
    parts = scene.image.tobytes() + scene.panoptic.tobytes() + json.dumps(scene.graph).encode()
    assert hashlib.sha256(parts).hexdigest() == other


def test_bytes_are_those_of_this_generator_version():
    """When this fails, pictures or annotations have changed: raise GENERATOR_VERSION and note the new digest."""

    def made(*levels: str) -> str:
        total = hashlib.sha256()
        for level in levels:
            for index in range(20):
                total.update(digest(make_scene(11, index, 48, level, "train")).encode())
        return total.hexdigest()[:16]

    assert (GENERATOR_VERSION, made("easy", "standard", "hard")) == (GOLDEN_VERSION, GOLDEN_DIGEST)
    assert made("album") == GOLDEN_ALBUM


def test_an_album_is_mostly_faded_and_as_bright_as_before():
    """Fading takes colour and leaves lightness, so that a grey picture does not tell how far it has faded."""
    made = [make_scene(2, index, 48, "album") for index in range(200)]
    left = np.array([s.graph["colour_left"] for s in made])
    assert 0.6 < np.mean(left < 1) < 0.8 and left[left < 1].max() <= 0.25
    colour = np.array([np.ptp(s.image.astype(int), axis=-1).mean() for s in made])
    assert colour[left < 1].mean() < 0.3 * colour[left == 1].mean()
    luma = np.array([(s.image @ np.array([0.299, 0.587, 0.114])).mean() for s in made])
    assert abs(luma[left < 1].mean() - luma[left == 1].mean()) < 15


@pytest.mark.parametrize("change", [{"seed": 1}, {"index": 1}, {"split": "val"}, {"difficulty": "hard"}])
def test_each_argument_changes_the_scene(change):
    base = {"seed": 0, "index": 0, "size": 48, "difficulty": "standard", "split": "train"}
    assert digest(make_scene(**base)) != digest(make_scene(**{**base, **change}))


def test_graph_is_the_same_at_every_resolution():
    for index in range(40):
        small, large = make_scene(5, index, 48, "hard"), make_scene(5, index, 160, "hard")
        assert small.graph == large.graph
        assert small.captions == large.captions
        assert large.image.shape == (160, 160, 3)
        coarse = large.image.reshape(32, 5, 32, 5, 3).mean((1, 3))  # the same picture: block means agree
        fine = np.kron(small.image, np.ones((2, 2, 1))).reshape(32, 3, 32, 3, 3).mean((1, 3))
        assert np.abs(coarse - fine).mean() < 12


@given(scenes)
@settings(max_examples=150, deadline=None)
def test_boxes_masks_and_panoptic_agree(scene):
    height, width, _ = scene.image.shape
    n = len(scene.labels)
    assert n >= 1
    assert scene.image.dtype == np.uint8 and scene.panoptic.dtype == np.int32 and scene.boxes.dtype == np.float32
    assert sum(s["area"] for s in scene.segments_info) == height * width
    assert set(np.unique(scene.panoptic)) == {s["id"] for s in scene.segments_info}
    masks = scene.masks
    assert np.array_equal(masks.any(0), scene.instance_map > 0)
    for k in range(n):
        rows, columns = masks[k].any(1).nonzero()[0], masks[k].any(0).nonzero()[0]
        assert scene.boxes[k].tolist() == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert scene.areas[k] == masks[k].sum() > 0
    stuff = {c["id"] for c in CATEGORIES if not c["isthing"]}
    for k, segment in enumerate(scene.segments_info):
        assert segment["area"] == (scene.panoptic == segment["id"]).sum()
        if k < n:  # things come first, in the order of the boxes
            assert segment["id"] == k + 1 and segment["category_id"] == scene.labels[k]
            x, y, w, h = segment["bbox"]
            assert [x, y, x + w, y + h] == scene.boxes[k].tolist()
        else:
            assert segment["category_id"] in stuff


@given(scenes)
@settings(max_examples=60, deadline=None)
def test_graph_is_plain_json_and_names_what_is_seen(scene):
    assert json.loads(json.dumps(scene.graph)) == scene.graph
    assert [t["category_id"] for t in scene.graph["things"]] == scene.labels.tolist()
    level = DIFFICULTIES[scene.graph["difficulty"]]
    assert all(t["visible"] >= level.visible - 1e-3 for t in scene.graph["things"])
    assert [s["name"] for s in scene.graph["stuff"]] == list(LAYOUTS[scene.graph["layout"]])


def test_difficulty_is_ordered():
    """More things, less of each seen, lower contrast from easy to hard."""
    things, seen, contrast = [], [], []
    for level in LEVELS:
        made = [make_scene(2, index, 48, level) for index in range(150)]
        fewest, most = DIFFICULTIES[level].objects
        counts = [len(s.labels) for s in made]
        assert max(counts) <= most and min(counts) >= 1 and np.mean(counts) >= 0.5 * (fewest + most) * 0.75
        things.append(np.mean(counts))
        seen.append(np.mean([t["visible"] for s in made for t in s.graph["things"]]))
        contrast.append(np.mean([s.image.std() for s in made]))
    assert things[0] < things[1] < things[2]
    assert seen[0] > seen[1] > seen[2]
    assert contrast[1] > contrast[2]


def test_every_category_and_several_colours_of_each_appear():
    colours: dict[str, set[str]] = {name: set() for name in THINGS}
    for index in range(400):
        for thing in make_scene(1, index, 48, "hard").graph["things"]:
            colours[thing["category"]].add(thing["colour"])
    for name, found in colours.items():
        assert found == set(PALETTES[name]) - {HELD_OUT[name]}


def test_held_out_pairs_are_in_every_compositional_scene_and_in_no_other():
    for level in LEVELS:
        for index in range(120):
            for split, expected in (("train", False), ("val", False), ("compositional", True)):
                things = make_scene(4, index, 48, level, split).graph["things"]
                assert any(HELD_OUT[t["category"]] == t["colour"] for t in things) == expected


def test_held_out_colours_are_common_on_other_categories():
    for category, colour in HELD_OUT.items():
        assert colour in PALETTES[category]
        assert any(
            colour in palette and HELD_OUT[name] != colour for name, palette in PALETTES.items() if name != category
        )


def test_category_ids_are_things_then_stuff_and_never_zero():
    assert [c["id"] for c in CATEGORIES] == list(range(1, len(CATEGORIES) + 1))
    assert [c["isthing"] for c in CATEGORIES] == sorted((c["isthing"] for c in CATEGORIES), reverse=True)


def test_too_small_or_unknown_difficulty_is_refused():
    with pytest.raises(RewardmarkError, match="least is 48 px"):
        make_scene(0, 0, 47)
    with pytest.raises(RewardmarkError, match="'medium' is none of easy, standard, hard"):
        make_scene(0, 0, 48, "medium")


def test_draws_are_uniform_and_keyed():
    draws = Draws("a", 1)
    values = [draws.unit() for _ in range(4000)]
    assert min(values) >= 0 and max(values) < 1 and abs(np.mean(values) - 0.5) < 0.02
    assert Draws("a", 1).unit() == values[0] != Draws("a", 2).unit()
    assert {draws.integer(2, 4) for _ in range(100)} == {2, 3, 4}
    assert sorted(draws.sample([1, 2, 3], 5)) == [1, 2, 3]


GOLDEN_VERSION = 3
GOLDEN_DIGEST = "0567daabf40bf00b"
GOLDEN_ALBUM = "c9f70efab746b7f3"
