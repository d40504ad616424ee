"""`rewardmark score` as a user calls it: one JSON object on stdout, or exit code 2 and one line on stderr."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[1] / "golden" / "panoptic"


def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rewardmark.leaderboard.cli", "score", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def files(tmp_path: Path, make_coco: Any) -> tuple[Path, Path]:
    truth, results = make_coco(2, masks=True)
    gt, pred = tmp_path / "gt.json", tmp_path / "pred.json"
    gt.write_text(json.dumps(truth))
    pred.write_text(json.dumps(results))
    return gt, pred


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_detection_prints_one_json_object(files: tuple[Path, Path], iou_type: str) -> None:
    gt, pred = files
    outputs = []
    for evaluator in ("hotcoco", "pycocotools"):
        done = call("detection", "--gt", gt, "--pred", pred, "--iou-type", iou_type, "--evaluator", evaluator, "--json")
        assert done.returncode == 0 and done.stderr == ""
        outputs.append(json.loads(done.stdout))
    assert list(outputs[0]) == ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
    assert outputs[0] == outputs[1]


def test_panoptic_prints_the_golden_numbers() -> None:
    folders = ("--gt-folder", GOLDEN / "gt", "--pred-folder", GOLDEN / "pred")
    done = call("panoptic", "--gt", GOLDEN / "gt.json", "--pred", GOLDEN / "pred.json", *folders, "--json")
    assert done.returncode == 0 and done.stderr == ""
    whole = json.loads((GOLDEN / "expected.json").read_text())["whole_set"]
    found = json.loads(done.stdout)
    assert list(found) == ["PQ", "SQ", "RQ", "PQ_th", "PQ_st"]
    assert found["PQ"] == pytest.approx(whole["All"]["pq"], abs=1e-9)
    assert found["PQ_st"] == pytest.approx(whole["Stuff"]["pq"], abs=1e-9)


def test_captioning_prints_one_json_object(tmp_path: Path) -> None:
    gt, pred = tmp_path / "gt.json", tmp_path / "pred.json"
    annotations = [
        {"id": i, "image_id": i, "caption": c} for i, c in ((1, "A dog on the grass."), (2, "A cat in a box."))
    ]
    gt.write_text(json.dumps({"images": [{"id": 1}, {"id": 2}], "annotations": annotations}))
    pred.write_text(json.dumps([{"image_id": a["image_id"], "caption": a["caption"]} for a in annotations]))
    done = call("captioning", "--gt", gt, "--pred", pred, "--no-meteor", "--json")
    assert done.returncode == 0 and done.stderr == ""
    found = json.loads(done.stdout)
    assert list(found) == ["CIDEr", "Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L"]
    assert found["CIDEr"] == pytest.approx(10)


def test_without_json_a_table_is_printed(files: tuple[Path, Path]) -> None:
    done = call("detection", "--gt", files[0], "--pred", files[1])
    assert done.returncode == 0 and "AP50" in done.stdout and "detection (bbox)" in done.stdout


def test_an_empty_result_list_scores_0(files: tuple[Path, Path]) -> None:
    files[1].write_text("[]")
    for evaluator in ("hotcoco", "pycocotools"):
        done = call("detection", "--gt", files[0], "--pred", files[1], "--evaluator", evaluator, "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["AP"] == 0


@pytest.mark.parametrize("content", ['[{"image_id": 1}', '[{"image_id": "x"}]', '{"a": [1, 2]}', "[\udcff]", None])
def test_a_bad_file_is_one_line_and_code_2(files: tuple[Path, Path], content: str | None) -> None:
    gt, pred = files
    if content is None:
        pred.unlink()
    else:
        pred.write_text(content, errors="surrogateescape")
    done = call("detection", "--gt", gt, "--pred", pred, "--json")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and str(pred) in done.stderr and "Traceback" not in done.stderr


def test_what_was_assumed_is_noted(files: tuple[Path, Path]) -> None:
    results = json.loads(files[1].read_text())
    for result in results:
        del result["segmentation"]
    files[1].write_text(json.dumps(results))
    done = call("detection", "--gt", files[0], "--pred", files[1], "--iou-type", "segm", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)
    assert done.stderr.startswith("note: ") and "no detection has a segmentation" in done.stderr
