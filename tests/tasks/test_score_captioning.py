"""`score captioning`: malformed caption files end as one DataError that names the file and the record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.score.captioning import score_captioning


def truth() -> dict[str, Any]:
    texts = [(5, "A dog on the grass."), (3, "A cat in a box"), (5, "One dog")]
    return {
        "images": [{"id": 5}, {"id": 3}],
        "annotations": [{"id": n, "image_id": i, "caption": text} for n, (i, text) in enumerate(texts)],
    }


def results() -> list[dict[str, Any]]:
    return [{"image_id": 3, "caption": "a cat in a box"}, {"image_id": 5, "caption": "a dog on the grass"}]


def write(folder: Path, gt: Any, pred: Any) -> tuple[Path, Path]:
    (folder / "gt.json").write_text(json.dumps(gt))
    (folder / "pred.json").write_text(json.dumps(pred))
    return folder / "gt.json", folder / "pred.json"


def refusal(folder: Path, gt: Any, pred: Any) -> str:
    with pytest.raises(DataError) as caught:
        score_captioning(*write(folder, gt, pred), meteor=False)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600
    return message.replace(f"{folder}/", "")


def test_the_order_of_the_results_does_not_matter(tmp_path: Path) -> None:
    found = score_captioning(*write(tmp_path, truth(), results()), meteor=False)
    assert found["Bleu_4"] == pytest.approx(1, abs=1e-6) and found["ROUGE_L"] == pytest.approx(1)
    assert found["CIDEr"] > 5 and "METEOR" not in found
    assert score_captioning(*write(tmp_path, truth(), results()[::-1]), meteor=False) == found


ROW: dict[str, tuple[Any, str]] = {
    "no caption": (lambda r: r.pop("caption"), "'caption' is missing"),
    "null": (lambda r: r.update(caption=None), "'caption' must be a string, not null"),
    "number": (lambda r: r.update(caption=3), "'caption' must be a string, not 3"),
    "list": (lambda r: r.update(caption=["a"]), "'caption' must be a string, not [\"a\"]"),
    "half a character": (lambda r: r.update(caption="ab\ud800"), "half a character (a lone surrogate) at place 2"),
    "unknown image": (lambda r: r.update(image_id=4), "unknown image_id 4"),
    "image as text": (lambda r: r.update(image_id="3"), "'image_id' must be a whole number, not \"3\""),
    "no image": (lambda r: r.pop("image_id"), "'image_id' is missing"),
}


@pytest.mark.parametrize("name", ROW)
def test_a_bad_record_is_named_on_either_side(tmp_path: Path, name: str) -> None:
    change, wanted = ROW[name]
    pred = results()
    change(pred[1])
    message = refusal(tmp_path, truth(), pred)
    assert message.startswith("pred.json: [1]") and wanted in message
    gt = truth()
    change(gt["annotations"][2])
    message = refusal(tmp_path, gt, results())
    assert message.startswith("gt.json: annotations[2] (id 2)") and wanted in message


def test_duplicate_and_missing_captions_are_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, truth(), [*results(), results()[0]]) == (
        "pred.json: [2] (image_id 3): duplicate caption of image 3: [0] has the same 'image_id'"
    )
    assert refusal(tmp_path, truth(), results()[:1]) == (
        "pred.json: image 5 has no caption; every image of the ground truth needs one"
    )
    assert "image 5 has no caption" in refusal(tmp_path, truth(), [])


def test_a_truth_without_references_is_named(tmp_path: Path) -> None:
    gt = truth()
    del gt["annotations"][1]
    assert (
        refusal(tmp_path, gt, results())
        == "gt.json: images[1] (id 3): the image has no reference caption in 'annotations'"
    )
    assert "there are no images" in refusal(tmp_path, {"images": [], "annotations": []}, [])
    gt = truth()
    gt["images"].append({"id": 5})
    assert "images[2] (id 5): duplicate image id 5" in refusal(tmp_path, gt, results())
    gt = truth()
    gt["annotations"][2]["id"] = 1
    assert "annotations[2] (id 1): duplicate annotation id 1" in refusal(tmp_path, gt, results())
    assert "is a JSON list of captions" in refusal(tmp_path, truth(), {"annotations": results()})


def test_line_breaks_and_separators_change_nothing(tmp_path: Path) -> None:
    pred = results()
    pred[0]["caption"] = "a cat\r\nin\u2028a\x0bbox\n"
    wanted = score_captioning(*write(tmp_path, truth(), results()), meteor=False)
    assert score_captioning(*write(tmp_path, truth(), pred), meteor=False) == wanted
