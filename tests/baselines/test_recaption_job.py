"""The recaption job: kills, duplicates, broken pictures, other settings, batches against one by one."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import runpy
import shutil
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet
from rewardmark.baselines.recaption.dataset import Export, write_dataset
from rewardmark.baselines.recaption.filters import Rules
from rewardmark.baselines.recaption.job import Decoding, Job, folder_hash, run_job
from rewardmark.baselines.recaption.journal import Journal
from rewardmark.baselines.vlm.generate import Written, generate
from rewardmark.baselines.vlm.models import SHAPES, Vlm, load_vlm, new_vlm, save_vlm, train_tokenizer
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.vlm.sources import open_items

KILLED = Path(__file__).parent / "recaption_killed.py"
TEXTS = ["a red ball on the grass", "a blue boat in the water", "Describe it.", "What is in the picture?"]
JOB = Job("tiny", "0" * 64, ("Describe it.", "What is in the picture?"), Decoding(max_new_tokens=8))


def pictures(folder: Path, n: int, seed: int = 0) -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for k in range(n):
        pixels = rng.integers(0, 255, (40 + k % 7, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{k:03}.png")
        (folder / f"{k:03}.txt").write_text(f"picture {k}")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vlm") / "model"
    made = new_vlm(train_tokenizer(TEXTS * 9, 280), SHAPES["vlm-tiny"], 48, 3)
    made.model.generation_config.suppress_tokens = list(range(5))  # untrained, it would write nothing else
    save_vlm(made, folder)
    return folder


@pytest.fixture(scope="module")
def vlm(model: Path) -> Vlm:
    return load_vlm(model)


def rows(folder: Path) -> list[dict[str, Any]]:
    return list(parquet.read_table(folder / "dataset" / "captions.parquet").to_pylist())


def journal_lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.is_file() else 0


def killed_run(folder: Path, model: Path, stop_at: int | None, wait: float = 0.0) -> bool:
    """Run the job in a process; SIGKILL it once its journal has `stop_at` lines more. Whether it was killed."""
    context = multiprocessing.get_context("forkserver")
    told = {"FOLDER": str(folder), "MODEL": str(model)}
    process = context.Process(target=runpy.run_path, args=(str(KILLED), told, "killed"))
    journal = folder / "job" / "journal.jsonl"
    before = journal_lines(journal)
    process.start()
    deadline = time.monotonic() + 240
    while process.is_alive() and time.monotonic() < deadline:
        if stop_at is not None and journal_lines(journal) >= before + stop_at:
            time.sleep(wait)
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.001)
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


@pytest.mark.slow
def test_five_kills_in_a_row_change_nothing(tmp_path: Path, model: Path) -> None:
    multiprocessing.get_context("forkserver").set_forkserver_preload(["rewardmark.baselines.vlm.models"])
    count = 240  # so many that a fast machine is not done before the fifth kill
    pictures(tmp_path / "pictures", count)
    shutil.copy(tmp_path / "pictures" / "004.png", tmp_path / "pictures" / "twin.png")
    (tmp_path / "pictures" / "broken.png").write_bytes(b"nothing")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir(), broken.mkdir()
    assert not killed_run(whole, model, None)
    rng = random.Random(5)
    kills = [killed_run(broken, model, 2, rng.uniform(0, 0.05)) for _ in range(5)]
    assert kills == [True] * 5
    assert not (broken / "job" / "dataset").exists()
    assert not killed_run(broken, model, None)

    assert rows(broken / "job") == rows(whole / "job")
    assert len(rows(whole / "job")) == count + 1
    shards = [sorted((folder / "job" / "dataset" / "shards").iterdir()) for folder in (whole, broken)]
    assert [a.read_bytes() for a in shards[0]] == [b.read_bytes() for b in shards[1]]
    with Journal(broken / "job" / "journal.jsonl") as journal, Journal(whole / "job" / "journal.jsonl") as unbroken:
        stored = [row["image"] for row in journal.rows()]
        assert list(journal.rows()) == list(unbroken.rows())
    assert len(stored) == len(set(stored)) == count
    begun = Counter((broken / "begun").read_text().splitlines())
    again = sum(times - 1 for times in begun.values())
    assert len(begun) == count // 4, "batches are cut the same way every time"
    assert again <= 5, f"{again} batches were made again in 5 kills"
    assert sum(Counter((whole / "begun").read_text().splitlines()).values()) == count // 4


def test_a_torn_line_is_taken_away_and_a_changed_one_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    with Journal(file) as journal:
        journal.append([{"image": "a", "caption": "x"}, {"image": "b", "caption": "y"}], 1.0)
        journal.append([{"image": "c", "caption": "z"}], 0.5)
        with pytest.raises(ValueError, match="stored twice"):
            journal.append([{"image": "a", "caption": "again"}], 0.1)
        with pytest.raises(ValueError, match="stored twice"):
            journal.append([{"image": "d"}, {"image": "d"}], 0.1)
    whole = file.read_bytes()
    for cut in range(whole.index(b"\n") + 1, len(whole)):
        file.write_bytes(whole[:cut])
        with Journal(file) as journal:
            assert [row["image"] for row in journal.rows()] == ["a", "b"]
            journal.append([{"image": "c", "caption": "z"}], 0.5)
        assert file.read_bytes() == whole
    file.write_bytes(whole.replace(b'"seconds"', b'"seconds', 1))
    with pytest.raises(DataError, match="line 1"):
        Journal(file)


def test_one_picture_under_two_names_is_captioned_once_and_joined_to_both(tmp_path: Path, vlm: Vlm) -> None:
    source = pictures(tmp_path / "pictures", 5)
    (source / "sub").mkdir()
    shutil.copy(source / "002.png", source / "sub" / "other.png")
    outcome = run_job(open_items(source), JOB, tmp_path / "job", lambda: vlm, batch_size=2)
    assert (outcome.pictures, outcome.made) == (5, 5)
    summary = write_dataset(outcome, JOB, tmp_path / "job", Export(shard_size=None))
    found = {row["name"]: row for row in rows(tmp_path / "job")}
    assert (summary.items, summary.images, summary.joined, len(found)) == (6, 5, 1, 6)
    assert found["002.png"]["image"] == found["sub/other.png"]["image"]
    assert found["002.png"]["caption"] == found["sub/other.png"]["caption"]
    assert (found["002.png"]["original"], found["sub/other.png"]["original"]) == ("picture 2", None)


def test_pictures_that_come_later_are_all_that_is_captioned(tmp_path: Path, vlm: Vlm) -> None:
    source = pictures(tmp_path / "pictures", 5)
    run_job(open_items(source), JOB, tmp_path / "job", lambda: vlm, batch_size=2)
    shutil.copytree(pictures(tmp_path / "more", 3, seed=1), source / "more")
    outcome = run_job(open_items(source), JOB, tmp_path / "job", lambda: vlm, batch_size=2)
    assert (outcome.pictures, outcome.made) == (8, 3)

    def never() -> Vlm:
        raise AssertionError("a model was loaded for nothing")

    assert run_job(open_items(source), JOB, tmp_path / "job", never, batch_size=2).made == 0


def test_unreadable_pictures_are_named_and_end_nothing(tmp_path: Path, vlm: Vlm) -> None:
    source = pictures(tmp_path / "pictures", 4)
    (source / "empty.jpg").write_bytes(b"")
    (source / "html.jpg").write_bytes(b"<html>not found</html>")
    (source / "torn.png").write_bytes((source / "001.png").read_bytes()[:2000])
    outcome = run_job(open_items(source), JOB, tmp_path / "job", lambda: vlm, batch_size=3)
    summary = write_dataset(outcome, JOB, tmp_path / "job", Export())
    lines = (tmp_path / "job" / "dataset" / "unreadable.jsonl").read_text().splitlines()
    named = {line["name"]: line["why"] for line in map(json.loads, lines)}
    assert set(named) == {"empty.jpg", "html.jpg", "torn.png"} and all(named.values())
    assert (summary.unreadable, summary.images, outcome.made) == (3, 4, 4)


def test_a_picture_that_the_model_refuses_ends_nothing(
    tmp_path: Path, vlm: Vlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rewardmark.baselines.recaption import job as jobs

    def picky(model: Any, processor: Any, images: Any, *rest: Any, **options: Any) -> Any:
        if any(image.size[1] == 42 for image in images):
            raise ValueError("aspect ratio")
        return generate(model, processor, images, *rest, **options)

    monkeypatch.setattr(jobs, "generate", picky)
    source = pictures(tmp_path / "pictures", 5)  # the one called 002 is 42 px high
    outcome = run_job(open_items(source), JOB, tmp_path / "job", lambda: vlm, batch_size=5)
    assert outcome.unreadable == [("002.png", "the model refuses it: aspect ratio")]
    assert outcome.made == 4
    monkeypatch.setattr(jobs, "generate", lambda *_, **__: (_ for _ in ()).throw(ValueError("no such template")))
    with pytest.raises(RewardmarkError, match="none of the first pictures: the model refuses it: no such template"):
        run_job(open_items(source), JOB, tmp_path / "other", lambda: vlm, batch_size=5)


def test_a_folder_belongs_to_one_job(tmp_path: Path, vlm: Vlm) -> None:
    source = open_items(pictures(tmp_path / "pictures", 2))
    run_job(source, JOB, tmp_path / "job", lambda: vlm)
    other = Job("tiny", "0" * 64, ("Another prompt.",), JOB.decoding)
    with pytest.raises(RewardmarkError, match="another prompts"):
        run_job(source, other, tmp_path / "job", lambda: vlm)


def test_rejections_are_kept_with_their_reason_and_rules_may_change_later(
    tmp_path: Path, vlm: Vlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rewardmark.baselines.recaption import job as jobs

    def write(model: Any, processor: Any, images: Any, *_: Any, **__: Any) -> list[Written]:
        return [Written(f"a dog on a sofa, {image.size[1]} high", (1, 2, 3), True) for image in images]

    def scorer(images: Any, captions: Any) -> list[float]:
        return [float(image.size[1]) for image in images]

    monkeypatch.setattr(jobs, "generate", write)
    source, out = open_items(pictures(tmp_path / "pictures", 4)), tmp_path / "job"
    strict, lax = Rules(min_score=42.0), Rules(max_words=4)
    outcome = run_job(source, JOB, out, lambda: vlm, scorer=scorer, rules=strict)
    assert outcome.rejected == {"score": 2}
    summary = write_dataset(outcome, JOB, out, Export(rules=strict))
    made = rows(out)
    assert [row["score"] for row in made] == [40, 41, 42, 43]
    assert [row["reason"] for row in made] == ["score", "score", None, None]
    assert (summary.kept, summary.rejected) == (2, {"score": 2})
    assert [row["text"] for row in made[1:3]] == ["picture 1", "picture 2. a dog on a sofa, 42 high"]
    for row in made:
        assert row["caption"] and row["model_hash"] == JOB.model_hash and row["prompt"] in JOB.prompts
        assert json.loads(row["decoding"])["max_new_tokens"] == 8
    again = run_job(source, JOB, out, lambda: vlm, rules=lax)
    assert again.made == 0
    write_dataset(again, JOB, out, Export(rules=lax))
    assert [row["caption"] for row in rows(out)] == [row["caption"] for row in made]
    assert [row["reason"] for row in rows(out)] == ["long"] * 4


def test_batched_captions_equal_one_by_one_token_for_token(tmp_path: Path, vlm: Vlm) -> None:
    """Pictures of several sizes, prompts of several lengths: padded on the left. Ties of logits would be listed."""
    rng = np.random.default_rng(2)
    images = [Image.fromarray(rng.integers(0, 255, (40 + 8 * (k % 3), 48, 3), dtype=np.uint8)) for k in range(32)]
    prompts = [
        ("Describe it.", "What is in the picture?", "a red ball on the grass a blue boat")[k % 3] for k in range(32)
    ]
    together = generate(vlm.model, vlm.processor, images, prompts, batch_size=32, max_new_tokens=24, gaps=True)
    alone = generate(vlm.model, vlm.processor, images, prompts, batch_size=1, max_new_tokens=24, gaps=True)
    differ = [k for k in range(32) if together[k].tokens != alone[k].tokens]
    ties = [k for k in range(32) if min(together[k].gap, alone[k].gap) < 1e-4]
    assert set(differ) <= set(ties), f"differ without a tie: {sorted(set(differ) - set(ties))}; ties: {ties}"
    assert len(differ) <= 3, f"ties: {ties}"
    assert sum(len(one.tokens) for one in alone) > 300


def test_the_hash_of_a_model_is_of_its_content(tmp_path: Path, model: Path) -> None:
    shutil.copytree(model, tmp_path / "copy")
    assert folder_hash(tmp_path / "copy") == folder_hash(model)
    (tmp_path / "copy" / "config.json").write_text("{}")
    assert folder_hash(tmp_path / "copy") != folder_hash(model)
    with pytest.raises(DataError, match="no such folder"):
        folder_hash(tmp_path / "none")
