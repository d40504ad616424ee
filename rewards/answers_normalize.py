"""The VQA evaluation's normalisation of answers: punctuation, number words, articles, contractions."""

from __future__ import annotations

import re

__all__ = ["normalize_answer"]

_NUMBER_WORDS = "zero one two three four five six seven eight nine ten"
_NUMBERS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS.split())} | {"none": "0"}
_ARTICLES = frozenset({"a", "an", "the"})
#: Every form below with one of its apostrophes missing is mended to the form.
_CONTRACTIONS = """ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't
he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've
needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll
somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've
there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's
what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't
wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've"""
_MENDED = {
    word[:place] + word[place + 1 :]: word
    for word in _CONTRACTIONS.split()
    for place, sign in enumerate(word)
    if sign == "'"
} | {"somebody'd": "somebodyd"}
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")


def normalize_answer(text: str) -> str:
    """An answer as the VQA evaluation compares it when the annotators disagree.

    A sign beside a blank (or any, where the answer holds a number with a comma) is dropped, elsewhere it becomes a
    blank; periods not before a digit are dropped, the first 32 of them (the official pattern's flag is really a count).
    Source: GT-Vision-Lab/VQA, PythonEvaluationTools/vqaEvaluation/vqaEval.py.

    >>> normalize_answer("The two-story house."), normalize_answer("none"), normalize_answer("dont")
    ('2 story house', '0', "don't")
    """
    out = text
    number = _COMMA_IN_NUMBER.search(text) is not None
    for sign in _PUNCTUATION:
        beside_blank = f"{sign} " in text or f" {sign}" in text
        out = out.replace(sign, "" if beside_blank or number else " ")
    out = _PERIOD.sub("", out, count=32)
    words = [_NUMBERS.get(word, word) for word in out.lower().split()]
    return " ".join(_MENDED.get(word, word) for word in words if word not in _ARTICLES)
