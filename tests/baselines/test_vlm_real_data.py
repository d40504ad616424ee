"""Rounds 0 and 1 of a VLM on anybody's pictures and conversations, with no generated scene but those of the tower."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet
from rewardmark.baselines import Decoding, FitJob, get_method
from rewardmark.baselines.vlm import method as vlm_method
from rewardmark.baselines.vlm.method import Gallery
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks import get_task
from rewardmark.tasks.dataset_spec import DatasetSpec
from rewardmark.tasks.programs.pictures import ScenePictures

SIZES = [(60, 40), (33, 90), (48, 48), (200, 20)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mine")
    (folder / "images").mkdir()
    for k, (width, height) in enumerate(SIZES):
        pixels = np.random.default_rng(k).integers(0, 255, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{k}.jpg")
    images = [{"id": k, "file_name": f"{k}.jpg"} for k in range(4)]
    said = [{"id": k, "image_id": k, "caption": f"a thing of number {k}"} for k in range(4)]
    (folder / "captions_train.json").write_text(json.dumps({"images": images, "annotations": said}))
    (folder / "chat.json").write_text(json.dumps([record(k) for k in (2, 3)] + [{"id": "words", "conversations": []}]))
    return folder


def record(k: int) -> dict[str, Any]:
    turns = ["What is this?\n<image>", f"It is number {k}.", "Is it red?", "no"]
    roles = ("human", "gpt")
    return {
        "id": f"r{k}",
        "image": f"{k}.jpg",
        "conversations": [{"from": roles[j % 2], "value": text} for j, text in enumerate(turns)],
    }


def job(root: Path, workdir: Path, **other: Any) -> FitJob:
    task = get_task("vlm")
    chat = {"instruction_file": str(root / "chat.json"), "instruction_folder": str(root / "images")}
    options = {**chat, "align_steps": 1, "tune_steps": 1, **other.pop("options", {})}
    train = task.open(DatasetSpec(name="coco-captions", kind="web"), root)
    rest = {"model": "vlm-tiny", "steps": 2, "batch_size": 3, **other}
    return FitJob(task=task, train=train, workdir=workdir, options=options, **rest)


@pytest.fixture(scope="module")
def rounds(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, made = tmp_path_factory.mktemp("rounds"), dict[str, Path]()
    for name, method, start, options in (
        ("base", "vlm-base", None, {"tower_images": 4, "text_steps": 1, "reading_images": 4, "reading_steps": 1}),
        ("zero", "vlm", "base", {}),
        ("one", "self-augment", "zero", {"caption_tokens": 8}),
    ):
        begin = made[start] if start else None
        made[name] = get_method(method).fit(job(root, folder / name, start=begin, options=options)).checkpoint
    return made


def test_rounds_run_on_files_and_answer_about_them(root: Path, rounds: dict[str, Path]) -> None:
    zero, one = (parquet.read_table(rounds[name] / "captions.parquet").to_pylist() for name in ("zero", "one"))
    assert [row["text"] for row in zero] == [f"a thing of number {k}" for k in range(4)]
    assert [row["id"] for row in one] == [f"{k}.jpg" for k in range(4)]
    assert all(row["caption"] is not None and row["text"].startswith(row["original"]) for row in one)
    task = get_task("vlm")
    split = task.open(DatasetSpec(name="coco-captions"), root)
    said = get_method("self-augment").predict(rounds["one"], task, split, np.arange(4), Decoding(), batch_size=3)
    assert len(said) == 4
    assert 0 <= task.statistics(split, range(4), said).metrics()["mean"] <= 1


def test_what_only_scenes_know_is_said(root: Path, rounds: dict[str, Path], tmp_path: Path) -> None:
    for method, options, words in (
        ("vlm", {"captions": "oracle"}, "no facts are known.*oracle"),
        ("specialist-augment", {}, "no facts are known.*specialists"),
        ("vlm", {"instruction_file": ""}, "give instruction_file"),
    ):
        with pytest.raises(RewardmarkError, match=words):
            get_method(method).fit(job(root, tmp_path / "x", start=rounds["zero"], options=options))


def test_instructions_may_be_a_file_where_the_pictures_are_scenes(
    root: Path, rounds: dict[str, Path], tmp_path: Path
) -> None:
    task = get_task("vlm")
    asked = job(root, tmp_path, start=rounds["base"])
    scenes = replace(asked, train=task.open(DatasetSpec(n=3, seed=3, kind="web")))
    made = get_method("vlm").fit(scenes)
    assert "tune/loss" in {row["name"] for row in made.curves}


def test_a_bad_conversation_names_file_and_record(root: Path, tmp_path: Path) -> None:
    method = get_method("vlm")
    good = record(1)["conversations"]
    for turns in (good[:3], good[1:], [*good[:2], {"from": "human", "value": "And <image>?"}, good[3]], [*good[:1], 7]):
        file = tmp_path / "bad.json"
        file.write_text(json.dumps([record(0), {**record(1), "conversations": turns}]))
        options = {"instruction_file": str(file), "instruction_folder": str(root / "images")}
        with pytest.raises(DataError, match=r"bad\.json: \[1\] \(1\.jpg\): 'conversations' must be turns"):
            method.options_identity(options)  # type: ignore[attr-defined]
        file.unlink()
    with pytest.raises(DataError, match=r"\[0\] \(2\.jpg\): there is no picture"):
        method.options_identity({"instruction_file": str(root / "chat.json")})  # type: ignore[attr-defined]
    with pytest.raises(RewardmarkError, match="must be text"):
        method.check_options({"instruction_file": 3})


def test_a_runs_id_follows_from_the_instructions_content(root: Path, tmp_path: Path) -> None:
    method: Any = get_method("vlm")
    assert method.options_identity({"tune_steps": 3}) == {"tune_steps": 3}
    options = {"instruction_file": str(root / "chat.json"), "instruction_folder": str(root / "images")}
    identity = method.options_identity(options)
    assert str(root) not in json.dumps(identity)
    moved = tmp_path / "elsewhere.json"
    moved.write_text((root / "chat.json").read_text())
    assert method.options_identity({**options, "instruction_file": str(moved)}) == identity
    moved.write_text(json.dumps([record(2)]))
    assert method.options_identity({**options, "instruction_file": str(moved)}) != identity


def test_only_so_many_decoded_pictures_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = ScenePictures("test", 48, 4, 1, "standard")
    monkeypatch.setattr(vlm_method, "ROOM", 2 * 48 * 48 * 3)
    gallery = Gallery(scenes, scenes)
    for number in (0, 5, 2, 0):
        assert np.array_equal(gallery.image(number), scenes.image(number % 4))
    assert gallery.room == 0
