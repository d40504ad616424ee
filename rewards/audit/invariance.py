"""Changes that mean nothing: the same answer in another order, spacing, numbering or coordinate frame."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.adapters.parsers import AnswerParser, BoxParser, CaptionParser, Frame
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.types import Answers, Boxes, Captions, Grounded, Images, PairScores, Segments

__all__ = ["equivalents"]

Case = tuple[str, Any, Any, Any, Any]
"""(name, predictions, targets, the same predictions, the same targets): both must earn the same."""

FULL: dict[Frame, float] = {"pixel": 0.0, "unit": 1.0, "thousand": 1000.0}


def equivalents(material: Material, half: Any, rng: np.random.Generator) -> list[Case]:
    """Pairs that must earn the same, made of gold and of the half-right answers `half`."""
    found: list[Case] = []
    for label, answer in (("gold", material.gold), ("half-right", half)):
        for name, predictions, targets in _same(answer, material, rng):
            found.append((f"{name}, {label}", answer, material.targets, predictions, targets))
        if isinstance(answer, Boxes):
            found += [(f"{case[0]}, {label}", *case[1:]) for case in _frames(answer, material)]
    return found


def _same(answer: Any, material: Material, rng: np.random.Generator) -> list[tuple[str, Any, Any]]:
    targets = material.targets
    if isinstance(answer, Boxes):
        return [
            ("order of the boxes", _reversed(answer), targets),
            ("order of the truths", answer, _reversed(targets)),
            ("padding", _padded(answer), targets),
        ]
    if isinstance(answer, Segments):
        slots = int(answer.categories.shape[1])
        return [
            ("order of the segments", _renumbered(answer, rng.permutation(slots)), targets),
            ("padding", Segments(answer.ids, torch.nn.functional.pad(answer.categories, (0, 3))), targets),
        ]
    if isinstance(answer, Images):
        mirrored = None if targets is None else Images(targets.rgb.flip(3))
        eight_bits = Images((answer.rgb.clamp(0, 1) * 255).round() / 255)
        return [("both mirrored", Images(answer.rgb.flip(3)), mirrored), ("rounded to 8 bits", eight_bits, targets)]
    if isinstance(answer, Grounded):
        return [("order of the points", Grounded(answer.box, answer.points.flip(1)), targets)]
    if isinstance(answer, PairScores):
        return [("both pairs swapped", PairScores(answer.scores.flip(1, 2)), targets)]
    if isinstance(answer, (Captions, Answers)) and material.task != "format":
        spaced = [f"  {str(text).replace(' ', '  ')} " for text in answer.texts]
        broken = [f"{text}\n" for text in answer.texts]
        parser = CaptionParser() if isinstance(answer, Captions) else AnswerParser()
        tagged = [str(t) if isinstance(answer, Captions) else f"<answer>\n{t}\n</answer>" for t in answer.texts]
        return [
            ("blanks", type(answer)(spaced), targets),
            ("a line break at the end", type(answer)(broken), targets),
            ("through the parser", parser.predictions(tagged, [{}] * len(tagged))[0], targets),
        ]
    return []


def _reversed(boxes: Boxes) -> Boxes:
    """The boxes of each image from last to first; padding stays behind them."""
    slots = torch.arange(boxes.mask.shape[1]).expand_as(boxes.mask)
    order = torch.where(boxes.mask, -slots, slots + 1).argsort(1)
    parts = (boxes.labels, boxes.scores, boxes.mask, boxes.is_crowd, boxes.areas)
    labels, scores, mask, crowd, areas = (None if part is None else part.gather(1, order) for part in parts)
    moved = boxes.boxes.gather(1, order[..., None].expand_as(boxes.boxes))
    return Boxes(moved, labels, scores, mask, crowd, areas)  # type: ignore[arg-type]


def _padded(boxes: Boxes) -> Boxes:
    """Five more slots of padding, filled with what must not be looked at."""
    size = len(boxes)
    junk = torch.full((size, 5, 4), 7.0)
    return Boxes(
        torch.cat([boxes.boxes, junk], 1),
        torch.cat([boxes.labels, torch.ones((size, 5), dtype=boxes.labels.dtype)], 1),
        torch.cat([boxes.scores, torch.ones((size, 5))], 1),
        torch.cat([boxes.mask, torch.zeros((size, 5), dtype=torch.bool)], 1),
    )


def _renumbered(segments: Segments, order: Any) -> Segments:
    place = torch.from_numpy(np.argsort(order)) + 1
    goes_to = torch.cat([torch.zeros(1, dtype=torch.int64), place])
    return Segments(goes_to[segments.ids], segments.categories[:, torch.from_numpy(order)])


def _frames(answer: Boxes, material: Material) -> list[Case]:
    """The answer written as JSON in each coordinate frame and read back by the adapters' parser."""
    rows = [{"width": width, "height": height} for height, width in material.sizes]
    if not rows:
        return []
    names = {str(label): int(label) for label in range(-1, 1000)}
    found: list[Case] = []
    for frame, full in FULL.items():
        texts = [_json(*lists, row, full) for lists, row in zip(answer.lists(), rows, strict=True)]
        read, _ = BoxParser(frame=frame, labels=names, tag=None).predictions(texts, rows)
        found.append((f"frame {frame}", answer, material.targets, read, material.targets))
    return found


def _json(boxes: Any, labels: Any, scores: Any, row: dict[str, int], full: float) -> str:
    scale = np.ones(4) if not full else full / np.array([row["width"], row["height"]] * 2)
    return json.dumps(
        [
            {"bbox_2d": (box.astype(np.float64) * scale).tolist(), "label": str(int(label)), "score": float(score)}
            for box, label, score in zip(boxes, labels, scores, strict=True)
        ]
    )
