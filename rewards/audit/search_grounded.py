"""The search over one box with points, and over tables of image-text scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.search_boxes import (
    FITS,
    SPACINGS,
    Bend,
    bend_words,
    bends,
    bent,
    box_grid,
    frame,
    move_box,
    random_box,
)
from rewardmark.rewards.audit.search_space import SPECIAL_NUMBERS, Space, rounder
from rewardmark.rewards.types import Grounded, PairScores

__all__ = ["GroundedGenome", "GroundedSpace", "PairSpace"]

Corners = tuple[float, float, float, float]
MOST_POINTS = 16


@dataclass(frozen=True)
class GroundedGenome:
    """A fixed box (or the bent true one, or none) and fixed points, in pixels."""

    box: Corners | None = None
    gold: Bend | None = None
    points: tuple[tuple[float, float], ...] = ()


class GroundedSpace(Space[GroundedGenome]):
    """Answers of `Grounded`."""

    rows_a_call = 8192

    def __init__(self, material: Material) -> None:
        super().__init__(material)
        self.truth = material.gold.box.numpy().astype(np.float64)
        self.size = frame(material, [self.truth[np.isfinite(self.truth).all(1)]])

    def constants(self) -> list[GroundedGenome]:
        w, h = self.size
        boxes: list[Corners] = [(0.0, 0.0, w, h), (w, h, 0.0, 0.0), (w / 4, h / 4, 3 * w / 4, 3 * h / 4)]
        boxes += [(v, v, v, v) for v in SPECIAL_NUMBERS] + [(0.0, 0.0, v, v) for v in SPECIAL_NUMBERS]
        boxes += [(-w, -h, 2 * w, 2 * h)]
        grid = [(w * x / 8, h * y / 8) for x in range(1, 8, 2) for y in range(1, 8, 2)]
        sets = [((w / 2, h / 2),), ((w / 2, h / 2), (w / 3, h / 3)), tuple(grid)]
        found = [GroundedGenome(), *(GroundedGenome(box) for box in boxes)]
        found += [GroundedGenome(box, None, points) for box in (None, boxes[0], boxes[2]) for points in sets]
        return found + [GroundedGenome(None, bend, points) for bend in bends() for points in ((), sets[0])]

    def cover(self, rng: np.random.Generator) -> Iterator[GroundedGenome]:
        while True:
            for spacing in SPACINGS:
                for corners in box_grid(self.size, spacing, rng):
                    points = self._points(rng, 2) if rng.random() < 0.3 else ()
                    swapped = (corners[2], corners[3], corners[0], corners[1])
                    box: Any = swapped if rng.random() < 0.1 else corners
                    yield GroundedGenome(box, None, points)

    def apart(self, genome: GroundedGenome, row: int) -> GroundedGenome:
        truth = self.truth[row]
        fits = genome.box is not None and np.isfinite(truth).all() and _iou(genome.box, truth) >= FITS
        return replace(genome, box=None) if fits else genome

    def _points(self, rng: np.random.Generator, count: int) -> tuple[tuple[float, float], ...]:
        places = rng.random((count, 2)) * np.array(self.size)
        return tuple((float(x), float(y)) for x, y in places.tolist())

    def mutate(self, genome: GroundedGenome, other: GroundedGenome, rng: np.random.Generator) -> GroundedGenome:
        what = rng.random()
        points = list(genome.points)
        if what < 0.5:
            if genome.box is None:
                return replace(genome, box=random_box(self.size, rng), gold=None)
            return replace(genome, box=move_box(genome.box, self.size, rng))
        if what < 0.6:
            return replace(genome, box=other.box, gold=other.gold)
        if what < 0.7 and points:
            points.pop(int(rng.integers(len(points))))
        elif what < 0.8 and points:
            k = int(rng.integers(len(points)))
            dx, dy = rng.normal(0, max(self.size) / 10, 2).tolist()
            points[k] = (points[k][0] + dx, points[k][1] + dy)
        elif what < 0.9:
            points += self._points(rng, int(rng.integers(1, 4)))
        else:
            points += other.points
        return replace(genome, points=tuple(points[:MOST_POINTS]))

    def parts(self, genome: GroundedGenome) -> int:
        return int(genome.box is not None or genome.gold is not None) + len(genome.points)

    def cost(self, genome: GroundedGenome) -> int:
        return self.parts(genome) + (genome.gold.edits() if genome.gold else 0)

    def keep(self, genome: GroundedGenome, parts: Sequence[int]) -> GroundedGenome:
        has_box = int(genome.box is not None or genome.gold is not None)
        kept = sorted(parts)
        points = tuple(genome.points[k - has_box] for k in kept if k >= has_box)
        return replace(genome, points=points) if 0 in kept and has_box else GroundedGenome(points=points)

    def simpler(self, genome: GroundedGenome) -> Iterator[GroundedGenome]:
        if genome.box is not None:
            for side in range(4):
                for value in rounder(genome.box[side]):
                    changed: Any = tuple(value if s == side else c for s, c in enumerate(genome.box))
                    yield replace(genome, box=changed)
        for k, (x, y) in enumerate(genome.points):
            for point in [*((v, y) for v in rounder(x)), *((x, v) for v in rounder(y))]:
                yield replace(genome, points=(*genome.points[:k], point, *genome.points[k + 1 :]))

    def blind(self, genome: GroundedGenome) -> bool:
        return genome.gold is None

    def build(self, genomes: Sequence[GroundedGenome], rows: Sequence[int]) -> Grounded:
        from rewardmark.rewards._torch import torch

        box = np.full((len(genomes), 4), np.nan)
        points = np.full((len(genomes), max((len(g.points) for g in genomes), default=1) or 1, 2), np.nan)
        for k, (genome, row) in enumerate(zip(genomes, rows, strict=True)):
            if genome.gold is not None:
                box[k] = bent(self.truth[row : row + 1], genome.gold)[0]
            elif genome.box is not None:
                box[k] = genome.box
            if genome.points:
                points[k, : len(genome.points)] = genome.points
        return Grounded(torch.from_numpy(box.astype(np.float32)), torch.from_numpy(points.astype(np.float32)))

    def describe(self, genome: GroundedGenome) -> str:
        if genome.gold is not None:
            said = f"the true box, {bend_words(genome.gold)}"
        else:
            said = "no box" if genome.box is None else f"the box [{', '.join(f'{c:g}' for c in genome.box)}]"
        if genome.points:
            said += " with the points " + ", ".join(f"({x:g}, {y:g})" for x, y in genome.points)
        return said


class PairSpace(Space[tuple[float, float, float, float]]):
    """Tables of `PairScores`: s(c0,i0), s(c0,i1), s(c1,i0), s(c1,i1), the same for every pair."""

    def constants(self) -> list[Corners]:
        values = [(v, v, v, v) for v in SPECIAL_NUMBERS]
        found = [(a, b, c, d) for a in (0.0, 1.0) for b in (0.0, 1.0) for c in (0.0, 1.0) for d in (0.0, 1.0)]
        return list(dict.fromkeys([*values, *found, (1e6, 0.0, 0.0, -1e6), (0.0, np.inf, -np.inf, 0.0)]))

    def cover(self, rng: np.random.Generator) -> Iterator[Corners]:
        while True:
            scale = float(10 ** rng.uniform(-2, 4))
            a, b, c, d = (rng.normal(0, scale, 4) if rng.random() < 0.5 else rng.random(4)).tolist()
            yield (a, b, c, d)

    def mutate(self, genome: Corners, other: Corners, rng: np.random.Generator) -> Corners:
        table = np.where(rng.random(4) < 0.3, other, genome) + rng.normal(0, 10 ** rng.uniform(-3, 2), 4)
        a, b, c, d = np.where(rng.random(4) < 0.1, rng.choice(SPECIAL_NUMBERS, 4), table).tolist()
        return (a, b, c, d)

    def parts(self, genome: Corners) -> int:
        return sum(value != 0 for value in genome)

    def keep(self, genome: Corners, parts: Sequence[int]) -> Corners:
        places = [k for k, value in enumerate(genome) if value != 0]
        kept = {places[k] for k in parts}
        a, b, c, d = (value if k in kept else 0.0 for k, value in enumerate(genome))
        return (a, b, c, d)

    def simpler(self, genome: Corners) -> Iterator[Corners]:
        for side in range(4):
            for value in rounder(genome[side]):
                a, b, c, d = (value if s == side else v for s, v in enumerate(genome))
                yield (a, b, c, d)

    def blind(self, genome: Corners) -> bool:
        return True

    def build(self, genomes: Sequence[Corners], rows: Sequence[int]) -> PairScores:
        return PairScores.from_lists([[[a, b], [c, d]] for a, b, c, d in genomes])

    def describe(self, genome: Corners) -> str:
        a, b, c, d = genome
        return f"the scores [[{a:g}, {b:g}], [{c:g}, {d:g}]] for every pair"


def _iou(a: Sequence[float], b: Sequence[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = max(0.0, width) * max(0.0, height)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return float(inter / union) if union > 0 else 0.0
