"""`rewardmark recaption IMAGES --model DIR --out DIR`: new captions for anyone's pictures, by anyone's VLM."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rewardmark.baselines.recaption import Job, Outcome, Prices, Rules
    from rewardmark.baselines.recaption.cost import CostRow
    from rewardmark.baselines.recaption.dataset import Summary
    from rewardmark.baselines.recaption.job import Progress
    from rewardmark.baselines.recaption.scorer import Scorer
    from rewardmark.baselines.vlm.models import Vlm
    from rewardmark.leaderboard.progress import Reporter
    from rich.console import Console


class CombineName(StrEnum):
    """What a picture is trained on."""

    concat = "concat"
    recaption = "recaption"
    mix = "mix"


def recaption(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IMAGES",
            help="A folder of pictures (a .txt beside one is its caption), COCO captions JSON, LLaVA-style JSON, "
            "or WebDataset shards (a .tar, or a folder of them).",
        ),
    ],
    model: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder that AutoModelForImageTextToText and AutoProcessor read.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The job's folder; called again, it goes on there.")],
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the pictures of a JSON lie, if not beside it.")
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            help="What the model is asked; of several, each picture takes one. {original} quotes its own caption. "
            "'Describe the image in detail.' without it."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures at once.")] = 32,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a caption, at most.")] = 256,
    temperature: Annotated[
        float, typer.Option(min=0.0, help="0 takes the likeliest token; else captions are drawn.")
    ] = 0.0,
    top_p: Annotated[float, typer.Option(min=0.01, max=1.0, help="Of what is drawn, this likeliest share.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of draws, and of --combine mix.")] = 0,
    scorer: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A CLIP or SigLIP folder that scores captions; with --min-score.")
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(help="Least cosine of picture and caption. Look at your scorer's first.")
    ] = None,
    min_words: Annotated[int, typer.Option(min=1, help="Words of a caption, at least.")] = 3,
    max_words: Annotated[int, typer.Option(min=1, help="Words of a caption, at most.")] = 300,
    combine: Annotated[
        CombineName, typer.Option(help="To train on: both captions, the new one, or the new one with --share.")
    ] = CombineName.concat,
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="mix: how often the new caption is taken.")] = 0.5,
    shards: Annotated[bool, typer.Option(help="Write WebDataset shards too (the pictures are copied).")] = True,
    shard_size: Annotated[int, typer.Option(min=1, help="Samples a shard.")] = 1000,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N pictures.")] = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="auto takes a GPU if there is one.")] = "auto",
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A price list (TOML) in place of the shipped one.")
    ] = None,
    machine: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which of the list's machines this is: h100, cpu-2, ...")
    ] = None,
    passes: Annotated[int, typer.Option(min=1, help="For the cost: rounds of recaptioning.")] = 1,
    training_hours: Annotated[
        float | None, typer.Option(min=0.0, help="For the cost: hours of retraining in all, on the same machine.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Write new captions for a set of pictures; filter them; put a data set together.

    Kill it at any moment and call it again: every finished batch is kept, no picture is captioned twice, and the
    result is that of an unbroken run. Pictures are told apart by content: one that lies there under two names is
    captioned once and joined to both. Pictures that cannot be read are named and left out. Called again with other
    filters, or another --combine, it makes the data set anew without captioning again.

    DIR/dataset: captions.parquet (every caption, rejected ones with the reason, beside the original, with model,
    prompt and decoding), shards/*.tar, unreadable.jsonl, summary.json.

    Examples:

      rewardmark recaption photos/ --model llava-1.5-7b-hf/ --out job/

      rewardmark recaption captions_train2017.json --images train2017/ --model qwen2-vl/ --out job/ --machine h100

      rewardmark recaption blip_laion_cc_sbu_558k.json --model vila/ --out job/ --scorer clip-vit-b-32/ --min-score 0.22

      rewardmark recaption shards/ --model llava/ --out job/ --prompt "Describe it." --prompt "What is in the picture?"
    """
    from rewardmark.baselines.recaption.combine import Combine
    from rewardmark.baselines.recaption.cost import read_prices
    from rewardmark.baselines.recaption.dataset import Export, write_dataset
    from rewardmark.baselines.recaption.filters import Rules
    from rewardmark.leaderboard.lock import RunLock
    from rewardmark.leaderboard.progress import reporter
    from rewardmark.rewards.errors import RewardmarkError
    from rich.console import Console

    if (scorer is None) != (min_score is None):
        raise RewardmarkError("recaption: --scorer and --min-score go together")
    rules = Rules(min_words=min_words, max_words=max_words, min_score=min_score)
    listed = read_prices(prices)
    target = _device(device)
    name = machine or ("h100" if target != "cpu" else "cpu-2")
    listed.machine(name)
    out.mkdir(parents=True, exist_ok=True)
    lock = RunLock(out / ".lock")
    if not lock.acquire():
        raise RewardmarkError(f"{out}: {lock.holder() or 'another process'} is at work on this job")
    console = Console(stderr=True)
    with lock, reporter(console) as shown:
        job, load, score = _job(model, scorer, target, prompt, max_new_tokens, temperature, top_p, seed)
        tell = _teller(shown, listed.machine(name).usd_per_hour)
        outcome = _run(source, images, limit, job, out, load, batch_size, score, rules, tell)
        rows = _cost(outcome, name, listed, passes, training_hours)
        export = Export(Combine(combine.value), share, seed, shard_size if shards else None, rules)
        facts = {
            "seconds": round(outcome.seconds, 3),
            "images_per_second": outcome.images_per_second,
            "cost": [row.as_json() for row in rows],
        }
        summary = write_dataset(outcome, job, out, export, facts)
    if as_json:
        typer.echo(json.dumps({**summary.as_json(), **facts}))
    else:
        _show(summary, outcome, rows, out, Console())


def _job(
    model: Path,
    scorer: Path | None,
    device: str,
    prompts: list[str] | None,
    max_new_tokens: int,
    temperature: float,
    top_p: float,
    seed: int,
) -> tuple[Job, Callable[[], Vlm], Scorer | None]:
    """(the job, how its model is loaded, its scorer)"""
    from rewardmark.baselines.recaption.job import Decoding, Job, folder_hash
    from rewardmark.baselines.recaption.scorer import load_scorer
    from rewardmark.baselines.vlm.models import load_vlm
    from rewardmark.rewards.errors import RewardmarkError

    if prompts and not all(text.strip() for text in prompts):
        raise RewardmarkError("recaption: --prompt is empty")
    greedy = temperature == 0
    decoding = Decoding(max_new_tokens, greedy) if greedy else Decoding(max_new_tokens, False, temperature, top_p, seed)
    job = Job(
        model=model.resolve().name,
        model_hash=folder_hash(model),
        decoding=decoding,
        scorer=folder_hash(scorer) if scorer is not None else None,
        dtype="float32" if device == "cpu" else "as stored",
        **({"prompts": tuple(prompts)} if prompts else {}),
    )
    return job, lambda: load_vlm(model, device), load_scorer(str(scorer), device) if scorer is not None else None


def _teller(shown: Reporter, usd_per_hour: float) -> Progress:
    """What the job tells, as it is shown: with what it costs."""
    from rewardmark.baselines.recaption.cost import cost_per_1000

    def tell(what: str, done: int, total: int, values: dict[str, float]) -> None:
        live = {f"live/{key}": value for key, value in values.items()}
        if values.get("images/s"):
            live["live/$ per 1,000"] = cost_per_1000(values["images/s"], usd_per_hour)
        shown.stage(what, done, total, live)

    return tell


def _run(
    source: Path,
    images: Path | None,
    limit: int | None,
    job: Job,
    out: Path,
    load: Callable[[], Vlm],
    batch_size: int,
    scorer: Scorer | None,
    rules: Rules,
    tell: Progress,
) -> Outcome:
    from rewardmark.baselines.recaption.job import run_job
    from rewardmark.rewards.errors import DataError
    from rewardmark.tasks.vlm.sources import open_items

    items = open_items(source, images)[:limit]
    outcome = run_job(items, job, out, load, batch_size=batch_size, scorer=scorer, rules=rules, progress=tell)
    if not outcome.pictures:
        name, why = outcome.unreadable[0]
        hint = "; say where they lie with --images" if source.suffix in (".json", ".jsonl") and images is None else ""
        raise DataError(source, f"none of {len(items)} pictures can be read: {why}{hint}", record=name)
    return outcome


def _cost(outcome: Outcome, machine: str, prices: Prices, passes: int, training_hours: float | None) -> list[CostRow]:
    from rewardmark.baselines.recaption.cost import cost_table

    if outcome.images_per_second <= 0:
        return []
    training = None if training_hours is None else training_hours * 3600
    return cost_table(
        outcome.images_per_second, machine, prices, passes=passes, training_seconds=training, images=outcome.pictures
    )


def _show(summary: Summary, outcome: Outcome, rows: list[CostRow], out: Path, console: Console) -> None:
    from rewardmark.leaderboard.progress import seconds
    from rich.table import Table

    rejected = ", ".join(f"{count} {reason}" for reason, count in summary.rejected.items()) or "none"
    lines = [
        f"{summary.items} pictures: {summary.images} different ones captioned ({outcome.made} by this call), "
        f"{summary.joined} joined to a picture of the same content, {summary.unreadable} unreadable",
        f"{summary.kept} captions kept; rejected: {rejected}",
    ]
    for name, why in outcome.unreadable[:5]:
        lines.append(f"  unreadable: {name}: {why}")
    if summary.unreadable > 5:
        lines.append(f"  and {summary.unreadable - 5} more, in {out / 'dataset' / 'unreadable.jsonl'}")
    if outcome.seconds > 0:
        lines.append(f"{outcome.images_per_second:.2f} images/s over {seconds(outcome.seconds)} of captioning")
    lines.append(f"{out / 'dataset'}: captions.parquet" + (f", {summary.shards} shards" if summary.shards else ""))
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if rows:
        table = Table(title="1,000 captions", title_justify="left", box=None)
        for column in ("by", "US$", "people cost", "counted from"):
            table.add_column(column, justify="right" if column in ("US$", "people cost") else "left")
        for row in rows:
            table.add_row(row.what, f"{row.usd:.4g}", f"{row.ratio:.4g} x", row.note)
        console.print(table, highlight=False)


def _device(name: str) -> str:
    from rewardmark.leaderboard.harness import pick_device

    return str(pick_device(name))
