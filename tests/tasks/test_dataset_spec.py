"""The description of a data set: checked before any file is opened."""

from __future__ import annotations

import pytest
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.dataset_spec import DatasetSpec

SCENES = DatasetSpec("scenes", "val", size=48, n=5, seed=3, difficulty="hard")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "imagenet"}, "name 'imagenet' is none of scenes, coco"),
        ({"name": "scenes"}, "scenes need n"),
        ({"name": "scenes", "n": 0}, "n must be a whole number of at least 1, not 0"),
        ({"name": "scenes", "n": 5, "size": "48"}, "size must be a whole number of at least 1, not '48'"),
        ({"name": "scenes", "n": 5, "root": "x"}, "root means nothing for 'scenes'"),
        ({"name": "coco", "difficulty": "hard"}, "difficulty means nothing for 'coco'"),
        ({"name": "scenes", "n": 5, "sise": 3}, "unknown key 'sise'"),
        ({"name": "scenes", "n": 5, "split": "a/b"}, "split 'a/b' must be a plain name"),
    ],
)
def test_a_bad_spec_is_one_clear_line(table, message):
    with pytest.raises(RewardmarkError, match=message):
        DatasetSpec.from_dict(table)


def test_spec_and_dict_are_inverse():
    for spec in (SCENES, DatasetSpec(name="coco", split="val2017", root="x", n=3)):
        assert DatasetSpec.from_dict(spec.to_dict()) == spec
    assert "root" not in SCENES.to_dict() and "seed" not in DatasetSpec(name="coco", root="x").to_dict()
