"""What the README shows works as it is written there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from rewardmark.leaderboard.suite import load_suite
from rewardmark.rewards import Boxes, get_reward, load_plugin

README = Path(__file__).parents[2] / "README.md"


def block(beginning: str) -> str:
    """The indented block of the README that begins so."""
    blocks = re.findall(r"(?:^(?:    .*)?\n)+", README.read_text(), flags=re.MULTILINE)
    found = [text for text in map(textwrap.dedent, blocks) if text.strip().startswith(beginning)]
    assert len(found) == 1
    return found[0]


def test_the_suite_of_the_readme_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(block('name = "mine"'))
    names = [cell.name for cell in load_suite(file).cells]
    assert names[0] == "mle detection"
    assert "reinforce detection reward=detection/recall seed=1" in names
    assert len(names) == 7


def test_the_reward_of_the_readme_registers_and_scores(tmp_path: Path) -> None:
    file = tmp_path / "my_rewards.py"
    file.write_text(block("from rewardmark.rewards import register_reward"))
    load_plugin(file)
    one = Boxes.from_lists([[[0, 0, 5, 5]]], [[1]], [[1.0]])
    two = Boxes.from_lists([[[0, 0, 5, 5], [0, 0, 9, 9]]], [[1, 1]])
    assert get_reward("detection/right-count")(one, two).tolist() == pytest.approx([2 / 3])
    with pytest.raises(AssertionError):
        block("no such block")
