"""`rewardmark list [rewards|tasks|methods|models|suites]`. Imports no torch."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rewardmark.leaderboard.commands.arguments import PluginFiles

if TYPE_CHECKING:
    from rich.table import Table


class Kind(StrEnum):
    """What there is to list."""

    rewards = "rewards"
    tasks = "tasks"
    methods = "methods"
    models = "models"
    suites = "suites"


def list_(
    kind: Annotated[Kind | None, typer.Argument(help="One kind; all of them without it.")] = None,
    plugin: PluginFiles = None,
) -> None:
    """List what is registered: rewards, tasks, methods, models, and the suites that ship.

    Examples:

      rewardmark list

      rewardmark list rewards --plugin my_rewards.py
    """
    from rewardmark.rewards import load_plugin
    from rich.console import Console

    for file in plugin or []:
        load_plugin(file)
    console = Console()
    wide = Console(width=max(console.width, 200) if not console.is_terminal else None)
    for wanted in [kind] if kind else list(Kind):
        wide.print(_TABLES[wanted]())


def _table(title: str, *headings: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == headings[0])
    return table


def _rewards() -> Table:
    from rewardmark.rewards import list_rewards

    table = _table("rewards", "name", "bounds", "status", "gold", "source")
    for card in list_rewards():
        low, high = ("" if end is None else f"{end:g}" for end in card.bounds)
        source = card.source or (f"after {card.after}" if card.after else "")
        table.add_row(card.name, f"[{low}, {high}]".replace("[", "\\["), card.status, card.gold or "", source)
    return table


def _tasks() -> Table:
    from rewardmark.tasks import get_task, list_tasks

    table = _table("tasks", "name", "primary metric", "metrics", "default reward", "version")
    for name in list_tasks():
        task = get_task(name)
        metrics = " ".join(metric.name for metric in task.metrics)
        table.add_row(name, task.primary, metrics, task.default_reward, task.version)
    return table


def _methods() -> Table:
    from rewardmark.baselines import list_methods

    table = _table("methods", "name")
    for name in list_methods():
        table.add_row(name)
    return table


def _models() -> Table:
    from rewardmark.baselines import get_model, list_models

    table = _table("models", "name", "what for")
    for name in list_models():
        table.add_row(name, get_model(name).summary)
    return table


def _suites() -> Table:
    from rewardmark.leaderboard.suite import load_suite, shipped_suites

    table = _table("suites", "name", "cells", "what for")
    for name in shipped_suites():
        suite = load_suite(name)
        table.add_row(name, str(len(suite.cells)), suite.description)
    return table


_TABLES = {
    Kind.rewards: _rewards,
    Kind.tasks: _tasks,
    Kind.methods: _methods,
    Kind.models: _models,
    Kind.suites: _suites,
}
