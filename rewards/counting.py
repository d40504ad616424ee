"""How far a count is off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Answers

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["error", "read_count"]

_ZERO_TO_TWENTY = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty"""
_WORDS = {word: number for number, word in enumerate(_ZERO_TO_TWENTY.split())}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@register_reward(
    "counting/error",
    task="counting",
    bounds=(None, 0.0),
    gold="counting/MAE",
    source="absolute error (MAE on one sample), negated and capped",
    status="metric",
    needs_python=True,
    gamed_by=(
        "spam: words beside the number cost nothing",
        "leading spam: words beside the number cost nothing",
        "duplicates: the same number again costs nothing",
        "substring: a number within a word is read",
    ),
)
def error(predictions: Answers, targets: Answers, *, cap: float = 10.0) -> Tensor:
    """Minus the absolute error of a count: -min(cap, |answer - truth|).

    An answer that is not exactly one number (digits, or a word from zero to twenty) is as wrong as can be: -cap.
    Predictions, targets: Answers with one string each. Returns [B] float32 in -cap..0. Raises RewardmarkError for a
    truth that is not a number.

    >>> error(Answers(["There are three.", "2 or 3", ""]), Answers(["5", "2", "1"])).tolist()
    [-2.0, -10.0, -10.0]
    """
    values = []
    for row in range(len(predictions)):
        truth = read_count(targets.text(row))
        if truth is None:
            raise RewardmarkError(f"counting/error: the truth of question {row} is not a number: {targets.text(row)!r}")
        answer = read_count(predictions.text(row))
        values.append(-cap if answer is None else -min(cap, abs(answer - truth)))
    return torch.tensor(values, dtype=torch.float32)


def read_count(text: str) -> float | None:
    """The one number that a text names, None where it names none or several.

    >>> read_count("about seven birds"), read_count("7 or 8")
    (7.0, None)
    """
    found = [float(number) for number in _NUMBER.findall(text)]
    found += [float(_WORDS[word]) for word in re.findall(r"[a-z]+", text.lower()) if word in _WORDS]
    return found[0] if len(set(found)) == 1 else None
