"""Files read straight into columns: the same numbers and the same complaints as the slower reading, whatever is done
to the text of a file."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.score import detection
from rewardmark.tasks.score.detection import read_results, read_truths

PIECES = [
    *("0", "-1", "1.0", "1.5", "-0.0", "1e3", "1e400", "1E-400", "01", "9" * 30, "4611686018427387904", "+1", ".5"),
    *("1.", "true", "null", "NaN", "-Infinity", '"1"', "[]", "{}", "[1]", '"\\ud800"', '"\t"', '"é"', "\x00", "\xff"),
    *("[" * 600, '"id": 1,', '"score": 0.5,', '"image_id": 2,', '"\\u0069d": 7,', '"bbox": [1, 2, 3, 4],', ",", "]"),
    *('"extra": NaN,', '"x": "\x01",', '"x": 1e999,', '"x": "\\q",', '"x": 00,', '"x": tru,', "/* */", "\ufeff", " "),
]  # fmt: skip


def files(make_coco: Any) -> tuple[str, str]:
    truth, results = make_coco(5, images=5)
    return json.dumps(truth), json.dumps(results[:12])


def outcome(read: Any) -> Any:
    try:
        found = read()
    except DataError as error:
        return str(error)
    columns = {k: v for k, v in vars(found).items() if k != "segmentations"}
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in columns.items()}


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> Any:
    def call(read: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(detection, "_sound_truths", lambda file: None)
            patch.setattr(detection, "_sound_results", lambda file, truths: None)
            return outcome(read)

    return call


def test_sound_files_take_the_short_way(tmp_path: Path, make_coco: Any, slowly: Any) -> None:
    for name, text in zip(("gt", "pred"), files(make_coco), strict=True):
        (tmp_path / name).write_text(text)
    truths = detection._sound_truths(tmp_path / "gt")
    assert truths is not None
    assert outcome(lambda: truths) == slowly(lambda: read_truths(tmp_path / "gt"))
    results = detection._sound_results(tmp_path / "pred", truths)
    assert outcome(lambda: results) == slowly(lambda: read_results(tmp_path / "pred", truths))
    (tmp_path / "none").write_text("[]")
    assert detection._sound_results(tmp_path / "none", truths) is not None


@pytest.mark.parametrize("seed", range(4))
def test_both_ways_say_the_same_of_damaged_files(tmp_path: Path, make_coco: Any, slowly: Any, seed: int) -> None:
    rng = random.Random(seed)
    truth, results = files(make_coco)
    sound, file = tmp_path / "gt", tmp_path / "damaged"
    sound.write_text(truth)
    truths = read_truths(sound)
    accepted = 0
    for _ in range(250):
        text = rng.choice((truth, results))
        at = rng.randrange(len(text))
        end = at + rng.choice((0, 0, 1, 3, 20))
        if rng.random() < 0.5:  # a whole value, or the start of a record
            starts = [i for i, c in enumerate(text) if c in ":,[{"]
            at = rng.choice(starts) + 1
            end = min((i for i in (text.find(c, at) for c in ",]}") if i > 0), default=at)
            end = rng.choice((at, end))
        damaged = text[:at] + rng.choice(PIECES) + text[end:]
        file.write_bytes(damaged.encode("latin-1" if "\xff" in damaged else "utf-8", errors="replace"))

        def read(which: bool = text is truth) -> Any:
            return read_truths(file) if which else read_results(file, truths)

        assert outcome(read) == slowly(read), damaged[max(0, at - 40) : at + 60]
        accepted += not isinstance(outcome(read), str)
    assert 0 < accepted < 250
