"""`rewardmark.rewards` brings a name when it is asked for, and all that it promises."""

from __future__ import annotations

import subprocess
import sys

import pytest
import rewardmark.rewards


def test_every_public_name_is_there() -> None:
    assert sorted(name for names in rewardmark.rewards._HOMES.values() for name in names) == sorted(
        rewardmark.rewards.__all__
    )
    for name in rewardmark.rewards.__all__:
        assert getattr(rewardmark.rewards, name).__name__ == name or name == "References"
    assert set(rewardmark.rewards.__all__) <= set(dir(rewardmark.rewards))


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_reward'"):
        _ = rewardmark.rewards.no_such_reward


def test_an_error_class_brings_nothing_else() -> None:
    code = (
        "import sys; from rewardmark.rewards.errors import RewardmarkError; "
        "print([name for name in sys.modules if name.startswith('rewardmark.rewards.')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "['rewardmark.rewards._lazy', 'rewardmark.rewards.errors']"
