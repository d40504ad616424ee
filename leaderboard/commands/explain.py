"""`rewardmark explain RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rewardmark.leaderboard.commands.arguments import DataFolder

__all__ = ["explain"]


def explain(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of a finished run, or the path of its folder.")],
    against: Annotated[
        str | None, typer.Option(metavar="RUN", help="The run to compare with; else the run of its own start.")
    ] = None,
    runs: Annotated[Path, typer.Option(metavar="DIR", help="Where the runs are stored.")] = Path("runs"),
    data: DataFolder = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Where a result comes from: kinds of error before and after, from the stored predictions; no model is needed.

    Detection: TIDE's error types and AP with oracle confidences, classes and boxes. Panoptic: SQ and RQ of things and
    stuff, of small and large segments. Captions: how they end, and CHAIR. Colour: distance beside colourfulness.

    What is found is kept in the run's folder, where the report and the leaderboard page take it from.

    Examples:

      rewardmark explain detection-reinforce-4ceb56b603a0

      rewardmark explain runs/detection-reinforce-4ceb56b603a0 --against detection-mle-2379ad20b73a --json

      rewardmark explain runs/detection-mle-9e25d3e25488 --data path/to/bccd
    """
    from json import dumps

    from rewardmark.leaderboard.data import Splits
    from rewardmark.leaderboard.explain import comparison, explain_run, markdown
    from rewardmark.leaderboard.store import Store
    from rewardmark.rewards.errors import RewardmarkError

    root = Path(run).parent if len(Path(run).parts) > 1 else runs
    store, splits = Store(root), Splits(data)
    ids = [Path(run).name]
    other = Path(against).name if against else None
    for run_id in (ids[0], other):
        if run_id is not None and not store.is_finished(run_id):
            known = ", ".join(list(store.run_ids())[:5]) or "none"
            raise RewardmarkError(f"{root}: no finished run is called {run_id!r}; there are: {known}")
    other = other or store.read(ids[0])["start_run"]
    if other is not None and store.is_finished(other):
        ids.append(other)
    found = [explain_run(store, run_id, splits) for run_id in ids]
    if json:
        typer.echo(dumps(dict(zip(("run", "against"), found, strict=False)), indent=1))
        return
    typer.echo("\n".join(markdown(comparison(found[:1], found[1:]), found[0].get("over_represented", ()))))
