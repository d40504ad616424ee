"""The command `rewardmark`. Each verb is one file in commands/; heavy imports wait until a verb needs them."""

from __future__ import annotations

import logging
import sys

import typer
from rewardmark.leaderboard.commands import data, score
from rewardmark.leaderboard.commands.board import board
from rewardmark.leaderboard.commands.check import check
from rewardmark.leaderboard.commands.list import list_
from rewardmark.leaderboard.commands.run import run
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Rewardmark: a benchmark suite for reward functions, and for the vision models tuned with them.",
)
app.command("run")(run)
app.command("board", epilog="Example: `rewardmark board runs --out site`")(board)
app.command("check")(check)
app.command("list")(list_)
app.add_typer(data.app, name="data")
app.add_typer(score.app, name="score")


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Show the log of the parts."),
) -> None:
    """A benchmark suite for reward functions, and for the vision models tuned with them.

    Start here: `rewardmark run demo`, then `rewardmark board runs --out site`.
    """
    if version:
        from importlib.metadata import version as version_of

        typer.echo(version_of("rewardmark"))
        raise typer.Exit()
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr
    )
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """The console script. What the user can mend is one line on stderr and exit code 2; a stop by Ctrl-C is 130."""
    try:
        app()
    except RewardmarkError as error:
        print(f"rewardmark: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("rewardmark: stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
