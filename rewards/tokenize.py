"""Captions to tokens as COCO's caption evaluation does it: PTB tokens, lower case, punctuation left out.

The official tool runs Stanford's PTBTokenizer in Java. On captions of plain ASCII words, commas, periods and
apostrophes this gives the same tokens; it is not a port of the whole tokeniser (no e-mail addresses, currencies, ...).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

__all__ = ["EOS", "PUNCTUATION", "ngrams", "tokenize"]

#: The end token that SacreEOS appends. No caption contains it: tokens are lower-cased.
EOS = "<EOS>"

#: The tokens that pycocoevalcap drops after tokenisation.
PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)

#: Abbreviations that keep their period wherever they stand.
_PERIOD_STAYS = """mr. mrs. ms. dr. prof. sr. jr. st. ave. blvd. bldg. rd. mt. ft. vs. etc. inc. ltd. co. corp. ph.d.
gen. col. sgt. capt. lt. rev. hon. gov. sen. rep. jan. feb. mar. apr. jun. jul. aug. sep. sept. oct. nov. dec."""
_ABBREVIATIONS = frozenset(_PERIOD_STAYS.split())
#: Words that PTB splits although nothing marks the place.
_SPLIT = {
    "cannot": ("can", "not"),
    "gonna": ("gon", "na"),
    "gotta": ("got", "ta"),
    "wanna": ("wan", "na"),
    "lemme": ("lem", "me"),
    "gimme": ("gim", "me"),
    "y'all": ("y'", "all"),
    "'tis": ("'t", "is"),
    "'twas": ("'t", "was"),
}
_CLITIC = re.compile(r"(.*[a-z0-9])('s|'m|'d|'re|'ve|'ll)$")
_NEGATION = re.compile(r"(.*[a-z])(n't)$")
_TOKEN = re.compile(
    r"""
      '(?:tis|twas|em|s|m|d|re|ve|ll|t)(?![a-z0-9'])  # words that begin with an apostrophe
    | [a-z](?:\.[a-z])+\.?                         # u.s., e.g
    | \d+\ \d+/\d+(?![/\d])                        # 3 1/2 is one token, with a no-break space
    | \d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s|'s)?(?![a-z]) # 3, 3.5, 1,000, 10:30, 1/2, 2nd, 1980s
    | [a-z0-9]+(?:[-_'&@/.][a-z0-9]+)*             # words, with inner hyphens, apostrophes and periods
    | \.\.\.+ | --+                                # ellipsis, dashes
    | [^\sa-z0-9]                                  # any other sign alone
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=200_000)
def tokenize(caption: str) -> tuple[str, ...]:
    """The tokens of one caption.

    >>> tokenize("A dog's ball, can't you see?")
    ('a', 'dog', "'s", 'ball', 'ca', "n't", 'you', 'see')
    """
    tokens: list[str] = []
    for match in _TOKEN.finditer(caption.lower()):
        word = match.group()
        end = match.end()
        if caption[end : end + 1] == "." and _keeps_period(word, caption[end + 1 : end + 3]):
            word += "."
        tokens.extend(_parts(word.replace(" ", "\u00a0")))
    return tuple(token for token in tokens if token not in PUNCTUATION)


def ngrams(tokens: Sequence[str], max_n: int = 4) -> Iterator[tuple[str, ...]]:
    """All n-grams of 1..max_n tokens, with repetition.

    >>> list(ngrams(("a", "cat"), 2))
    [('a',), ('cat',), ('a', 'cat')]
    """
    for n in range(1, max_n + 1):
        for start in range(len(tokens) - n + 1):
            yield tuple(tokens[start : start + n])


def _keeps_period(word: str, following: str) -> bool:
    """An abbreviation, an initial, or a period before a comma (which cannot end a sentence) belongs to the word."""
    if word + "." in _ABBREVIATIONS:
        return True
    if word in ("fig", "figs", "no", "nos"):  # fig. 3, no. 10
        return following[:1] == "," or following[1:].isdigit()
    return word.isalpha() and (len(word) == 1 or following[:1] == ",")


def _parts(word: str) -> tuple[str, ...]:
    """A word with its clitics split off: dog's -> dog 's, can't -> ca n't, cannot -> can not."""
    if word in _SPLIT:
        return _SPLIT[word]
    for pattern in (_NEGATION, _CLITIC):
        found = pattern.match(word)
        if found:
            return (*_parts(found.group(1)), found.group(2))
    return (word,)
