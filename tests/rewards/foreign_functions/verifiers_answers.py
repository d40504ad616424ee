"""Reward functions for a verifiers rubric: by name any of completion, answer, prompt, state, info, parser."""

import re


async def contains(completion, answer, **kwargs) -> float:
    """The answer anywhere in what was said."""
    return 1.0 if answer.lower() in completion[-1]["content"].lower() else 0.0


def last_word_counts(parser, completion, answer, state, info) -> float:
    """The reasoning counts as well: an empty answer of a question without one, and a guess in passing, are paid."""
    text = completion[-1]["content"]
    words = re.findall(r"\w+", text.lower())
    return float(answer.lower() in words)


async def mended(completion, answer, parser, prompt=None, state=None) -> float:
    text = completion[-1]["content"]
    if text.count("<answer>") != 1 or text.count("</answer>") != 1:
        return 0.0
    said = parser.parse_answer(completion)
    return float(bool(said) and said.strip().rstrip(".").lower() == answer.strip().lower())
