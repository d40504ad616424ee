"""Junk put in front of an answer or behind it: what does it earn?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit.corruptions import corruptions_for
from rewardmark.rewards.audit.exploits_boxes import added, spam_boxes
from rewardmark.rewards.audit.exploits_pixels import appended_segments, rainbow
from rewardmark.rewards.audit.exploits_texts import FILLER
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.types import Answers, Boxes, Captions, Grounded, Images, Segments

__all__ = ["Junk", "half_right", "junk_for"]

Rng = np.random.Generator
#: Pieces that one kind of junk adds: boxes, points, segments, words.
PIECES = 4
#: How bad a half-right answer is.
HALF = 0.4


@dataclass(frozen=True)
class Junk:
    """add: (predictions, material, generator) -> the same with junk, and how many pieces each sample got [B]."""

    name: str
    add: Callable[[Any, Material, Rng], tuple[Any, Any]]


def half_right(material: Material, rng: Rng) -> Any:
    """An answer that is better than nothing and worse than gold: the task's first corruption and then its third, mild.

    On gold a reward that is capped cannot rise, so junk is judged on these answers too.
    """
    ways = corruptions_for(material)
    mild = replace(material, gold=ways[0].make(material, HALF / 3, rng))
    return ways[min(2, len(ways) - 1)].make(mild, HALF, rng)


def junk_for(material: Material) -> list[Junk]:
    """The junk that fits the material's predictions; [] where nothing can be added (tables of scores)."""
    gold = material.gold
    if isinstance(gold, Boxes):
        return [
            Junk("spam behind", _boxes(front=False, copies=False)),
            Junk("spam in front", _boxes(front=True, copies=False)),
            Junk("duplicates behind", _boxes(front=False, copies=True)),
            Junk("duplicates in front", _boxes(front=True, copies=True)),
        ]
    if isinstance(gold, Grounded):
        return [Junk("points behind", _points(front=False)), Junk("points in front", _points(front=True))]
    if isinstance(gold, Segments):
        return [Junk("specks behind", _specks(front=False)), Junk("specks in front", _specks(front=True))]
    if isinstance(gold, Images):
        return [Junk("stripe below", _stripe(top=False)), Junk("stripe above", _stripe(top=True))]
    if isinstance(gold, (Captions, Answers)):
        return [
            Junk("words behind", _words(front=False, copies=False)),
            Junk("words in front", _words(front=True, copies=False)),
            Junk("duplicates behind", _words(front=False, copies=True)),
        ]
    return []


def _boxes(front: bool, copies: bool) -> Callable[[Any, Material, Rng], tuple[Any, Any]]:
    def add(predictions: Boxes, material: Material, rng: Rng) -> tuple[Boxes, Any]:
        rows, pieces = [], []
        for k, row in enumerate(predictions.lists()):
            if copies:
                more = tuple(part[:PIECES] for part in row)
            else:
                boxes, labels = spam_boxes(material, k, PIECES, rng)
                more = (boxes, labels, np.ones(PIECES))
            rows.append(added(row, more, front))  # type: ignore[arg-type]
            pieces.append(len(more[1]))
        return Boxes.from_lists([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]), np.array(pieces)

    return add


def _points(front: bool) -> Callable[[Any, Material, Rng], tuple[Any, Any]]:
    def add(predictions: Grounded, material: Material, rng: Rng) -> tuple[Grounded, Any]:
        corner = torch.tensor([[float(w), float(h)] for h, w in material.sizes])[:, None]
        more = torch.from_numpy(rng.random((len(predictions), PIECES, 2))).float() * corner
        pair = (more, predictions.points) if front else (predictions.points, more)
        return Grounded(predictions.box, torch.cat(pair, 1)), np.full(len(predictions), PIECES)

    return add


def _specks(front: bool) -> Callable[[Any, Material, Rng], tuple[Any, Any]]:
    def add(predictions: Segments, material: Material, rng: Rng) -> tuple[Segments, Any]:
        if not (predictions.categories > 0).any():  # nothing is known that a speck could be
            return predictions, np.zeros(len(predictions))
        return appended_segments(predictions, None, front, rng, PIECES), np.full(len(predictions), PIECES)

    return add


def _stripe(top: bool) -> Callable[[Any, Material, Rng], tuple[Any, Any]]:
    def add(predictions: Images, material: Material, rng: Rng) -> tuple[Images, Any]:
        rgb = predictions.rgb.clone()
        rows = max(1, rgb.shape[2] // 8)
        where = slice(0, rows) if top else slice(rgb.shape[2] - rows, None)
        rgb[:, :, where] = rainbow(rgb)[:, :, where]
        return Images(rgb), np.ones(len(predictions))

    return add


def _words(front: bool, copies: bool) -> Callable[[Any, Material, Rng], tuple[Any, Any]]:
    def add(predictions: Any, material: Material, rng: Rng) -> tuple[Any, Any]:
        filler = " ".join(FILLER.split()[:PIECES])
        texts = [str(text) for text in predictions.texts]
        more = texts if copies else [filler] * len(texts)
        joined = [f"{m} {t}" if front else f"{t} {m}" for t, m in zip(texts, more, strict=True)]
        return type(predictions)(joined), np.array([len(m.split()) for m in more])

    return add
