"""The tokens of captions that Stanford's PTBTokenizer is proven to tokenise just so, without Java.

A caption is cut at its blanks. Each piece must have one of the shapes below: then what the Java tokeniser makes of it
does not depend on its neighbours, and is known. The shapes were compared with Java on every string of up to four
letters, on fuzzed and on written captions (tests/rewards/test_rewards_tokenizer.py). Anything else is not ours.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["PUNCTUATION", "native_tokens", "open_end"]

#: The tokens that pycocoevalcap drops after tokenisation.
PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)

#: Abbreviations that keep their period wherever they stand, in lower case or with a capital.
_PERIOD_STAYS = """al cf co ct dr ft ga jr ky lt md mo mr ms mt ph rd rt sq sr st va vs vt wm adj adm adv ala apr aug
ave bhd cie col cos cpl dak dec det drs ens esq est etc ext feb fla fri gen gov hon inc ind jan jos jul jun kan ltd
maj mar mfg mme mon mrs mtg neb nev nov oct pfc plc pte pty pvt rep rev sen sep seq sfc sgt spc ste sys tel thu tue
wed wis wyo alex ariz assn asst atty bldg blvd brig bros capt cmdr colo conn corp dept elec govs insp intl invt kans
mich minn mlle mont msgr natl okla penn ppte ppty pres prof ptes ptys reps sens sept supt tenn tues univ wisc"""
_KEEPS_PERIOD = frozenset(_PERIOD_STAYS.split())
#: Longer than what was tried in full, or too many things at once.
_LONG = "approx attys assoc bancorp calif comdr comdrs cmdrs lieut messrs profs supts thurs treas"
_UNCLEAR = frozenset(_LONG.split())
#: Abbreviations of states where they begin with a capital, words otherwise.
_STATES = frozenset(("ark", "az", "del", "ill", "la", "mass", "miss", "ore", "pa", "tex", "wash"))
#: Abbreviations where a number (or a certain capitalised word) follows, words otherwise; as letters alone are.
_BEFORE_NUMBERS = "art arts ca fig figs no nos op pp prop pt rs so para paras sec secs sect sects"
_NEXT_DECIDES = frozenset(_BEFORE_NUMBERS.split())
_SPLIT = {
    "cannot": ("can", "not"),
    "gonna": ("gon", "na"),
    "gotta": ("got", "ta"),
    "wanna": ("wan", "na"),
    "lemme": ("lem", "me"),
    "gimme": ("gim", "me"),
}
#: These are one token with an apostrophe at their end.
_ODD_POSSESSIVES = frozenset(["ol", "dunkin", "somethin"])
_AFTER_QUOTE = re.compile(r"n|em|til|cause|tis|twas|[msd]\b|re\b|ve\b|ll\b", re.IGNORECASE)

_LETTER = "A-Za-zÀ-ÖØ-öø-ÿ"
_PIECE = re.compile(
    rf"""
    (?P<lead>["\u201c(]*)
    (?P<quote>'?)
    (?:
        (?P<word>[{_LETTER}]+)(?P<clitic>['\u2019](?:s|m|d|re|ve|ll))?
      | (?P<hyphened>[A-Za-z0-9]+(?:-[A-Za-z0-9]+)+)
      | (?P<decade>\d{{4}})['\u2019]s
      | (?P<dollar>\$?)(?P<number>\d+(?:[.,:]\d+)*)(?P<percent>%?)
      | (?P<acronym>(?:[A-Za-z]\.){{2,}})
      | (?P<slashed>[A-Za-z]{{2,}}/[A-Za-z]{{2,}})
      | (?P<mixed>\d+[A-Za-z]+|[A-Za-z]+\d+)
    )
    (?P<possessive>['\u2019]?)
    (?P<trail>(?:[.!?,;:"\u201d)])*)
    """,
    re.VERBOSE | re.ASCII,
)
_NEGATED = re.compile(r"""(["\u201c(]*)([A-Za-z]*[A-MO-Za-mo-z])n['\u2019]t((?:[.!?,;:"\u201d)])*)""")
_OCLOCK = re.compile(r"""o'clock((?:[.!?,;:"\u201d)])*)""")
_TRAIL = re.compile(r'\.+|[!?]+|[,;:"\u201d)]')
#: Pieces that are signs alone. A period may be one of a spaced ellipsis: all of it is dropped either way.
_SIGNS: dict[str, tuple[str, ...]] = {
    "": (),
    **dict.fromkeys([*".,:;!?-'\"", "--", "---", "...", "\u2013", "\u2014", "\u201c", "\u201d", "\u2019"], ()),
    **{sign: (sign,) for sign in "&+=%/$"},
    "(": ("-lrb-",),
    ")": ("-rrb-",),
}
#: Fractions and telephone numbers reach over blanks.
_NUMBERS_MEET = re.compile(r"[0-9][^ 0-9]* +[^ 0-9]*[0-9]")
#: Two curly quotes side by side are one sign, or a quote and a clitic.
_QUOTES_MEET = re.compile(r"[\u2019\u201c\u201d]{2}")
_LONGEST_PIECE = 60
_OPEN_PERIOD = rf"(?i:(?<![{_LETTER}])(?:[{_LETTER}]|{_BEFORE_NUMBERS.replace(' ', '|')})\.)"
_NEXT_IS_NO_WORD = re.compile(rf"{_OPEN_PERIOD} +[^a-z ]")
_OPEN_END = re.compile(rf"{_OPEN_PERIOD} *$")


def open_end(caption: str) -> bool:
    """Whether the line after this caption can have a say in its last token, unless it begins with a small letter.

    >>> open_end("a man with a."), open_end("a man with a hat.")
    (True, False)
    """
    return _OPEN_END.search(caption) is not None


def native_tokens(caption: str) -> tuple[str, ...] | None:
    """The tokens of `caption` (without line breaks) by itself, or None where only Java is to be trusted.

    >>> native_tokens("A dog's ball, can't you see?")
    ('a', 'dog', "'s", 'ball', 'ca', "n't", 'you', 'see')
    >>> native_tokens("see www.example.com") is None
    True
    """
    if _NUMBERS_MEET.search(caption) or (". " in caption and _NEXT_IS_NO_WORD.search(caption)):
        return None
    tokens: list[str] = []
    for piece in caption.split(" "):
        parts = _parts(piece)
        if parts is None:
            return None
        tokens += parts
    return tuple(tokens)


@lru_cache(maxsize=100_000)
def _parts(piece: str) -> tuple[str, ...] | None:
    if piece in _SIGNS:
        return _SIGNS[piece]
    if len(piece) > _LONGEST_PIECE or _QUOTES_MEET.search(piece):
        return None
    found = _OCLOCK.fullmatch(piece)
    if found:
        return None if found[1].startswith(".") else _around("", ("o'clock",), _signs(found[1]))
    found = _NEGATED.fullmatch(piece)
    if found:
        lead, base, trail = found.groups()
        return _around(lead, (base.lower(), "n't"), _signs(trail))
    found = _PIECE.fullmatch(piece)
    if found is None:
        return None
    core, trail = _core(found)
    return None if core is None else _around(found["lead"], core, _signs(trail))


def _core(found: re.Match[str]) -> tuple[tuple[str, ...] | None, str]:
    """The tokens between the signs, and the signs after them that are still to be read; None: not ours."""
    groups = ("word", "hyphened", "number", "mixed", "slashed", "decade", "acronym")
    text = next(found[group] for group in groups if found[group])
    lower, trail = text.lower(), found["trail"]
    if trail.startswith((".,", ".;", ".:")) and (not found["word"] or lower in _SPLIT):
        return None, trail
    if found["decade"]:
        return (lower, "'s"), trail
    if found["acronym"]:
        return (None if trail.startswith(".") else (lower,)), trail
    if found["quote"] and (not found["word"] or not text.isascii() or _AFTER_QUOTE.match(text)):
        return None, trail
    if found["possessive"] and (
        not found["word"] or found["clitic"] or len(text) < 3 or lower in _ODD_POSSESSIVES or trail.startswith(".")
    ):
        return None, trail
    if found["clitic"]:
        return (None, trail) if len(text) < 2 else ((lower, "'" + found["clitic"][1:]), trail)
    if found["number"]:
        return (*found["dollar"], lower, *found["percent"]), trail
    if not found["word"]:
        return (lower,), trail
    if lower in _SPLIT:
        return _SPLIT[lower], trail
    if not trail.startswith("."):
        return (lower,), trail
    if lower in _UNCLEAR or (lower in _STATES and text != lower):
        return None, trail
    initial = len(text) == 1 and text.isascii()
    if initial or lower in _NEXT_DECIDES:
        return (None, trail) if len(trail) > 1 else ((lower + "." * initial,), "")
    if lower in _KEEPS_PERIOD:
        # Capitals throughout change what some of them are (PTE.).
        return (None, trail) if len(trail) > 1 or text[1:] != lower[1:] else ((lower + ".",), "")
    if trail[1:2] in (",", ";", ":"):  # what goes on after a period was an abbreviation
        return (lower + ".",), trail[1:]
    return (lower,), trail


def _signs(trail: str) -> tuple[str, ...] | None:
    """The tokens that stay of the signs after a word; None: not ours (smileys, odd runs of periods)."""
    tokens = []
    for match in _TRAIL.finditer(trail):
        sign = match.group()
        if sign == ")":
            if match.start() and trail[match.start() - 1] in ":;":
                return None
            tokens.append("-rrb-")
        elif sign[0] == ".":
            if len(sign) not in (1, 3):
                return None
        elif len(sign) > 1:
            tokens.append(sign)
    return tuple(tokens)


def _around(lead: str, core: tuple[str, ...], trail: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if trail is None else ("-lrb-",) * lead.count("(") + core + trail
