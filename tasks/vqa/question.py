"""One question of GQA, and what counts as its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rewardmark.tasks.programs.split import OneProgram
from rewardmark.tasks.scenes.steps import Step

__all__ = ["SEMANTIC", "STRUCTURAL", "Question", "answer_text"]

STRUCTURAL = ("verify", "query", "choose", "logical", "compare")
SEMANTIC = ("obj", "attr", "cat", "rel", "global")


@dataclass(frozen=True)
class Question(OneProgram):
    """A question as GQA's files hold it.

    picture: its place in the split's pictures; structural, semantic, detailed: GQA's types; group: of the answer
    distribution, None for questions without one; local_group: finer; entailed, equivalent: ids of questions whose
    answers follow from this one's; is_balanced: whether it counts (the others are there for consistency); steps:
    GQA's semantic program; program: the true program against the ImagePatch API, None where it is not known;
    valid, plausible: answers that could be, None without a choices file.
    """

    id: str
    picture: int
    text: str
    answer: str
    structural: str
    semantic: str
    detailed: str
    group: str | None = None
    local_group: str | None = None
    entailed: tuple[str, ...] = ()
    equivalent: tuple[str, ...] = ()
    is_balanced: bool = True
    full_answer: str = ""
    steps: tuple[Step, ...] = ()
    program: str | None = None
    valid: tuple[str, ...] | None = None
    plausible: tuple[str, ...] | None = None

    @property
    def kind(self) -> str:
        """Structural and semantic type, as one word: the types of which one should not swamp another."""
        return f"{self.structural}-{self.semantic}"


def answer_text(value: Any) -> str:
    """What a program gave back, as an answer: "yes" or "no" for a truth value, digits for a whole number, a text in
    lower case. Anything else (None, a list, a box) is no answer: the empty text, which is right for no question.

    >>> answer_text(True), answer_text(3.0), answer_text(" Red "), answer_text(None)
    ('yes', '3', 'red', '')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return str(value)
    return value.strip().lower() if isinstance(value, str) else ""
