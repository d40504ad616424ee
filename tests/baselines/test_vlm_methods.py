"""The rounds of a VLM that rewrites its own captions, on a model for tests: what each hands to the next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pyarrow import parquet
from rewardmark.baselines import Decoding, FitJob, FitResult, get_method
from rewardmark.baselines.method import Source
from rewardmark.baselines.vlm.learn import Log
from rewardmark.baselines.vlm.models import load_vlm
from rewardmark.baselines.vlm.recaptioning import read_captions, write_table
from rewardmark.baselines.vlm.specialists import SpecialistAugment, SpecialistOptions
from rewardmark.baselines.vlm.turns import TURNS_FILE, WrittenTurn, read_turn, taken_up
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks import get_task
from rewardmark.tasks.dataset_spec import DatasetSpec

SMALL = {"instruction_images": 6, "align_steps": 1, "tune_steps": 1}
TRAIN = DatasetSpec(n=5, seed=3, kind="web")


def job(workdir: Path, **other: Any) -> FitJob:
    task = get_task("vlm")
    options = {**SMALL, **other.pop("options", {})}
    rest = {"model": "vlm-tiny", "steps": 2, "batch_size": 4, **other}
    return FitJob(task=task, train=task.open(TRAIN), workdir=workdir, options=options, **rest)


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("rounds")
    made: dict[str, Path] = {}
    for name, method, start, options in (
        ("base", "vlm-base", None, {"tower_images": 4, "text_steps": 1, "reading_images": 4, "reading_steps": 1}),
        ("zero", "vlm", "base", {}),
        ("one", "self-augment", "zero", {"caption_tokens": 8}),
        (
            "special",
            "specialist-augment",
            "one",
            {"specialist_steps": 1, "questions": 1, "skills": ["spatial", "grounding"]},
        ),
    ):
        begin = made[start] if start else None
        made[name] = get_method(method).fit(job(folder / name, start=begin, options=options)).checkpoint
    return made


def rows(checkpoint: Path, name: str = "captions.parquet") -> list[dict[str, Any]]:
    return parquet.read_table(checkpoint / name).to_pylist()


def test_every_round_begins_with_the_same_base(rounds: dict[str, Path]) -> None:
    base = load_vlm(rounds["base"]).model.state_dict()
    for name in ("zero", "one", "special"):
        kept = load_vlm(rounds[name] / "base").model.state_dict()
        assert all(torch.equal(base[key], kept[key]) for key in base), name
        assert not (rounds[name] / "base" / "base").exists()
        tuned = load_vlm(rounds[name]).model.state_dict()
        assert any(not torch.equal(base[key], tuned[key]) for key in base)


def test_a_round_tells_how_many_captions_it_has_written(rounds: dict[str, Path], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int, values: dict[str, float]) -> None:
        if "part/recaption" in values:
            told.append((done, total))

    options = {"caption_tokens": 4, "generation_batch": 2}
    get_method("self-augment").fit(job(tmp_path, start=rounds["zero"], options=options, progress=progress))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_captions_keep_where_they_come_from(rounds: dict[str, Path]) -> None:
    samples = list(get_task("vlm").open(TRAIN))
    zero, one = rows(rounds["zero"]), rows(rounds["one"])
    assert [row["text"] for row in zero] == [row["original"] for row in zero] == [s.answers[0] for s in samples]
    assert [row["id"] for row in one] == [sample.id for sample in samples]
    for row in one:
        assert row["prompt"].endswith((".", "?"))
        assert row["text"].startswith(row["original"])
        assert (row["text"] == row["original"]) == (row["reason"] is not None)
    assert read_captions(rounds["one"] / "captions.parquet", samples) == [row["text"] for row in one]
    with pytest.raises(DataError, match="other pictures"):
        read_captions(rounds["one"] / "captions.parquet", samples[:3])
    assert rows(rounds["special"]) == one
    turns = rows(rounds["special"], "turns.parquet")
    assert sorted({row["skill"] for row in turns}) == ["grounding", "spatial"]
    assert len(turns) == 2 * len(samples)


def test_answers_are_one_a_question_and_the_same_every_time(rounds: dict[str, Path]) -> None:
    task = get_task("vlm")
    split = task.open(DatasetSpec(split="test", n=2, seed=3, per_image=1))
    method = get_method("self-augment")
    said = [
        method.predict(rounds["one"], task, split, range(len(split)), Decoding(), batch_size=size)  # type: ignore[arg-type]
        for size in (3, 64)
    ]
    assert len(said[0]) == len(split)
    assert list(said[0].texts) == list(said[1].texts)


def test_the_oracle_and_shares(rounds: dict[str, Path], tmp_path: Path) -> None:
    made = get_method("vlm").fit(job(tmp_path / "o", start=rounds["base"], options={"captions": "oracle"}))
    values = {row["name"]: row["value"] for row in made.curves}
    assert values["captions/recall"] == 1.0
    assert values["captions/precision"] < 1.0  # what the web said before it stays
    half = get_method("self-augment").fit(
        job(tmp_path / "h", start=rounds["zero"], options={"share": 0.5, "combine": "recaption", "caption_tokens": 4})
    )
    asked = [row["caption"] is not None for row in rows(half.checkpoint)]
    assert 0 < sum(asked) < len(asked)


def test_what_a_specialist_of_another_cell_wrote_is_taken_and_changes_nothing(
    rounds: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, options = SpecialistAugment(), {"specialist_steps": 1, "questions": 2}
    tuned: list[str] = []
    tune = SpecialistAugment._tune

    def spy(self: SpecialistAugment, job: FitJob, options: SpecialistOptions, skill: str, log: Log) -> Path:
        tuned.append(skill)
        return tune(self, job, options, skill, log)

    monkeypatch.setattr(SpecialistAugment, "_tune", spy)

    told: dict[str, list[tuple[int, int]]] = {}

    def tell(done: int, total: int, values: dict[str, float]) -> None:
        for name in values:
            told.setdefault(name, []).append((done, total))

    def fitted(name: str, skills: list[str], sources: dict[str, Source] | None = None) -> FitResult:
        asked = job(tmp_path / name, start=rounds["one"], options={**options, "skills": skills}, progress=tell)
        return method.fit(replace(asked, sources=sources or {}))

    alone = {skill: fitted(skill, [skill]) for skill in ("grounding", "ocr")}
    assert told["part/tune ocr specialist"] == [(1, 1)]
    assert told["part/ocr specialist writes"] == [(5, 10), (10, 10)]
    whole = fitted("whole", ["grounding", "spatial", "ocr"])
    tuned.clear()
    sources = {f"cell:{skill}": Source(made.checkpoint, made.curves, made.usage) for skill, made in alone.items()}
    taken = fitted("taken", ["grounding", "spatial", "ocr"], sources)
    assert tuned == ["spatial"]
    assert rows(taken.checkpoint, "turns.parquet") == rows(whole.checkpoint, "turns.parquet")
    assert taken.curves == whole.curves
    ours, theirs = load_vlm(taken.checkpoint).model.state_dict(), load_vlm(whole.checkpoint).model.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert taken.usage.keys() == whole.usage.keys()
    for name, value in whole.usage.items():
        if name.endswith("seconds"):
            assert taken.usage[name] > 0
        else:
            assert taken.usage[name] == value
    assert whole.usage["recaptioned"] == 3 * 2 * len(get_task("vlm").open(TRAIN))
    for skill, made in alone.items():  # what was taken is paid for, as whoever made it paid
        assert taken.usage[f"{skill}/fit_seconds"] == made.usage[f"{skill}/fit_seconds"]
    forgets = {"cell:ocr": Source(alone["ocr"].checkpoint, alone["ocr"].curves, {"tokens": 3.0})}
    tuned.clear()
    assert rows(fitted("again", ["ocr"], forgets).checkpoint, "turns.parquet") == rows(
        alone["ocr"].checkpoint, "turns.parquet"
    )
    assert tuned == ["ocr"]  # a run that does not say what its specialist used is not taken


def test_turns_that_are_taken_are_read_as_they_were(tmp_path: Path) -> None:
    said = [
        ("b", "Is the ball above the box? yes", True, None),
        ("a", "Is the ball above", False, "question"),
        ("a", "Is the ball above the box? ye", False, "cut"),
        ("b", "Is the ball above the box? yes", True, "again"),
        ("a", "Is the ball above the box? perhaps", True, "answer"),
    ]
    write_table([WrittenTurn(id, "spatial", text, reason) for id, text, _, reason in said], tmp_path / TURNS_FILE)
    source = Source(tmp_path, [{"step": 1, "name": "specialist-spatial/loss", "value": 1.0}], {"spatial/tokens": 2.0})
    part = taken_up({"cell:x": source}, ["spatial"], ["a", "b"])["spatial"]
    assert [(k, text) for k, text, _ in part.texts] == [("ab".index(id), text) for id, text, *_ in said]
    for (_, text, ended), (_, _, was, reason) in zip(part.texts, said, strict=True):
        assert read_turn("spatial", text, ended)[1] == read_turn("spatial", text, was)[1]
        assert reason == "again" or read_turn("spatial", text, ended)[1] == reason
    assert part.log.usage["tokens"] == 2.0 and len(part.log.curves) == 1
    assert taken_up({"cell:x": source}, ["ocr"], ["a", "b"]) == {}
    with pytest.raises(DataError, match="'cell:x' are about other pictures"):
        taken_up({"cell:x": source}, ["spatial"], ["a"])


def test_specialists_write_questions_with_answers() -> None:
    assert read_turn("ocr", "What does the sign say? zoo", True) == (("What does the sign say?", "zoo"), None)
    assert read_turn("grounding", "Where is the ball? [1, 2, 9, 8]", True)[1] is None
    for skill, text, ended, reason in (
        ("spatial", "the ball is red", True, "question"),
        ("spatial", "? yes", True, "question"),
        ("spatial", "Is the ball above the box? perhaps", True, "answer"),
        ("spatial", "Is the ball above the box? yes", False, "cut"),
        ("ocr", "What does the sign say?", True, "answer"),
        ("grounding", "Where is the ball? [1, 2, 1, 8]", True, "answer"),
    ):
        assert read_turn(skill, text, ended) == (None, reason)


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("vlm", {"captions": "mine"}, "captions"),
        ("self-augment", {"combine": "both"}, "combine"),
        ("specialist-augment", {"skills": ["counting"]}, "skills"),
        ("specialist-augment", {"skills": []}, "skills"),
        ("vlm-base", {"tower": 3}, "tower"),
    ],
)
def test_bad_options_are_named(method: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(RewardmarkError, match=words):
        get_method(method).check_options(options)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    for method in ("vlm", "self-augment", "specialist-augment"):
        with pytest.raises(RewardmarkError, match="start"):
            get_method(method).fit(job(tmp_path / method))
    task = get_task("vlm")
    asked = FitJob(task, task.open(DatasetSpec(n=2, split="test")), 1, tmp_path / "x", model="vlm-tiny")
    with pytest.raises(RewardmarkError, match='kind = "web"'):
        get_method("vlm-base").fit(asked)
