"""Captions to tokens as COCO's caption evaluation does it: PTB tokens, lower case, punctuation left out.

The official tool runs Stanford's PTBTokenizer in Java. Captions that our own tokeniser is proven for (`ptb_native`)
never see it; any other goes to Java, once, so the tokens are always the official ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from threading import Lock

from rewardmark.rewards.ptb_java import java_lines, java_tokens, one_line
from rewardmark.rewards.ptb_native import PUNCTUATION, native_tokens, open_end

__all__ = ["EOS", "PUNCTUATION", "ngrams", "split_at_blanks", "tokenize", "tokenize_all", "tokenize_text"]

#: The end token that SacreEOS appends. No caption contains it: tokens are lower-cased.
EOS = "<EOS>"

#: Captions whose tokens are kept; the oldest leave first.
CACHED_CAPTIONS = 200_000
_known: dict[str, tuple[str, ...]] = {}
_writing = Lock()


def tokenize(caption: str) -> tuple[str, ...]:
    """The tokens of one caption. A caption that is not plain text starts Java; see `tokenize_all` for many.

    >>> tokenize("A dog's ball, can't you see?")
    ('a', 'dog', "'s", 'ball', 'ca', "n't", 'you', 'see')
    """
    tokens = _known.get(caption)
    return tokenize_all([caption])[0] if tokens is None else tokens


def tokenize_all(captions: Sequence[str]) -> list[tuple[str, ...]]:
    """The tokens of each caption, each by itself; at most one JVM is started, for those that need it.

    Raises RewardmarkError where Java is needed and cannot be had.

    >>> tokenize_all(["A dog.", "two cats"])
    [('a', 'dog'), ('two', 'cats')]
    """
    found: list[tuple[str, ...] | None] = []
    strange: list[int] = []
    for row, caption in enumerate(captions):
        tokens = _known.get(caption)
        if tokens is None:
            tokens = native_tokens(one_line(caption))
            if tokens is None:
                strange.append(row)
            else:
                _remember(caption, tokens)
        found.append(tokens)
    if strange:
        texts = list(dict.fromkeys(captions[row] for row in strange))
        answers = dict(zip(texts, java_tokens(texts), strict=True))
        for row in strange:
            found[row] = answers[captions[row]]
        for text, tokens in answers.items():
            _remember(text, tokens)
    return [tokens for tokens in found if tokens is not None]


def tokenize_text(captions: Sequence[str]) -> list[str]:
    """Each caption's tokens joined by spaces, the captions being the lines of one text, as the official tool has them.

    The next line can decide about a period at the end of this one (see `java_lines`), so a caption that goes to Java
    goes there with what follows it.
    """
    lines = [one_line(caption) for caption in captions]
    if any("<" in line for line in lines):
        return java_lines(lines)  # a tag may reach over lines
    answers: list[str | None] = []
    small = True  # whether the next line that is not blank begins with a small letter
    for line in reversed(lines):
        tokens = native_tokens(line)
        answers.append(None if tokens is None or (not small and open_end(line)) else " ".join(tokens))
        if line.strip():
            small = "a" <= line.lstrip()[0] <= "z"
    answers.reverse()
    sent = _with_context(lines, [row for row, answer in enumerate(answers) if answer is None])
    for row, answer in zip(sent, java_lines([lines[row] for row in sent]), strict=True):
        if answers[row] is None:
            answers[row] = answer
    return [answer for answer in answers if answer is not None]


def split_at_blanks(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The tokens as pycocoevalcap's CIDEr and BLEU see them: they split the joined tokens at any blank, so that a token
    with a no-break space is two. (Its ROUGE-L splits at spaces only.)

    >>> split_at_blanks(("3\\u00a01/2", "dogs"))
    ('3', '1/2', 'dogs')
    """
    text = " ".join(tokens)
    return tokens if text.isascii() else tuple(text.split())


def ngrams(tokens: Sequence[str], max_n: int = 4) -> Iterator[tuple[str, ...]]:
    """All n-grams of 1..max_n tokens, with repetition.

    >>> list(ngrams(("a", "cat"), 2))
    [('a',), ('cat',), ('a', 'cat')]
    """
    for n in range(1, max_n + 1):
        yield from zip(*(tokens[start:] for start in range(n)), strict=False)


def _with_context(lines: Sequence[str], rows: Iterable[int]) -> list[int]:
    """`rows` and for each the rows after it up to one that is not blank, in order."""
    kept: set[int] = set()
    for row in rows:
        kept.add(row)
        for after in range(row + 1, len(lines)):
            kept.add(after)
            if lines[after].strip():
                break
    return sorted(kept)


def _remember(caption: str, tokens: tuple[str, ...]) -> None:
    with _writing:
        if len(_known) >= CACHED_CAPTIONS:
            del _known[next(iter(_known))]
        _known[caption] = tokens
