"""Filters of captions: rules, 200 planted faults, and the captions that real models wrote."""

from __future__ import annotations

import csv
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rewardmark.baselines.recaption.filters import REASONS, Rules, judge_caption
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.scenes import make_scene
from rewardmark.tasks.scenes.facts import draw_facts
from rewardmark.tasks.scenes.said import judge_caption_facts
from rewardmark.tasks.scenes.scene_json import SceneFacts

PROMPT = "Describe the image in detail."
GOOD = "A brown dog sleeps on a red sofa next to a window."
CHECKED = Path(__file__).parents[2] / "reports" / "recaption" / "filters-checked.csv"


@pytest.mark.parametrize(
    ("caption", "reason"),
    [
        (GOOD, None),
        ("", "empty"),
        (" ... \n", "empty"),
        ("1st base", "short"),
        ("Describe the image in detail. A dog.", "echo"),
        ("describe THE image, in: detail", "echo"),
        ("USER: what is it?\nA dog on a sofa.", "markup"),
        ("A dog on a sofa.<|im_end|>", "markup"),
        ("A dog on a sofa.\n\nQuestion 3: what colour is it?\nAnswer 3: red.", "markup"),
        ("The answer: nobody knows why the dog sleeps.", None),
        ("As an AI language model, I do not have access to images.", "refusal"),
        ("I\u2019m sorry, but there is nothing to see here.", "refusal"),
        ("a dog a dog a dog a dog", "loop"),
        ("very very very very big dog", "loop"),
        ("a very very very big dog", None),
        ("There is a car on the street. A man waits. There is a car on the street.", "loop"),
        ("a man on the left side of it, a man on the left side of it", "loop"),
        ("One cup stands on the left side of the table, another on the right side of the table.", None),
        ("\u72d7" * 8, "loop"),
        ("\u4e00\u53ea\u68d5\u8272\u7684\u72d7\u7761\u5728\u7ea2\u6c99\u53d1\u4e0a\u3002", None),
        (" ".join(f"word{k}" for k in range(301)), "long"),
    ],
)
def test_rules(caption: str, reason: str | None) -> None:
    assert judge_caption("a dog", caption, PROMPT) == reason


def test_words_of_the_original_that_the_prompt_quotes_are_no_echo() -> None:
    prompt = "Make this caption better: a dog sleeps on a red sofa"
    assert judge_caption("a dog sleeps on a red sofa", "Here a dog sleeps on a red sofa.", prompt) is None
    assert judge_caption(None, "Here a dog sleeps on a red sofa.", prompt) == "echo"


def test_a_cut_caption_and_a_low_score_are_reasons() -> None:
    assert judge_caption(None, GOOD, PROMPT, ended=False) == "cut"
    rules = Rules(min_score=0.3)
    assert judge_caption(None, GOOD, PROMPT, lambda _: 0.29, rules=rules) == "score"
    assert judge_caption(None, GOOD, PROMPT, lambda _: 0.3, rules=rules) is None
    assert judge_caption(None, GOOD, PROMPT, lambda _: float("nan"), rules=rules) == "score"


def test_the_scorer_is_asked_only_about_what_passes_all_else() -> None:
    def never(_: str) -> float:
        raise AssertionError("asked")

    assert judge_caption(None, "", PROMPT, never, rules=Rules(min_score=0.3)) == "empty"


def test_limits_that_leave_nothing_are_refused() -> None:
    with pytest.raises(RewardmarkError, match="5 to 4 words"):
        Rules(min_words=5, max_words=4)


def planted(seed: int = 7) -> tuple[list[tuple[str, str, SceneFacts]], list[tuple[str, SceneFacts]]]:
    """(fault, caption, scene) of 200 bad captions, 50 of each fault, and 400 good ones of the same 80 scenes."""
    rng = random.Random(seed)
    scenes = [make_scene(seed + 4, k, 48, "standard") for k in range(80)]
    facts = [draw_facts(seed + 4, k, 48, "standard", "train") for k in range(80)]
    bad: list[tuple[str, str, SceneFacts]] = []
    for k in range(50):
        own = rng.choice(scenes[k].captions)
        echoes = (PROMPT, f"{PROMPT} {own}", f"Sure! Describe the image in detail: {own}", f"{own}. {PROMPT}")
        words = own.split()
        n = rng.randint(1, len(words))
        loops = (
            " ".join([own] * rng.randint(2, 5)),
            ". ".join([own] * rng.randint(2, 5)),
            f"{own} " + " ".join(words[-n:] * rng.randint(3, 9)),
        )
        empties = ("", "  ", "\n", "...", "</s>", "<image>", "-", "\u200b")
        other = rng.choice([j for j in range(80) if j != k])
        bad.append(("echo", rng.choice(echoes), facts[k]))
        bad.append(("loop", rng.choice(loops), facts[k]))
        bad.append(("empty", rng.choice(empties), facts[k]))
        bad.append(("another image's", rng.choice(scenes[other].captions), facts[k]))
    return bad, [(caption, facts[k]) for k, scene in enumerate(scenes) for caption in scene.captions]


@pytest.mark.parametrize("seed", [7, 23])
def test_planted_faults_are_caught_and_good_captions_kept(seed: int) -> None:
    """The scorer is the scene graph (the share of a caption's claims that are true): what is shown is that a score is
    acted on, not that some model gives a good one."""

    def reason(caption: str, facts: SceneFacts) -> str | None:
        def score(text: str) -> float:
            judged = judge_caption_facts(text, facts)
            said = len(judged.true) + len(judged.false)
            return len(judged.true) / said if said else 0.0

        return judge_caption("an alt text", caption, PROMPT, score, rules=Rules(min_score=0.8))

    bad, good = planted(seed)
    assert len(bad) == 200 and len(good) == 400
    caught = Counter(fault for fault, caption, facts in bad if reason(caption, facts) is not None)
    lost = [caption for caption, facts in good if reason(caption, facts) is not None]
    assert caught["echo"] == caught["loop"] == caught["empty"] == 50
    assert caught["another image's"] >= 45, caught
    assert sum(caught.values()) >= 190, caught
    assert len(lost) < 8, lost


def test_without_a_scorer_every_planted_fault_of_the_text_is_caught() -> None:
    bad, good = planted()
    texts = [(fault, caption) for fault, caption, _ in bad if fault != "another image's"]
    assert all(judge_caption(None, caption, PROMPT) for _, caption in texts)
    assert not any(judge_caption(None, caption, PROMPT) for caption, _ in good)


def real_captions() -> dict[tuple[str, int], dict[str, Any]]:
    root = os.environ.get("REWARDMARK_REAL_DATA")
    if not root:
        pytest.skip("REWARDMARK_REAL_DATA is not set")
    out: dict[tuple[str, int], dict[str, Any]] = {}
    for file in sorted((Path(root) / "pope" / "captions").iterdir()):
        text, decoder, place = file.read_text(), json.JSONDecoder(), 0
        while place < len(text.rstrip()):
            place += len(text[place : place + 80]) - len(text[place : place + 80].lstrip())
            row, place = decoder.raw_decode(text, place)
            out[file.stem, row["question_id"]] = row
    return out


def test_captions_of_real_models_are_rejected_as_the_report_says() -> None:
    counts: dict[str, Counter[str | None]] = {}
    reasons = {}
    for (model, number), row in real_captions().items():
        prompt = row["prompt"] if isinstance(row["prompt"], str) else row["prompt"][0]
        reasons[model, number] = judge_caption(None, row["text"], prompt)
        counts.setdefault(model, Counter())[reasons[model, number]] += 1
    assert counts == {
        "instructblip": {None: 1963, "short": 36, "loop": 1},
        "llava": {None: 2000},
        "minigpt-4": {None: 1168, "echo": 131, "markup": 445, "loop": 256},
        "mplug": {None: 2000},
    }
    with open(CHECKED, newline="") as stream:
        checked = list(csv.DictReader(stream))
    assert len(checked) == 100 and sum(row["verdict"] == "bad" for row in checked) == 98
    assert all(reasons[row["model"], int(row["question_id"])] == row["reason"] for row in checked)
    assert set(filter(None, reasons.values())) <= set(REASONS)
