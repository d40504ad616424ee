"""CHAIR: how much of what a caption names is not in the image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.tokenize import tokenize, tokenize_all
from rewardmark.rewards.types import Captions, References

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["chair", "mentions", "phrases"]


@register_reward(
    "captioning/chair",
    task="captioning",
    bounds=(-1.0, 0.0),
    gold="captioning/CHAIR_i",
    source="Rohrbach et al. 2018, Object hallucination in image captioning (arXiv:1809.02156), sec. 2.1, negated",
    status="metric",
    needs_python=True,
    gamed_by=("anything: an empty caption, or one that names nothing, hallucinates nothing",),
)
def chair(
    predictions: Captions, targets: References, *, vocabulary: Mapping[str, Sequence[str]] | None = None
) -> Tensor:
    """Minus CHAIR_i: the share of object mentions that are in neither the annotations nor the reference captions.

        R = - |hallucinated mentions| / |mentions|

    `vocabulary` maps each object to the words and phrases that name it (its own name is added; plurals in -s and -es
    are understood). What is in the image: `targets.objects` and every object that a reference caption mentions.
    Predictions: Captions; targets: References. Returns [B] float32 in -1..0; 0 for a caption that mentions nothing.
    Raises RewardmarkError without a vocabulary.

    >>> truth = References([["a dog on grass"]])
    >>> chair(Captions(["a puppy and a cat"]), truth, vocabulary={"dog": ["puppy"], "cat": []}).tolist()
    [-0.5]
    """
    if not vocabulary:
        raise RewardmarkError("captioning/chair needs a vocabulary: {object: [words that name it]}")
    names = phrases(vocabulary)
    tokenize_all(
        [*predictions.texts, *(text for texts in targets.texts for text in texts)]
    )  # at most one start of Java
    values = []
    for row, (text, references) in enumerate(zip(predictions.texts, targets.texts, strict=True)):
        present = set(targets.objects[row]) if targets.objects is not None else set()
        for reference in references:
            present.update(mentions(reference, names))
        found = mentions(text, names)
        values.append(-sum(name not in present for name in found) / len(found) if found else 0.0)
    return torch.tensor(values, dtype=torch.float32)


def phrases(vocabulary: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], str]:
    """Token phrase -> object, plural forms included: what `mentions` looks for."""
    found: dict[tuple[str, ...], str] = {}
    for name, synonyms in vocabulary.items():
        for phrase in (name, *synonyms):
            tokens = tokenize(phrase)
            if not tokens:
                raise RewardmarkError(f"captioning/chair: object {name!r} has a name without a word: {phrase!r}")
            for last in _numbers(tokens[-1]):
                found[(*tokens[:-1], last)] = name
    return found


def _numbers(word: str) -> Iterable[str]:
    yield word
    yield word + "es" if word.endswith(("s", "x", "z", "ch", "sh")) else word + "s"
    if word.endswith("y") and len(word) > 1 and word[-2] not in "aeiou":
        yield word[:-1] + "ies"


def mentions(caption: str, names: Mapping[tuple[str, ...], str]) -> list[str]:
    """The objects that a caption names, in order, with repetition; the longest phrase wins ("hot dog" is no dog)."""
    tokens = tokenize(caption)
    longest = max(map(len, names), default=0)
    found, start = [], 0
    while start < len(tokens):
        for size in range(min(longest, len(tokens) - start), 0, -1):
            name = names.get(tokens[start : start + size])
            if name is not None:
                found.append(name)
                start += size
                break
        else:
            start += 1
    return found
