"""What tests of several folders share: a folder of synthetic runs, and the page built from it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _helper(name: str) -> ModuleType:
    """A module of tests/leaderboard that is no test, by file: tests are no package."""
    file = Path(__file__).parent / "leaderboard" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"rewardmark_{name}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def board_fixture() -> ModuleType:
    """The module that writes synthetic runs."""
    return _helper("board_fixture")


@pytest.fixture(scope="session")
def audit_fixture() -> ModuleType:
    """The module that writes audits made by hand."""
    return _helper("audit_fixture")


@pytest.fixture(scope="session")
def board_runs(board_fixture: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic runs of the four tasks; to be read only."""
    return board_fixture.write_runs(tmp_path_factory.mktemp("board") / "runs")


@pytest.fixture(scope="session")
def board_site(board_runs: Path) -> Path:
    """The page of `board_runs`; to be read only."""
    from rewardmark.leaderboard.board import build_board

    return build_board(board_runs, board_runs.parent / "site").index.parent
