"""The COCO loader: every layout it reads and what it gives back."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.coco import CocoSplit, DatasetSpec, open_split
from rewardmark.tasks.scenes import make_scene, write_scenes

SCENES = DatasetSpec("scenes", "val", size=48, n=5, seed=3, difficulty="hard")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("REWARDMARK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path) -> Path:
    return write_scenes(tmp_path / "data", "val", 48, 3, seed=3)


def coco(root: Path, **more: object) -> CocoSplit:
    return open_split(DatasetSpec(name="coco", split="val", root=str(root), **more))  # type: ignore[arg-type]


# What it gives back


def test_scenes_come_back_as_they_were_made():
    split = open_split(SCENES)
    assert (len(split), split.name, split.size, split.image_ids) == (5, "scenes", 48, [1, 2, 3, 4, 5])
    assert split.sizes == [(48, 48)] * 5
    for i in range(5):
        scene, truth = make_scene(3, i, 48, "hard", "val"), split.instances(i)
        assert np.array_equal(split.image(i), scene.image)
        assert np.array_equal(truth.boxes, scene.boxes) and truth.boxes.dtype == np.float32
        assert np.array_equal(truth.labels, scene.labels) and truth.labels.dtype == np.int64
        assert np.array_equal(truth.areas, scene.areas) and not truth.is_crowd.any() and len(truth) == len(scene.labels)
        ids, info = split.panoptic(i)
        assert np.array_equal(ids, scene.panoptic) and ids.dtype == np.int32 and info == scene.segments_info
        assert np.array_equal(split.masks(i), scene.masks)
        assert split.captions(i) == scene.captions
    assert split.categories[0]["name"] == "ball" and split.stuff_categories[0]["name"] == "sky"
    assert len(split.panoptic_categories) == len(split.categories) + len(split.stuff_categories)


def test_scenes_are_made_once_and_kept(cache):
    calls: list[tuple[int, int]] = []
    first = open_split(SCENES, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (5, 5)
    again = open_split(SCENES, progress=lambda *_: pytest.fail("made a second time"))
    assert again.content_hash == first.content_hash and again.root == first.root
    assert [p.name for p in (cache / "scenes").iterdir()] == [first.root.name]


def test_two_makers_of_the_same_scenes_may_race(cache):
    with ThreadPoolExecutor(4) as pool:
        splits = list(pool.map(open_split, [SCENES] * 4))
    assert len({s.content_hash for s in splits}) == 1
    assert len(list((cache / "scenes").iterdir())) == 1


def test_images_are_batched_resized_and_kept(root):
    split = coco(root, size=64)
    batch = split.images([2, 0])
    assert batch.shape == (2, 64, 64, 3) and batch.dtype == np.uint8
    expected = Image.fromarray(split.image(2)).resize((64, 64), Image.Resampling.BILINEAR)
    assert np.array_equal(batch[0], np.asarray(expected))
    assert np.array_equal(split.image(0, 64), batch[1]) and split.image(0).shape == (48, 48, 3)
    (root / "val" / "000001.png").unlink()
    assert np.array_equal(split.images(np.array([0])), batch[1:])  # still in memory
    assert split.images([]).shape == (0, 64, 64, 3)


def test_a_set_too_large_for_memory_is_decoded_each_time(root, monkeypatch):
    from rewardmark.tasks import coco_images

    kept = coco(root).images([0, 1])
    monkeypatch.setattr(coco_images, "_IN_MEMORY", 10)
    assert np.array_equal(coco(root).images([0, 1]), kept) and coco(root).images([]).shape == (0, 48, 48, 3)


def test_head_and_select_are_smaller_splits(root):
    split = coco(root)
    part = split.select([2, 0])
    assert part.image_ids == [3, 1] and len(part.head(1)) == 1 and len(part.head(9)) == 2
    assert part.captions(0) == split.captions(2) and part.segmentations(1) == split.segmentations(0)
    assert np.array_equal(part.instances(0).ids, split.instances(2).ids)
    assert np.array_equal(part.images([0]), split.images([2]))
    assert part.content_hash != split.content_hash == split.select(range(3)).content_hash
    assert part.annotation_path("instances") == root / "annotations" / "instances_val.json"
    assert coco(root, n=2).image_ids == [1, 2]


def test_content_hash_follows_content_not_place(root, tmp_path):
    first = coco(root).content_hash
    moved = write_scenes(tmp_path / "elsewhere", "val", 48, 3, seed=3)
    assert coco(moved).content_hash == first
    image = root / "val" / "000001.png"
    stamp = image.stat()
    Image.fromarray(np.zeros((48, 48, 3), np.uint8)).save(image)
    os.utime(image, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert coco(root).content_hash != first


def test_content_hash_is_kept_in_the_cache_and_never_beside_the_data(root, cache, monkeypatch):
    before = sorted(p for p in root.rglob("*"))
    value = coco(root).content_hash
    assert sorted(p for p in root.rglob("*")) == before and len(list((cache / "hashes").iterdir())) == 1
    read = Path.read_bytes

    def no_pictures(path: Path) -> bytes:
        assert path.suffix != ".png", "read again"
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", no_pictures)
    assert coco(root).content_hash == value


# Layouts and formats


def flat_root(tmp_path: Path, annotations: list[dict[str, object]], picture: Image.Image, name: str = "a.png") -> Path:
    (tmp_path / "flat" / "images").mkdir(parents=True)
    picture.save(tmp_path / "flat" / "images" / name)
    content = {
        "images": [{"id": 0, "file_name": name, "width": picture.width, "height": picture.height}],
        "annotations": annotations,
        "categories": [{"id": 7, "name": "cell"}],
    }
    (tmp_path / "flat" / "instances_val.json").write_text(json.dumps(content))
    return tmp_path / "flat"


BOX = {"id": 5, "image_id": 0, "category_id": 7, "bbox": [1, 2, 3.5, 4]}


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "LA"])
def test_any_picture_becomes_rgb(tmp_path, mode):
    picture = Image.new("L", (20, 10), 255).convert(mode)
    split = coco(flat_root(tmp_path, [BOX], picture, "a.tiff"))
    assert split.image(0).shape == (10, 20, 3) and (split.image(0) == 255).all() and split.sizes == [(10, 20)]


def test_16_bits_a_pixel_keep_their_shades(tmp_path):
    shades = np.tile(np.array([0, 85, 170, 255], dtype=np.uint16) * 257, (10, 5))
    split = coco(flat_root(tmp_path, [], Image.fromarray(shades)))
    assert split.image(0)[0, :4].tolist() == [[0] * 3, [85] * 3, [170] * 3, [255] * 3]


def test_32_bits_a_pixel_are_refused(tmp_path):
    split = coco(flat_root(tmp_path, [], Image.new("F", (20, 10), 0.5), "a.tif"))
    with pytest.raises(DataError, match=r"a\.tif: image id \d+ of .*mode F"):
        split.image(0)


def test_flat_root_with_missing_fields_and_an_image_without_objects(tmp_path):
    split = coco(flat_root(tmp_path, [BOX], Image.new("RGB", (20, 10)), "a.jpg"), size=48)
    truth = split.instances(0)
    assert (
        truth.boxes.tolist() == [[1, 2, 4.5, 6]]
        and truth.areas.tolist() == [14.0]
        and truth.is_crowd.tolist() == [False]
    )
    assert split.images([0]).shape == (1, 48, 48, 3)
    empty = coco(flat_root(tmp_path / "none", [], Image.new("RGB", (20, 10))))
    assert empty.instances(0).boxes.shape == (0, 4) and empty.masks(0).shape == (0, 10, 20)


def test_explicit_paths_relative_to_data(tmp_path):
    flat = flat_root(tmp_path, [BOX], Image.new("RGB", (20, 10)))
    (flat / "instances_val.json").rename(flat / "odd.json")
    (flat / "images").rename(flat / "pictures")
    spec = DatasetSpec(name="coco", split="val", images="pictures", instances="odd.json")
    assert len(open_split(spec, data=flat)) == 1
    assert (
        len(
            open_split(
                DatasetSpec(name="coco", root="flat", split="val", images="pictures", instances="odd.json"), tmp_path
            )
        )
        == 1
    )


def test_masks_from_polygons_and_both_run_lengths(tmp_path):
    square = [[2.0, 2.0, 6.0, 2.0, 6.0, 6.0, 2.0, 6.0], [10.0, 2.0, 12.0, 2.0, 12.0, 4.0, 10.0, 4.0]]
    plain = {"size": [10, 20], "counts": [10, 5, 185]}
    packed = {"size": [10, 20], "counts": "P1T60"}
    annotations = [{**BOX, "id": k + 1, "segmentation": s} for k, s in enumerate([square, plain])]
    split = coco(flat_root(tmp_path, annotations, Image.new("RGB", (20, 10))))
    masks = split.masks(0)
    assert masks[0].sum() == 20 and masks[0, 3, 3] and masks[0, 3, 11]
    assert masks[1].sum() == 5 and masks[1, :5, 1].all()
    bad = coco(
        flat_root(tmp_path / "b", [{**BOX, "segmentation": {**packed, "size": [9, 9]}}], Image.new("RGB", (20, 10)))
    )
    with pytest.raises(DataError, match="annotation id 5: 'segmentation' cannot be used"):
        bad.masks(0)
    with pytest.raises(DataError, match="annotation id 5: 'segmentation' cannot be used"):
        coco(flat_root(tmp_path / "c", [BOX], Image.new("RGB", (20, 10)))).masks(0)


def test_captions_alone_are_enough(root):
    (root / "annotations" / "instances_val.json").unlink()
    (root / "annotations" / "panoptic_val.json").unlink()
    split = coco(root)
    assert len(split.captions(0)) == 5 and split.has("captions") and not split.has("panoptic")
    with pytest.raises(DataError, match=r"split 'val' has no instances annotations \(instances_val.json\)"):
        split.instances(0)


# Real photographs


@pytest.mark.skipif(
    "REWARDMARK_REAL_DATA" not in os.environ, reason="set REWARDMARK_REAL_DATA to the folder that holds bccd/"
)
def test_bccd_is_read():
    data = Path(os.environ["REWARDMARK_REAL_DATA"]) / "bccd"
    for name, count in (("train", 205), ("val", 87), ("test", 72)):
        split = open_split(DatasetSpec(name="coco", split=name, size=128), data)
        assert len(split) == count and [c["name"] for c in split.categories] == ["RBC", "WBC", "Platelets"]
        assert set(split.sizes) == {(480, 640)}
        batch = split.images(range(4))
        assert batch.shape == (4, 128, 128, 3) and 60 < batch.mean() < 230
        for i in range(count):
            boxes = split.instances(i).boxes
            assert (boxes[:, 2:] > boxes[:, :2]).all() and boxes.max() <= 641
    assert 10 < np.mean([len(split.instances(i)) for i in range(count)]) < 16
