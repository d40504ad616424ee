"""Benchmarks measure time: none of them runs beside other tests."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # of all folders, not only of this one
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.alone)
