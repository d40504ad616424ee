"""Our tokens are those of the Java PTBTokenizer: fuzzed, written, Unicode and generated captions."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rewardmark.rewards import ptb_java, ptb_native, tokenize
from rewardmark.rewards.ptb_java import java_lines, java_tokens, one_line
from rewardmark.rewards.ptb_native import native_tokens, open_end

REAL = os.environ.get("REWARDMARK_REAL_DATA")

NOUNS = "man woman dog cat group bus zebra pizza child kitchen street train teddy bear surfer plate sign"
SUBJECTS = NOUNS.split()
ENDINGS = "on a beach|next to the dog's bowl|in front of it|at 10:30|with 2 others|who isn't looking|near St. Paul"
STRANGE = """'s n't can't won't don't I'm it's o'clock y'all 'tis 'em 'til 'n' rock'n'roll mr. Mr. MR. st. St. etc. No.
fig. 3 1/2 1,000 3.5 10:30pm 2nd 1980s 1950's 5ft x a A A. a. I. U.S. e.g. p.m. " ( ) : ; - -- --- ... .. . , ! ? !! ?!
% 50% $5 $ $1.49, & b&w black/white and/or b/w / # @ #1 @me <b> > = + * _ [x] {x} `x` ``x'' :) :D ;) <3 www.a.com
foo.jpg x.y end.The dog.Cat cannot gonna gotta wanna lemme gimme dunno d'ye C'mon ol' dogs' l'eau c'est pro- anti-
mid-1990s -5 +5 1-2 555-1234 (555) 123 4567 half-eaten T-shirt 3-year-old Ph.D. Jr. Inc. Sat. Wash. ill. art. op. co.
Yahoo! OK! e! C.D.s S&P f**k c++ C# &amp; don't've WE'RE DOG'S 90's '90s '90 -LRB- Messrs. Thurs. calif. approx.
30s., t-shirts., 'hello' "hello" (hello) they'd 'décor café Café naïve Ünder straße ñ ø É"""
UNICODE = (
    "\u2019s don\u2019t \u201chi\u201d \u2018hi\u2019 \u2014 \u2013 \u2026 1950\u2019s a\u2014b \u0130 \u0131 \u65e5"
)
ODD = [
    *STRANGE.split(),
    *UNICODE.split(),
    "\u043f\u0440\u0438",
    "\U0001f600",
    "\u00a0",
    "\t",
    "\u3000",
    "\x7f",
    "soft\u00adhyphen",
]
ALPHABET = "abcdeinostuzAEIOTSN0123459.,'\"!?-:;()%/&$\u2019\u201c\u201déÉñ "
TAILS = [".", ",", "!", "?", ")", '"', ":", ";", "'", "...", "\u2019", "\u201d", ".)", '."', "'s", "n't", "%", ".,"]


def plain(rng: random.Random) -> str:
    text = f"A {rng.choice(SUBJECTS)} and the {rng.choice(SUBJECTS)}s, {rng.choice(ENDINGS.split('|'))}"
    return text + rng.choice(["", ".", " .", "!"])


def word(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.4:
        text = rng.choice(SUBJECTS)
    elif kind < 0.65:
        text = rng.choice(ODD)
    elif kind < 0.8:
        text = "".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, 7)))
    elif kind < 0.9:
        text = "".join(rng.choice("aeiounlstdrmv'\u2019") for _ in range(rng.randint(1, 8)))
    else:
        text = str(rng.randint(0, 3000))
    if rng.random() < 0.1:
        text = rng.choice("\"('\u201c") + text
    if rng.random() < 0.15:
        text += rng.choice(TAILS)
    if rng.random() < 0.05:
        text = text.upper() if rng.random() < 0.5 else text.capitalize()
    return text


def fuzzed(rng: random.Random) -> str:
    return one_line(" ".join(word(rng) for _ in range(rng.randint(0, 9))))


def differences(captions: list[str]) -> tuple[int, list[tuple[str, str, str]]]:
    """How many of the captions are ours, and where we differ: caption, our tokens, Java's."""
    captions = [caption for caption in captions if "<" not in caption]  # a tag reaches over lines
    ours = [None if open_end(caption) else native_tokens(caption) for caption in captions]
    rows = zip(captions, ours, java_lines(captions), strict=True)
    wrong = [
        (caption, " ".join(mine), java) for caption, mine, java in rows if mine is not None if " ".join(mine) != java
    ]
    return sum(mine is not None for mine in ours), wrong


def real_captions() -> list[str]:
    captions = []
    for file in sorted((Path(REAL or "") / "pope" / "captions").iterdir()):
        texts = re.findall(r'"text": ("(?:[^"\\]|\\.)*")', file.read_text(encoding="utf-8"))
        captions += [one_line(json.loads(text)) for text in texts]
    return captions


def test_plain_and_fuzzed_captions_have_javas_tokens() -> None:
    rng = random.Random(0)
    captions = [plain(rng) for _ in range(1000)] + [fuzzed(rng) for _ in range(4000)]
    known, wrong = differences(captions)
    assert wrong == []
    assert known > 2000


def test_ordinary_captions_need_no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ptb_java, "java_program", lambda: pytest.fail("Java was started"))
    rng = random.Random(1)
    captions = [plain(rng) for _ in range(500)]
    assert len(tokenize.tokenize_all(captions)) == len(tokenize.tokenize_text(captions)) == 500


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.text(st.characters(codec="utf-8", max_codepoint=0x2FF)), min_size=50, max_size=300))
def test_any_text_has_javas_tokens(captions: list[str]) -> None:
    captions = [one_line(caption) for caption in captions]
    assert tokenize.tokenize_text(captions) == java_lines(captions)


def test_a_file_of_ordinary_and_strange_captions_is_tokenised_as_java_does_the_whole_file() -> None:
    rng = random.Random(2)
    captions = [plain(rng) if rng.random() < 0.5 else fuzzed(rng) for _ in range(2000)]
    captions[5:9] = ["he lives in the U.S.", "", " ", "The dog runs."]  # the next line decides about the period
    captions = [caption.replace("<", "") for caption in captions]
    assert tokenize.tokenize_text(captions) == java_lines(captions)
    tagged = ["a <b", "dog>", 'a <x y="', 'cat"> dog']
    assert tokenize.tokenize_text(tagged) == java_lines(tagged)


def test_tokens_of_a_caption_do_not_depend_on_its_batch() -> None:
    captions = ["plan A.", "An apple of the U.S.", "It is A. The dog", 'a <x y="', 'cat"> dog', "", "a dog\nruns"]
    alone = [tuple(java_lines([one_line(caption)])[0].split(" ")) if caption else () for caption in captions]
    assert java_tokens(captions) == alone
    assert tokenize.tokenize_all(captions) == alone
    tokenize._known.clear()
    assert [tokenize.tokenize(caption) for caption in captions] == alone


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenize, "CACHED_CAPTIONS", 10)
    monkeypatch.setattr(tokenize, "_known", {})
    tokenize.tokenize_all([f"dog {i}" for i in range(50)])
    assert list(tokenize._known) == [f"dog {i}" for i in range(40, 50)]


def test_a_long_piece_and_many_digits_take_no_time() -> None:
    assert native_tokens("1" * 100_000 + " " + "2" * 100_000) is None
    assert native_tokens("a" * 100_000) is None
    assert native_tokens("." * 50 + "'" * 5) is None
    assert native_tokens("a-" * 28 + "!") is None


def test_a_letter_or_an_abbreviation_of_numbers_at_the_end_of_a_caption_by_itself() -> None:
    words = [*string.ascii_letters, *ptb_native._NEXT_DECIDES, *map(str.capitalize, ptb_native._NEXT_DECIDES), "é", "É"]
    captions = [frame.format(text) for text in words for frame in ("a dog with {}.", "{}.", "a {0}. dog {0}. ", '"{}.')]
    assert all(native_tokens(caption) is not None for caption in captions)
    assert [native_tokens(caption) for caption in captions] == java_tokens(captions)


@pytest.mark.slow
@pytest.mark.parametrize(
    "frame", ["b {}. d", "b {} d", "{}. The big", "b {}. 5", "b {}.", "b {}' d", "b {}'s", "b '{}' d"]
)
@pytest.mark.parametrize("case", [str.lower, str.capitalize, str.upper])
def test_every_string_of_up_to_four_letters(frame: str, case: Callable[[str], str]) -> None:
    letters = string.ascii_lowercase
    words = ["".join(chosen) for n in (1, 2, 3, 4) for chosen in itertools.product(letters, repeat=n)]
    known, wrong = differences([frame.format(case(text)) for text in words])
    assert wrong == []
    assert known > 300_000


@pytest.mark.slow
def test_every_letter_that_is_ours_in_every_place() -> None:
    letters = [chr(code) for code in range(0x20, 0x250)]
    frames = ["{}", "a{}b", "{}ab.", "ab{},", "({}b)", "{}b's", "1{}", "{0}{0}", "a {} b", "{}'ab", '"{}"']
    known, wrong = differences([frame.format(letter) for letter in letters for frame in frames])
    assert wrong == []
    assert known > 1200


@pytest.mark.slow
def test_a_hundred_thousand_varied_captions_and_more() -> None:
    rng = random.Random(3)
    known, wrong = differences([plain(rng) for _ in range(20_000)] + [fuzzed(rng) for _ in range(400_000)])
    assert wrong == []
    assert known > 120_000


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="REWARDMARK_REAL_DATA is not set")
def test_captions_that_models_wrote() -> None:
    captions = real_captions()
    known, wrong = differences(captions)
    assert wrong == []
    assert known > 0.99 * len(captions) > 7000
    assert tokenize.tokenize_text(captions) == java_lines(captions)


def test_the_cache_of_pieces_is_bounded() -> None:
    assert ptb_native._parts.cache_info().maxsize is not None
