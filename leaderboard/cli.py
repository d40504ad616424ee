"""The command `rewardmark`. Each verb is one file in commands/; heavy imports wait until a verb needs them."""

from __future__ import annotations

import logging
import sys

import typer
from rewardmark.leaderboard.commands import data, judge, program, score_programs
from rewardmark.leaderboard.commands.answer import answer
from rewardmark.leaderboard.commands.audit import audit
from rewardmark.leaderboard.commands.bench import bench
from rewardmark.leaderboard.commands.board import board
from rewardmark.leaderboard.commands.check import check
from rewardmark.leaderboard.commands.explain import explain
from rewardmark.leaderboard.commands.export import export
from rewardmark.leaderboard.commands.list import list_
from rewardmark.leaderboard.commands.recaption import recaption
from rewardmark.leaderboard.commands.run import run
from rewardmark.leaderboard.commands.show import compare, show
from rewardmark.leaderboard.commands.submit import submit, verify
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
app.command("explain")(explain)
app.command("bench", epilog="Example: `rewardmark bench --quick --only captions`")(bench)
app.command("audit")(audit)
app.command("check")(check)
app.command("list")(list_)
app.command("show")(show)
app.command("compare")(compare)
app.command("export")(export)
app.command("recaption")(recaption)
app.command("answer")(answer)
app.command("submit")(submit)
app.command("verify")(verify)
app.add_typer(data.app, name="data")
app.add_typer(score_programs.app, name="score")
app.add_typer(judge.app, name="judge")
app.add_typer(program.app, name="program")


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
    """The console script. What the user can mend is one line on stderr and exit code 2, and so is what a disk refuses
    (full, read-only, not a folder; -v shows where that was); a stop by Ctrl-C is 130."""
    try:
        app()
    except RewardmarkError as error:
        print(f"rewardmark: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        logging.getLogger(__name__).info("where it happened", exc_info=error)
        print(f"rewardmark: {_of_the_disk(error)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("rewardmark: stopped", file=sys.stderr)
        sys.exit(130)


def _of_the_disk(error: OSError) -> str:
    """One line: the file and what the system said about it."""
    if error.errno is None and error.args and isinstance(error.args[0], list):  # shutil collects what went wrong
        _, file, said = error.args[0][0]
        return " ".join(f"{file}: {said}".split())
    names = [str(name) for name in (error.filename2, error.filename) if name is not None]
    return " ".join(": ".join([*names[:1], error.strerror or str(error)]).split())


if __name__ == "__main__":
    main()
