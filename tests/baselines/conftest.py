"""A cache of their own for the tests of each file, so that none reads or fills the user's."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("REWARDMARK_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()
