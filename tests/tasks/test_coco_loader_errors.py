"""The COCO loader says one line, naming file and record, about each malformed file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.coco import CocoSplit, DatasetSpec, open_split
from rewardmark.tasks.scenes import write_scenes


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("REWARDMARK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path) -> Path:
    return write_scenes(tmp_path / "data", "val", 48, 3, seed=3)


def coco(root: Path, **more: object) -> CocoSplit:
    return open_split(DatasetSpec(name="coco", split="val", root=str(root), **more))  # type: ignore[arg-type]


def change(root: Path, kind: str, edit) -> Path:
    """Edits one JSON file in place."""
    file = root / "annotations" / f"{kind}_val.json"
    data = json.loads(file.read_text())
    result = edit(data)
    file.write_text(json.dumps(data if result is None else result))
    return file


def drop(key, where="annotations", row=1):
    def edit(data):
        del data[where][row][key]

    return edit


def put(key, value, where="annotations", row=1):
    def edit(data):
        data[where][row][key] = value

    return edit


BAD_INSTANCES = [
    (drop("image_id"), r"annotations\[1\] \(id 2\): 'image_id' is missing"),
    (drop("bbox"), r"annotations\[1\] \(id 2\): 'bbox' is missing"),
    (drop("area"), r"annotations\[1\] \(id 2\): 'area' is missing"),
    (drop("id"), r"annotations\[1\]: 'id' is missing"),
    (put("image_id", 99), r"annotations\[1\] \(id 2\): unknown image_id 99"),
    (put("category_id", 99), r"annotations\[1\] \(id 2\): unknown category_id 99"),
    (put("bbox", [1, 2, -3, 4]), r"annotations\[1\] \(id 2\): 'bbox' .*negative"),
    (put("bbox", [1, 2, float("nan"), 4]), r"annotations\[1\] \(id 2\): 'bbox'"),
    (put("bbox", [1, 2, 3]), r"annotations\[1\] \(id 2\): 'bbox'"),
    (put("area", float("nan")), r"annotations\[1\] \(id 2\): 'area'"),
    (put("iscrowd", 2), r"annotations\[1\] \(id 2\): 'iscrowd'"),
    (put("id", 0), r"annotations\[1\] \(id 0\): .*pycocotools"),
    (put("id", 1), r"annotations\[1\] \(id 1\): duplicate annotation id 1"),
    (drop("file_name", "images"), r"images\[1\] \(id 2\): 'file_name' is missing"),
    (drop("width", "images"), r"images\[1\] \(id 2\): 'width' is missing"),
    (put("height", 0, "images"), r"images\[1\] \(id 2\): 'height' and 'width'"),
    (put("id", 1, "images"), r"images\[1\] \(id 1\): duplicate image id 1"),
    (put("file_name", "../../etc/passwd", "images"), r"images\[1\] \(id 2\): 'file_name' must be a path inside"),
    (put("name", 3, "categories"), r"categories\[1\] \(id 2\): 'name'"),
    (lambda data: data.pop("annotations") and None, r"the list 'annotations' is missing"),
    (lambda data: [data], r"a JSON object .* is wanted"),
    (lambda data: data.update(annotations=[3]), r"annotations\[0\]: a JSON object is wanted"),
]


@pytest.mark.parametrize(("edit", "message"), BAD_INSTANCES, ids=[m for _, m in BAD_INSTANCES])
def test_malformed_instances_name_file_and_record(root, edit, message):
    file = change(root, "instances", edit)
    with pytest.raises(DataError, match=message) as caught:
        coco(root).instances(0)
    assert str(caught.value).startswith(f"{file}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", '{"images": [}', "\x00\x01", "[" * 100_000])
def test_malformed_json_names_the_file(root, text):
    file = root / "annotations" / "instances_val.json"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        coco(root)
    assert str(caught.value).startswith(f"{file}: ")


def segment(key, value):
    def edit(data):
        data["annotations"][1]["segments_info"][0][key] = value

    return edit


BAD_PANOPTIC = [
    (drop("segments_info"), r"annotations\[1\] \(image_id 2\): 'segments_info' is missing"),
    (put("segments_info", 3), r"annotations\[1\] \(image_id 2\): 'segments_info' must be a list"),
    (put("image_id", 1), r"annotations\[1\] \(image_id 1\): this image has a record already"),
    (put("image_id", 99), r"annotations\[1\] \(image_id 99\): unknown image_id 99"),
    (
        segment("category_id", 99),
        r"annotations\[1\] \(image_id 2\): segments_info\[0\] \(id 1\): unknown category_id 99",
    ),
    (segment("id", 0), r"annotations\[1\] \(image_id 2\): segments_info\[0\] \(id 0\): a segment id must lie between"),
    (segment("id", 2), r"annotations\[1\] \(image_id 2\): segments_info\[1\] \(id 2\): duplicate segment id 2"),
    (segment("area", -1), r"annotations\[1\] \(image_id 2\): segments_info\[0\] \(id 1\): 'area'"),
    (put("id", 0, "categories", 0), r"categories\[0\] \(id 0\): a panoptic category id must be at least 1"),
]


@pytest.mark.parametrize(("edit", "message"), BAD_PANOPTIC, ids=[m for _, m in BAD_PANOPTIC])
def test_malformed_panoptic_json_names_file_and_record(root, edit, message):
    file = change(root, "panoptic", edit)
    with pytest.raises(DataError, match=message) as caught:
        coco(root).panoptic(0)
    assert str(caught.value).startswith(f"{file}: ")


def test_panoptic_png_and_json_must_name_the_same_segments(root):
    file = root / "annotations" / "panoptic_val" / "000001.png"
    pixels = np.asarray(Image.open(file)).copy()
    pixels[0, 0] = 77, 0, 0
    Image.fromarray(pixels).save(file)
    with pytest.raises(DataError, match=r"segment 77 is in the PNG but not in panoptic_val.json"):
        coco(root).panoptic(0)
    Image.fromarray(np.ones_like(pixels)).save(file)
    with pytest.raises(DataError, match=r"segment \d+ is in"):
        coco(root).panoptic(0)
    Image.fromarray(pixels[:10]).save(file)
    with pytest.raises(DataError, match="48 x 10 pixels"):
        coco(root).panoptic(0)
    Image.fromarray(pixels[..., 0]).save(file)
    with pytest.raises(DataError, match="three channels"):
        coco(root).panoptic(0)


def test_a_panoptic_image_without_record_is_named(root):
    change(root, "panoptic", lambda data: data["annotations"].pop() and None)
    with pytest.raises(DataError, match="no annotation for image id 3"):
        coco(root).panoptic(2)


def test_broken_missing_and_mismeasured_pictures_name_file_and_image(root):
    image = root / "val" / "000002.png"
    raw = image.read_bytes()
    image.write_bytes(raw[:200])
    with pytest.raises(DataError, match=r"000002.png: image id 2 .*broken"):
        coco(root).image(1)
    image.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"000002.png: image id 2 .*no picture"):
        coco(root).image(1)
    Image.new("RGB", (10, 48)).save(image)
    with pytest.raises(
        DataError, match=r"000002.png: image id 2: is 10 x 48 pixels, but instances_val.json says 48 x 48"
    ):
        coco(root).image(1)
    image.unlink()
    with pytest.raises(DataError, match=r"000002.png: image id 2 .*no such file"):
        coco(root).image(1)


def test_captions_must_be_text_of_known_images(root):
    change(root, "captions", put("caption", 3))
    with pytest.raises(DataError, match=r"annotations\[1\] \(id 2\): 'caption' must be a string"):
        coco(root).captions(0)


def test_roots_that_hold_nothing_say_what_was_looked_for(root, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        coco(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no annotations of split 'test'.*there is captions_val.json"):
        open_split(DatasetSpec(name="coco", split="test", root=str(root)))
    with pytest.raises(DataError, match=r"odd.json: there is no such file"):
        coco(root, instances="odd.json")
    with pytest.raises(DataError, match="n = 9 images are wanted, but there are 3"):
        coco(root, n=9)
    with pytest.raises(RewardmarkError, match="--data PATH"):
        open_split(DatasetSpec(name="coco", split="val"))
    os.rename(root / "val", root / "pictures")
    with pytest.raises(DataError, match="no folder of images: looked for"):
        coco(root)
