"""`score detection`: every malformed file ends as one DataError that names the file and the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.score.detection import read_results, read_truths, score_detection
from rewardmark.tasks.score.masks import checked_segmentations
from rewardmark.tasks.score.table import Table

Change = Callable[[dict[str, Any]], Any]


def truth() -> dict[str, Any]:
    square = [[10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]]
    common = {"category_id": 3, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0, "segmentation": square}
    return {
        "images": [{"id": 1, "width": 60, "height": 50}, {"id": 2, "width": 60, "height": 50}],
        "categories": [{"id": 3, "name": "a"}],
        "annotations": [{"id": 7, "image_id": 1, **common}, {"id": 8, "image_id": 2, **common}],
    }


def results() -> list[dict[str, Any]]:
    square = {"size": [50, 60], "counts": [510, *([20, 30] * 19), 20, 3000 - 510 - 20 * 20 - 30 * 19]}
    rows = [(1, 0.9), (2, 0.8), (2, 0.1)]
    return [
        {"image_id": i, "category_id": 3, "bbox": [10, 10, 20, 20], "score": s, "segmentation": square} for i, s in rows
    ]


def write(folder: Path, gt: Any, pred: Any) -> tuple[Path, Path]:
    for name, content in (("gt.json", gt), ("pred.json", pred)):
        path = folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(json.dumps(content))
    return folder / "gt.json", folder / "pred.json"


def refusal(folder: Path, gt: Any, pred: Any, iou_type: str = "bbox") -> str:
    with pytest.raises(DataError) as caught:
        score_detection(*write(folder, gt, pred), iou_type)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600
    return message.replace(f"{folder}/", "")


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_sound_files_are_scored(tmp_path: Path, iou_type: str) -> None:
    found, notes = score_detection(*write(tmp_path, truth(), results()), iou_type)
    assert found["AP"] == pytest.approx(1) and notes == []


ROW = {  # what is done to results[1], and what the message must hold besides "pred.json: [1] (image_id"
    "missing score": (lambda r: r.pop("score"), "'score' is missing"),
    "missing category": (lambda r: r.pop("category_id"), "'category_id' is missing"),
    "NaN score": (lambda r: r.update(score=float("nan")), "'score' must be a finite number, not NaN"),
    "infinite score": (lambda r: r.update(score=float("inf")), "'score' must be a finite number, not Infinity"),
    "string score": (lambda r: r.update(score="0.5"), "'score' must be a finite number, not \"0.5\""),
    "boolean score": (lambda r: r.update(score=True), "'score' must be a finite number, not true"),
    "null score": (lambda r: r.update(score=None), "'score' must be a finite number, not null"),
    "score of a thousand digits": (lambda r: r.update(score=10**999), "'score' must be a finite number, not 1000"),
    "unknown image": (lambda r: r.update(image_id=99), "unknown image_id 99: no image of the ground truth has it"),
    "string image": (lambda r: r.update(image_id="1"), "'image_id' must be a whole number, not \"1\""),
    "broken image": (lambda r: r.update(image_id=1.5), "'image_id' must be a whole number, not 1.5"),
    "huge image": (lambda r: r.update(image_id=2**70), "'image_id' must be a whole number of fewer"),
    "unknown category": (lambda r: r.update(category_id=4), "unknown category_id 4: no category of the ground truth"),
    "negative width": (lambda r: r.update(bbox=[1, 1, -2, 5]), "without a negative width or height, not [1, 1, -2, 5]"),
    "negative height": (lambda r: r.update(bbox=[1, 1, 2, -5.5]), "without a negative width or height"),
    "three numbers": (lambda r: r.update(bbox=[1, 2, 3]), "'bbox' must be a list of four numbers"),
    "string box": (
        lambda r: r.update(bbox="1 2 3 4"),
        "'bbox' must be a list of four numbers [x, y, width, height], not \"",
    ),
    "nested box": (lambda r: r.update(bbox=[[1, 2, 3, 4]]), "'bbox' must be a list of four numbers"),
    "box of strings": (lambda r: r.update(bbox=["1", "2", "3", "4"]), "'bbox' must be a list of four numbers"),
    "box of booleans": (lambda r: r.update(bbox=[True, 2, 3, 4]), "'bbox' must be a list of four numbers"),
    "NaN box": (lambda r: r.update(bbox=[float("nan"), 2, 3, 4]), "'bbox' must be four finite numbers"),
    "null box": (lambda r: r.update(bbox=None), "'bbox' must be a list of four numbers"),
    "object box": (lambda r: r.update(bbox={}), "'bbox' must be a list of four numbers"),
    "no box": (lambda r: r.pop("bbox"), "'bbox' is missing"),
}


@pytest.mark.parametrize("name", ROW)
def test_a_bad_detection_is_named(tmp_path: Path, name: str) -> None:
    change, wanted = ROW[name]
    pred = results()
    change(pred[1])  # type: ignore[no-untyped-call]
    message = refusal(tmp_path, truth(), pred)
    assert message.startswith("pred.json: [1] (image_id ") and wanted in message


ANNOTATION = {  # what is done to annotations[1] of the truth
    "id 0": (lambda a: a.update(id=0), "number the annotations from 1"),
    "repeated id": (lambda a: a.update(id=7), "duplicate annotation id 7: annotations[0] has the same 'id'"),
    "missing id": (lambda a: a.pop("id"), "'id' is missing"),
    "unknown image": (lambda a: a.update(image_id=5), "unknown image_id 5: no image of this file has it"),
    "unknown category": (lambda a: a.update(category_id=5), "unknown category_id 5: no category of this file has it"),
    "crowd of 2": (lambda a: a.update(iscrowd=2), "'iscrowd' must be 0 or 1, not 2"),
    "crowd as text": (lambda a: a.update(iscrowd="0"), "'iscrowd' must be 0 or 1, not \"0\""),
    "crowd as list": (lambda a: a.update(iscrowd=[0]), "'iscrowd' must be 0 or 1, not [0]"),
    "negative area": (lambda a: a.update(area=-1), "'area' must be a finite number of at least 0, not -1"),
    "null area": (lambda a: a.update(area=None), "'area' must be a finite number of at least 0, not null"),
    "negative width": (lambda a: a.update(bbox=[0, 0, -1, 1]), "without a negative width or height"),
    "no box": (lambda a: a.pop("bbox"), "'bbox' is missing"),
}


@pytest.mark.parametrize("name", ANNOTATION)
def test_a_bad_annotation_is_named(tmp_path: Path, name: str) -> None:
    change, wanted = ANNOTATION[name]
    gt = truth()
    change(gt["annotations"][1])  # type: ignore[no-untyped-call]
    message = refusal(tmp_path, gt, results())
    assert message.startswith("gt.json: annotations[1]") and wanted in message


FILES: dict[str, tuple[Any, str]] = {
    "cut off": (b'{"images": [{"id": 1}, {"id"', "not valid JSON at line 1, column 29"),
    "not JSON": (b"hello", "not valid JSON at line 1, column 1"),
    "empty": (b"", "not valid JSON at line 1, column 1"),
    "not text": (b"\xff\xfe\x00\x01", "not UTF-8 text (byte 0)"),
    "too deep": (b"[" * 200_000, "not usable JSON: nested too deeply"),
    "a number of 5000 digits": (b"1" * 5000, "not usable JSON"),
    "a list": ([], "a JSON object with the list 'images' is wanted, not a list"),
    "a number": (3, "a JSON object with the list 'images' is wanted, not a number"),
    "no images": ({"annotations": [], "categories": []}, "the list 'images' is missing; the file's keys are"),
    "images null": ({"images": None}, "'images' must be a list, not null"),
    "image a number": ({"images": [3]}, "images[0]: a JSON object is wanted, not a number"),
    "image twice": ({"images": [{"id": 1}, {"id": 1}]}, "images[1] (id 1): duplicate image id 1: images[0]"),
    "category twice": ({"images": [], "categories": [{"id": 1}] * 2}, "categories[1] (id 1): duplicate category id 1"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_named(tmp_path: Path, name: str) -> None:
    content, wanted = FILES[name]
    message = refusal(tmp_path, content, results())
    assert message.startswith("gt.json: ") and wanted in message


def test_files_that_cannot_be_opened_are_named(tmp_path: Path) -> None:
    gt, pred = write(tmp_path, truth(), results())
    with pytest.raises(DataError, match=r"none\.json: there is no such file"):
        score_detection(tmp_path / "none.json", pred)
    with pytest.raises(DataError, match="this is a folder; a JSON file is wanted"):
        score_detection(gt, tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        score_detection(gt, Path("a\0b"))


def test_a_result_file_must_be_a_list(tmp_path: Path) -> None:
    assert "its 'annotations' alone are wanted" in refusal(tmp_path, truth(), {"annotations": results()})
    assert "is a JSON list of detections" in refusal(tmp_path, truth(), "abc")
    assert refusal(tmp_path, truth(), [*results(), 5]).startswith(
        "pred.json: [3]: a JSON object is wanted, not a number"
    )


def test_a_byte_order_mark_and_whole_floats_are_read(tmp_path: Path) -> None:
    pred = results()
    pred[0]["image_id"] = 1.0
    found, _ = score_detection(*write(tmp_path, b"\xef\xbb\xbf" + json.dumps(truth()).encode(), pred))
    assert found["AP"] == pytest.approx(1)


def test_what_is_missing_in_the_truth_is_assumed_and_told(tmp_path: Path) -> None:
    gt = truth()
    del gt["annotations"][0]["iscrowd"], gt["annotations"][1]["area"]
    path, _ = write(tmp_path, gt, results())
    boxes, masks = read_truths(path), read_truths(path, masks=True)
    assert boxes.is_crowd.tolist() == [False, False] and boxes.areas.tolist() == [400, 400]
    assert masks.areas.tolist() == [400, 400]
    assert len(boxes.notes) == 2 and "1 annotations have no area: the area of the box is taken" in boxes.notes[1]


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("key", ["iscrowd", "area"])
def test_score_assumes_nothing(tmp_path: Path, key: str, iou_type: str) -> None:
    gt = truth()
    del gt["annotations"][1][key]
    assert refusal(tmp_path, gt, results(), iou_type) == f"gt.json: annotations[1] (id 8): {key!r} is missing"


def test_a_broken_box_of_a_truth_is_named_where_masks_are_scored(tmp_path: Path) -> None:
    gt = truth()
    gt["annotations"][1]["bbox"] = [10, 10, -1, 20]
    assert "annotations[1] (id 8): 'bbox' must be" in refusal(tmp_path, gt, results(), "segm")


SEGMENTATION: dict[str, tuple[Any, str]] = {
    "missing": (None, "a list of polygons or a run length is wanted, not null"),
    "text": ("abc", "a list of polygons or a run length is wanted"),
    "no polygons": ([], "the list of polygons is empty"),
    "flat polygon": ([1, 2, 3, 4, 5, 6], "a polygon must be a list of numbers"),
    "two points": ([[1, 2, 3, 4]], "this one has 4"),
    "odd": ([[1, 2, 3, 4, 5, 6, 7]], "this one has 7"),
    "text in polygon": ([[1, 2, 3, 4, 5, "6"]], "a polygon must be a list of numbers"),
    "NaN in polygon": ([[1, 2, 3, 4, 5, float("nan")]], "coordinate NaN is not near the image"),
    "far polygon": ([[1, 2, 3, 4, 5, 1e12]], "is not near the image of 50 x 60 pixels"),
    "no counts": ({"size": [50, 60]}, "needs 'size' and 'counts'"),
    "other size": ({"size": [60, 50], "counts": [3000]}, "'size' must be the image's [height, width] [50, 60]"),
    "short runs": ({"size": [50, 60], "counts": [10, 20]}, "add up to the image's 50 x 60"),
    "negative run": ({"size": [50, 60], "counts": [3001, -1]}, "add up to the image's 50 x 60"),
    "text in runs": ({"size": [50, 60], "counts": [3000, "0"]}, "a string or a list of whole numbers"),
    "number as counts": ({"size": [50, 60], "counts": 3000}, "a string or a list of whole numbers"),
    "bad character": ({"size": [50, 60], "counts": "\x7f"}, "is not a run length of the image's 50 x 60 pixels"),
    "not ASCII": ({"size": [50, 60], "counts": "é"}, "is not a run length"),
    "empty counts": ({"size": [50, 60], "counts": ""}, "is not a run length"),
    "cut counts": ({"size": [50, 60], "counts": "hnbP"}, "is not a run length"),
    "endless run": ({"size": [50, 60], "counts": "o" * 40 + "0"}, "is not a run length"),
}


@pytest.mark.parametrize("name", SEGMENTATION)
def test_a_bad_segmentation_is_named(tmp_path: Path, name: str) -> None:
    value, wanted = SEGMENTATION[name]
    gt, pred = truth(), results()
    gt["annotations"][1]["segmentation"] = value
    message = refusal(tmp_path, gt, results(), "segm")
    assert message.startswith("gt.json: annotations[1] (id 8): 'segmentation': ") and wanted in message
    pred[2]["segmentation"] = value
    message = refusal(tmp_path, truth(), pred, "segm")
    assert message.startswith("pred.json: [2] (image_id 2): 'segmentation': ") and wanted in message


def test_masks_want_sizes_and_boxes_everywhere_or_nowhere(tmp_path: Path) -> None:
    gt = truth()
    del gt["images"][1]["height"]
    assert "images[1] (id 2): 'height' is missing" in refusal(tmp_path, gt, results(), "segm")
    pred = results()
    del pred[1]["bbox"]
    assert "[1] (image_id 2): 'bbox' is missing while other detections have it" in refusal(
        tmp_path, truth(), pred, "segm"
    )


@pytest.mark.parametrize("seed", range(5))
def test_sound_compressed_runs_pass_and_damaged_ones_never_reach_the_evaluator(seed: int) -> None:
    from hotcoco import mask

    rng = np.random.default_rng(seed)
    size = (int(rng.integers(1, 90)), int(rng.integers(1, 90)))
    drawn = [np.asfortranarray(rng.random(size) < share, dtype=np.uint8) for share in (0.0, 0.02, 0.5, 0.9, 1.0)]
    texts = [mask.encode(m)["counts"].decode() for m in drawn]

    def check(counts: str) -> None:
        table = Table(Path("f"), [{"segmentation": {"size": list(size), "counts": counts}}], "")
        checked_segmentations(table, [size])

    for text in texts:
        check(text)
    for text in texts[1:4]:
        for _ in range(20):
            at = int(rng.integers(len(text)))
            damaged = text[:at] + chr(int(rng.integers(48, 112))) + text[at + 1 :]
            runs = decoded_runs(damaged)
            if runs is not None and min(runs) >= 0 and sum(runs) == size[0] * size[1]:
                check(damaged)
            else:
                with pytest.raises(DataError):
                    check(damaged)


def decoded_runs(text: str) -> list[int] | None:
    """COCO's compressed runs, read one character at a time."""
    runs: list[int] = []
    at = 0
    while at < len(text):
        value = shift = 0
        while True:
            if at == len(text):
                return None
            code = ord(text[at]) - 48
            at += 1
            value |= (code & 31) << shift
            shift += 5
            if not code & 32:
                break
        if code & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs


@pytest.mark.alone
def test_half_a_million_records_are_read_in_seconds(tmp_path: Path) -> None:
    import time

    gt, _ = write(tmp_path, truth(), [])
    row = json.dumps({"image_id": 1, "category_id": 3, "bbox": [10.25, 10.5, 20.75, 20.125], "score": 0.51234})
    (tmp_path / "many.json").write_text("[" + ", ".join([row] * 500_000) + "]")
    truths = read_truths(gt)
    started = time.perf_counter()
    assert len(read_results(tmp_path / "many.json", truths)) == 500_000
    assert time.perf_counter() - started < 8
