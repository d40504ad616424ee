"""The pages in rewards/ say what is so: the guide runs, the reference page is the one that the cards give."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rewardmark.rewards import list_rewards, registry
from rewardmark.rewards.reference import reference_page

REWARDS = Path(__file__).parents[2] / "rewards"


@pytest.fixture(autouse=True)
def _fresh_registry() -> Iterator[None]:
    list_rewards()
    before = registry._snapshot()
    yield
    registry._restore(before)


def test_the_guide_runs_and_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {"__name__": "guide"}
    blocks = re.findall(r"```python\n(.*?)```", (REWARDS / "README.md").read_text(), re.DOTALL)
    assert len(blocks) >= 5
    promised = []
    for block in blocks:
        exec(compile(block, "README.md", "exec"), scope)
        promised += re.findall(r"print\(.*\)  # (.*)", block)
    printed = capsys.readouterr().out
    for line in promised:
        assert line in printed


def test_the_reference_page_is_up_to_date() -> None:
    assert (REWARDS / "REWARDS.md").read_text() == reference_page(), "python -m rewardmark.rewards.reference"
