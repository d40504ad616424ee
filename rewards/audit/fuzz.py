"""Odd predictions that a parser can yield, and broken ones that it should not: does the reward survive them?"""

from __future__ import annotations

from typing import Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.types import Answers, Boxes, Captions, Grounded, Images, PairScores, References, Segments

__all__ = ["broken", "odd"]

Case = tuple[str, Any, Any]
"""(name, predictions, targets)"""

#: Odd lists of boxes of each size that are drawn.
DRAWS = 6

TEXTS = {
    "emoji": "\U0001f436 \U0001f436\u200d\U0001f9ba \u2764\ufe0f",
    "right to left": "\u05db\u05dc\u05d1 \u0643\u0644\u0628",
    "control characters": "a\x00dog\x07\x1b[31m on\x7f grass",
    "every kind of line break": "a\ndog\r\non\rthe\x0bgrass\x0c\u2028\u2029\x85.",
    "brackets and fences": "<answer><answer></answer> ```json [ { ]] }} ``` \\boxed{} $1$",
    "a very long text": "a dog on the grass " * 300,
    "one very long word": "x" * 5000,
    "numbers": "1e400 -0.0 1,000 \u00bd \u00b2 0x1F 1/0",
    "punctuation": "?!.,;:---...''\"\"``",
    "a lone surrogate's stand-in": "\ufffd\ufffd",
}


def odd(material: Material, rng: np.random.Generator) -> list[Case]:
    """Finite, well-typed and unusual: whatever a model can write must get a number or an abstention."""
    gold, targets = material.gold, material.targets
    size = len(material)
    if isinstance(gold, Boxes):
        return _odd_boxes(gold, targets, size, rng)
    if isinstance(gold, (Captions, Answers)):
        cases: list[Case] = [(name, type(gold)([text] * size), targets) for name, text in TEXTS.items()]
        if isinstance(targets, References):
            none = References([[] for _ in range(size)], targets.document_frequency, [[] for _ in range(size)])
            cases.append(("a truth without references", gold, none))
        return cases
    if isinstance(gold, Segments):
        scattered = torch.from_numpy(rng.integers(0, gold.categories.shape[1] + 1, tuple(gold.ids.shape)))
        nothing = Segments(torch.zeros_like(gold.ids), torch.zeros_like(gold.categories))
        return [
            ("every pixel another segment", Segments(scattered, gold.categories), targets),
            ("huge category ids", Segments(gold.ids, torch.where(gold.categories > 0, 2**40, 0)), targets),
            ("segments without a category", Segments(gold.ids, torch.zeros_like(gold.categories)), targets),
            ("a truth without segments", gold, nothing),
            ("nothing, where nothing is", nothing, nothing),
        ]
    if isinstance(gold, Images):
        rgb = gold.rgb
        return [
            ("all black", Images(rgb * 0), targets),
            ("all white", Images(rgb * 0 + 1), targets),
            ("far out of range", Images(rgb * 1e4 - 5e3), targets),
            ("double precision", Images(rgb.double()), targets),
            ("a chequered board", Images(((torch.arange(rgb.shape[3]) % 2) * torch.ones_like(rgb)).float()), targets),
        ]
    if isinstance(gold, Grounded):
        return [
            ("far away", Grounded(gold.box + 1e6, gold.points + 1e6), targets),
            ("tiny box", Grounded(gold.box * 1e-6, gold.points), targets),
            ("negative", Grounded(-gold.box, -gold.points), targets),
            ("no box", Grounded(gold.box * torch.nan, gold.points), targets),
            ("no points", Grounded(gold.box, gold.points * torch.nan), targets),
        ]
    if isinstance(gold, PairScores):
        s = gold.scores
        return [
            ("huge scores", PairScores(s * 1e30), targets),
            ("tiny differences", PairScores(1 + s * 1e-9), targets),
            ("negative scores", PairScores(-s), targets),
        ]
    return []


def _odd_boxes(gold: Boxes, targets: Any, size: int, rng: np.random.Generator) -> list[Case]:
    def drawn(count: int, scale: float, label: int, score: float) -> Boxes:
        boxes = [rng.normal(0, scale, (count, 4)) for _ in range(size)]
        return Boxes.from_lists(boxes, [[label] * count] * size, [[score] * count] * size)

    nothing = Boxes.from_lists([[]] * size, [[]] * size)
    cases: list[Case] = [
        ("no slot at all", nothing, targets),
        ("hundreds of boxes", drawn(150, 50, 1, 1.0), targets),
        ("coordinates of a million", drawn(5, 1e6, 1, 1.0), targets),
        ("boxes of a millionth", drawn(5, 1e-6, 1, 1.0), targets),
        ("huge category ids", drawn(5, 40, 2**40, 1.0), targets),
        ("negative category ids", drawn(5, 40, -1, 1.0), targets),
        ("negative scores", drawn(5, 40, 1, -3.0), targets),
        ("scores of a million", drawn(5, 40, 1, 1e6), targets),
        ("a truth without boxes", gold, nothing),
        ("nothing, where nothing is", nothing, nothing),
    ]
    return cases + [
        (f"random boxes {k}", drawn(int(rng.integers(1, 12)), float(rng.uniform(1, 200)), 1 + k, 0.5), targets)
        for k in range(DRAWS)
    ]


def broken(material: Material) -> list[Case]:
    """Values that are no numbers. A reward may refuse them, by name; it must not pay for them."""
    gold, targets = material.gold, material.targets
    cases: list[Case] = []
    for name, value in (("NaN", torch.nan), ("infinity", torch.inf)):
        if isinstance(gold, Boxes):
            boxes = torch.full_like(gold.boxes, value)
            scores = torch.full_like(gold.scores, value)
            cases.append((f"coordinates of {name}", Boxes(boxes, gold.labels, gold.scores, gold.mask), targets))
            far = gold.boxes + 1e4  # a right box is right at any confidence
            cases.append((f"confidence of {name}", Boxes(far, gold.labels, scores, gold.mask), targets))
        elif isinstance(gold, Images):
            cases.append((f"pixels of {name}", Images(torch.full_like(gold.rgb, value)), targets))
        elif isinstance(gold, Grounded):
            box = torch.full_like(gold.box, value)
            cases.append((f"coordinates of {name}", Grounded(box, torch.full_like(gold.points, value)), targets))
        elif isinstance(gold, PairScores):
            cases.append((f"scores of {name}", PairScores(torch.full_like(gold.scores, value)), targets))
    return cases
