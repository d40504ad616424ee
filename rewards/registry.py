"""Registering rewards and finding them again. Listing them imports no torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

from rewardmark.rewards.card import RewardCard, Status
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.plugins import load_entry_points
from rewardmark.rewards.reward import Reward

__all__ = ["get_reward", "list_rewards", "register_reward"]

F = TypeVar("F", bound=Callable[..., Any])

#: The modules that register the rewards of this package.
BUILT_IN: tuple[str, ...] = (
    "detection_recall",
    "detection_ap",
    "detection_f1",
    "detection_weighted",
    "detection_hungarian",
    "grounding",
    "seg_zero",
    "panoptic",
    "colorization",
    "cider",
    "caption_overlap",
    "chair",
    "clip_score",
    "vqa",
    "counting",
    "matching",
    "formats",
)

ENTRY_POINTS = "rewardmark.rewards"


@dataclass(frozen=True)
class _Entry:
    card: RewardCard
    function: Callable[..., Any]
    batched: bool


_REGISTRY: dict[str, _Entry] = {}
_loaded = False


def register_reward(
    name: str,
    *,
    task: str,
    bounds: tuple[float | None, float | None],
    gold: str | None = None,
    source: str | None = None,
    after: str | None = None,
    version: str = "1",
    status: Status = "published",
    may_abstain: bool = False,
    needs_python: bool = False,
    batched: bool = True,
    twin: str | None = None,
    defect: str | None = None,
    gamed_by: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Register `function(predictions, targets, *, parameter=default, ...)` as the reward `name`.

    A batched function returns a float32 tensor [B], or a pair of it and a dict of component tensors [B]. With
    ``batched=False`` the function gets one sample's prediction and target without padding and returns a float.
    The defaults of its keyword-only parameters go on the card. `name` is "task/what"; see RewardCard for the rest.
    Raises RewardmarkError for a name that is taken, an unknown task, or a signature that is not as above.
    """

    def decorate(function: F) -> F:
        parameters = _parameters(name, function)
        summary = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ")
        card = RewardCard(
            name=name,
            task=task,
            bounds=bounds,
            gold=gold,
            source=source,
            after=after,
            version=version,
            parameters=parameters,
            status=status,
            may_abstain=may_abstain,
            needs_python=needs_python,
            summary=summary,
            twin=twin,
            defect=defect,
            gamed_by=gamed_by,
        )
        held = _REGISTRY.get(name)
        if held is not None:
            where = f"{held.function.__module__}.{held.function.__qualname__}"
            raise RewardmarkError(f"reward {name}: the name is already registered by {where}; choose another")
        _REGISTRY[name] = _Entry(card, function, batched)
        return function

    return decorate


def get_reward(name: str, **parameters: Any) -> Reward:
    """The reward registered as `name`, with `parameters` in place of its defaults.

    Raises RewardmarkError for an unknown name (naming the nearest ones), an unknown parameter or a value of
    another kind than its default.
    """
    _load_all()
    entry = _REGISTRY.get(name)
    if entry is None:
        near = get_close_matches(name, _REGISTRY, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see `rewardmark list rewards`"
        raise RewardmarkError(f"no reward is called {name!r}; {hint}")
    unknown = sorted(set(parameters) - set(entry.card.parameters))
    if unknown:
        known = ", ".join(entry.card.parameters) or "none"
        raise RewardmarkError(f"reward {name} has no parameter {', '.join(unknown)}; its parameters: {known}")
    for parameter, value in parameters.items():
        _check_kind(name, parameter, value, entry.card.parameters[parameter])
    return Reward(entry.card, entry.function, parameters, entry.batched)


def _check_kind(name: str, parameter: str, value: Any, default: Any) -> None:
    """A number for a number, true or false for a switch, a text for a text; other defaults (None, tables) say too
    little to judge by."""
    fits: tuple[type, ...]
    if isinstance(default, bool):
        fits, what = (bool,), "true or false"
    elif isinstance(default, (int, float)):
        fits, what = (int, float), "a number"
    elif isinstance(default, str):
        fits, what = (str,), "a text"
    else:
        return
    if value is None or (isinstance(value, bool) and bool not in fits) or not isinstance(value, fits):
        raise RewardmarkError(f"reward {name}: parameter {parameter} must be {what}, not {value!r}")


def list_rewards(task: str | None = None) -> list[RewardCard]:
    """The cards of all registered rewards in order of name, or of one task's."""
    _load_all()
    return [_REGISTRY[name].card for name in sorted(_REGISTRY) if task in (None, _REGISTRY[name].card.task)]


def _load_all() -> None:
    global _loaded
    if _loaded:
        return
    _loaded = True  # before the imports: a reward module may itself ask the registry
    for module in BUILT_IN:
        import_module(f"rewardmark.rewards.{module}")
    load_entry_points(ENTRY_POINTS)


def _parameters(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    """The defaults of the keyword-only parameters; raises RewardmarkError for a signature that is not a reward's."""
    if not callable(function):
        raise RewardmarkError(f"reward {name}: {function!r} is not a function")
    positional, keyword = [], {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise RewardmarkError(f"reward {name}: the signature must not have *{parameter.name}; name each parameter")
        if parameter.kind is parameter.KEYWORD_ONLY:
            if parameter.default is parameter.empty:
                raise RewardmarkError(f"reward {name}: parameter {parameter.name} needs a default value")
            keyword[parameter.name] = parameter.default
        else:
            positional.append(parameter.name)
    if len(positional) != 2:
        raise RewardmarkError(
            f"reward {name}: the function must take (predictions, targets, *, parameters), "
            f"not ({', '.join(positional) or 'nothing'})"
        )
    return keyword


def _snapshot() -> dict[str, _Entry]:
    return dict(_REGISTRY)


def _restore(entries: dict[str, _Entry]) -> None:
    _REGISTRY.clear()
    _REGISTRY.update(entries)
