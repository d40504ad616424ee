"""Draws a scene graph: layout, light, stuff, then things with place, size, colour, texture and depth. Plain JSON-able
data, no pixels."""

from __future__ import annotations

from math import sqrt
from typing import Any

from rewardmark.tasks.scenes.draws import Draws
from rewardmark.tasks.scenes.shapes import SHAPES
from rewardmark.tasks.scenes.world import (
    COLOURS,
    COMPOSITIONAL,
    DIFFICULTIES,
    GENERATOR_VERSION,
    HELD_OUT,
    LAYOUTS,
    LIGHTS,
    PALETTES,
    RGB,
    SIZES,
    STANDING,
    STUFF_IDS,
    STUFF_MODES,
    THING_IDS,
    THINGS,
    WHERE,
    WORDS,
    Difficulty,
)

Graph = dict[str, Any]

_CANDIDATES = {name: [t for t in THINGS if set(WHERE[t]) & set(stuff)] for name, stuff in LAYOUTS.items()}
_TRIES = 6
_BOTTOM = 0.9  # how far below its centre a thing touches the ground, in radii


def wave(t: float) -> float:
    """The rasteriser's wave, for plain numbers."""
    x = 2.0 * (t % 1.0) - 1.0
    return -4.0 * x * (1.0 - abs(x))


def border(b: list[float], x: float) -> float:
    """The rasteriser's border height at x, for plain numbers."""
    return b[0] + b[1] * (x - 0.5) + b[2] * wave(b[3] * x + b[4]) + b[5] * wave(b[6] * x + b[7])


def draw_graph(seed: int, index: int, split: str, difficulty: str) -> Graph:
    """The scene graph of (seed, index, split, difficulty), before anything hidden is left out.

    Lengths are in units of the picture's side (y down), colours linear 0..1 RGB, `tilt` is (cosine, sine); things are
    in drawing order, back first.
    """
    level = DIFFICULTIES[difficulty]
    draws = Draws("scene", GENERATOR_VERSION, seed, split, difficulty, index)
    layout = draws.pick(tuple(LAYOUTS))
    light = draws.pick(("day", "day", "overcast", "sunset", "night"))
    stuff, borders = _draw_stuff(draws, layout, light)
    things = _draw_things(draws, layout, light, stuff, borders, level, split == COMPOSITIONAL)
    graph = {
        "generator": GENERATOR_VERSION,
        "seed": seed,
        "index": index,
        "split": split,
        "difficulty": difficulty,
        "layout": layout,
        "light": light,
        "contrast": round(draws.between(*level.contrast), 4),
        "grain": round(level.grain * draws.unit(), 4),
        "borders": borders,
        "stuff": stuff,
        "things": things,
    }
    share, least, most = level.faded
    if share:  # drawn last, and only where pictures fade: other difficulties draw what they always drew
        graph["colour_left"] = round(draws.between(least, most), 4) if draws.chance(share) else 1.0
    return graph


def _draw_stuff(draws: Draws, layout: str, light: str) -> tuple[list[Graph], list[list[float]]]:
    names = LAYOUTS[layout]
    tint = LIGHTS[light][1]
    stuff = []
    for name in names:
        mode = light if name == "sky" else draws.pick(tuple(STUFF_MODES[name]))
        upper, lower = STUFF_MODES[name][mode]
        jitter = draws.between(-0.04, 0.04)
        accent: RGB
        if name == "sky":
            accent = lerp(lower, (1.0, 0.97, 0.95) if light != "night" else (0.35, 0.38, 0.58), 0.75)
        else:
            upper, lower = times(upper, tint), times(lower, tint)
            accent = lerp(upper, times((0.92, 0.97, 1.0), tint), 0.6)
        stuff.append(
            {
                "name": name,
                "category_id": STUFF_IDS[name],
                "mode": mode,
                "ramp": [
                    [round(min(max(v + jitter, 0.0), 1.0), 4) for v in colour] for colour in (upper, lower, accent)
                ],
                "seed": draws.integer(0, 9999),
            }
        )
    sky = names[0] == "sky"
    heights = [draws.between(0.3, 0.52) if sky else draws.between(0.35, 0.65)]
    if len(names) == 3:
        heights = [draws.between(0.24, 0.36), draws.between(0.56, 0.7)]
    borders = []
    for k, height in enumerate(heights):
        flat = sky and k == 0 and names[1] == "water"  # the sea's horizon is straight
        bend = 0.0 if flat else 0.035 if sky else 0.05
        slope = 0.0 if flat else draws.between(-0.1, 0.1) if sky else draws.between(-0.5, 0.5)
        numbers = [height, slope, draws.between(0.3, 1) * bend, draws.between(0.6, 1.3), draws.unit()]
        borders.append(
            [round(v, 4) for v in (*numbers, draws.between(0, 0.4) * bend, draws.between(2, 3.5), draws.unit())]
        )
    return stuff, borders


def _draw_things(
    draws: Draws,
    layout: str,
    light: str,
    stuff: list[Graph],
    borders: list[list[float]],
    level: Difficulty,
    compositional: bool,
) -> list[Graph]:
    names = [s["name"] for s in stuff]
    fewest, most = level.objects
    wanted = draws.integer(fewest, most)
    things: list[Graph] = []
    last: Graph | None = None
    for attempt in range(wanted + 20):
        if len(things) >= fewest and attempt >= wanted:
            break
        follow = last if last is not None and draws.chance(level.cluster) else None
        category = follow["category"] if follow else draws.pick(_CANDIDATES[layout])
        on = follow["on"] if follow else draws.pick([n for n in WHERE[category] if n in names])
        size = draws.integer(0, 2) if len(things) < 6 or draws.chance(0.4) else 0
        placed = _place(draws, category, names.index(on), size, borders, level, things, follow)
        if placed is None:
            continue
        x, y, radius, size = placed
        colour, rgb = _draw_colour(draws, category, stuff[names.index(on)], level, compositional)
        depth = y + _BOTTOM * radius if on != "sky" else -1.0 + y
        last = {
            "category": category,
            "category_id": THING_IDS[category],
            "colour": colour,
            "rgb": [round(v, 4) for v in rgb],
            "fade": round(draws.between(0, level.fade), 4),
            "size": SIZES[size],
            "texture": draws.pick(("striped", "dotted"))
            if category != "sign" and draws.chance(level.texture)
            else "plain",
            "variant": draws.integer(0, len(SHAPES[category]) - 1),
            "x": round(x, 4),
            "y": round(y, 4),
            "radius": round(radius, 4),
            "tilt": _draw_tilt(draws, category),
            "flip": -1 if draws.chance(0.5) and category != "sign" else 1,
            "on": on,
            "depth": round(depth, 4),
            "text": draws.pick(WORDS) if category == "sign" else "",
        }
        things.append(last)
    things.sort(key=lambda t: t["depth"])
    return things


def _place(
    draws: Draws,
    category: str,
    region: int,
    size: int,
    borders: list[list[float]],
    level: Difficulty,
    things: list[Graph],
    follow: Graph | None,
) -> tuple[float, float, float, int] | None:
    """A free place (x, y, radius, size) in a stuff region, smaller than asked if need be; None when the picture is
    full there."""
    while size >= 0:
        radius = draws.between(*level.radii[size])
        edge = radius * (1.0 - level.outside)
        for _ in range(_TRIES):
            x = draws.between(edge, 1 - edge)
            if follow:  # a crowd: beside the one before
                x = min(max(follow["x"] + draws.between(-1.2, 1.2) * (follow["radius"] + radius), edge), 1 - edge)
            top = border(borders[region - 1], x) if region else 0.0
            bottom = border(borders[region], x) if region < len(borders) else 1.0
            if category in STANDING:  # its foot stands in the region
                y = (
                    draws.between(max(top, 0.0) + 0.04, min(bottom, 1.0 + radius * level.outside) - 0.015)
                    - _BOTTOM * radius
                )
                fits = bottom - top > 0.06
            else:  # all of it lies in the region
                y = draws.between(top + 0.9 * radius, bottom - 0.9 * radius)
                fits = bottom - top > 1.8 * radius
            if fits and edge * 0.9 <= y <= 1 - edge * 0.9 and _is_free(x, y, radius, things, level.overlap):
                return x, y, radius, size
        size -= 1
    return None


def _is_free(x: float, y: float, radius: float, things: list[Graph], overlap: float) -> bool:
    for other in things:
        reach = (radius + other["radius"]) * 1.02
        dx, dy = x - other["x"], y - other["y"]
        if abs(dx) < reach and abs(dy) < reach:
            gap = sqrt(dx * dx + dy * dy)
            if (reach - gap) > overlap * 2.0 * min(radius, other["radius"]):
                return False
    return True


def _draw_colour(draws: Draws, category: str, ground: Graph, level: Difficulty, compositional: bool) -> tuple[str, RGB]:
    if compositional and draws.chance(0.5):
        name = HELD_OUT[category]
        return name, _jitter(draws, COLOURS[name])
    options = [c for c in PALETTES[category] if c != HELD_OUT[category]]
    upper, lower = ground["ramp"][0], ground["ramp"][1]
    for _ in range(8):
        name = draws.pick(options)
        if min(_apart(COLOURS[name], upper), _apart(COLOURS[name], lower)) > level.apart:
            break
    return name, _jitter(draws, COLOURS[name])


def _apart(a: RGB, b: list[float]) -> float:
    red, green, blue = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    return sqrt(red * red + green * green + blue * blue)


def _jitter(draws: Draws, colour: RGB) -> RGB:
    shade = draws.between(0.9, 1.06)
    r, g, b = (min(max(v * shade + draws.between(-0.03, 0.03), 0.0), 1.0) for v in colour)
    return r, g, b


_TILT = {"star": 0.35, "kite": 0.3, "fish": 0.18, "boat": 0.06, "ball": 0.2, "box": 0.05, "sign": 0.03}


def _draw_tilt(draws: Draws, category: str) -> list[float]:
    """(cosine, sine) of a small turn from the tangent of its half, so that no trigonometric function is needed."""
    t = draws.between(-1, 1) * _TILT.get(category, 0.0)
    return [round((1 - t * t) / (1 + t * t), 6), round(2 * t / (1 + t * t), 6)]


def lerp(a: RGB, b: RGB, t: float) -> RGB:
    """a at t = 0, b at t = 1."""
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t


def times(a: RGB, b: RGB) -> RGB:
    """Componentwise product."""
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]
