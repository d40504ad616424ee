"""Captions: how they end (the known way to please CIDEr), how long they are, and what they name that is not there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rewardmark.rewards.chair import mentions, phrases
from rewardmark.rewards.tokenize import tokenize_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rewardmark.tasks.coco import CocoSplit

__all__ = ["FUNCTION_WORDS", "endings", "explain", "hallucinations"]

FUNCTION_WORDS = frozenset({
    "a", "an", "the", "and", "or", "but", "nor", "of", "in", "on", "at", "with", "to", "by", "for", "from",
    "under", "over", "near", "into", "onto", "behind", "beside", "between", "above", "below", "is", "are",
    "was", "were", "be", "has", "have", "that", "which", "who", "its", "his", "her", "their", "this", "these",
})  # fmt: skip
"""A sentence does not end in one of these: articles, conjunctions, prepositions, auxiliaries, determiners."""

LISTED = 8
"""So many endings are listed."""


def explain(split: CocoSplit, predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """endings: see `endings`; hallucinations: CHAIR, see `hallucinations`; words: mean length of captions and
    references, distinct captions by captions; over_represented: the endings themselves."""
    texts = [str(p["text"]) for p in predictions]
    captions = tokenize_all(texts)
    references = [split.captions(i) for i in range(len(split))]
    flat = tokenize_all([text for group in references for text in group])
    numbers, listed = endings(captions, flat)
    return {
        "endings": numbers,
        "hallucinations": hallucinations(texts, references, *_objects(split)),
        "words": {
            "mean": _mean(len(tokens) for tokens in captions),
            "of the references": _mean(len(tokens) for tokens in flat),
            "distinct captions": len(set(captions)) / max(1, len(captions)),
        },
        "over_represented": listed,
    }


def endings(
    captions: Sequence[tuple[str, ...]], references: Sequence[tuple[str, ...]]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """How token sequences end, against how references do.

    dangling: share of captions whose last word is one of FUNCTION_WORDS (and that of the references); unseen: share
    whose last two words end no reference; total variation: between the two distributions of last two words, 0 alike to
    1 disjoint; most over-represented: share of captions with one of the listed endings, and of references.
    The list: the 8 endings by which the captions' share exceeds the references' most.

    >>> numbers, listed = endings([("a", "dog", "with", "a"), ("a", "dog")], [("a", "dog"), ("the", "dog")])
    >>> numbers["dangling"], numbers["unseen"], numbers["total variation"], listed[0]["ending"]
    (0.5, 0.5, 0.5, 'with a')
    """
    ours, theirs = (Counter(" ".join(tokens[-2:]) for tokens in side) for side in (captions, references))
    n, m = max(1, len(captions)), max(1, len(references))
    gaps: dict[str, float] = {ending: ours[ending] / n - theirs[ending] / m for ending in ours | theirs}
    top = sorted((e for e in gaps if gaps[e] > 0), key=lambda e: (-gaps[e], e))[:LISTED]
    listed: list[dict[str, Any]] = [
        {"ending": e, "share": ours[e] / n, "of the references": theirs[e] / m} for e in top
    ]
    numbers = {
        "dangling": _dangling(captions),
        "dangling references": _dangling(references),
        "unseen": sum(count for ending, count in ours.items() if ending not in theirs) / n,
        "total variation": sum(map(abs, gaps.values())) / 2,
        "most over-represented": sum(row["share"] for row in listed),
        "most over-represented, references": sum(row["of the references"] for row in listed),
    }
    return numbers, listed


def hallucinations(
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    objects: Sequence[set[str]],
    names: Sequence[str],
) -> dict[str, float]:
    """CHAIR (Rohrbach et al. 2018): CHAIR_i, the share of object mentions that are neither annotated nor in a reference
    of the image; CHAIR_s, the share of captions with one; mentions: objects named a caption.

    An object is named by its category's name and that name's plurals; COCO's list of synonyms is not used.
    """
    known = phrases({name: [] for name in names})
    wrong = total = captions_wrong = 0
    for text, texts, present in zip(captions, references, objects, strict=True):
        found = mentions(text, known)
        there = present | {name for reference in texts for name in mentions(reference, known)}
        false = sum(name not in there for name in found)
        total, wrong, captions_wrong = total + len(found), wrong + false, captions_wrong + (false > 0)
    n = max(1, len(captions))
    return {"CHAIR_i": wrong / max(1, total), "CHAIR_s": captions_wrong / n, "mentions": total / n}


def _objects(split: CocoSplit) -> tuple[list[set[str]], list[str]]:
    """What is annotated in each image by name (things, and stuff where there are panoptic maps), and all names."""
    if split.has("panoptic"):
        names = {int(category["id"]): str(category["name"]) for category in split.panoptic_categories}
        present = [{names[int(s["category_id"])] for s in split.panoptic(i)[1]} for i in range(len(split))]
        return present, list(names.values())
    if split.has("instances"):
        names = {int(category["id"]): str(category["name"]) for category in split.categories}
        present = [{names[int(label)] for label in split.instances(i).labels} for i in range(len(split))]
        return present, list(names.values())
    return [set() for _ in range(len(split))], []


def _dangling(sentences: Sequence[tuple[str, ...]]) -> float:
    return sum(bool(tokens) and tokens[-1] in FUNCTION_WORDS for tokens in sentences) / max(1, len(sentences))


def _mean(numbers: Iterable[int]) -> float:
    values = list(numbers)
    return sum(values) / max(1, len(values))
