"""Every benchmark there and back: its published question file, a tiny VLM, an answer file that `score` accepts."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rewardmark.baselines.answering import BENCHMARKS, Request, answer_sheet, open_sheet
from rewardmark.baselines.answering import job as jobs
from rewardmark.baselines.answering.free import read_corners
from rewardmark.baselines.vlm.models import SHAPES, Vlm, load_vlm, new_vlm, save_vlm, train_tokenizer
from rewardmark.leaderboard import cli
from rewardmark.leaderboard.judging.graded import grade_llava_wild, grade_mmvet
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.score.captioning import read_caption_results, read_references

Call = Callable[..., tuple[int, str, str]]


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("answer_files", Path(__file__).parent / "answer_files.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


files = _module()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vlm") / "tiny"
    texts = ["Is there a dog in the image?", "Answer the question using a single word or phrase.", "yes", "no"]
    vlm = new_vlm(train_tokenizer(texts * 9, 300), SHAPES["vlm-tiny"], 48, 0)
    odd = [k for k in range(len(vlm.tokenizer)) if not vlm.tokenizer.decode([k]).replace(" ", "").isalpha()]
    odd += [k for k in range(len(vlm.tokenizer)) if not vlm.tokenizer.decode([k]).isascii()]
    vlm.model.generation_config.suppress_tokens = sorted(set(odd))  # plain words: no Java is started to part them
    save_vlm(vlm, folder)
    return folder


@pytest.fixture(scope="module")
def vlm(model: Path) -> Vlm:
    return load_vlm(model)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], vlm: Vlm) -> Call:
    """call("answer", ...) gives (exit code, stdout, stderr) of the console script; the model is loaded once for all."""
    monkeypatch.setattr("rewardmark.baselines.vlm.models.load_vlm", lambda folder, device="cpu": vlm)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rewardmark", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call


def ask(call: Call, name: str, asked: list[Any], model: Path, out: Path, *more: object) -> dict[str, Any]:
    options = ["--model", model, "--out", out, "--device", "cpu", "--max-new-tokens", 4, "--batch-size", 2, "--json"]
    code, said, err = call("answer", name, *asked, *options, *more)
    assert code == 0, err
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.mark.parametrize("name", list(files.MAKERS))
def test_answers_of_every_benchmark_are_scored(call: Call, model: Path, tmp_path: Path, name: str) -> None:
    asked, score, count = files.MAKERS[name](tmp_path / "data")
    out = tmp_path / "answers.json"
    outcome = ask(call, name, asked, model, out)
    assert outcome["questions"] == outcome["made"] == count
    assert not (tmp_path / "answers.json.part").exists()
    if name == "captioning":  # METEOR's tables take Java many seconds
        assert len(read_caption_results(out, read_references(score[1])[0])) == count
    elif name not in ("llava-w", "mm-vet"):  # whose answers a judge grades
        code, said, err = call("score", name, *score, "--pred", out, "--json")
        assert code == 0, err
        assert json.loads(said)


def test_no_benchmark_is_left_out(call: Call) -> None:
    assert list(files.MAKERS) == list(BENCHMARKS)
    said = call("answer", "--help")[1]
    assert all(f"{name}" in said for name in BENCHMARKS)


def test_a_judge_reads_free_answers(call: Call, model: Path, tmp_path: Path) -> None:
    asker: Any = SimpleNamespace(ask=lambda *args, **values: 0.5, parallel=1)
    asked, score, _ = files.mm_vet(tmp_path / "v")
    ask(call, "mm-vet", asked, model, tmp_path / "v.json")
    assert set(grade_mmvet(score[1], tmp_path / "v.json", asker, None)) == {"v1_0", "v1_1"}  # type: ignore[arg-type]
    asked, score, _ = files.llava_w(tmp_path / "w")
    ask(call, "llava-w", asked, model, tmp_path / "w.jsonl")
    context = files.dump(tmp_path / "context.jsonl", [{"image": "001.jpg", "caption": "A hotel."}], lines=True)
    reviews = grade_llava_wild(score[1], context, tmp_path / "w.jsonl", tmp_path / "w.jsonl", asker, None)  # type: ignore[arg-type]
    assert [review["question_id"] for review in reviews] == ["0", "1"]


def sheet_of(name: str, root: Path, **other: Any) -> Any:
    asked = files.MAKERS[name](root)[0]
    values = {key.lstrip("-"): value for key, value in zip(asked[::2], asked[1::2], strict=True)}
    return open_sheet(name, Request(**{**values, **other}))


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        ("pope", "Is there a snowboard in the image?\nAnswer the question using a single word or phrase."),
        ("mme", "Is it x? Please answer yes or no."),
        ("vsr", 'Based on the image, is this statement true or false? "The cat is under the bed." Answer:'),
        (
            "textvqa",
            "what is the brand?\nReference OCR token: NOUS, LES\nAnswer the question using a single word or phrase.",
        ),
        (
            "vizwiz",
            "What is this?\nWhen the provided information is insufficient, respond with 'Unanswerable'.\n"
            "Answer the question using a single word or phrase.",
        ),
        (
            "mmbench",
            "A hint.\nWhich colour?\nA. red\nB. blue\nC. green\n"
            "Answer with the option's letter from the given choices directly.",
        ),
        (
            "scienceqa",
            "Context: N/A\nQuestion: Which is farthest north?\nOptions: (A) Maine (B) Ohio\n"
            "Answer with the option's letter from the given choices directly.",
        ),
        (
            "mmmu",
            "Compare <image 1> and <image 2>.\n(A) old\n(B) it's new\n\n"
            "Answer with the option's letter from the given choices directly.",
        ),
        ("refcoco", "Please provide the bounding box coordinate of the region this sentence describes: the lady 0."),
    ],
)
def test_prompts_are_the_published_ones(tmp_path: Path, name: str, prompt: str) -> None:
    assert sheet_of(name, tmp_path / "data").asks[0].prompt == prompt


def test_pictures_none_one_and_two(tmp_path: Path) -> None:
    assert [len(one.pictures) for one in sheet_of("scienceqa", tmp_path / "a").asks] == [1, 0]
    assert [len(one.pictures) for one in sheet_of("mmmu", tmp_path / "b").asks] == [2, 1]


def test_rotations_turn_options_and_truth(tmp_path: Path) -> None:
    sheet = sheet_of("mmbench", tmp_path)
    assert [one.id for one in sheet.asks] == ["241", "1000241", "2000241", "252", "1000252"]
    rows = [line.split("\t") for line in (tmp_path / "circular.tsv").read_text().splitlines()]
    assert [(row[3:6], row[6]) for row in rows[1:4]] == [
        (["red", "blue", "green"], "B"), (["blue", "green", "red"], "A"), (["green", "red", "blue"], "C"),
    ]  # fmt: skip
    assert sheet.asks[2].pictures == sheet.asks[0].pictures
    with pytest.raises(DataError, match="rotated questions already"):
        open_sheet("mmbench", Request(tmp_path / "circular.tsv", circular=tmp_path / "other.tsv"))
    assert "--circular" in sheet_of("mmbench", tmp_path / "plain", circular=None).notes[0]


def test_a_broken_job_ends_as_an_unbroken_one(tmp_path: Path, vlm: Vlm, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet, asked = sheet_of("pope", tmp_path / "data"), list[list[str]]()
    real = jobs._ask

    def killed(vlm: Vlm, batch: Any, batch_size: int, most: int) -> Any:
        asked.append([one.id for one in batch])
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(vlm, batch, batch_size, most)

    def run(out: Path, **other: Any) -> Any:
        return answer_sheet(sheet, {"model": "m"}, out, lambda: vlm, batch_size=2, max_new_tokens=4, **other)

    whole = run(tmp_path / "whole.jsonl")
    monkeypatch.setattr(jobs, "_ask", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken.jsonl")
    with open(tmp_path / "broken.jsonl.part" / "journal.jsonl", "a") as stream:
        stream.write('{"rows": [{"id"')  # what a kill in the middle of a line leaves
    outcome = run(tmp_path / "broken.jsonl")
    assert (whole.made, outcome.made) == (5, 3)
    assert (tmp_path / "broken.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert asked[1] == asked[2]
    assert sorted(name for batch in (asked[0], *asked[2:]) for name in batch) == ["1", "2", "3", "4", "5"]
    assert [json.loads(line)["question_id"] for line in (tmp_path / "whole.jsonl").open()] == [1, 2, 3, 4, 5]


def test_a_finished_file_is_never_overwritten(tmp_path: Path, vlm: Vlm, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet, out = sheet_of("mme", tmp_path / "data"), tmp_path / "results"

    def run(**other: Any) -> Any:
        values = {"max_new_tokens": 4, **other}
        return answer_sheet(sheet, {"model_hash": "a"}, out, lambda: vlm, **values)

    assert run(limit=3).questions == 3
    assert len((out / "existence.txt").read_text().splitlines()) == 2
    assert run(limit=2).made == 0
    assert run().made == 1  # goes on to all of them
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    monkeypatch.setattr(jobs, "_ask", lambda *_: pytest.fail("asked again"))
    assert run().made == 0
    with pytest.raises(RewardmarkError, match="answers of another job"):
        run(max_new_tokens=5)
    (out / "existence.txt").write_text("mine")
    with pytest.raises(RewardmarkError, match="changed since"):
        run()
    (tmp_path / "results.job.json").unlink()
    with pytest.raises(RewardmarkError, match="has not written"):
        run()
    assert (out / "artwork.txt").read_bytes() == before["artwork.txt"]


def test_what_is_missing_names_file_and_record(tmp_path: Path, vlm: Vlm) -> None:
    asked = files.pope(tmp_path)[0]
    questions, images = asked[1], asked[3]
    (images / "COCO_val2014_000000000009.jpg").rename(images / "other.jpg")
    request = Request(questions, images)
    with pytest.raises(
        DataError, match=r"coco_pope_random\.json: \[1\] \(question_id 2\): there is no picture COCO_val"
    ):
        open_sheet("pope", replace(request, images=tmp_path / "val2014"))
    (images / "COCO_val2014_000000000009.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"\(question_id 2\): its picture cannot be read"):
        answer_sheet(open_sheet("pope", request), {}, tmp_path / "a.jsonl", lambda: vlm, max_new_tokens=2)
    rows = [json.loads(line) for line in questions.open()]
    files.dump(questions, [rows[0], rows[0]], lines=True)
    with pytest.raises(DataError, match=r"\[1\] \(question_id 1\): question 1 stands there 2 times"):
        open_sheet("pope", request)
    for name, values, words in (
        ("pope", {"images": None}, "--images is wanted"),
        ("pope", {"prompt": "What?"}, r"\{question\}"),
        ("pope", {"split": "val"}, "--split means nothing for pope"),
        ("pope", {"images": tmp_path / "none"}, "no such folder"),
        ("scienceqa", {}, "--splits is wanted"),
        ("nothing", {}, "unknown benchmark"),
    ):
        with pytest.raises(RewardmarkError, match=words):
            open_sheet(name, replace(request, **values))  # type: ignore[arg-type]


def test_mistakes_are_one_line(call: Call, model: Path, tmp_path: Path) -> None:
    asked = files.pope(tmp_path)[0]
    code, _, err = call("answer", "pope", *asked, "--model", tmp_path / "none", "--out", tmp_path / "a.jsonl")
    assert (code, err.count("\n")) == (2, 1)
    (tmp_path / "mine.jsonl").write_text("mine")
    code, _, err = call("answer", "pope", *asked, "--model", model, "--out", tmp_path / "mine.jsonl", "--device", "cpu")
    assert code == 2 and "not overwritten" in err
    assert (tmp_path / "mine.jsonl").read_text() == "mine"


def test_boxes_are_read_as_models_write_them() -> None:
    for text, scale in (
        ("[0.1, 0.2, 0.5, 0.6]", "unit"),
        ("It is at [10, 20, 50, 60].", "hundred"),
        ("<box>(100,200),(500,600)</box>", "thousand"),
        ("[20, 20, 100, 60]", "pixels"),
        ("[0.1, 0.35, 0.5, 0.55]", "square"),
    ):
        assert read_corners(text, 200, 100, scale) == pytest.approx((20.0, 20.0, 100.0, 60.0)), text
    for text in ("", "[1, 2, 3]", "[0.5, 0.5, 0.5, 0.9]", "the red one"):
        assert read_corners(text, 200, 100, "unit") is None
