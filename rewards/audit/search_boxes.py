"""The search over lists of boxes: fixed boxes in pixels, and the true boxes bent out of shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.search_space import SPECIAL_NUMBERS, Space, rounder, scattered
from rewardmark.rewards.types import Boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Bend",
    "BoxGenome",
    "BoxSpace",
    "FixedBox",
    "bend_words",
    "bends",
    "bent",
    "box_grid",
    "frame",
    "move_box",
    "random_box",
]

UNKNOWN = 1_000_003
"""A category id that no data set has."""

PACK = 64
"""Boxes in one answer while ground is covered: a hundred are what COCO's AP looks at."""

FITS = 0.4
"""IoU from which a box is taken to find a truth, more or less."""

SPACINGS = (24.0, 12.0, 8.0, 5.0, 4.0, 3.0, 2.0, 1.0)
"""Steps of the grids of corners, in pixels: a grid of step s has a box within s / 2 of any box, corner for corner."""


@dataclass(frozen=True)
class FixedBox:
    """One box in pixels, the same for every sample."""

    corners: tuple[float, float, float, float]
    label: int
    score: float = 1.0


@dataclass(frozen=True)
class Bend:
    """What is done to the true boxes before they are given as the answer.

    shift: in widths and heights; scale: about the centre; label: "same", "other" (the next category), "unknown";
    score: None keeps 1; repeat: how often the list is said; step: corners rounded to multiples of it (0: not).
    """

    flip_x: bool = False
    flip_y: bool = False
    shift: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    label: str = "same"
    score: float | None = None
    repeat: int = 1
    step: float = 0.0

    def edits(self) -> int:
        """How many of the settings are not as they were."""
        plain = Bend()
        return sum(getattr(self, name) != getattr(plain, name) for name in self.__dataclass_fields__)


@dataclass(frozen=True)
class BoxGenome:
    """Fixed boxes, after the bent true ones where `gold` says so."""

    boxes: tuple[FixedBox, ...] = ()
    gold: Bend | None = None


class BoxSpace(Space[BoxGenome]):
    """Answers of `Boxes`."""

    def __init__(self, material: Material) -> None:
        super().__init__(material)
        self.truths: list[tuple[NDArray[Any], NDArray[Any]]] = [(b, c) for b, c, _ in material.gold.lists()]
        labels = sorted({int(label) for _, c in self.truths for label in c} | set(material.categories))
        self.labels = np.array(labels or [1], dtype=np.int64)
        self.width, self.height = frame(material, [b for b, _ in self.truths])

    # covering

    def constants(self) -> list[BoxGenome]:
        w, h = self.width, self.height
        one = int(self.labels[0])
        wholes = [(0.0, 0.0, w, h), (w, h, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 1.0), (w / 2, h / 2, w, h)]
        wholes += [(0.0, 0.0, w / 2, h / 2), (w / 4, h / 4, 3 * w / 4, 3 * h / 4), (-w, -h, 2 * w, 2 * h)]
        wholes += [(v, v, v, v) for v in SPECIAL_NUMBERS] + [(0.0, 0.0, v, v) for v in SPECIAL_NUMBERS]
        found = [BoxGenome(), *(BoxGenome(gold=bend) for bend in bends())]
        for corners in wholes:
            found += [BoxGenome((FixedBox(corners, label),)) for label in (one, UNKNOWN)]
            found.append(BoxGenome(tuple(FixedBox(corners, int(label)) for label in self.labels)))
        for score in (0.0, 0.5, -1.0, 1e6):
            found.append(BoxGenome(tuple(FixedBox(wholes[0], int(label), score) for label in self.labels)))
        return found

    def cover(self, rng: np.random.Generator) -> Iterator[BoxGenome]:
        size = (self.width, self.height)
        levels: list[tuple[float, int]] = []
        for k, spacing in enumerate(SPACINGS):
            levels.append((spacing, PACK))
            if k >= 1:
                levels.append((SPACINGS[k - 1], 1))
        while True:
            for spacing, pack in levels:
                stream = box_grid(size, spacing, rng)
                while chunk := list(islice(stream, pack)):
                    corners = np.array(chunk)
                    known = rng.random() < 0.75
                    labels = rng.choice(self.labels, len(corners)) if known else np.full(len(corners), UNKNOWN)
                    if rng.random() < 0.15:
                        corners = corners[:, [2, 3, 0, 1]]
                    score = (1.0, 1.0, 1.0, 0.5, 0.0)[rng.integers(5)]
                    rows = zip(corners.tolist(), labels.tolist(), strict=True)
                    yield BoxGenome(tuple(FixedBox(tuple(c), label, score) for c, label in rows))

    def apart(self, genome: BoxGenome, row: int) -> BoxGenome:
        truths = self.truths[row][0]
        if not len(truths) or not genome.boxes or genome.gold is not None:
            return genome
        corners = np.array([box.corners for box in genome.boxes])
        low, high = np.maximum(corners[:, None, :2], truths[:, :2]), np.minimum(corners[:, None, 2:], truths[:, 2:])
        inter = (high - low).clip(min=0).prod(-1)
        areas = [(b[:, 2:] - b[:, :2]).clip(min=0).prod(-1) for b in (corners, truths)]
        iou = inter / np.maximum(areas[0][:, None] + areas[1] - inter, 1e-9)
        return BoxGenome(tuple(box for box, best in zip(genome.boxes, iou.max(1), strict=True) if best < FITS))

    # moving

    def mutate(self, genome: BoxGenome, other: BoxGenome, rng: np.random.Generator) -> BoxGenome:
        boxes = list(genome.boxes)
        for _ in range(1 + int(rng.random() < 0.3)):
            what = rng.random()
            if genome.gold is not None and what < 0.5:
                genome = replace(genome, gold=_bent_more(genome.gold, rng))
            elif not boxes or what < 0.12:
                boxes.insert(int(rng.integers(len(boxes) + 1)), self._new_box(rng))
            elif what < 0.22 and other.boxes:
                boxes.append(other.boxes[rng.integers(len(other.boxes))])
            elif what < 0.32 and len(boxes) > 1:
                boxes.pop(int(rng.integers(len(boxes))))
            elif what < 0.36:
                boxes += boxes[: PACK - len(boxes)]
            else:
                k = int(rng.integers(len(boxes)))
                boxes[k] = self._moved(boxes[k], rng)
        return replace(genome, boxes=tuple(boxes[: 2 * PACK]))

    def _new_box(self, rng: np.random.Generator) -> FixedBox:
        return FixedBox(random_box((self.width, self.height), rng), self._label(rng))

    def _label(self, rng: np.random.Generator) -> int:
        return UNKNOWN if rng.random() < 0.1 else int(rng.choice(self.labels))

    def _moved(self, box: FixedBox, rng: np.random.Generator) -> FixedBox:
        what = rng.random()
        if what < 0.15:
            return replace(box, label=self._label(rng))
        if what < 0.25:
            return replace(box, score=float(rng.choice([0.0, 1.0, 0.5, 1e-6, -1.0, 2.0, 1e6])))
        return replace(box, corners=move_box(box.corners, (self.width, self.height), rng))

    # minimising

    def parts(self, genome: BoxGenome) -> int:
        return len(genome.boxes) + (genome.gold is not None)

    def cost(self, genome: BoxGenome) -> int:
        return len(genome.boxes) + (genome.gold.edits() if genome.gold else 0)

    def keep(self, genome: BoxGenome, parts: Sequence[int]) -> BoxGenome:
        last = len(genome.boxes)
        return BoxGenome(
            tuple(genome.boxes[k] for k in sorted(parts) if k < last),
            genome.gold if last in set(parts) else None,
        )

    def simpler(self, genome: BoxGenome) -> Iterator[BoxGenome]:
        if genome.gold is not None:
            plain = Bend()
            for name in plain.__dataclass_fields__:
                if getattr(genome.gold, name) != getattr(plain, name):
                    yield replace(genome, gold=replace(genome.gold, **{name: getattr(plain, name)}))
        for k, box in enumerate(genome.boxes):
            plainer = [replace(box, score=1.0)] if box.score != 1.0 else []
            plainer += [replace(box, label=int(self.labels[0]))] if box.label != self.labels[0] else []
            for side in range(4):
                for value in rounder(box.corners[side]):
                    corners = tuple(value if s == side else c for s, c in enumerate(box.corners))
                    plainer.append(replace(box, corners=corners))  # type: ignore[arg-type]
            for one in plainer:
                yield replace(genome, boxes=(*genome.boxes[:k], one, *genome.boxes[k + 1 :]))

    def blind(self, genome: BoxGenome) -> bool:
        return genome.gold is None

    def join(self, genome: BoxGenome) -> BoxGenome | None:
        return BoxGenome(genome.boxes, Bend()) if genome.gold is None and genome.boxes else None

    # answers

    def build(self, genomes: Sequence[BoxGenome], rows: Sequence[int]) -> Boxes:
        from rewardmark.rewards._torch import torch

        lists = [self._answer(genome, row) for genome, row in zip(genomes, rows, strict=True)]
        size, most = len(lists), max((len(one) for one in lists), default=0)
        table = np.zeros((size, most, 6))
        mask = np.zeros((size, most), dtype=bool)
        for k, one in enumerate(lists):
            table[k, : len(one)] = one
            mask[k, : len(one)] = True
        return Boxes(
            boxes=torch.from_numpy(table[..., :4].astype(np.float32)),
            labels=torch.from_numpy(table[..., 4].astype(np.int64)),
            scores=torch.from_numpy(table[..., 5].astype(np.float32)),
            mask=torch.from_numpy(mask),
        )

    def _answer(self, genome: BoxGenome, row: int) -> NDArray[Any]:
        """[n, 6]: corners, label, score."""
        fixed = np.array([(*b.corners, b.label, b.score) for b in genome.boxes], dtype=np.float64).reshape(-1, 6)
        if genome.gold is None:
            return fixed
        boxes, labels = self.truths[row]
        bend = genome.gold
        out = np.empty((len(boxes), 6))
        out[:, :4] = bent(boxes, bend)
        after = self.labels[(np.searchsorted(self.labels, labels) + 1) % len(self.labels)]
        out[:, 4] = {"same": labels, "other": after, "unknown": np.full(len(boxes), UNKNOWN)}[bend.label]
        out[:, 5] = 1.0 if bend.score is None else bend.score
        return np.concatenate([np.tile(out, (bend.repeat, 1)), fixed])

    def describe(self, genome: BoxGenome) -> str:
        said = []
        if genome.gold is not None:
            said.append(f"the true boxes, {bend_words(genome.gold)}")
        shown = [self._words(box) for box in genome.boxes[:4]]
        if len(genome.boxes) > 4:
            shown.append(f"{len(genome.boxes) - 4} more")
        if shown:
            said.append(("the fixed box " if len(genome.boxes) == 1 else "the fixed boxes ") + ", ".join(shown))
        return "; then ".join(said) if said else "no box at all"

    def _words(self, box: FixedBox) -> str:
        name = "an unknown category" if box.label == UNKNOWN else self.material.categories.get(box.label, box.label)
        score = "" if box.score == 1.0 else f", score {box.score:g}"
        return f"[{', '.join(f'{c:g}' for c in box.corners)}] ({name}{score})"


def frame(material: Material, boxes: Sequence[NDArray[Any]]) -> tuple[float, float]:
    """(width, height) that fixed coordinates are drawn from: the largest image, or the largest true corner."""
    if material.sizes:
        return float(max(w for _, w in material.sizes)), float(max(h for h, _ in material.sizes))
    found = [b for b in boxes if len(b)]
    corners = np.concatenate(found) if found else np.array([[0.0, 0.0, 64.0, 64.0]])
    return float(max(1.0, corners[:, [0, 2]].max())), float(max(1.0, corners[:, [1, 3]].max()))


def box_grid(size: tuple[float, float], spacing: float, rng: np.random.Generator) -> Iterator[tuple[float, ...]]:
    """Every box whose corners lie on a grid of that step over (width, height), in scattered order."""
    pairs = []
    for length in size:
        values = np.arange(spacing // 2, length + spacing / 2, spacing)
        low, high = np.triu_indices(len(values), k=1)
        pairs.append(np.stack([values[low], values[high]], axis=1))
    xs, ys = pairs
    for index in scattered(len(xs) * len(ys), rng):
        (x0, x1), (y0, y1) = xs[index // len(ys)], ys[index % len(ys)]
        yield float(x0), float(y0), float(x1), float(y1)


def random_box(size: tuple[float, float], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A box anywhere in the frame, whole pixels half of the time."""
    x0, x1 = np.sort(rng.random(2)) * size[0]
    y0, y1 = np.sort(rng.random(2)) * size[1]
    corners = (float(x0), float(y0), float(x1), float(y1))
    return tuple(float(round(c)) for c in corners) if rng.random() < 0.5 else corners  # type: ignore[return-value]


def move_box(
    corners: tuple[float, float, float, float], size: tuple[float, float], rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """A neighbour: one or all corners shifted by steps of any scale, swapped, shared, or set to a special number."""
    box = np.array(corners)
    what = rng.random()
    if what < 0.65:
        sigma = float(np.exp(rng.uniform(np.log(0.5), np.log(max(size) / 4))))
        sides = rng.random(4) < (1.0 if what < 0.2 else 0.4)
        box[sides] += rng.normal(0, sigma, int(sides.sum()))
    elif what < 0.72:
        box += np.tile(rng.normal(0, max(size) / 8, 2), 2)
    elif what < 0.79:
        box[rng.integers(4)] = box[rng.integers(4)]
    elif what < 0.86:
        box = box[[[2, 1, 0, 3], [0, 3, 2, 1], [2, 3, 0, 1], [1, 0, 3, 2]][rng.integers(4)]]
    elif what < 0.93:
        box[rng.integers(4)] = rng.choice([*SPECIAL_NUMBERS, *size])
    else:
        box = np.round(box)
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])


def bends() -> list[Bend]:
    """Ways to bend the truth that leave the official metric nothing to pay for, more or less."""
    flips = [Bend(flip_x=True), Bend(flip_y=True), Bend(flip_x=True, flip_y=True)]
    others = [Bend(label="other"), Bend(label="unknown"), Bend(score=0.0), Bend(score=0.0, label="other")]
    scales = [Bend(scale=(s, s)) for s in (0.0, 0.1, 0.3, 0.5, 0.65, 1.5, 2.0, 3.0, 10.0)]
    shifts = [Bend(shift=(s, t)) for s, t in ((0.4, 0), (0, 0.4), (0.3, 0.3), (1, 0), (0, 1), (3, 3), (-1, -1))]
    rounded = [Bend(step=s) for s in (8.0, 16.0, 32.0, 100.0)]
    repeated = [replace(one, repeat=r) for one in (*flips[2:], others[0], scales[3]) for r in (2, 10)]
    return [*flips, *others, *scales, *shifts, *rounded, *repeated]


def bent(boxes: NDArray[Any], bend: Bend) -> NDArray[Any]:
    """Boxes [n, 4] xyxy after the bend's geometry."""
    centre, half = (boxes[:, 2:] + boxes[:, :2]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    centre = centre + 2 * half * np.array(bend.shift)
    half = half * np.array(bend.scale) * np.where([bend.flip_x, bend.flip_y], -1.0, 1.0)
    out = np.concatenate([centre - half, centre + half], axis=1)
    return np.round(out / bend.step) * bend.step if bend.step else out


def _bent_more(bend: Bend, rng: np.random.Generator) -> Bend:
    what = int(rng.integers(8))
    changes: list[dict[str, Any]] = [
        {"flip_x": not bend.flip_x},
        {"flip_y": not bend.flip_y},
        {"shift": (bend.shift[0] + rng.normal(0, 0.3), bend.shift[1] + rng.normal(0, 0.3))},
        {"scale": (bend.scale[0] * np.exp(rng.normal(0, 0.4)), bend.scale[1] * np.exp(rng.normal(0, 0.4)))},
        {"label": str(rng.choice(["same", "other", "unknown"]))},
        {"score": [None, 0.0, 0.5, -1.0, 1e6][rng.integers(5)]},
        {"repeat": int(rng.integers(1, 6))},
        {"step": float(rng.choice([0.0, 1.0, 8.0, 10.0, 16.0, 100.0]))},
    ]
    return replace(bend, **changes[what])


def bend_words(bend: Bend) -> str:
    said = []
    flips = {(True, False): "left and right swapped", (False, True): "top and bottom swapped"}
    if bend.flip_x or bend.flip_y:
        said.append(flips.get((bend.flip_x, bend.flip_y), "corners swapped"))
    if bend.scale != (1.0, 1.0):
        said.append(f"scaled by {bend.scale[0]:.2g} x {bend.scale[1]:.2g}")
    if bend.shift != (0.0, 0.0):
        said.append(f"shifted by {bend.shift[0]:.2g} widths and {bend.shift[1]:.2g} heights")
    if bend.label != "same":
        said.append("of the next category" if bend.label == "other" else "of an unknown category")
    if bend.score is not None:
        said.append(f"with score {bend.score:g}")
    if bend.step:
        said.append(f"rounded to multiples of {bend.step:g}")
    if bend.repeat > 1:
        said.append(f"said {bend.repeat} times")
    return ", ".join(said) if said else "unchanged"
