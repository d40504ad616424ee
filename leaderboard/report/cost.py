"""What the captions of each round cost, from the pace and the training that its runs measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewardmark.baselines.recaption.cost import cost_markdown, cost_per_1000, cost_table, read_prices

__all__ = ["captioning_cost"]

PARTS = "vlm-base"
"""The method that makes a VLM's parts: what everybody else downloads is not counted as training."""


def captioning_cost(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown lines: for every round (runs that differ in their seed together) its pace and the dollars for 1,000
    images, then the longest chain of rounds beside people and the paper. Nothing where no run made captions.

    found: run.json of each run. A run's chain is itself, its start, the start's start and so on; training is all
    of its chain's but that of the parts (vlm-base).
    """
    runs = {str(run["id"]): run for run in found}
    fits: dict[str, Mapping[str, Any]] = {}  # one run a fit: others only judged the same model elsewhere
    for run in found:
        if _used(run, "recaptioned"):
            fits.setdefault(str(run["fit"]["key"]), run)
    rounds: dict[str, list[Mapping[str, Any]]] = {}
    for run in fits.values():
        rounds.setdefault(str(run["label"]), []).append(run)
    if not rounds:
        return
    prices, rows = read_prices(), []
    for label, group in rounds.items():
        chains = [_chain(run, runs) for run in group]
        device = group[0]["provenance"]["hardware"].get("device", "cpu")
        machine = "cpu-2" if device == "cpu" else "h100"
        hourly = prices.machine(machine).usd_per_hour
        made = sum(_used(run, "recaptioned") for run in group)
        pace = made / sum(_used(run, "recaption_seconds") for run in group)
        passes = max(sum(_used(run, "recaptioned") > 0 for run in chain) for chain in chains)
        training = sum(_used(run, "fit_seconds") for chain in chains for run in chain) / len(chains)
        images = int(group[0]["spec"]["dataset"].get("n") or made / len(group))
        alone = cost_per_1000(pace, hourly)
        trained = cost_per_1000(pace, hourly, passes, training, images)
        rows.append((label, machine, pace, passes, training, images, alone, trained))
    people = prices.people.usd_per_1000
    yield "## What the captions cost"
    yield ""
    yield (
        "Pace: texts a second while captions or turns were written, all seeds together. Training: of one seed, from "
        "round 0 on, over the pictures of the data set. Prices: baselines/recaption/prices.toml."
    )
    yield ""
    yield (
        "| run | machine | texts a second | US$ per 1,000, this pass | passes | training, minutes | US$ per 1,000, all "
        "passes and training | people cost |"
    )
    yield "|---|---|--:|--:|--:|--:|--:|--:|"
    for label, machine, pace, passes, training, _, alone, trained in rows:
        yield (
            f"| {label} | {machine} | {pace:.3g} | {alone:.3g} | {passes} | {training / 60:.3g} | {trained:.3g} | "
            f"{people / trained:.3g} x |"
        )
    yield ""
    label, machine, pace, passes, training, images, *_ = max(rows, key=lambda row: row[3])
    table = cost_table(
        pace, machine, prices, passes=passes, training_seconds=training, images=images, what=f"here, to {label}"
    )
    yield from [cost_markdown(table)]


def _used(run: Mapping[str, Any], what: str) -> float:
    return float(run["cost"].get("usage", {}).get(what, 0.0))


def _chain(run: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    chain: list[Mapping[str, Any]] = []
    now: Mapping[str, Any] | None = run
    while now is not None and now["spec"]["method"] != PARTS:
        chain.append(now)
        now = runs.get(str(now.get("start_run")))
    return chain
