"""Every example in the docstrings of rewards/ does what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
import rewardmark.rewards

MODULES = [
    info.name
    for info in pkgutil.walk_packages(rewardmark.rewards.__path__, "rewardmark.rewards.")
    if not info.name.rsplit(".", 1)[-1].startswith("_")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
