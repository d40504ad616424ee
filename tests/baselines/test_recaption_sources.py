"""Sources of pictures, what is put together from captions, and what captions cost."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from PIL import Image
from rewardmark.baselines.recaption.combine import Combine, combined
from rewardmark.baselines.recaption.cost import cost_markdown, cost_per_1000, cost_table, read_prices
from rewardmark.baselines.recaption.pictures import scan
from rewardmark.baselines.recaption.shards import ShardWriter
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.vlm.sources import SUFFIXES, open_items


def png(colour: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), (colour, 0, 0)).save(out, "PNG")
    return out.getvalue()


def test_a_folder_with_texts_beside_the_pictures(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.PNG").write_bytes(png(1))
    (tmp_path / "a.png").write_bytes(png(2))
    (tmp_path / "a.txt").write_text(" a red square \n")
    items = open_items(tmp_path)
    assert [(item.name, item.original) for item in items] == [("a.png", "a red square"), ("b/x.PNG", None)]
    assert items[0].place.read() == png(2)


def test_a_link_that_leads_nowhere_is_named_and_a_pipe_is_not_opened(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.png").write_bytes(png(1))
    (pictures / "b.png").symlink_to(tmp_path / "nowhere.png")
    (pictures / "c.png").symlink_to(pictures / "a.png")
    os.mkfifo(pictures / "d.png")
    errors = {item.name: picture.error for item, picture in scan(open_items(pictures), tmp_path / "seen.jsonl")}
    assert errors == {"a.png": None, "b.png": "No such file or directory", "c.png": None}


def test_coco_captions_keep_all_captions_of_a_picture(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 7, "file_name": "x.jpg"}, {"id": 9, "file_name": "y.jpg"}],
        "annotations": [{"image_id": 7, "caption": "one"}, {"image_id": 7, "caption": "two "}],
    }
    file = tmp_path / "captions.json"
    file.write_text(json.dumps(content))
    x, y = open_items(file, tmp_path / "images")
    assert (x.originals, x.original, y.original) == (("one", "two"), "one", None)
    assert x.place.file == tmp_path / "images" / "x.jpg"


def test_llava_records_give_the_first_answer_and_names_stay_apart(tmp_path: Path) -> None:
    turns = [
        {"from": "human", "value": "<image>\nWhat?"},
        {"from": "gpt", "value": "A dog."},
        {"from": "gpt", "value": "B"},
    ]
    file = tmp_path / "chat.json"
    file.write_text(json.dumps([{"image": "x.jpg", "conversations": turns}, {"id": "t"}, {"image": "x.jpg"}]))
    assert [(item.name, item.original) for item in open_items(file)] == [("x.jpg", "A dog."), ("x.jpg#2", None)]


def test_shards_that_were_written_read_back(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "shards", 2) as writer:
        for k in range(5):
            writer.add({"png": png(k), "txt": f"number {k}".encode(), "json": b"{}"})
    items = open_items(tmp_path / "shards")
    assert [item.original for item in items] == [f"number {k}" for k in range(5)]
    assert [item.place.read() for item in items] == [png(k) for k in range(5)]
    assert items[4].name == "000002.tar:000000004"
    with tarfile.open(tmp_path / "shards" / "000000.tar") as tar:
        assert tar.getnames()[:3] == ["000000000.png", "000000000.txt", "000000000.json"]
    assert ".png" in SUFFIXES


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", "{", "not JSON"),
        ("x.json", '{"a": 1}', "neither COCO"),
        ("x.json", '[{"id": 1}]', "holds no pictures"),
        ("x.json", '{"images": [{"id": 1}]}', r"images\[0\]: needs file_name"),
        ("x.tar", "no tar", "no plain tar"),
        ("x.tar.gz", "", "unpacked"),
    ],
)
def test_what_is_no_source_is_an_error_that_names_it(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        open_items(tmp_path / name)


def test_captions_are_combined() -> None:
    assert combined("a dog", "A brown dog.", Combine.concat) == "a dog. A brown dog."
    assert combined("a dog!", "A brown dog.", Combine.concat) == "a dog! A brown dog."
    assert combined("a dog", "A brown dog.", Combine.recaption) == "A brown dog."
    assert combined("a dog", None, Combine.recaption) == "a dog"
    assert combined(None, None, Combine.concat) is None
    drawn = [combined("o", "c", Combine.mix, 0.3, str(k), 1) for k in range(2000)]
    assert drawn == [combined("o", "c", Combine.mix, 0.3, str(k), 1) for k in range(2000)]
    assert 0.27 < drawn.count("c") / 2000 < 0.33


def test_costs_by_hand() -> None:
    # 1,000 images at 10.6 a second are 94.34 s; at $4.91 an hour $0.12867. People: $36, that is 279.8 times as much.
    rows = {row.what: row for row in cost_table(2.0, "cpu-2", passes=3, training_seconds=7200, images=4000)}
    assert rows["the paper, one pass, recomputed"].usd == pytest.approx(0.128669, abs=1e-6)
    assert rows["the paper, one pass, recomputed"].ratio == pytest.approx(279.79, abs=0.01)
    assert rows["the paper, 3 passes"].ratio == pytest.approx(93.26, abs=0.01)
    assert rows["the paper, as claimed"].ratio == 300
    hourly = read_prices().machine("cpu-2").usd_per_hour
    assert rows["this job, one pass"].usd == pytest.approx(500 / 3600 * hourly)
    assert rows["this job, 3 passes"].usd == pytest.approx(1500 / 3600 * hourly)
    assert rows["this job, 3 passes and training"].usd == pytest.approx((1500 + 1800) / 3600 * hourly)
    assert cost_markdown(list(rows.values())).count("\n") == 2 + len(rows)
    with pytest.raises(RewardmarkError, match="pace"):
        cost_per_1000(0, 1)


def test_a_price_list_with_a_slip_names_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text("[people]\nusd_per_1000 = -3\nsource = 'x'\n")
    with pytest.raises(DataError, match=r"prices\.toml: people\.usd_per_1000"):
        read_prices(file)
    with pytest.raises(RewardmarkError, match="no machine 'abacus'; it has h100-paper"):
        cost_table(1.0, "abacus")
