"""Graded corruptions of boxes, of a box with points, and of tables of scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit.corruptions import Corruption
from rewardmark.rewards.audit.exploits_boxes import Row, added, known_labels, random_boxes
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.types import Boxes, Grounded, PairScores

__all__ = ["box_corruptions", "pair_corruptions", "point_corruptions"]

Rng = np.random.Generator
#: Random boxes and copies that the highest severity adds.
EXTRA, COPIES = 8, 2
#: Shift at severity 1, in sides of the box; what is left of a side there.
SHIFT, LEFT = 0.8, 0.2

Change = Callable[[Any, Any, Any, float, Material, int, Rng], Row]


def box_corruptions() -> list[Corruption]:
    """jitter, shrink, drop, extra, duplicate, relabel."""

    def entry(name: str, description: str, change: Change) -> Corruption:
        def make(material: Material, severity: float, rng: Rng) -> Boxes:
            rows = [change(b, c, s, severity, material, k, rng) for k, (b, c, s) in enumerate(material.gold.lists())]
            return Boxes.from_lists([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])

        return Corruption(name, description, make)

    return [
        entry("jitter", "boxes shifted by up to 0.8 of their sides", _jitter),
        entry("shrink", "boxes shrunk to 0.2 of their sides", _shrink),
        entry("drop", "boxes left out", _drop),
        entry("extra", f"up to {EXTRA} random boxes appended", _extra),
        entry("duplicate", f"up to {COPIES} copies of each box appended", _duplicate),
        entry("relabel", "boxes given another category", _relabel),
    ]


def _jitter(b: Any, c: Any, s: Any, severity: float, material: Material, row: int, rng: Rng) -> Row:
    turn = rng.uniform(0, 2 * np.pi, len(b))
    step = np.stack([np.cos(turn), np.sin(turn)], 1) * (b[:, 2:] - b[:, :2]) * severity * SHIFT
    return b + np.concatenate([step, step], 1), c, s


def _shrink(b: Any, c: Any, s: Any, severity: float, material: Material, row: int, rng: Rng) -> Row:
    middle, half = (b[:, :2] + b[:, 2:]) / 2, (b[:, 2:] - b[:, :2]) / 2 * (1 - severity * (1 - LEFT))
    return np.concatenate([middle - half, middle + half], 1), c, s


def _drop(b: Any, c: Any, s: Any, severity: float, material: Material, row: int, rng: Rng) -> Row:
    kept = rng.random(len(b)) >= severity
    return b[kept], c[kept], s[kept]


def _extra(b: Any, c: Any, s: Any, severity: float, material: Material, row: int, rng: Rng) -> Row:
    boxes, labels = random_boxes(material, row, EXTRA, rng)
    count = round(severity * EXTRA)
    return added((b, c, s), (boxes[:count], labels[:count], np.ones(count)))


def _duplicate(b: Any, c: Any, s: Any, severity: float, material: Material, row: int, rng: Rng) -> Row:
    copied = np.concatenate([np.flatnonzero(rng.random(len(b)) < severity) for _ in range(COPIES)])
    return added((b, c, s), (b[copied], c[copied], s[copied]))


def _relabel(b: Any, c: Any, s: Any, severity: float, material: Material, row: int, rng: Rng) -> Row:
    known = known_labels(material)
    hit, step = rng.random(len(b)) < severity, rng.integers(1, max(2, len(known)), len(b))
    return b, np.where(hit, known[(np.searchsorted(known, c) + step) % len(known)], c), s


def point_corruptions(boxed: bool) -> list[Corruption]:
    """Drifts of a box and its points, together and apart; of points alone unless `boxed`."""

    def entry(name: str, description: str, box: bool, points: bool) -> Corruption:
        def make(material: Material, severity: float, rng: Rng) -> Grounded:
            gold: Grounded = material.gold
            side = torch.tensor([[float(w), float(h)] for h, w in material.sizes]).reshape(len(gold), 2)
            turn = torch.from_numpy(rng.uniform(0, 2 * np.pi, len(gold))).float()
            step = torch.stack([turn.cos(), turn.sin()], 1) * side * severity * 0.5  # half of the image at the most
            shift = torch.cat([step, step], 1) if box else torch.zeros_like(gold.box)
            return Grounded(gold.box + shift, gold.points + (step[:, None] if points else 0.0))

        return Corruption(name, description, make)

    if not boxed:
        return [entry("drift", "the point moved by up to half of the image", False, True)]
    return [
        entry("drift", "box and points moved by up to half of the image", True, True),
        entry("box drift", "only the box moved", True, False),
        entry("point drift", "only the points moved", False, True),
    ]


def pair_corruptions() -> list[Corruption]:
    """Tables turned towards the wrong order, and noise."""

    def turned(material: Material, severity: float, rng: Rng) -> PairScores:
        s = material.gold.scores
        return PairScores((1 - severity) * s + severity * s.flip(1))

    def noisy(material: Material, severity: float, rng: Rng) -> PairScores:
        s = material.gold.scores
        return PairScores(s + severity * torch.from_numpy(rng.normal(0, 0.8, tuple(s.shape))).to(s.dtype))

    return [
        Corruption("turn", "scores mixed with those of the swapped captions", turned),
        Corruption("noise", "normal noise of up to 0.8", noisy),
    ]
