"""From a scene graph to pixels: the graph's numbers as arrays for the rasteriser, and which things are seen at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.tasks.scenes import raster
from rewardmark.tasks.scenes.graph import Graph, lerp, times
from rewardmark.tasks.scenes.shapes import (
    DARK,
    GLOW,
    LIGHT,
    MAIN,
    PATTERN,
    ROLES,
    SECOND,
    TEXT_COLUMNS,
    WOOD,
    shape_table,
    text_columns,
)
from rewardmark.tasks.scenes.world import DIFFICULTIES, LIGHTS, MIN_VISIBLE_PIXELS, RGB, STUFF, TEXTURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST = 48
"""Least side of a picture, and the grid on which visibility is decided, so that a graph is the same at every
resolution."""
LARGEST = 4096
"""Most side of a picture: its masks take hundreds of megabytes."""

_NO_TEXT = (0,) * (TEXT_COLUMNS + 1)


@dataclass(frozen=True)
class Geometry:
    """What decides which pixel belongs to whom: borders `[R - 1, 8]`, shapes `[n]`, places `[n, 6]`."""

    borders: NDArray[np.float64]
    shape: NDArray[np.int64]
    places: NDArray[np.float64]

    @classmethod
    def of(cls, graph: Graph) -> Geometry:
        index = shape_table().index
        things = graph["things"]
        return cls(
            np.array(graph["borders"], dtype=np.float64).reshape(-1, 8),
            np.array([index[t["category"], t["variant"]] for t in things], dtype=np.int64),
            np.array(
                [(t["x"], t["y"], t["radius"], t["tilt"][0], t["tilt"][1], t["flip"]) for t in things], dtype=np.float64
            ).reshape(-1, raster.GEOMETRY),
        )

    def without(self, keep: list[bool]) -> Geometry:
        return Geometry(self.borders, self.shape[keep], self.places[keep])

    def identify(self, size: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """See `raster.identify`."""
        table = shape_table()
        return raster.identify(
            size, self.borders, self.shape, self.places, table.first, table.kinds, table.counts, table.numbers
        )


def hide(graph: Graph) -> tuple[Geometry, NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Leaves out of the graph whatever is too well hidden, and notes on each thing the share of it that is seen.

    Taking a thing away can only show more of the others, so one look suffices. Returns the geometry of what is left
    and the identification at `SMALLEST` (ids, pixels, boxes).
    """
    geometry = Geometry.of(graph)
    ids, seen, whole, boxes = geometry.identify(SMALLEST)
    least = DIFFICULTIES[graph["difficulty"]].visible
    things = graph["things"]
    n = len(things)
    keep = [s >= MIN_VISIBLE_PIXELS and s >= least * w for s, w in zip(seen[:n].tolist(), whole.tolist(), strict=True)]
    if not all(keep):
        graph["things"] = things = [t for t, k in zip(things, keep, strict=True) if k]
        geometry = geometry.without(keep)
        ids, seen, whole, boxes = geometry.identify(SMALLEST)
        n = len(things)
    for k, (thing, s, w) in enumerate(zip(things, seen[:n].tolist(), whole.tolist(), strict=True)):
        thing["id"] = k + 1
        thing["visible"] = round(s / w, 3)
    for k, (stuff, s) in enumerate(zip(graph["stuff"], seen[n:].tolist(), strict=True)):
        stuff["id"] = n + k + 1
        stuff["share"] = round(s / (SMALLEST * SMALLEST), 3)
    return geometry, ids, seen, boxes


def paint(graph: Graph, geometry: Geometry, size: int) -> NDArray[np.uint8]:
    """The picture `[size, size, 3]` of a graph."""
    table = shape_table()
    stuff, things = graph["stuff"], graph["things"]
    n = len(things)
    grounds = {s["name"]: lerp(s["ramp"][0], s["ramp"][1], 0.5) for s in stuff}
    tint = LIGHTS[graph["light"]][0]
    night = graph["light"] == "night"
    colours = np.array([_colours(t, grounds[t["on"]], tint, night) for t in things], dtype=np.float64).reshape(
        n, ROLES, 3
    )
    style = np.array([_style(t) for t in things], dtype=np.float64).reshape(n, raster.STYLE)
    text = np.array([text_columns(t["text"]) if t["text"] else _NO_TEXT for t in things], dtype=np.int64).reshape(
        n, TEXT_COLUMNS + 1
    )
    picture = raster.paint(
        size,
        np.array([STUFF.index(s["name"]) for s in stuff], dtype=np.int64),
        np.array([s["ramp"] for s in stuff], dtype=np.float64),
        np.array([s["seed"] for s in stuff], dtype=np.int64),
        geometry.borders,
        geometry.shape,
        geometry.places,
        style,
        colours,
        text,
        table.first,
        table.kinds,
        table.roles,
        table.counts,
        table.numbers,
        graph["contrast"],
        graph["grain"],
    )
    left = graph.get("colour_left", 1.0)
    return picture if left == 1.0 else fade(picture, left)


def fade(picture: NDArray[np.uint8], left: float) -> NDArray[np.uint8]:
    """The picture `[H, W, 3]` with the share `left` of its colour: each pixel moved towards its grey (Rec. 601
    luma)."""
    values = picture.astype(np.float32)
    grey = (values @ np.array([0.299, 0.587, 0.114], dtype=np.float32))[..., None]
    return np.rint(grey + left * (values - grey)).clip(0, 255).astype(np.uint8)


_ROOFS: tuple[RGB, ...] = ((0.62, 0.22, 0.18), (0.36, 0.34, 0.42), (0.45, 0.28, 0.18))
_RIBBONS: tuple[RGB, ...] = ((0.98, 0.93, 0.75), (0.95, 0.80, 0.25), (0.90, 0.92, 0.96))


def _colours(thing: Graph, ground: RGB, tint: RGB, night: bool) -> list[RGB]:
    """Colours of all roles, tinted by the light and faded into the ground."""
    own: RGB = tuple(thing["rgb"])
    bright = 0.3 * own[0] + 0.59 * own[1] + 0.11 * own[2]
    category = thing["category"]
    choice = int(thing["rgb"][0] * 10000) % 3  # a roof or ribbon without a draw of its own
    if category == "house":
        second = _ROOFS[choice]
    elif category == "box":
        second = _RIBBONS[choice]
    elif category == "fish":
        second = lerp(own, (0.1, 0.1, 0.15), 0.25)
    else:
        second = lerp(own, (1.0, 1.0, 1.0), 0.3) if bright < 0.7 else lerp(own, (0.35, 0.25, 0.2), 0.25)
    roles: list[Any] = [None] * ROLES
    roles[MAIN], roles[SECOND] = own, second
    roles[DARK], roles[LIGHT], roles[WOOD] = (0.10, 0.10, 0.14), (0.98, 0.98, 0.96), (0.42, 0.27, 0.16)
    roles[GLOW] = (1.0, 0.88, 0.45) if night else (0.45, 0.62, 0.75)
    if category == "sign":
        roles[PATTERN] = (0.10, 0.10, 0.14) if bright > 0.45 else (0.98, 0.98, 0.96)
    else:
        roles[PATTERN] = lerp(own, (1.0, 1.0, 1.0), 0.62) if bright < 0.72 else lerp(own, (0.30, 0.22, 0.25), 0.42)
    fade = thing["fade"]
    return [lerp(times(c, tint) if k != GLOW else c, ground, fade) for k, c in enumerate(roles)]


def _style(thing: Graph) -> tuple[float, float, float, float]:
    shadow = 0.0 if thing["on"] == "sky" else 0.45 if thing["on"] == "water" else 1.0
    if thing["category"] == "fish":
        shadow = 0.0
    return (
        TEXTURES.index(thing["texture"]),
        0.2 if thing["category"] == "ball" else 0.0,
        1.0 - 1.2 * thing["fade"],
        shadow,
    )
