"""Sentences that a caption repeats are cut; nothing else changes, and loops within a sentence stay for the filters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewardmark.baselines.recaption.filters import judge_caption
from rewardmark.baselines.recaption.refine import cut_repeats


@pytest.mark.parametrize(
    ("caption", "refined"),
    [
        ("a dog . a cat . a dog .", "a dog . a cat ."),
        ("A dog runs. A  DOG runs. It barks!", "A dog runs. It barks!"),
        ("no stop at all", "no stop at all"),
        ("", ""),
        ("fish fish fish fish fish fish .", "fish fish fish fish fish fish ."),
        ("3.5 metres. 3.5 metres.", "3.5 metres."),
    ],
)
def test_what_is_cut(caption: str, refined: str) -> None:
    assert cut_repeats(caption) == refined


def test_a_caption_that_only_repeated_a_sentence_passes_and_a_loop_does_not() -> None:
    said = "there is a small yellow house . there is a small yellow house . the sky is blue ."
    assert judge_caption(None, said, "Describe it.") == "loop"
    assert judge_caption(None, cut_repeats(said), "Describe it.") is None
    assert judge_caption(None, cut_repeats("a sky fish fish fish fish fish ."), "Describe it.") == "loop"


@given(st.lists(st.sampled_from(["a dog .", "A dog .", "the cat sat .", "it is red !"]), max_size=8))
def test_every_sentence_stands_once_and_none_is_lost(sentences: list[str]) -> None:
    text = " ".join(sentences)
    once = cut_repeats(text)
    assert cut_repeats(once) == once
    assert {s.lower() for s in sentences} == {f"{part} {mark}" for part, mark in _parts(once)}


def _parts(text: str) -> list[tuple[str, str]]:
    words, found, now = text.lower().split(), [], list[str]()
    for word in words:
        if word in (".", "!"):
            found.append((" ".join(now), word))
            now = []
        else:
            now.append(word)
    return found
