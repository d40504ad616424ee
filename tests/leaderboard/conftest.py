"""What the leaderboard's tests share: a cache folder of their own, the toy plug-in, and a way to write suites."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from rewardmark.leaderboard.cell import Context
from rewardmark.leaderboard.data import Splits
from rewardmark.leaderboard.plan import Plan, plan_suite
from rewardmark.leaderboard.store import Store
from rewardmark.leaderboard.suite import load_suite
from rewardmark.rewards import load_plugin

PLUGIN = Path(__file__).parent / "toy_plugin.py"

DEFAULTS = """
[defaults]
dataset = { name = "scenes", split = "train", n = 12, seed = 5 }
evaluation = { name = "scenes", split = "test", n = 10, seed = 5 }
model = "toy-model"
"""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder for the session, so that tests neither use nor fill the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REWARDMARK_CACHE", str(folder))
        yield folder


@pytest.fixture
def plugin(cache: Path) -> Path:
    """The toy plug-in, loaded; its file."""
    load_plugin(PLUGIN)
    return PLUGIN


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(cells) gives a suite file with the toy's defaults and those cells; defaults=False leaves them out."""

    def write(cells: str, defaults: bool = True) -> Path:
        file = tmp_path / "suite.toml"
        file.write_text('name = "toy"\n' + (DEFAULTS if defaults else "") + cells)
        return file

    return write


@pytest.fixture(scope="session")
def lasting_suite(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """As `write`, for fixtures that outlive one test."""

    def write(cells: str) -> Path:
        file = tmp_path_factory.mktemp("suite") / "suite.toml"
        file.write_text('name = "toy"\n' + DEFAULTS + cells)
        return file

    return write


@pytest.fixture
def planned(plugin: Path, write: Callable[..., Path]) -> Callable[[str], Plan]:
    """planned(cells) gives the plan of such a suite."""
    return lambda cells: plan_suite(load_suite(write(cells)), Splits())


@pytest.fixture
def context(planned: Callable[[str], Plan], tmp_path: Path) -> Callable[..., Context]:
    """context(cells) gives what the harness needs to run them; store= puts the runs elsewhere."""

    def context(cells: str, store: str = "runs") -> Context:
        return Context(planned(cells), Store(tmp_path / store), Splits(), threads=1)

    return context


@pytest.fixture
def gone() -> Callable[[Iterable[int | str]], bool]:
    """gone(pids) says whether these processes have all ended, now or within seconds."""

    def gone(pids: Iterable[int | str]) -> bool:
        places, until = [Path(f"/proc/{pid}") for pid in pids], time.monotonic() + 20
        while any(place.exists() for place in places) and time.monotonic() < until:
            time.sleep(0.05)
        return not any(place.exists() for place in places)

    return gone
