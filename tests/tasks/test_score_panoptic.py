"""`score panoptic`: disagreements of JSON and PNG, and malformed files, are one DataError that names them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.panoptic.records import write_png
from rewardmark.tasks.score.panoptic import read_panoptic_truths, score_panoptic

IDS = np.array([[1, 1, 0], [1, 70000, 70000]])


def content() -> dict[str, Any]:
    """Two images of one map each; predictions may carry the same keys."""
    segments = [
        {"id": 1, "category_id": 4, "area": 3, "iscrowd": 0},
        {"id": 70000, "category_id": 9, "area": 2, "iscrowd": 0},
    ]
    return {
        "images": [{"id": i, "width": 3, "height": 2} for i in (11, 12)],
        "categories": [{"id": 4, "name": "cat", "isthing": 1}, {"id": 9, "name": "sky", "isthing": 0}],
        "annotations": [
            {"image_id": i, "file_name": f"{i}.png", "segments_info": [dict(s) for s in segments]} for i in (11, 12)
        ],
    }


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder, self.gt, self.pred = folder, content(), content()
        for side in ("gt", "pred"):
            (folder / side).mkdir()
            for i in (11, 12):
                write_png(folder / side / f"{i}.png", IDS)

    def score(self) -> tuple[dict[str, float], list[str]]:
        for side in ("gt", "pred"):
            (self.folder / f"{side}.json").write_text(json.dumps(getattr(self, side)))
        f = self.folder
        return score_panoptic(f / "gt.json", f / "gt", f / "pred.json", f / "pred")

    def refusal(self) -> str:
        with pytest.raises(DataError) as caught:
            self.score()
        message = str(caught.value).replace(f"{self.folder}/", "")
        assert "\n" not in message and len(message) < 600
        return message

    def picture(self, side: str, change: Callable[[Image.Image], Image.Image]) -> None:
        path = self.folder / side / "12.png"
        with Image.open(path) as image:
            changed = change(image.copy())
        changed.save(path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_perfect_prediction_is_1(files: Files) -> None:
    assert files.score() == ({"PQ": 1.0, "SQ": 1.0, "RQ": 1.0, "PQ_th": 1.0, "PQ_st": 1.0}, [])


def test_no_category_of_a_kind_is_minus_1(files: Files) -> None:
    files.gt["categories"][1]["isthing"] = 1
    assert files.score()[0]["PQ_st"] == -1
    files.gt["annotations"] = []
    assert set(files.score()[0].values()) == {-1}


SIDES = {  # what is done to annotations[1] of either side, and what the message must hold
    "segment absent from the JSON": (lambda a: a["segments_info"].pop(), "segment 70000 is in"),
    "segment absent from the PNG": (
        lambda a: a["segments_info"].append({"id": 5, "category_id": 4, "area": 1, "iscrowd": 0}),
        "segment 5 is in segments_info but not in",
    ),
    "segment id twice": (
        lambda a: a["segments_info"].append(dict(a["segments_info"][0])),
        "segments_info[2] (id 1): duplicate segment id 1 within the image",
    ),
    "unknown category": (
        lambda a: a["segments_info"][1].update(category_id=5),
        "segments_info[1] (id 70000): unknown category_id 5",
    ),
    "no category": (
        lambda a: a["segments_info"][1].pop("category_id"),
        "segments_info[1] (id 70000): 'category_id' is missing",
    ),
    "segment id 0": (lambda a: a["segments_info"][0].update(id=0), "'id' must be in 1..16777215 (0 is void)"),
    "large segment id": (lambda a: a["segments_info"][0].update(id=256**3), "'id' must be in 1..16777215"),
    "segment id as text": (lambda a: a["segments_info"][0].update(id="1"), "'id' must be a whole number, not \"1\""),
    "segment a number": (
        lambda a: a["segments_info"].append(3),
        "segments_info[2]: a JSON object is wanted, not a number",
    ),
    "segments an object": (lambda a: a.update(segments_info={}), "'segments_info' must be a list, not {}"),
    "no segments_info": (lambda a: a.pop("segments_info"), "'segments_info' is missing"),
    "no file name": (lambda a: a.pop("file_name"), "'file_name' is missing"),
    "file name a number": (lambda a: a.update(file_name=3), "'file_name' must be a string, not 3"),
    "file name with NUL": (lambda a: a.update(file_name="a\0b"), "'file_name' \"a\\u0000b\" is no file name"),
    "missing PNG": (lambda a: a.update(file_name="none.png"), "there is no such PNG"),
    "unknown image": (lambda a: a.update(image_id=13), "unknown image_id 13"),
    "image twice": (lambda a: a.update(image_id=11), "duplicate annotation of image 11"),
    "crowd of 2": (lambda a: a["segments_info"][0].update(iscrowd=2), "'iscrowd' must be 0 or 1, not 2"),
    "area in parts": (lambda a: a["segments_info"][0].update(area=2.5), "'area' must be a whole number of pixels"),
    "huge area": (lambda a: a["segments_info"][1].update(area=2**64), "(id 70000): 'area' must be a whole number"),
    "area as text": (lambda a: a["segments_info"][0].update(area="3"), "'area' must be a finite number"),
}


@pytest.mark.parametrize("side", ["gt", "pred"])
@pytest.mark.parametrize("name", SIDES)
def test_a_bad_record_is_named(files: Files, side: str, name: str) -> None:
    change, wanted = SIDES[name]
    change(getattr(files, side)["annotations"][1])  # type: ignore[no-untyped-call]
    message = files.refusal()
    assert wanted in message and "annotations[1]" in message and side in message


PICTURES: dict[str, tuple[Callable[[Image.Image], Image.Image], str]] = {
    "grey": (lambda i: i.convert("L"), "the mode of this one is L"),
    "palette": (lambda i: i.convert("P"), "the mode of this one is P"),
    "other size": (lambda i: i.resize((2, 3)), "3 x 2 pixels (height x width)"),
}


@pytest.mark.parametrize("side", ["gt", "pred"])
@pytest.mark.parametrize("name", PICTURES)
def test_a_bad_png_is_named(files: Files, side: str, name: str) -> None:
    change, wanted = PICTURES[name]
    files.picture(side, change)
    message = files.refusal()
    assert message.startswith(f"{side}/12.png: annotations[1] (image_id 12): ") and wanted in message


@pytest.mark.parametrize("side", ["gt", "pred"])
@pytest.mark.parametrize("length", [0, 20, 60])
def test_a_png_that_is_cut_off_is_named(files: Files, side: str, length: int) -> None:
    path = files.folder / side / "12.png"
    path.write_bytes(path.read_bytes()[:length])
    assert f"{side}/12.png: annotations[1] (image_id 12): cannot be read as an image" in files.refusal()


@pytest.mark.parametrize("side", ["gt", "pred"])
def test_16_bits_a_colour_are_refused(files: Files, side: str) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + struct.pack(">9H", *[value << 8 for value in (1, 0, 0) * 3]) for _ in range(2))
    parts = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 16, 2, 0, 0, 0)), chunk(b"IDAT", zlib.compress(rows))
    (files.folder / side / "12.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b""))
    message = files.refusal()
    assert message.startswith(f"{side}/12.png: annotations[1] (image_id 12): a panoptic PNG has 8 bits a colour")


def test_an_area_that_leaves_no_union_is_named_with_its_file(files: Files) -> None:
    files.gt["annotations"][1]["segments_info"][1]["area"] = 0
    assert files.refusal().startswith("gt.json: annotations[1] (image_id 12): image 12: ground-truth segment 70000")


def test_alpha_is_ignored(files: Files) -> None:
    files.picture("pred", lambda image: image.convert("RGBA"))
    assert files.score()[0]["PQ"] == 1


def test_every_image_needs_a_prediction(files: Files) -> None:
    del files.pred["annotations"][0]
    assert files.refusal() == "pred.json: image 11 has no prediction; every image with a truth needs one"


def test_a_missing_folder_or_isthing_is_named(files: Files) -> None:
    del files.gt["categories"][1]["isthing"]
    assert files.refusal() == "gt.json: categories[1] (id 9): 'isthing' is missing"
    with pytest.raises(DataError, match="there is no such folder of PNGs"):
        score_panoptic(files.folder / "gt.json", files.folder / "no", files.folder / "pred.json", files.folder / "pred")


def test_predictions_need_annotations_only_and_missing_keys_of_the_truth_are_told(files: Files) -> None:
    files.pred = {"annotations": files.pred["annotations"]}
    for segment in files.gt["annotations"][0]["segments_info"]:
        del segment["area"], segment["iscrowd"]
    assert files.refusal() == "gt.json: annotations[0] (image_id 11), segments_info[0] (id 1): 'iscrowd' is missing"
    truths = read_panoptic_truths(files.folder / "gt.json")
    assert [note.split(": ", 1)[1] for note in truths.notes] == [
        "2 segments have no iscrowd: taken as 0",
        "2 segments have no area: counted in the PNG",
    ]
    assert truths.segments[11].areas.tolist() == [-1, -1]
    for segment in files.gt["annotations"][0]["segments_info"]:
        segment["iscrowd"] = 0
    assert "segments_info[0] (id 1): 'area' is missing" in files.refusal()


def test_the_area_of_the_json_counts_and_is_told_when_it_is_another(files: Files) -> None:
    files.gt["annotations"][0]["segments_info"][0]["area"] = 4
    found, notes = files.score()
    assert found["PQ_th"] == pytest.approx((1 + 3 / 4) / 2)
    assert len(notes) == 1 and "1 segments have another area in the JSON than in the PNG" in notes[0]
