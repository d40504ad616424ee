"""`rewardmark audit [TARGET...]`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rewardmark.leaderboard.commands.arguments import PluginFiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rewardmark.rewards.audit.result import AuditResult
    from rich.console import Console


def audit(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            help="Names or globs of registered rewards (all of them without any), or FILE.py:FUNCTION.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the audits and their pages go.")] = Path(
        "runs/audits"
    ),
    plugin: PluginFiles = None,
    samples: Annotated[
        int | None, typer.Option(min=2, metavar="N", help="Samples of each task (else 32 or 48).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same audit.")] = 0,
    search: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Search so long for exploits that no list contains; 0: off.")
    ] = 0.0,
    adversary: Annotated[
        int, typer.Option(min=0, metavar="STEPS", help="Train a policy on the reward alone for so many steps; 0: off.")
    ] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME.PARAMETER=VALUE", help="A reward's parameter, as JSON or plain text; repeatable."
        ),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="RULE",
            help="Exit with 1 if, say, 'exploits>0'; also errors, false-passes, false-fails.",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, metavar="N", help="So many tasks at a time, each in its own process.")
    ] = 1,
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help="FILE.py:FUNCTION only: what it is a reward for.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="FILE.py:FUNCTION only: how answers are written, or auto.")
    ] = "auto",
    frame: Annotated[
        str, typer.Option(metavar="pixel|unit|thousand", help="FILE.py:FUNCTION only: the frame of coordinates.")
    ] = "pixel",
    dataset: Annotated[
        Path | None, typer.Option(metavar="FILE", help="FILE.py:FUNCTION only: rows of your data set (JSON lines).")
    ] = None,
) -> None:
    """Measure how a reward could be gamed, and what it fails to pay, before it is trained on.

    Each reward is tried with generated answers of graded quality and with a battery of unearned ones. DIR gets
    audit.json, audit.parquet, a card for each reward and a ranking. Stop it whenever you like: the same command goes on
    where it was.

    Examples:

      rewardmark audit --out runs/audits

      rewardmark audit 'detection/*' --search 30 --adversary 200

      rewardmark audit my/reward --plugin my_rewards.py --fail-on 'exploits>0'

      rewardmark audit my_reward.py:reward --task detection --format json-boxes --frame pixel

      rewardmark audit captioning/clip-score --set captioning/clip-score.model=path/to/clip
    """
    from rewardmark.leaderboard.audit.driver import Options, audit_rewards, is_built_in, select_rewards
    from rewardmark.leaderboard.audit.parallel import audit_parallel
    from rewardmark.leaderboard.audit.publish import publish
    from rewardmark.leaderboard.audit.rules import broken_rules, parse_parameters, parse_rules
    from rewardmark.leaderboard.progress import reporter
    from rewardmark.rewards import get_reward, load_plugin
    from rewardmark.rewards.errors import RewardmarkError
    from rich.console import Console

    rules = parse_rules(fail_on or [])
    console = Console(stderr=True)
    functions = [target for target in targets or [] if ".py:" in target]
    names = [target for target in targets or [] if ".py:" not in target]
    if not functions and (task or dataset or format_ != "auto" or frame != "pixel"):
        raise RewardmarkError("--task, --format, --frame and --dataset are for a target FILE.py:FUNCTION")
    for file in plugin or []:
        load_plugin(file)
    results: list[AuditResult] = []
    missing: list[str] = []
    with reporter(console) as show:
        for function in functions:
            from rewardmark.leaderboard.audit.foreign import audit_function

            results.append(
                audit_function(
                    function, out, task=task, format=format_, frame=frame, dataset=dataset, samples=samples,
                    seed=seed, search=search, adversary=adversary, show=show,
                )
            )  # fmt: skip
        if names or not functions:
            options = Options(samples, seed, search, adversary, parse_parameters(set_ or []))
            cards = select_rewards(names)
            for name, given in options.parameters.items():
                get_reward(name, **given)  # says now what is wrong with them
            if jobs > 1:
                found = audit_parallel(cards, out, options, show, jobs, plugin or [])
            else:
                found = audit_rewards(cards, out, options, show)
            results += found.results
            if found.kept:
                show.line(f"{found.kept} of {len(cards)} were finished before")
            missing = [skip.reward for skip in found.skipped if not is_built_in(skip.reward)]
        index = publish(out, show)
    _print(Console(), results)
    typer.echo(f"{index}: {len(results)} rewards audited")
    said = broken_rules(rules, results, missing)
    for line in said:
        typer.echo(f"rewardmark: {line}", err=True)
    if said:
        raise typer.Exit(1)


def _print(console: Console, results: Sequence[AuditResult]) -> None:
    """One table a task: what games each reward, and what it is worth."""
    from rich.console import Console
    from rich.table import Table

    wide = Console(width=max(console.width, 160) if not console.is_terminal else None)
    for task in dict.fromkeys(result.task for result in results):
        table = Table(title=task, title_justify="left", box=None, padding=(0, 2, 0, 0))
        for heading in (
            "reward",
            "status",
            "exploits",
            "cheapest",
            "rank agreement",
            "hackability",
            "silent",
            "per second",
        ):
            table.add_column(heading, overflow="fold")
        for result in (r for r in results if r.task == task):
            exploits, s = result.exploits(), result.sections
            table.add_row(
                result.reward,
                str(result.card.get("status", "")),
                str(len(exploits)),
                exploits[0].name if exploits else "",
                _number(s.get("rank", {}).get("spearman")),
                _number(s.get("best_of_n", {}).get("hackability")),
                _number(s.get("signal", {}).get("silent")),
                _number(s.get("speed", {}).get("cpu", {}).get("64"), "{:,.0f}"),
            )
        wide.print(table)


def _number(value: object, form: str = "{:.3f}") -> str:
    return form.format(value) if isinstance(value, (int, float)) and value == value else "-"
