"""The examples in the leaderboard's docstrings are right."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("module", ["toml_lines", "crossing", "progress"])
def test_examples(module: str) -> None:
    tried = doctest.testmod(import_module(f"rewardmark.leaderboard.{module}"))
    assert tried.attempted > 0
    assert tried.failed == 0
