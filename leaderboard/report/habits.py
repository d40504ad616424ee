"""What the corpus of a language model gets wrong, and what is left of it: answers by how often the corpus has a wrong
program for their kind of question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from rewardmark.baselines.llm.corpus import DOCUMENTED_RATE, STANDINGS, error_rates, exercises_of, form_of, standing
from rewardmark.leaderboard.board.load import Run as KeptRun
from rewardmark.leaderboard.report.tables import interval_text
from rewardmark.leaderboard.starts import find_checkpoint
from rewardmark.leaderboard.stats.clustered import crossed_mean
from rewardmark.leaderboard.stats.paired import paired_scores
from rewardmark.leaderboard.terminal.entry import Side
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks import get_task
from rewardmark.tasks.dataset_spec import DatasetSpec

__all__ = ["corpus_habits"]

Run: TypeAlias = Mapping[str, Any]
TASK = "vqa"
"""The one task of programs whose samples have one text each."""
CORPUS_METHOD = "pretrain-programs"


def corpus_habits(found: Sequence[Run], runs: Sequence[KeptRun]) -> Iterator[str]:
    """Markdown lines: for every corpus and set of scenes a table of accuracy on questions of sound, habitual and
    persistent kinds (see `baselines/llm/corpus.py`), runs that differ in their seed together; then what corrections
    change, paired question by question. Nothing where no run answers scenes' questions with a model that read a corpus.

    found: run.json of each run; runs: the same ones, with their samples. The corpus is that of the model at the head of
    a run's starts. Raises RewardmarkError where seeds were judged on different samples.
    """
    kept = {run.id: run for run in runs}
    tables: dict[tuple[float, str], list[Run]] = {}
    readers: dict[float, Run] = {}
    for run in found:
        spec = run["spec"]
        if spec["task"] != TASK or spec["eval_dataset"]["name"] != "scenes" or spec["method"] == CORPUS_METHOD:
            continue
        reader = _reader(run, found)
        if reader is not None:
            rate = float(reader["options"].get("rate", DOCUMENTED_RATE))
            readers.setdefault(rate, reader)
            tables.setdefault((rate, str(run["evaluation_hash"])), []).append(run)
    if not tables:
        return
    yield "## What the corpus gets wrong, and what is left of it"
    yield ""
    yield (
        "Accuracy, and in brackets its 95% interval, on questions of kinds that the corpus has mostly right "
        "(sound), wrong by habit, and never or hardly ever right (persistent: baselines/llm/corpus.py)."
    )
    yield ""
    standings = {rate: _standings(reader, rate) for rate, reader in readers.items()}
    for (rate, _), answering in sorted(tables.items(), key=lambda table: table[0][0]):
        yield from _table(rate, answering, standings[rate], kept)


def _reader(run: Run, found: Sequence[Run]) -> Mapping[str, Any] | None:
    """The spec of the pretraining at the head of a run's starts; None where it is no corpus of ours."""
    seen: set[str] = set()
    now: Run = run
    while now["spec"]["method"] != CORPUS_METHOD:
        start = now["spec"].get("start_name")
        if not start or start in seen:
            return None
        seen.add(start)
        if not start.startswith("cell:"):
            return _shipped(start)
        label = start.removeprefix("cell:")
        following = next((other for other in found if other["label"] == label), None)
        if following is None:
            return None
        now = following
    spec: Mapping[str, Any] = now["spec"]
    return spec


def _shipped(start: str) -> Mapping[str, Any] | None:
    """The pretraining of a checkpoint that ships."""
    try:
        file = find_checkpoint(start, Path("suite.toml")) / "provenance.json"
    except RewardmarkError:
        return None
    spec = json.loads(file.read_text())["spec"] if file.is_file() else {}
    return spec if spec.get("method") == CORPUS_METHOD else None


def _standings(reader: Mapping[str, Any], rate: float) -> dict[str, str]:
    """Standing of every kind of question in the corpus."""
    split = get_task(TASK).open(DatasetSpec.from_dict(dict(reader["dataset"])))
    rates = error_rates([exercise.kind for exercise in exercises_of(TASK, split)], rate)
    return {kind: standing(value) for kind, value in rates.items()}


def _table(
    rate: float, runs: Sequence[Run], standings: Mapping[str, str], kept: Mapping[str, KeptRun]
) -> Iterator[str]:
    judged = DatasetSpec.from_dict(dict(runs[0]["spec"]["eval_dataset"]))
    data = get_task(TASK).open(judged)
    of = {
        sample.id: standings.get(f"{TASK}: {form_of(program)}") if program is not None else None
        for sample in data
        for program in sample.programs
    }
    entries: dict[str, list[Run]] = {}
    for run in runs:
        entries.setdefault(str(run["label"]), []).append(run)
    sides = {label: Side(tuple(kept[run["id"]] for run in group)) for label, group in entries.items()}
    kinds = [of.get(name) for name in next(iter(sides.values())).samples[0].ids]
    places = {name: [k for k, kind in enumerate(kinds) if kind == name] for name in STANDINGS}
    shown = [name for name in STANDINGS if places[name]]
    yield f"### {100 * rate:g}% of the corpus wrong; split {judged.split}, {judged.n} scenes"
    yield ""
    yield "| run | seeds | " + " | ".join(f"{name} ({len(places[name])})" for name in shown) + " |"
    yield "|---|--:|" + "--:|" * len(shown)
    parts = {label: [side.scored(places[name]) for name in shown] for label, side in sides.items()}
    for label, each in parts.items():
        means = " | ".join(interval_text(crossed_mean(part.scores, part.clusters)) for part in each)
        yield f"| {label} | {len(sides[label].runs)} | {means} |"
    for label, plain in _corrected(entries):
        pairs = [paired_scores(one, two) for one, two in zip(parts[label], parts[plain], strict=True)]
        cells = " | ".join(f"{pair.mean:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]" for pair in pairs)
        yield f"| *{label} less {plain}* | {pairs[0].seeds} | {cells} |"
    yield ""


def _corrected(entries: Mapping[str, Sequence[Run]]) -> Iterator[tuple[str, str]]:
    """Labels of runs with corrections, each with that of the runs that are alike but for them."""
    kinds = {label: dict(group[0]["spec"], seed=None) for label, group in entries.items()}
    for label, spec in kinds.items():
        if "corrections" not in spec["options"]:
            continue
        bare = {name: value for name, value in spec["options"].items() if not name.startswith("correction")}
        for other, like in kinds.items():
            if like == {**spec, "options": bare}:
                yield label, other
