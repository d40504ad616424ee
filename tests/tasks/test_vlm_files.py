"""The VLM task on files in the published formats: COCO captions, LLaVA-style JSON, WebDataset shards."""

from __future__ import annotations

import io
import json
import math
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rewardmark.leaderboard.data import Splits
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.rewards.types import Answers
from rewardmark.tasks import get_task
from rewardmark.tasks.dataset_spec import DatasetSpec

SIZES = [(64, 48), (31, 77), (20, 20)]  # width, height
SAID = [["a red square on a wall", "a square"], ["two cats on a sofa", "cats"], ["a dog runs on grass", "a dog"]]


def picture(k: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", SIZES[k], (40 * k, 10, 10)).save(out, "PNG")
    return out.getvalue()


def write_pictures(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(3):
        (folder / f"{k}.png").write_bytes(picture(k))


def write_coco(root: Path) -> Path:
    write_pictures(root / "val2017")
    images = [{"id": 10 + k, "file_name": f"{k}.png", "height": h, "width": w} for k, (w, h) in enumerate(SIZES)]
    said = [(k, text) for k, texts in enumerate(SAID) for text in texts]
    annotations = [{"id": n, "image_id": 10 + k, "caption": text} for n, (k, text) in enumerate(said)]
    (root / "annotations").mkdir()
    (root / "annotations" / "captions_val2017.json").write_text(
        json.dumps({"info": {}, "licenses": [], "images": images, "annotations": annotations})
    )
    return root


def write_llava(root: Path) -> Path:
    write_pictures(root / "images")
    records: list[dict[str, Any]] = [
        {
            "id": str(k),
            "image": f"{k}.png",
            "conversations": [
                {"from": "human", "value": f"<image>\nWhat is in picture {k}?"},
                {"from": "gpt", "value": SAID[k][0]},
                {"from": "human", "value": "Is it large?"},
                {"from": "gpt", "value": "No."},
            ],
        }
        for k in range(3)
    ]
    words = [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hello."}]
    (root / "train.json").write_text(json.dumps([*records, {"id": "words", "conversations": words}]))
    return root


def write_shards(root: Path) -> Path:
    (root / "train").mkdir(parents=True)
    with tarfile.open(root / "train" / "00000.tar", "w") as tar:
        for k in range(3):
            for suffix, content in (("png", picture(k)), ("txt", SAID[k][0].encode()), ("json", b'{"width": 1}')):
                member = tarfile.TarInfo(f"{k:09d}.{suffix}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return root


@pytest.fixture
def roots(tmp_path: Path) -> dict[str, Path]:
    return {
        "coco-captions": write_coco(tmp_path / "coco"),
        "llava": write_llava(tmp_path / "chat"),
        "webdataset": write_shards(tmp_path / "shards"),
    }


def spec_of(name: str, **other: Any) -> DatasetSpec:
    return DatasetSpec(name=name, split="val2017" if name == "coco-captions" else "train", **other)


@pytest.mark.parametrize("name", ["coco-captions", "llava", "webdataset"])
def test_pictures_of_any_size_with_their_first_caption_are_learned_from(roots: dict[str, Path], name: str) -> None:
    task = get_task("vlm")
    split = task.open(spec_of(name, kind="web"), roots[name])
    assert [sample.answers[0] for sample in split] == [texts[0] for texts in SAID]
    assert {sample.skill for sample in split} == {"web"}
    assert [(w, h) for h, w in split.sizes] == SIZES
    assert [split.image(k).shape for k in range(3)] == [(h, w, 3) for w, h in SIZES]
    assert split.image(1)[0, 0].tolist() == [40, 10, 10]
    again = task.open(spec_of(name, kind="web", root=str(roots[name])))
    assert again.content_hash == split.content_hash
    assert len(task.open(spec_of(name, kind="web", n=2), roots[name])) == 2
    assert task.open(spec_of(name, kind="web", n=2), roots[name]).content_hash != split.content_hash


@pytest.mark.parametrize("name", ["coco-captions", "llava"])
def test_held_out_captions_are_judged_by_cider(roots: dict[str, Path], name: str) -> None:
    task = get_task("vlm")
    split = task.open(spec_of(name), roots[name])
    asked = "What is in picture 1?" if name == "llava" else "Describe this picture in detail."
    assert (split[1].skill, split[1].question) == ("caption", asked)
    assert split[1].answers == (tuple(SAID[1]) if name == "coco-captions" else (SAID[1][0],))
    found = task.statistics(split, range(3), Answers([texts[0] for texts in SAID]))
    none = task.statistics(split, range(3), Answers(["nothing", "", "blue"])).metrics()
    numbers = found.metrics()
    assert numbers["CIDEr"] > 4 > none["CIDEr"] == 0
    assert numbers["mean"] == pytest.approx(numbers["CIDEr"] / 10)
    assert found.per_sample()["score"].tolist() == pytest.approx((found.captioning.per_sample()["score"] / 10).tolist())
    for unknown in ("caption_F1", "precision", "recall", "CHAIR_i", "CHAIR_s", "POPE"):
        assert math.isnan(numbers[unknown])
    weights = np.array([3, 0, 1])
    assert found.metrics(weights)["mean"] == pytest.approx(found.metrics(weights)["CIDEr"] / 10)


def test_a_flat_layout_and_paths_that_are_given(roots: dict[str, Path], tmp_path: Path) -> None:
    task = get_task("vlm")
    chat = roots["llava"] / "train.json"
    chat.rename(tmp_path / "mine.json")
    split = task.open(
        spec_of("llava", kind="web", file=str(tmp_path / "mine.json"), images=str(chat.parent / "images"))
    )
    assert len(split) == 3
    shard = next((roots["webdataset"] / "train").glob("*.tar"))
    assert len(task.open(spec_of("webdataset", file=shard.name), shard.parent)) == 3
    flat = roots["coco-captions"] / "captions_val2017.json"
    (roots["coco-captions"] / "annotations" / flat.name).rename(flat)
    (roots["coco-captions"] / "val2017").rename(roots["coco-captions"] / "images")
    assert len(task.open(spec_of("coco-captions"), roots["coco-captions"])) == 3


def test_no_path_of_this_machine_goes_into_a_run(roots: dict[str, Path]) -> None:
    splits = Splits(None)
    spec = spec_of("llava", kind="web", root=str(roots["llava"]), file="train.json")
    assert splits.portable(spec, "vlm") == {
        "name": "llava",
        "split": "train",
        "size": 48,
        "kind": "web",
        "folder": "chat",
    }
    assert "content" in splits.identity(spec, "vlm")


def test_what_is_missing_names_file_and_record(roots: dict[str, Path]) -> None:
    task = get_task("vlm")
    coco, chat = roots["coco-captions"], roots["llava"]
    (coco / "val2017" / "1.png").unlink()
    with pytest.raises(DataError, match=r"captions_val2017\.json: images\[1\] \(1\.png\): there is no picture"):
        task.open(spec_of("coco-captions"), coco)
    (coco / "val2017" / "1.png").write_bytes(picture(1)[:60])
    split = task.open(spec_of("coco-captions"), coco)
    with pytest.raises(DataError, match=r"images\[1\] \(1\.png\): cannot be read as a picture"):
        split.image(1)
    records = json.loads((chat / "train.json").read_text())
    records[2]["conversations"] = []
    (chat / "train.json").write_text(json.dumps(records))
    with pytest.raises(DataError, match=r"train\.json: \[2\] \(2\.png\): there is no caption"):
        task.open(spec_of("llava"), chat)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"name": "llava"}, "need a root"),
        ({"name": "llava", "root": "nowhere"}, "no such folder"),
        ({"name": "llava", "root": "."}, r"there is no train\.json or train\.jsonl"),
        ({"name": "webdataset", "root": ".", "images": "x"}, "images means nothing"),
        ({"name": "webdataset", "root": ".", "file": "words.txt"}, "neither a folder of shards"),
        ({"name": "coco", "root": "."}, "reads scenes, coco-captions, llava, webdataset"),
        ({"name": "llava", "root": ".", "kind": "webb"}, "kind"),
    ],
)
def test_bad_places_are_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: dict[str, str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("no shard")
    with pytest.raises(RewardmarkError, match=message):
        get_task("vlm").open(DatasetSpec(split="train", **spec))  # type: ignore[arg-type]


def test_what_a_spec_of_files_may_not_say() -> None:
    for key, value in (("seed", 3), ("captions", "x"), ("choices", "x"), ("per_image", 3)):
        with pytest.raises(RewardmarkError, match=f"{key} means nothing for 'llava'"):
            DatasetSpec(name="llava", **{key: value})  # type: ignore[arg-type]
