"""The search over maps of pixels: strokes of segments or colours on a blank sheet, or on the truth."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.search_space import Space, rounder
from rewardmark.rewards.types import Images, Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ImageSpace", "MapGenome", "SegmentSpace", "Stroke"]

MOST_STROKES = 12


@dataclass(frozen=True)
class Stroke:
    """One thing done to the map: its kind and its numbers (places as shares of the picture)."""

    kind: str
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True)
class MapGenome:
    """Strokes in order on a sheet: "blank" (void, or grey), "grey" (the truth without colour) or "gold" (the truth)."""

    sheet: str = "blank"
    strokes: tuple[Stroke, ...] = ()


class MapSpace(Space[MapGenome]):
    """What segments and colours share."""

    rows_a_call = 512
    kinds: tuple[str, ...]
    """Kinds of strokes that may be drawn at random."""

    @abstractmethod
    def random_numbers(self, kind: str, rng: np.random.Generator) -> tuple[float, ...]:
        """Numbers for a stroke of that kind, whole ones where they are counts or categories."""

    def stroke(self, rng: np.random.Generator) -> Stroke:
        kind = self.kinds[rng.integers(len(self.kinds))]
        return Stroke(kind, self.random_numbers(kind, rng))

    def mutate(self, genome: MapGenome, other: MapGenome, rng: np.random.Generator) -> MapGenome:
        strokes = list(genome.strokes)
        what = rng.random()
        if not strokes or what < 0.25:
            strokes.insert(int(rng.integers(len(strokes) + 1)), self.stroke(rng))
        elif what < 0.35:
            strokes.pop(int(rng.integers(len(strokes))))
        elif what < 0.45 and other.strokes:
            strokes.append(other.strokes[rng.integers(len(other.strokes))])
        else:
            k = int(rng.integers(len(strokes)))
            kind, fresh = strokes[k].kind, strokes[k].numbers
            if kind in self.kinds:
                fresh = self.random_numbers(kind, rng)
            near = [
                new if rng.random() < 0.2 else old + self._jitter(old, rng)
                for old, new in zip(strokes[k].numbers, fresh, strict=True)
            ]
            strokes[k] = replace(strokes[k], numbers=tuple(float(v) for v in near))
        return replace(genome, strokes=tuple(strokes[:MOST_STROKES]))

    def _jitter(self, old: float, rng: np.random.Generator) -> float:
        if rng.random() < 0.5 or (float(old).is_integer() and old > 1):
            return 0.0
        return float(rng.normal(0, np.exp(rng.uniform(np.log(0.01), np.log(0.3)))))

    def parts(self, genome: MapGenome) -> int:
        return len(genome.strokes)

    def cost(self, genome: MapGenome) -> int:
        return len(genome.strokes) + (genome.sheet != "blank")

    def keep(self, genome: MapGenome, parts: Sequence[int]) -> MapGenome:
        return replace(genome, strokes=tuple(genome.strokes[k] for k in sorted(parts)))

    def simpler(self, genome: MapGenome) -> Iterator[MapGenome]:
        if genome.sheet != "blank":
            yield replace(genome, sheet="blank")
        for k, stroke in enumerate(genome.strokes):
            for place, number in enumerate(stroke.numbers):
                for value in rounder(number):
                    numbers = tuple(value if p == place else n for p, n in enumerate(stroke.numbers))
                    strokes = (*genome.strokes[:k], replace(stroke, numbers=numbers), *genome.strokes[k + 1 :])
                    yield replace(genome, strokes=strokes)

    def blind(self, genome: MapGenome) -> bool:
        return genome.sheet == "blank"

    def describe(self, genome: MapGenome) -> str:
        sheets = {"blank": "a blank sheet", "grey": "the picture without colour", "gold": "the truth"}
        said = [self.words(stroke) for stroke in genome.strokes]
        return sheets[genome.sheet] + (" with " + ", then ".join(said) if said else "")

    def words(self, stroke: Stroke) -> str:
        """One stroke for a reader."""
        return f"{stroke.kind}({', '.join(f'{n:.3g}' for n in stroke.numbers)})"


class SegmentSpace(MapSpace):
    """Answers of `Segments`: rectangles, grids and stripes of any category; the truth shifted, relabelled, cut up."""

    kinds = ("rectangle", "grid", "stripes", "frame")

    def __init__(self, material: Material) -> None:
        super().__init__(material)
        self.ids = material.gold.ids.numpy()
        self.categories = material.gold.categories.numpy()
        used = set(material.categories) | {int(c) for c in np.unique(self.categories) if c}
        self.names = np.array(sorted(used) or [1])

    def random_numbers(self, kind: str, rng: np.random.Generator) -> tuple[float, ...]:
        category = float(rng.choice(self.names))
        if kind == "rectangle":
            (x0, x1), (y0, y1) = np.sort(rng.random(2)).tolist(), np.sort(rng.random(2)).tolist()
            return (x0, y0, x1, y1, category)
        if kind == "frame":
            return (float(rng.uniform(0.01, 0.3)), category)
        return (float(rng.integers(2, 17)), category, float(rng.choice(self.names)))

    def constants(self) -> list[MapGenome]:
        whole = [MapGenome("blank", (Stroke("rectangle", (0, 0, 1, 1, float(c))),)) for c in self.names]
        first, last = float(self.names[0]), float(self.names[-1])
        grids = [Stroke("grid", (float(k), first, last)) for k in (2, 4, 8, 16)]
        grids += [Stroke("stripes", (float(k), first, last)) for k in (2, 8)]
        bent = [("relabel", (1.0,)), ("shift", (0.3, 0.3)), ("shift", (0.1, 0.0)), ("cut", (2.0,)), ("cut", (4.0,))]
        bent += [("thin", (2.0,)), ("merge", ())]
        found = [MapGenome(), *whole, *(MapGenome("blank", (one,)) for one in grids)]
        return found + [MapGenome("gold", (Stroke(kind, numbers),)) for kind, numbers in bent]

    def cover(self, rng: np.random.Generator) -> Iterator[MapGenome]:
        while True:
            sheet = "gold" if rng.random() < 0.2 else "blank"
            strokes = [self.stroke(rng) for _ in range(int(rng.integers(1, 9)))]
            if sheet == "gold":
                strokes.insert(0, Stroke("relabel", (float(rng.integers(1, 5)),)))
            yield MapGenome(sheet, tuple(strokes))

    def build(self, genomes: Sequence[MapGenome], rows: Sequence[int]) -> Segments:
        made = [self._drawn(genome, row) for genome, row in zip(genomes, rows, strict=True)]
        return Segments.from_lists([ids for ids, _ in made], [categories for _, categories in made])

    def _drawn(self, genome: MapGenome, row: int) -> tuple[NDArray[Any], list[int]]:
        height, width = self.material.sizes[row] if self.material.sizes else self.ids.shape[1:]
        if genome.sheet == "gold":
            ids, categories = self.ids[row][:height, :width].copy(), [int(c) for c in self.categories[row]]
        else:
            ids, categories = np.zeros((height, width), dtype=np.int64), []
        for stroke in genome.strokes:
            ids, categories = self._with(stroke, ids, categories)
        return _packed(ids, categories)

    def _with(self, stroke: Stroke, ids: NDArray[Any], categories: list[int]) -> tuple[NDArray[Any], list[int]]:
        height, width = ids.shape
        n = stroke.numbers
        y, x = np.mgrid[0:height, 0:width]
        if stroke.kind == "rectangle":
            where = (x >= n[0] * width) & (x < n[2] * width) & (y >= n[1] * height) & (y < n[3] * height)
            return np.where(where, len(categories) + 1, ids), [*categories, round(n[4])]
        if stroke.kind == "frame":
            edge = n[0] * min(height, width)
            where = (x < edge) | (y < edge) | (x >= width - edge) | (y >= height - edge)
            return np.where(where, len(categories) + 1, ids), [*categories, round(n[1])]
        if stroke.kind in ("grid", "stripes"):
            cells = max(1, min(64, round(n[0])))
            across = x * cells // width
            cell = across + cells * (y * cells // height) if stroke.kind == "grid" else across
            pair = [round(n[1]), round(n[2])]
            parity = [(k + k // cells) % 2 for k in range(int(cell.max()) + 1)]
            return len(categories) + 1 + cell, [*categories, *(pair[p] for p in parity)]
        if stroke.kind == "relabel":
            places = {int(name): k for k, name in enumerate(self.names)}
            step = round(n[0])
            moved = [int(self.names[(places[c] + step) % len(self.names)]) if c in places else c for c in categories]
            return ids, moved
        if stroke.kind == "shift":
            return np.roll(ids, (int(n[1] * height), int(n[0] * width)), (0, 1)), categories
        if stroke.kind == "cut":
            cells = max(1, round(n[0]))
            piece = (x * cells // width) + cells * (y * cells // height)
            count = len(categories)
            return np.where(ids > 0, ids + count * piece, 0), categories * (cells * cells)
        if stroke.kind == "thin":
            return np.where((x + y) % max(2, round(n[0])) == 0, ids, 0), categories
        return np.where(ids > 0, 1, 0), categories[:1]  # merge

    def words(self, stroke: Stroke) -> str:
        names, n = self.material.categories, stroke.numbers
        if stroke.kind in ("rectangle", "frame"):
            category = round(n[-1])
            place = ", ".join(f"{v:.2g}" for v in n[:-1])
            return f"one {stroke.kind} ({place}) of {names.get(category, category)}"
        if stroke.kind in ("grid", "stripes"):
            pair = [str(names.get(round(c), round(c))) for c in n[1:]]
            return f"{round(n[0])} {stroke.kind} of {' and '.join(dict.fromkeys(pair))}"
        return super().words(stroke)


class ImageSpace(MapSpace):
    """Answers of `Images`: flat colours, rectangles, checks, rainbows, noise; the picture greyed, tinted, saturated."""

    kinds = ("fill", "rectangle", "checks", "rainbow", "noise", "tint", "saturate")

    def __init__(self, material: Material) -> None:
        super().__init__(material)
        self.rgb = material.gold.rgb.numpy()
        weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)[None, :, None, None]
        self.grey = np.repeat((self.rgb * weights).sum(1, keepdims=True), 3, axis=1)

    def random_numbers(self, kind: str, rng: np.random.Generator) -> tuple[float, ...]:
        def some(count: int) -> list[float]:
            return (rng.random(count) if rng.random() < 0.6 else rng.integers(0, 3, count) / 2).tolist()

        if kind == "rectangle":
            (x0, x1), (y0, y1) = np.sort(rng.random(2)).tolist(), np.sort(rng.random(2)).tolist()
            return (x0, y0, x1, y1, *some(3))
        if kind == "checks":
            return (float(rng.integers(1, 33)), *some(6))
        if kind == "rainbow":
            return (float(rng.uniform(-4, 4)), float(rng.uniform(-4, 4)), float(rng.random()), *some(1))
        if kind == "noise":
            return (float(rng.random()), float(rng.integers(1, 17)))
        if kind == "saturate":
            return (float(rng.uniform(0, 4)),)
        return (*some(3), *([float(rng.random())] if kind == "tint" else []))

    def constants(self) -> list[MapGenome]:
        levels = (0.0, 0.5, 1.0)
        found = [MapGenome("blank", (Stroke("fill", (r, g, b)),)) for r in levels for g in levels for b in levels]
        found += [MapGenome(sheet) for sheet in ("blank", "grey")]
        strokes = [Stroke("rainbow", (fx, fy, 0.0, 1.0)) for fx, fy in ((1, 0), (0, 1), (2, 2), (8, 0))]
        strokes += [Stroke("checks", (float(k), 1, 0, 0, 0, 1, 0)) for k in (2, 8, 32)]
        strokes += [Stroke("noise", (1.0, 1.0)), Stroke("noise", (1.0, 8.0)), Stroke("tint", (1, 0, 0, 0.5))]
        found += [MapGenome(sheet, (stroke,)) for sheet in ("blank", "grey") for stroke in strokes]
        return found + [MapGenome("gold", (Stroke("saturate", (s,)),)) for s in (-1.0, 0.0, 0.5, 2.0, 8.0)]

    def cover(self, rng: np.random.Generator) -> Iterator[MapGenome]:
        steps = 12
        fills = [(r, g, b) for r in range(steps) for g in range(steps) for b in range(steps)]
        order = rng.permutation(len(fills)).tolist()
        turn = 0
        while True:
            if rng.random() < 0.5 and turn < len(order):
                colour = tuple((level + 0.5) / steps for level in fills[order[turn]])
                turn += 1
                yield MapGenome("blank", (Stroke("fill", colour),))
            sheet = ("blank", "grey", "grey", "gold")[rng.integers(4)]
            yield MapGenome(sheet, tuple(self.stroke(rng) for _ in range(int(rng.integers(1, 4)))))

    def build(self, genomes: Sequence[MapGenome], rows: Sequence[int]) -> Images:
        from rewardmark.rewards._torch import torch

        made = [self._drawn(genome, row) for genome, row in zip(genomes, rows, strict=True)]
        stacked = np.stack(made) if made else np.zeros((0, *self.rgb.shape[1:]))
        return Images(torch.from_numpy(np.clip(stacked, 0, 1).astype(np.float32)))

    def _drawn(self, genome: MapGenome, row: int) -> NDArray[Any]:
        sheets = {"blank": np.full_like(self.rgb[row], 0.5), "grey": self.grey[row], "gold": self.rgb[row]}
        image = sheets[genome.sheet]
        for stroke in genome.strokes:
            image = np.clip(_painted(stroke, image), 0, 1)
        return image


def _painted(stroke: Stroke, image: NDArray[Any]) -> NDArray[Any]:
    """The image [3, H, W] after one stroke."""
    _, height, width = image.shape
    n = stroke.numbers
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    if stroke.kind == "fill":
        return np.broadcast_to(_colour(n), image.shape)
    if stroke.kind == "rectangle":
        where = (x >= n[0]) & (x < n[2]) & (y >= n[1]) & (y < n[3])
        return np.where(where, _colour(n[4:]), image)
    if stroke.kind == "checks":
        cells = max(1.0, round(n[0]))
        odd = (np.floor(x * cells) + np.floor(y * cells)) % 2 == 1
        return np.where(odd, _colour(n[1:4]), _colour(n[4:7]))
    if stroke.kind == "rainbow":
        hue = (n[0] * x + n[1] * y + n[2])[None] + np.array([0.0, 1 / 3, 2 / 3]).reshape(3, 1, 1)
        light = image.mean(0, keepdims=True)
        return (1 - abs(n[3])) * image + abs(n[3]) * (0.5 * light + 0.25 + 0.5 * np.cos(2 * np.pi * hue))
    if stroke.kind == "noise":
        cell = max(1, round(abs(n[1])))
        small = np.random.default_rng(int(1000 * abs(n[0]))).random((3, -(-height // cell), -(-width // cell)))
        large = small.repeat(cell, 1).repeat(cell, 2)[:, :height, :width]
        return (1 - abs(n[0])) * image + abs(n[0]) * large
    if stroke.kind == "tint":
        return (1 - n[3]) * image + n[3] * _colour(n)
    light = image.mean(0, keepdims=True)  # saturate
    return light + n[0] * (image - light)


def _colour(numbers: Sequence[float]) -> NDArray[Any]:
    return np.array(numbers[:3]).reshape(3, 1, 1)


def _packed(ids: NDArray[Any], categories: list[int]) -> tuple[NDArray[Any], list[int]]:
    """The map with segments that have no pixel or no category left out, numbered from 1."""
    used = [int(k) for k in np.unique(ids) if 0 < k <= len(categories) and categories[int(k) - 1] > 0]
    table = np.zeros(max(int(ids.max(initial=0)), len(categories)) + 1, dtype=np.int64)
    table[used] = np.arange(1, len(used) + 1)
    return table[ids], [categories[k - 1] for k in used]
