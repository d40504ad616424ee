"""What is installed: every package under the name rewardmark, nothing bare, constraints that pin and name no host."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("rewards", "tasks", "baselines", "leaderboard")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_package_of_the_four_folders_is_installed() -> None:
    found = {
        "rewardmark." + ".".join(file.parent.relative_to(ROOT).parts)
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("__init__.py")
    }
    # What `rewardmark bench` runs lies among the tests and is installed under a name of its own.
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found | {"rewardmark.benchmarks"}


def test_a_folder_with_python_in_it_is_a_package() -> None:
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            assert (file.parent / "__init__.py").is_file(), file


def test_nothing_lands_bare_among_a_users_packages() -> None:
    top = (distribution("rewardmark").read_text("top_level.txt") or "rewardmark").split()
    assert top == ["rewardmark"]
    assert all(name.startswith("rewardmark.") for name in PROJECT["tool"]["setuptools"]["packages"])


def test_constraints_pin_every_dependency_and_name_no_host() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line) for line in lines)
    pinned = {re.sub(r"[_.]", "-", line.split("==")[0]).lower() for line in lines}
    wanted = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]
    assert {re.split(r"[<>=!~ \[;]", name)[0] for name in wanted} <= pinned
