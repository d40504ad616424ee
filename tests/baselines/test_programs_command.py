"""`rewardmark program run`: one JSON object, exit 0 whatever the program did, one line for the user's mistakes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rewardmark.leaderboard.cli import app, main
from rewardmark.tasks.scenes.scene import make_scene
from rewardmark.tasks.scenes.scene_json import scene_to_json
from typer.testing import CliRunner

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are held by Linux")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scene = make_scene(1, 3, 96)
    Image.fromarray(scene.image).save(tmp_path / "scene.png")
    (tmp_path / "scene.json").write_text(json.dumps(scene_to_json(scene)))
    (tmp_path / "find.py").write_text("def execute_command(image):\n    return ImagePatch(image).find('ball')\n")
    return tmp_path


def run(folder: Path, *arguments: str, program: str = "find.py") -> dict[str, Any]:
    result = CliRunner().invoke(
        app, ["program", "run", str(folder / program), "--image", str(folder / "scene.png"), *arguments, "--json"]
    )
    assert result.exit_code == 0, result.output
    shown: dict[str, Any] = json.loads(result.stdout)
    return shown


def test_a_good_program(folder: Path) -> None:
    shown = run(folder, "--scene", str(folder / "scene.json"))
    balls = [o["box"] for o in json.loads((folder / "scene.json").read_text())["objects"] if o["category"] == "ball"]
    assert shown.pop("seconds") > 0 and "rlimits" in shown.pop("isolation")
    assert shown == {"outcome": "ok", "answer": balls, "calls": 1} and balls


@pytest.mark.parametrize(
    ("text", "outcome", "line"),
    [
        ("def execute_command(image):\n    return [][1]\n", "runtime", 2),
        ("def execute_command(image)\n", "syntax", 1),
        ("import os\n", "forbidden", 1),
        ("def execute_command(image):\n    while True: pass\n", "timeout", None),
        ("def execute_command(image):\n    return None\n", "malformed", None),
    ],
)
def test_a_program_that_fails_is_no_failure_of_the_command(folder: Path, text: str, outcome: str, line: Any) -> None:
    (folder / "bad.py").write_text(text)
    shown = run(folder, "--scene", str(folder / "scene.json"), "--timeout", "1", program="bad.py")
    assert (shown["outcome"], shown["answer"], shown["line"]) == (outcome, None, line) and shown["message"]


def test_bytes_that_are_no_text_are_a_program_that_is_no_program(folder: Path) -> None:
    (folder / "bytes.py").write_bytes(b"\xff\xfe\x00")
    assert run(folder, "--scene", str(folder / "scene.json"), program="bytes.py")["outcome"] == "syntax"


def test_a_byte_order_mark_is_no_part_of_a_program(folder: Path) -> None:
    (folder / "windows.py").write_bytes(b"\xef\xbb\xbfdef execute_command(image):\r\n    return 'yes'\r\n")
    assert run(folder, "--scene", str(folder / "scene.json"), program="windows.py")["answer"] == "yes"


def test_without_a_scene_the_shipped_detector_answers(folder: Path) -> None:
    (folder / "sum.py").write_text("def execute_command(image):\n    return 1 + 1\n")
    assert run(folder, program="sum.py")["answer"] == 2
    assert run(folder)["calls"] == 1


def test_without_json_it_is_lines(folder: Path) -> None:
    arguments = [str(folder / "find.py"), "--image", str(folder / "scene.png"), "--scene", str(folder / "scene.json")]
    result = CliRunner().invoke(app, ["program", "run", *arguments])
    assert result.exit_code == 0 and result.stdout.splitlines()[0].split() == ["outcome", "ok"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": "no.py"}, "no.py: no such file"),
        ({"image": "no.png"}, "no.png: no such file"),
        ({"image": "scene.json"}, "no picture that can be read"),
        ({"scene": "find.py"}, "find.py: not JSON"),
        ({"scene": "other.json"}, "the scene is 48 x 48, its picture 96 x 96"),
        ({"more": ["--timeout", "0"]}, "wall_s is 0.0"),
        ({"more": ["--timeout", "nan"]}, "wall_s is nan"),
        ({"more": ["--perception", "trained"]}, "--scene is for --perception oracle"),
        ({"more": ["--vqa", "no"]}, "--vqa goes with --perception hf"),
        ({"scene": None, "more": ["--perception", "oracle"]}, "1 --image and 0 --scene"),
    ],
)
def test_the_users_mistakes_are_one_line(
    folder: Path, change: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "other.json").write_text(json.dumps(scene_to_json(make_scene(1, 3, 48))))
    scene = change.get("scene", "scene.json")
    arguments = [str(folder / change.get("file", "find.py")), "--image", str(folder / change.get("image", "scene.png"))]
    arguments += ["--scene", str(folder / scene)] if scene else []
    monkeypatch.setattr(sys, "argv", ["rewardmark", "program", "run", *arguments, *change.get("more", [])])
    with pytest.raises(SystemExit) as stop:
        main()
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1
