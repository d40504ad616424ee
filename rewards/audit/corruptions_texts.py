"""Graded corruptions of captions, answers and completions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rewardmark.rewards.audit.corruptions import Corruption
from rewardmark.rewards.audit.exploits_texts import FILLER
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.types import Answers, Captions

__all__ = ["answer_corruptions", "caption_corruptions"]

Rng = np.random.Generator
#: (text, severity, row, material, rng) -> text
Change = Callable[[str, float, int, Material, Rng], str]

#: Words that the highest severity appends, and by how much it miscounts.
WORDS, MISCOUNT = 10, 8


def _entry(name: str, description: str, change: Change) -> Corruption:
    def make(material: Material, severity: float, rng: Rng) -> Captions | Answers:
        # One generator a sample: what one draws must not move what the next one gets.
        seeds = rng.integers(0, 2**63, len(material))
        kind = type(material.gold)
        return kind(
            [
                change(str(text), severity, row, material, np.random.default_rng(seeds[row]))
                for row, text in enumerate(material.gold.texts)
            ]
        )

    return Corruption(name, description, make)


def _drop(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    words = text.split()
    return " ".join(word for word, u in zip(words, rng.random(len(words)), strict=True) if u >= severity)


def _replace(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    pool = [word for other in material.gold.texts for word in str(other).split()]
    words = text.split()
    hit, others = rng.random(len(words)) < severity, rng.choice(pool, len(words))
    return " ".join(str(o) if h else w for w, h, o in zip(words, hit, others, strict=True))


def _shuffle(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    words = text.split()
    order = rng.permutation(len(words))
    moved = order[: round(severity * len(words))]  # they change places among themselves
    out = list(words)
    for to, source in zip(moved, np.roll(moved, 1), strict=True):
        out[to] = words[source]
    return " ".join(out)


def _cut(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    words = text.split()
    return " ".join(words[: len(words) - round(severity * len(words))])


def _append(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    count = round(severity * WORDS)
    return " ".join([text, *FILLER.split()[:count]]) if count else text


def _another(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    others = sorted({str(t) for t in material.gold.texts} - {text}) or ["nothing"]
    u, k = rng.random(), int(rng.integers(len(others)))
    return others[k] if u < severity else text


def _typos(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    hit, letters = rng.random(len(text)) < severity, rng.integers(97, 123, len(text))
    return "".join(chr(o) if h else c for c, h, o in zip(text, hit, letters, strict=True))


def _miscount(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    return str(int(float(text)) + round(severity * MISCOUNT))


def _tail(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    return text[: len(text) - round(severity * len(text))]


def _lost_tag(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    u, k = rng.random(), int(rng.integers(4))
    lost = ("<think>", "</think>", "<answer>", "</answer>")[k]
    return text.replace(lost, "") if u < severity else text


def _repeat(text: str, severity: float, row: int, material: Material, rng: Rng) -> str:
    first = text.split(".")[0].strip()
    return " ".join([text, *[f"{first}."] * round(severity * 4)])


def caption_corruptions() -> list[Corruption]:
    """drop, replace, shuffle, cut, append, another picture's caption."""
    return [
        _entry("drop", "words left out", _drop),
        _entry("replace", "words replaced by words of other captions", _replace),
        _entry("shuffle", "words moved to other places", _shuffle),
        _entry("cut", "the end cut off", _cut),
        _entry("append", f"up to {WORDS} words about nothing appended", _append),
        _entry("another", "another picture's caption, with a chance of the severity", _another),
    ]


def answer_corruptions(task: str, tagged: bool = False) -> list[Corruption]:
    """For answers: another answer, typos, words appended (a wrong count where numbers are asked for). For completions
    that are judged by form: the tail cut off, typos, sentences repeated, and a tag lost where they are `tagged`."""
    if task == "format":
        lost = _entry("lost tag", "a tag left out, with a chance of the severity", _lost_tag)
        return [
            _entry("cut", "the tail cut off", _tail),
            _entry("typos", "letters replaced", _typos),
            _entry("repeat", "the first sentence up to four times more", _repeat),
            *([lost] if tagged else []),
        ]
    if task == "counting":
        return [
            _entry("miscount", f"off by up to {MISCOUNT}", _miscount),
            _entry("another", "another answer", _another),
        ]
    return [
        _entry("another", "another question's answer, with a chance of the severity", _another),
        _entry("typos", "letters replaced", _typos),
        _entry("append", f"up to {WORDS} words about nothing appended", _append),
    ]
