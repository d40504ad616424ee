"""`rewardmark board RUNS --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["board"]


def board(
    runs: Annotated[Path, typer.Argument(help="The folder of runs, as `rewardmark run` wrote it.")],
    out: Annotated[Path, typer.Option("--out", help="Where the page goes; an older board there is replaced.")],
) -> None:
    """Build the leaderboard page: static files that open from disk, with no network."""
    from rewardmark.leaderboard.board import build_board

    built = build_board(runs, out)
    typer.echo(f"{built.index}: {built.runs} runs, {built.entries} entries, tasks: {', '.join(built.tasks)}")
    if built.unfinished:
        typer.echo(f"{built.unfinished} unfinished run(s) are named on the page, without numbers")
