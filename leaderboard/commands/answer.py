"""`rewardmark answer BENCHMARK`: a benchmark's own questions to anyone's VLM, for `rewardmark score`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rewardmark.baselines.answering import Outcome, Sheet


class BenchmarkName(StrEnum):
    """What is asked."""

    pope = "pope"
    mme = "mme"
    vsr = "vsr"
    vqa = "vqa"
    textvqa = "textvqa"
    vizwiz = "vizwiz"
    docvqa = "docvqa"
    mmbench = "mmbench"
    seed = "seed"
    scienceqa = "scienceqa"
    mmmu = "mmmu"
    captioning = "captioning"
    chair = "chair"
    refcoco = "refcoco"
    llava_w = "llava-w"
    mm_vet = "mm-vet"


class ScaleName(StrEnum):
    """What the numbers of a box are."""

    unit = "unit"
    square = "square"
    hundred = "hundred"
    thousand = "thousand"
    pixels = "pixels"


def answer(
    benchmark: Annotated[BenchmarkName, typer.Argument(metavar="BENCHMARK", help="One of those below.")],
    questions: Annotated[Path, typer.Option(metavar="FILE", help="The benchmark's own question file (or folder).")],
    model: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder that AutoModelForImageTextToText and AutoProcessor read.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The answers (mme with templates: a folder); called again, it goes on.")
    ],
    images: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder of the pictures.")] = None,
    prompt: Annotated[
        str | None, typer.Option(help="Another wording than the benchmark's usual one, with {question} in it.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Questions at once.")] = 32,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of an answer; 64 to 1,024 by benchmark without it.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N questions.")] = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="auto takes a GPU if there is one.")] = "auto",
    splits: Annotated[Path | None, typer.Option(metavar="FILE", help="scienceqa: pid_splits.json.")] = None,
    split: Annotated[str | None, typer.Option(help="scienceqa (test), mmmu (validation), refcoco (all).")] = None,
    instances: Annotated[Path | None, typer.Option(metavar="FILE", help="refcoco: REFER's instances.json.")] = None,
    scale: Annotated[
        ScaleName,
        typer.Option(help="refcoco: what the model's corners are: shares of the sides (unit), of the picture padded to "
        "a square (square: LLaVA-1.5), hundredths, thousandths, pixels."),
    ] = ScaleName.unit,
    ocr: Annotated[
        Path | None, typer.Option(metavar="FILE", help="textvqa: TextVQA_Rosetta_OCR_v0.2_val.json.")
    ] = None,
    circular: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="mmbench without rotated rows: write them there, and ask those."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Ask a VLM all questions of a benchmark; write the answers as `rewardmark score BENCHMARK` reads them.

    Kill it at any moment and call it again: what is answered is kept (OUT.part, until all of it is), and the result is
    that of an unbroken run. A finished answer file is never overwritten; OUT.job.json says what made it. Greedy
    decoding, in batches. Prompts are those of LLaVA-1.5's evaluation or of the benchmark's own scripts.

    pope: coco_pope_SPLIT.json. mme: eval_tool/Your_Results (gives a folder of the same files), or JSON lines. vsr: a
    split's JSON lines. vqa: v2_OpenEnded_..._questions.json (the annotations have no questions). textvqa:
    TextVQA_0.5.1_val.json; LLaVA-1.5 shows OCR tokens too, which stand in another file (--ocr). vizwiz: val.json.
    docvqa: val_v1.0.json. mmbench: the TSV, pictures inside. seed: SEED-Bench.json; its questions about videos are left
    out, since no frames stand in it. scienceqa: problems.json, with --splits. mmmu: the Parquet files of the data set,
    or their folder, pictures inside (answer_dict_val.json has no questions); or JSON of the same columns. captioning,
    chair: COCO captions JSON. refcoco: refs(...).p with --instances, or JSON records. llava-w: questions.jsonl, mm-vet:
    mm-vet.json; both for `rewardmark judge grade`.

    Examples:

      rewardmark answer pope --questions coco_pope_random.json --images val2014/ --model llava-1.5-7b-hf/ --out r.jsonl

      rewardmark answer scienceqa --questions problems.json --splits pid_splits.json --images i --model m --out a.jsonl

      rewardmark answer mmbench --questions dev.tsv --circular dev-circular.tsv --model qwen2-vl/ --out mmbench.jsonl
    """
    from rewardmark.baselines.answering import Request, open_sheet

    request = Request(questions, images, prompt, splits, split, instances, ocr, circular, scale.value)
    sheet = open_sheet(benchmark.value, request)
    for note in sheet.notes:
        typer.echo(f"note: {note}", err=True)
    outcome = _run(benchmark.value, sheet, model, out, device, batch_size, max_new_tokens, limit)
    if outcome.cut:
        typer.echo(f"note: {outcome.cut} answers were cut off by --max-new-tokens", err=True)
    pace = outcome.questions / outcome.seconds if outcome.seconds > 0 else 0.0
    if as_json:
        typer.echo(json.dumps({**vars(outcome), "questions_per_second": pace, "out": str(out)}))
        return
    part = "" if outcome.questions == len(sheet.asks) else f" (of {len(sheet.asks)})"
    now = f"{outcome.made} by this call" if outcome.made else "complete already, nothing was asked"
    typer.echo(f"{out}: {outcome.questions} answers{part}, {now}; {pace:.2f} questions/s")


def _run(
    benchmark: str,
    sheet: Sheet,
    model: Path,
    out: Path,
    device: str,
    batch_size: int,
    max_new_tokens: int | None,
    limit: int | None,
) -> Outcome:
    from rewardmark.baselines.answering import answer_sheet
    from rewardmark.baselines.answering.benchmarks import sheet_hash
    from rewardmark.baselines.recaption.job import folder_hash
    from rewardmark.baselines.vlm.models import load_vlm
    from rewardmark.leaderboard.harness import pick_device
    from rewardmark.leaderboard.lock import RunLock
    from rewardmark.leaderboard.progress import reporter
    from rewardmark.rewards.errors import RewardmarkError
    from rich.console import Console

    target = str(pick_device(device))
    job = {
        "benchmark": benchmark,
        "questions": sheet_hash(sheet),
        "model": model.resolve().name,
        "model_hash": folder_hash(model),
        "dtype": "float32" if target == "cpu" else "as stored",
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    lock = RunLock(out.with_name(out.name + ".lock"))
    if not lock.acquire():
        raise RewardmarkError(f"{out}: {lock.holder() or 'another process'} is at work on these answers")
    with lock, reporter(Console(stderr=True)) as shown:

        def tell(done: int, total: int, values: dict[str, float]) -> None:
            shown.stage(benchmark, done, total, {f"live/{key}": value for key, value in values.items()})

        return answer_sheet(
            sheet, job, out, lambda: load_vlm(model, target), batch_size=batch_size, max_new_tokens=max_new_tokens,
            limit=limit, progress=tell,
        )  # fmt: skip
