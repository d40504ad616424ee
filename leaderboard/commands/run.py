"""`rewardmark run SUITE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rewardmark.leaderboard.commands.arguments import (
    DataFolder,
    Device,
    Evaluator,
    EvaluatorName,
    PluginFiles,
    SuiteName,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rewardmark.leaderboard.harness import Outcome
    from rewardmark.leaderboard.plan import Plan
    from rewardmark.leaderboard.store import Store


def run(
    suite: SuiteName,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only the cells whose name matches, by whole words; repeatable."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the runs are stored.")] = Path("runs"),
    data: DataFolder = None,
    device: Device = "auto",
    plugin: PluginFiles = None,
    evaluator: Evaluator = EvaluatorName.hotcoco,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="So many cells at a time, in as many processes (else what the suite says, else 1)."
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="CPU threads of a cell (else what the suite says, else OMP_NUM_THREADS, else 2)."
        ),
    ] = None,
) -> None:
    """Run a suite: train, predict and judge every cell that has not been finished yet.

    Stop it whenever you like: the same command goes on where it was. A cell that fails is named at the end, and costs
    no other cell.

    Examples:

      rewardmark run demo

      rewardmark run my.toml --only 'reinforce*seed=1' --out runs/

      rewardmark run recaption --only 'round-*' --only spatial

      rewardmark run bccd --data path/to/bccd

      rewardmark run my.toml --plugin my_rewards.py
    """
    from rewardmark.leaderboard.cell import Context
    from rewardmark.leaderboard.data import Splits
    from rewardmark.leaderboard.harness import default_threads, pick_device, run_plan, select
    from rewardmark.leaderboard.parallel import run_parallel
    from rewardmark.leaderboard.plan import plan_suite
    from rewardmark.leaderboard.progress import reporter
    from rewardmark.leaderboard.store import Store
    from rewardmark.leaderboard.suite import load_suite
    from rewardmark.rewards import load_plugin
    from rich.console import Console

    console = Console(stderr=True)
    store = Store(out)
    show = reporter(console)
    splits = Splits(data, lambda done, total: show.stage("making scenes", done, total, {}))
    try:
        with show:
            for file in plugin or []:  # before the suite is read: they may bring its tasks
                load_plugin(file)
            loaded = load_suite(suite, plugins=True)
            plugins = [*(plugin or []), *loaded.plugins]
            plan = plan_suite(loaded, splits, pick_device(device), evaluator.value)
            chosen = select(plan, only or [])
            jobs = jobs or loaded.jobs
            context = Context(plan, store, splits, threads or loaded.threads or default_threads(), show)
            at_a_time = "" if jobs == 1 else f", {jobs} at a time"
            show.line(
                f"suite {plan.suite}: {len(chosen)} of {len(plan.cells)} cells{at_a_time}, on {plan.device}, into {out}"
            )
            outcomes = run_parallel(context, jobs, chosen, plugins) if jobs > 1 else run_plan(context, chosen)
    except KeyboardInterrupt:
        console.print("stopped; what is finished is kept, and the same command goes on from here", highlight=False)
        raise typer.Exit(130) from None
    _print_table(plan, chosen, store)
    raise typer.Exit(_report(plan, outcomes, console.print))


def _report(plan: Plan, outcomes: Sequence[Outcome], say: object) -> int:
    """Name what failed, on stderr; the exit code: 0, 2 when all of it is input to mend, 1 when a cell crashed."""
    bad = [outcome for outcome in outcomes if outcome.state == "failed"]
    for outcome in bad:
        log = f" (traceback: {outcome.log})" if outcome.log else ""
        typer.echo(f"error: cell {plan.cells[outcome.cell].spec.name!r} failed: {outcome.error}{log}", err=True)
    blocked = [outcome for outcome in outcomes if outcome.state == "blocked"]
    if blocked:
        names = ", ".join(repr(plan.cells[outcome.cell].spec.name) for outcome in blocked)
        typer.echo(f"error: not run, because a cell they start from failed: {names}", err=True)
    if not bad:
        return 0
    return 2 if all(outcome.mendable for outcome in bad) else 1


def _print_table(plan: Plan, chosen: Sequence[int], store: Store) -> None:
    from rewardmark.leaderboard.changes import paired_change
    from rewardmark.leaderboard.harness import with_interval
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"suite {plan.suite}: 95% intervals over held-out images", title_justify="left")
    for heading in ("cell", "metric", "value", "change from its start", "reward", "change from its start"):
        table.add_column(heading)
    for k in chosen:
        cell = plan.cells[k]
        if not store.is_finished(cell.run_id):
            table.add_row(cell.spec.name, "-", "not finished")
            continue
        run = store.read(cell.run_id)
        name, metric = next((n, m) for n, m in run["metrics"].items() if m["primary"])
        changes = [paired_change(store, run, what) for what in (name, "reward")]
        shown = ["" if change is None else f"{with_interval(change)}" for change in changes]
        reward = {**run["reward"], "value": run["reward"]["mean"]}
        table.add_row(cell.spec.name, name, with_interval(metric), shown[0], with_interval(reward), shown[1])
    console = Console()
    Console(width=max(console.width, 200) if not console.is_terminal else None).print(table)
