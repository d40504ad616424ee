"""Options of the built-in methods: plain dataclasses, unknown keys and bad values refused."""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any, TypeVar

from rewardmark.rewards.errors import RewardmarkError

T = TypeVar("T")


def read_options(kind: type[T], method: str, given: dict[str, Any]) -> T:
    """`kind(**given)` with an error that names the method, the option and the nearest known one."""
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key, value in given.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(fields))}"
            raise RewardmarkError(f"method {method!r}: unknown option {key!r}{hint}")
        allowed = fields[key].metadata.get("choices")
        if allowed and value not in allowed:
            raise RewardmarkError(
                f"method {method!r}: option {key} = {value!r} is none of {', '.join(map(repr, allowed))}"
            )
        if fields[key].metadata.get("text") and not isinstance(value, str):
            raise RewardmarkError(f"method {method!r}: option {key} = {value!r} must be text")
        least = fields[key].metadata.get("least")
        if least is not None and value is not None and not (isinstance(value, int | float) and value >= least):
            raise RewardmarkError(f"method {method!r}: option {key} = {value!r} must be a number of at least {least}")
    return kind(**given)


def choice(default: str, *choices: str) -> Any:
    """A field that takes one of a few words."""
    return dataclasses.field(default=default, metadata={"choices": choices})


def at_least(least: float, default: float | int | None) -> Any:
    """A field that takes a number of at least `least`."""
    return dataclasses.field(default=default, metadata={"least": least})


def words(default: str = "") -> Any:
    """A field that takes text."""
    return dataclasses.field(default=default, metadata={"text": True})
