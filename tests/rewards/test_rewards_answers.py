"""Answers, counts, Winoground's rule, formats."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rewardmark.rewards import Answers, PairScores, get_reward
from rewardmark.rewards.answers_normalize import normalize_answer
from rewardmark.rewards.vqa import edit_distance


@pytest.mark.parametrize("matches", range(11))
@pytest.mark.parametrize("agree", [True, False])
def test_vqa_accuracy_for_every_number_of_matches(matches: int, agree: bool) -> None:
    others = ["blue"] * (10 - matches) if agree else [f"other {k}" for k in range(10 - matches)]
    value = get_reward("vqa/soft")(Answers(["red"]), Answers([["red"] * matches + others])).item()
    leave_one_out = [min(1.0, (matches - (k < matches)) / 3) for k in range(10)]
    assert value == pytest.approx(sum(leave_one_out) / 10)
    assert value == pytest.approx(min(1.0, 0.3 * matches))


def test_unanimous_annotators_skip_normalisation_as_the_official_script_does() -> None:
    soft = get_reward("vqa/soft")
    assert soft(Answers(["Black."]), Answers([["black"] * 10])).item() == 0
    assert soft(Answers(["Black."]), Answers([["black"] * 9 + ["grey"]])).item() == 1
    assert soft(Answers([" black\n"]), Answers([["black"] * 10])).item() == 1


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("The U.S.", "us"),
        ("none", "0"),
        ("an apple", "apple"),
        ("dont", "don't"),
        ("x-ray", "x ray"),
        ("x- ray", "x ray"),
        ("3.5 m", "3.5 m"),
        ("1,000", "1000"),
        ("red/blue, 1,000", "redblue 1000"),
        ("a" + "." * 40, "a" + "." * 8),
        ("somebody'd", "somebodyd"),
        ("Ten", "10"),
    ],
)
def test_normalisation_of_answers(answer: str, normal: str) -> None:
    assert normalize_answer(answer) == normal


@pytest.mark.parametrize(
    ("answer", "truths", "value"),
    [
        ("hello", ["hello"], 1.0),
        ("helo", ["hello"], 0.8),
        ("HELLO  world", ["hello world"], 1.0),
        ("ab", ["cd", "ab"], 1.0),
        ("abcd", ["abxy"], 0.0),  # NL = 0.5 is not below the threshold
        ("", ["a"], 0.0),
        ("", [""], 1.0),
    ],
)
def test_anls(answer: str, truths: list[str], value: float) -> None:
    assert get_reward("vqa/anls")(Answers([answer]), Answers([truths])).item() == pytest.approx(value)


@pytest.mark.parametrize(
    ("answer", "mended", "published"),
    [("no", 1, 1), ("No.", 1, 1), ("not sure", 0, 1), ("I know", 0, 1), ("yes", 0, 0), ("no, yes", 0, 1), ("", 0, 0)],
)
def test_yes_no_reads_whole_words(answer: str, mended: float, published: float) -> None:
    truth = Answers(["no"])
    assert get_reward("vqa/yes-no")(Answers([answer]), truth).item() == mended
    assert get_reward("vqa/yes-no-as-published")(Answers([answer]), truth).item() == published


def test_a_truth_that_is_no_yes_or_no_is_a_failure_not_a_score() -> None:
    scored = get_reward("vqa/yes-no").score(Answers(["no", "no"]), Answers(["no", "maybe"]), ["q1", "q2"])
    assert [failure.sample_id for failure in scored.failures] == ["q2"]


def test_counts_are_negated_errors_and_unreadable_answers_are_worst() -> None:
    answers = ["3", "there are five", "five or six", "many", "-40", "3.5"]
    value = get_reward("counting/error", cap=8.0)(Answers(answers), Answers(["3"] * 6))
    assert value.tolist() == [0.0, -2.0, -8.0, -8.0, -8.0, -0.5]


@pytest.mark.parametrize(
    ("scores", "text", "image"),
    [
        ([[0.9, 0.1], [0.2, 0.8]], 1, 1),
        ([[0.9, 0.85], [0.2, 0.8]], 0, 1),
        ([[0.5, 0.5], [0.5, 0.5]], 0, 0),
        ([[0.9, 0.1], [0.85, 0.8]], 1, 0),
        ([[float("nan"), 0.1], [0.2, 0.8]], 0, 0),
    ],
)
def test_winoground_ties_lose(scores: list[list[float]], text: int, image: int) -> None:
    reward = get_reward("matching/pair")
    value = reward(PairScores.from_lists([scores]), None).item()
    assert (reward.components["text"].item(), reward.components["image"].item()) == (text, image)
    assert value == text * image


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("json-boxes", '```json\n[{"bbox_2d": [0, 0, 4, 4], "label": "cat"}]\n```', 1),
        ("json-boxes", '<answer>[{"bbox": [0, 0, 4, 4]}]</answer>', 1),
        ("json-boxes", '[{"bbox": [0, 0, 4]}]', 0),
        ("json-boxes", '[{"bbox": [0, 0, NaN, 4]}]', 0),
        ("json-boxes", "[" * 100_000, 0),
        ("json-boxes", "", 0),
        ("think-answer", "<think>a</think>\n<answer>b</answer>", 1),
        ("think-answer", "<think>a</think><answer></answer>", 0),
        ("think-answer", "<answer>b</answer><think>a</think>", 0),
        ("think-answer", "so <think>a</think><answer>b</answer>", 0),
        ("no-repeat", "", 1),
    ],
)
def test_formats(name: str, text: str, value: float) -> None:
    assert get_reward(f"format/{name}")(Answers([text]), None).item() == value


def test_clip_score_needs_exactly_one_of_scorer_and_model() -> None:
    from rewardmark.rewards import Captions, Images

    said, images = Captions(["a", ""]), Images(torch.zeros(2, 3, 4, 4))
    reward = get_reward("captioning/clip-score", scorer=lambda texts, rgb: torch.tensor([-0.2, 0.9]))
    assert reward(said, images).tolist() == [0.0, 0.0]
    assert "give either" in get_reward("captioning/clip-score").score(said, images).failures[0].message
    missing = get_reward("captioning/clip-score", model="/no/such/folder").score(said, images)
    assert "no CLIP model with its processor in /no/such/folder" in missing.failures[0].message


@given(*[st.text("abé ", max_size=80)] * 2)
def test_the_edit_distance_is_that_of_the_textbook_table(a: str, b: str) -> None:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    assert edit_distance(a, b) == row[-1]


@given(st.sampled_from("abc"), st.lists(st.sampled_from(["a", "b", "c", "A.", "the b"]), min_size=2, max_size=12))
def test_vqa_accuracy_is_the_mean_over_the_others_of_each_annotator(answer: str, truths: list[str]) -> None:
    said = answer
    normal = truths
    if len(set(truths)) > 1:
        said, normal = normalize_answer(answer), [normalize_answer(truth) for truth in truths]
    others = [[other for k, other in enumerate(normal) if k != left_out] for left_out in range(len(truths))]
    wanted = sum(min(1.0, group.count(said) / 3) for group in others) / len(truths)
    assert get_reward("vqa/soft")(Answers([answer]), Answers([truths])).item() == pytest.approx(wanted, abs=1e-6)
