"""The parts of the audit of outside functions: conventions, formats, data sets, the helper for tests."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from rewardmark.rewards.audit.foreign.calls import DirectCaller
from rewardmark.rewards.audit.foreign.conventions import conventions_of, requests_for
from rewardmark.rewards.audit.foreign.dataset import read_rows
from rewardmark.rewards.audit.foreign.formats import BoxStyle, Wrapper
from rewardmark.rewards.audit.foreign.hints import hints_of
from rewardmark.rewards.audit.foreign.rows import Box, Row
from rewardmark.rewards.audit.foreign.wrong import elsewhere, wrong_answer
from rewardmark.rewards.errors import DataError
from rewardmark.rewards.testing import assert_reward_sound

ROW = Row("7", "Where is the cat?", 100, 50, (Box((10, 5, 30, 25), "cat"),), labels=("cat", "dog"))


def trl(prompts: Any, completions: Any, completion_ids: Any, trainer_state: Any, solution: Any, **more: Any) -> Any: ...
def verl(data_source: Any, solution_str: Any, ground_truth: Any, extra_info: Any = None) -> Any: ...
def verl_batch(data_sources: Any, solution_strs: Any, ground_truths: Any, extra_infos: Any) -> Any: ...
def easyr1(reward_inputs: Any, format_weight: float = 0.1) -> Any: ...
def easyr1_one(reward_input: Any) -> Any: ...
def easyr1_older(predicts: Any, ground_truths: Any, format_weight: float = 0.1) -> Any: ...
async def rubric(completion: Any, answer: Any, state: Any, parser: Any) -> Any: ...
def group(completions: Any, answers: Any, states: Any) -> Any: ...


@pytest.mark.parametrize(
    ("function", "kind", "batched"),
    [
        (trl, "TRL", True),
        (verl, "verl", False),
        (verl_batch, "verl (batch)", True),
        (easyr1, "EasyR1", True),
        (easyr1_one, "EasyR1 (sequential)", False),
        (easyr1_older, "EasyR1 (older, batch)", True),
        (rubric, "verifiers", False),
        (group, "verifiers (group)", True),
    ],
)
def test_the_signature_tells_the_convention(function: Any, kind: str, batched: bool) -> None:
    convention = conventions_of(DirectCaller(function).signature)[0]
    assert (convention.kind, convention.batched) == (kind, batched)
    requests = requests_for(convention, [ROW, ROW], ["a", "b"], [{"main": "t"}] * 2)
    assert len(requests) == (1 if batched else 2)
    assert requests[0]["count"] == (2 if batched else 1)
    json.dumps(requests)


def test_trl_gets_lists_and_verl_gets_one_sample() -> None:
    convention = conventions_of(DirectCaller(trl).signature)[0]
    arguments = requests_for(convention, [ROW, ROW], ["a", "b"], [{"main": "s"}, {"main": "t"}])[0]["kwargs"]
    assert arguments["completions"] == ["a", "b"] and arguments["solution"] == ["s", "t"]
    convention = conventions_of(DirectCaller(verl).signature)[0]
    arguments = requests_for(convention, [ROW], ["a"], [{"main": "s"}])[0]["kwargs"]
    assert (arguments["solution_str"], arguments["ground_truth"]) == ("a", "s")
    assert arguments["extra_info"]["width"] == 100


@pytest.mark.parametrize(
    ("frame", "corners"),
    [("pixel", [10, 5, 30, 25]), ("unit", [0.1, 0.1, 0.3, 0.5]), ("thousand", [100, 100, 300, 500])],
)
def test_frames_of_coordinates(frame: Any, corners: list[float]) -> None:
    text = BoxStyle(box="bbox").write(ROW.boxes, ROW, frame)
    assert json.loads(text) == [{"bbox": corners, "label": "cat"}]


def test_wrappers_and_containers_write_what_public_rewards_read() -> None:
    assert Wrapper("think", "answer").wrap("x", "so") == "<think>so</think><answer>x</answer>"
    assert Wrapper(answer="answer", fence=True).wrap("x") == "<answer>```json\nx\n```</answer>"
    python = BoxStyle(box="Position", label="", score="Confidence", quotes="python")
    assert python.write(ROW.boxes, ROW, "pixel") == "[{'Position': [10, 5, 30, 25], 'Confidence': 1}]"
    assert BoxStyle("commas").write(ROW.boxes, ROW, "pixel") == "10,5,30,25"
    assert BoxStyle("pairs").write(ROW.boxes, ROW, "pixel") == "(10,5),(30,25)"
    assert "NaN" in BoxStyle().write([Box((math.nan,) * 4)], ROW, "pixel")


def test_hints_are_of_the_function_alone() -> None:
    source = "KEY = 'Position'\ndef f(x): return x[KEY]\ndef g(x): return x['bbox_2d']"
    assert hints_of(source, "f").box_keys == ("Position",)
    assert hints_of(source, "g").box_keys == ("bbox_2d",)


def test_honest_mistakes_are_wrong() -> None:
    assert all(a.corners[0] >= 31 or a.corners[2] <= 9 or a.corners[1] >= 26 for a in elsewhere(ROW))
    rows = [Row("a", "?", 9, 9, answers=(t,)) for t in ("yes", "3", "red", "dark red")]
    assert [wrong_answer(row, rows) for row in rows] == ["no", "10", "yes", "yes"]


BOX = [10, 5, 30, 25]


@pytest.mark.parametrize(
    "columns",
    [
        {"solution": json.dumps([{"bbox_2d": BOX, "label": "cat"}])},
        {"solution": f"<answer>[{{'Position': {BOX}, 'Confidence': 1, 'label': 'cat'}}]</answer>"},
        {"solution": "```json\n" + json.dumps([{"bbox": BOX, "label": "cat"}]) + "\n```"},
        {"boxes": [BOX], "labels": ["cat"]},
        {"ground_truth": {"boxes": [BOX], "labels": ["cat"]}},
        {"ground_truth": {"cat": [BOX]}},
        {"reward_model": {"style": "rule", "ground_truth": json.dumps([{"bbox": BOX, "label": "cat"}])}},
    ],
)
def test_rows_of_a_data_set(tmp_path: Path, columns: dict[str, Any]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"problem": "Find cats.", "width": 100, "height": 50, **columns}) + "\n")
    row = read_rows(file, "detection")[0]
    assert row.boxes == (Box((10, 5, 30, 25), "cat"),)
    assert (row.prompt, row.width) == ("Find cats.", 100)


def test_a_row_without_a_truth_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([{"problem": "?", "answer": "yes"}, {"problem": "?"}]))
    with pytest.raises(DataError, match="row 2"):
        read_rows(file, "vqa")
    file.write_text("not json")
    with pytest.raises(DataError, match="line 1"):
        read_rows(file, "vqa")


def paid_for_nothing(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    return [float(c == a or not c) for c, a in zip(completions, answer, strict=True)]


def sound(completions: list[str], answer: list[str], **kwargs: Any) -> list[float]:
    return [float(c.strip().lower() == a.strip().lower()) for c, a in zip(completions, answer, strict=True)]


def test_assert_reward_sound_names_finding_text_reward_and_gold() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_reward_sound(paid_for_nothing, task="vqa", samples=4)
    message = str(raised.value)
    assert "exploit: empty completion" in message and 'answer: ""' in message
    assert "reward 1, the right answer earns 1" in message
    ignored = {line.partition(": ")[2] for line in message.splitlines() if line.startswith("exploit: ")}
    assert_reward_sound(paid_for_nothing, task="vqa", samples=4, ignore=sorted(ignored))
    assert_reward_sound(sound, task="vqa", samples=4)


def test_assert_reward_sound_takes_registered_rewards_and_files() -> None:
    assert_reward_sound("vqa/exact", samples=4)
    with pytest.raises(AssertionError, match="visual-rft-as-published is not sound"):
        assert_reward_sound("detection/visual-rft-as-published", samples=4)
    file = Path(__file__).parent / "foreign_functions" / "verl_boxes.py"
    with pytest.raises(AssertionError, match="other labels"):
        assert_reward_sound(f"{file}:labels_ignored", task="detection", samples=4)
