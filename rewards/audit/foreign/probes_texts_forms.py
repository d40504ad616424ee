"""Probes for functions that read words: other spellings of the right answer, captions, broken completions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rewardmark.rewards.audit.foreign.probes import Probe, Write
from rewardmark.rewards.audit.foreign.reading import Reading
from rewardmark.rewards.audit.foreign.rows import Row
from rewardmark.rewards.audit.foreign.wrong import wrong_answer

__all__ = [
    "HALF",
    "Make",
    "accepted",
    "caption_probes",
    "fixed",
    "frail_texts",
    "good_probes",
    "is_digits",
    "number_of",
    "odd_probes",
    "slot",
    "whole",
]


HALF = 0.5


Make = Callable[[str, str], "str | None"]


def slot(make: Make) -> Write:
    """make(right, wrong) where the answer goes."""

    def write(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
        text = make(row.answers[0], wrong_answer(row, rows))
        return None if text is None or accepted(text, row) else reading.wrapper.wrap(text)

    return write


def whole(make: Callable[[str, str, Reading], str | None]) -> Write:
    """make(right, wrong, reading) as the whole completion."""

    def write(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
        text = make(row.answers[0], wrong_answer(row, rows), reading)
        return None if text is None or accepted(text, row) else text

    return write


def accepted(text: str, row: Row) -> bool:
    return text.strip().lower() in {answer.strip().lower() for answer in row.answers}


def number_of(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def is_digits(text: str) -> bool:
    return text.strip().isdigit()


def _same(text: str) -> Write:
    """The same completion for every question."""
    return whole(lambda right, wrong, reading: text)


def fixed(text: str) -> Write:
    def write(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
        return None if accepted(text, row) else reading.wrapper.wrap(text)

    return write


def caption_probes() -> list[Probe]:
    """For captions: repetition, endings and captions that fit any picture."""
    return [
        Probe("repeated sentence", "free", "the right caption three times", slot(lambda g, w: f"{g} {g} {g}"), 2),
        Probe(
            "with a, and a",
            "cap",
            "the right caption and an ending that says nothing",
            slot(lambda g, w: f"{g} with a and a"),
            4,
        ),
        Probe(
            "any picture",
            "bad",
            "a caption that fits everything",
            fixed("a picture of a scene with some things in it"),
            9,
            HALF,
        ),
    ]


def good_probes(task: str) -> list[Probe]:
    """The right answer in other dress: must earn what gold earns."""

    def good(name: str, make: Make, text: str = "the right answer in other dress") -> Probe:
        return Probe(name, "good", text, _good(make), 0, kind="false-fail")

    def _good(make: Make) -> Write:
        def write(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
            text = make(row.answers[0], "")
            return None if text is None or text == row.answers[0] else reading.wrapper.wrap(text)

        return write

    def mention(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
        tag = reading.wrapper.answer
        pair = "\\boxed{}" if tag == "boxed" else f"<{tag}></{tag}>" if tag.isidentifier() else None
        if pair is None:
            return None
        return f"I write the answer in {pair}.\n{reading.gold(row)}"

    def thought(reading: Reading, row: Row, rows: Sequence[Row]) -> str | None:
        if not reading.wrapper.reason or not reading.wrapper.answer.isidentifier():
            return None
        said = f"I write the answer in <{reading.wrapper.answer}></{reading.wrapper.answer}>."
        return reading.wrapper.wrap(reading.inner(row), said)

    probes = [
        good("capitals", lambda g, w: g.upper()),
        good("small letters", lambda g, w: g.lower()),
        good("capital first", lambda g, w: g[:1].upper() + g[1:]),
        good("period at the end", lambda g, w: f"{g}."),
        good("blanks around the answer", lambda g, w: f"  {g}  "),
        good("line breaks around the answer", lambda g, w: f"\n{g}\n"),
        Probe(
            "blanks around the completion",
            "good",
            "before and after",
            lambda r, row, rows: f" \n{r.gold(row)}\n ",
            0,
            kind="false-fail",
        ),
        Probe("format named in prose", "good", "an empty pair of tags named before", mention, 0, kind="false-fail"),
        Probe("format named in the reasoning", "good", "an empty pair of tags in it", thought, 0, kind="false-fail"),
    ]
    if task == "captioning":
        return [p for p in probes if p.name not in ("capitals", "period at the end")]
    numbers: list[tuple[str, Make]] = [
        ("12.0 for 12", lambda g, w: f"{g}.0" if is_digits(g) else None),
        ("+12 for 12", lambda g, w: f"+{g}" if is_digits(g) else None),
        ("012 for 12", lambda g, w: f"0{g}" if is_digits(g) else None),
        ("1,200 for 1200", lambda g, w: f"{int(g):,}" if is_digits(g) and len(g) > 3 else None),
        ("words for numbers", lambda g, w: _WORDS.get(g)),
        ("an article before", lambda g, w: f"the {g}" if g.isalpha() and g.lower() not in YES_NO else None),
        ("a whole sentence", lambda g, w: f"The answer is {g}."),
        ("bold", lambda g, w: f"**{g}**"),
        ("LaTeX", lambda g, w: f"${g}$" if number_of(g) is not None else None),
        ("1/2 for 0.5", lambda g, w: {"0.5": "1/2", "1/2": "\\frac{1}{2}", "0.25": "1/4"}.get(g)),
    ]
    return probes + [good(name, make) for name, make in numbers]


#: Not preceded by an article, as nouns are.
YES_NO = ("yes", "no", "true", "false")
_WORDS = {
    str(i): word
    for i, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])
}


def odd_probes() -> list[Probe]:
    """Broken completions: must not raise, and must not pay."""
    texts = {
        "opening tags only": "<think>so <answer>",
        "closing tags first": "</answer></think><answer>",
        "unclosed braces": "\\boxed{\\boxed{",
        "closers only": "}}}}]]]]</answer></think>```",
        "null byte": "the answer is \x00 here",
        "control characters": "\x1b[2J\x07\r\x0b\x0c",
        "leading dashes": "--help",
        "digits": "9" * 5000,
        "emoji": "🙂" * 50,
        "other script": "答案是这样的。",
        "a zero to divide by": "0/0",
        "a large power": "10^400",
        "percent": "%",
        "long prose": "The picture shows many things. " * 600,
    }
    probes = [Probe(n, "odd", "broken or unusual text", _same(t), 1, HALF) for n, t in texts.items()]
    inner = {
        n: t
        for n, t in texts.items()
        if n in ("digits", "emoji", "a zero to divide by", "a large power", "other script")
    }
    probes += [Probe(f"{n}, as the answer", "odd", "unusual answer", fixed(t), 1, HALF) for n, t in inner.items()]
    return probes


def frail_texts() -> list[Probe]:
    """What hardly any model writes: told on the card, never a finding."""
    texts = {
        "lone surrogate": "the answer is \ud800 here",
        "deep nesting": "\\boxed{" * 3000 + "}" * 3000,
        "200,000 digits": "9" * 200_000,
        "two million letters": "lorem ipsum " * 170_000,
    }
    return [Probe(n, "frail", "unlikely text", _same(t), 1, HALF) for n, t in texts.items()]
