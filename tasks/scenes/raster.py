"""The rasteriser: signed distances to silhouettes, antialiased over one another, compiled by numba.

Only operations whose result IEEE 754 fixes are used (no sine, exponential or power, no fastmath), so that the same
scene gives the same bytes on every machine. All compiled functions live in this file and take every table as an
argument: numba's cache follows a file's time stamp and would not notice a change elsewhere. Lengths are in units of
the picture's side, y grows downwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

SKY, GRASS, WATER, SAND = range(4)
PLAIN, STRIPED, DOTTED = range(3)
GEOMETRY = 6
"""x y radius cosine sine flip"""
STYLE = 4
"""texture, gloss, outline, shadow"""


@njit(cache=True)
def _wave(t: float) -> float:
    """A sine of period 1 made of two parabolas: within 6% of the sine, and the same on every machine."""
    x = 2.0 * (t - np.floor(t)) - 1.0
    return -4.0 * x * (1.0 - abs(x))


@njit(cache=True)
def _smooth(low: float, high: float, x: float) -> float:
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@njit(cache=True)
def _hash(ix: int, iy: int, seed: int) -> float:
    """A number in 0..1 of a lattice point; all products stay below 2**63."""
    h = (ix * 374761393 + iy * 668265263 + seed * 40503) & 0x7FFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0x7FFFFFFF
    h = ((h ^ (h >> 15)) * 1103515245) & 0x7FFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFFFF) / 16777216.0


@njit(cache=True)
def _noise(x: float, y: float, seed: int) -> float:
    """Value noise in 0..1 with one lattice point a unit."""
    fx, fy = np.floor(x), np.floor(y)
    ix, iy = int(fx), int(fy)
    u, v = x - fx, y - fy
    u, v = u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v)
    top = _hash(ix, iy, seed) * (1.0 - u) + _hash(ix + 1, iy, seed) * u
    low = _hash(ix, iy + 1, seed) * (1.0 - u) + _hash(ix + 1, iy + 1, seed) * u
    return top * (1.0 - v) + low * v


@njit(cache=True)
def border(b: NDArray[Any], x: float) -> float:
    """Height of a border between two stuff regions at x; b is height, slope, and twice amplitude, frequency, phase."""
    return b[0] + b[1] * (x - 0.5) + b[2] * _wave(b[3] * x + b[4]) + b[5] * _wave(b[6] * x + b[7])


@njit(cache=True)
def _distance(kind: int, count: int, p: NDArray[Any], u: float, v: float) -> float:
    """Signed distance from (u, v) to one primitive; negative inside (for ellipses a close estimate)."""
    if kind == 0:  # ellipse: cx cy rx ry
        x, y = (u - p[0]) / p[2], (v - p[1]) / p[3]
        k0 = np.sqrt(x * x + y * y)
        x, y = x / p[2], y / p[3]
        k1 = np.sqrt(x * x + y * y)
        return -min(p[2], p[3]) if k1 < 1e-9 else k0 * (k0 - 1.0) / k1
    if kind == 1:  # box: cx cy hx hy rounding
        x, y = abs(u - p[0]) - p[2] + p[4], abs(v - p[1]) - p[3] + p[4]
        ox, oy = max(x, 0.0), max(y, 0.0)
        return np.sqrt(ox * ox + oy * oy) + min(max(x, y), 0.0) - p[4]
    if kind == 3:  # capsule: ax ay bx by radius
        x, y, bx, by = u - p[0], v - p[1], p[2] - p[0], p[3] - p[1]
        h = min(max((x * bx + y * by) / (bx * bx + by * by), 0.0), 1.0)
        x, y = x - bx * h, y - by * h
        return np.sqrt(x * x + y * y) - p[4]
    best, inside = 1e9, False  # polygon, nearest edge and even-odd rule
    j = count - 1
    for i in range(count):
        xi, yi, xj, yj = p[2 * i], p[2 * i + 1], p[2 * j], p[2 * j + 1]
        ex, ey, wx, wy = xj - xi, yj - yi, u - xi, v - yi
        h = min(max((wx * ex + wy * ey) / (ex * ex + ey * ey), 0.0), 1.0)
        dx, dy = wx - ex * h, wy - ey * h
        best = min(best, dx * dx + dy * dy)
        if (yi > v) != (yj > v) and u < xi + (v - yi) / (yj - yi) * ex:
            inside = not inside
        j = i
    return -np.sqrt(best) if inside else np.sqrt(best)


@njit(cache=True)
def identify(
    size: int,
    borders: NDArray[Any],
    shape: NDArray[Any],
    geometry: NDArray[Any],
    first: NDArray[Any],
    kinds: NDArray[Any],
    counts: NDArray[Any],
    numbers: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Who owns each pixel's centre.

    Returns ids `[size, size]` int32 (things 1..n in drawing order, then stuff), pixels each segment owns `[n + R]`,
    pixels each thing would own if nothing stood before it `[n]`, tight boxes `[n + R, 4]` x0 y0 x1 y1 (zeros for a
    segment without pixels).
    """
    n, regions = len(shape), len(borders) + 1
    ids = np.empty((size, size), np.int32)
    step = 1.0 / size
    for column in range(size):
        x = (column + 0.5) * step
        for row in range(size):
            ids[row, column] = n + 1
        for k in range(regions - 1):
            start = border(borders[k], x) * size - 0.5
            for row in range(max(int(np.ceil(start)), 0), size):
                ids[row, column] = n + 2 + k
    whole = np.zeros(n, np.int64)
    for o in range(n):
        gx, gy, r, c, s, flip = geometry[o]
        low, high = max(int((gy - 1.45 * r) * size), 0), min(int((gy + 1.45 * r) * size) + 2, size)
        left, right = max(int((gx - 1.45 * r) * size), 0), min(int((gx + 1.45 * r) * size) + 2, size)
        for row in range(low, high):
            dy = ((row + 0.5) * step - gy) / r
            for column in range(left, right):
                dx = ((column + 0.5) * step - gx) / r
                u, v = (c * dx + s * dy) * flip, c * dy - s * dx
                for p in range(first[shape[o]], first[shape[o] + 1]):
                    if _distance(kinds[p], counts[p], numbers[p], u, v) <= 0.0:
                        ids[row, column] = o + 1
                        whole[o] += 1
                        break
    seen = np.zeros(n + regions, np.int64)
    boxes = np.zeros((n + regions, 4), np.int64)
    for row in range(size):
        for column in range(size):
            k = ids[row, column] - 1
            if seen[k] == 0:
                boxes[k, 0], boxes[k, 1], boxes[k, 2], boxes[k, 3] = column, row, column + 1, row + 1
            else:
                boxes[k, 0] = min(boxes[k, 0], column)
                boxes[k, 2] = max(boxes[k, 2], column + 1)
                boxes[k, 3] = row + 1
            seen[k] += 1
    return ids, seen, whole, boxes


@njit(cache=True)
def _stuff(kind: int, ramp: NDArray[Any], t: float, x: float, y: float, seed: int, out: NDArray[Any]) -> None:
    """Colour of stuff at (x, y), t of the way down its region. ramp is upper colour, lower colour, accent (clouds,
    glints)."""
    shade, accent = 1.0, 0.0
    if kind == SKY:
        puff = 0.6 * _noise(3.0 * x, 7.0 * y, seed) + 0.28 * _noise(7.0 * x, 15.0 * y, seed + 1)
        accent = 0.85 * _smooth(0.5, 0.72, puff + 0.12 * _noise(17.0 * x, 31.0 * y, seed + 2))
    elif kind == GRASS:
        shade = 1.0 + 0.16 * (_noise(7.0 * x, 9.0 * y, seed) - 0.5) + 0.2 * (_noise(58.0 * x, 19.0 * y, seed + 1) - 0.5)
    elif kind == WATER:
        bend = y + 0.012 * _wave(3.0 * x + 0.1) + 0.02 * _noise(5.0 * x, 6.0 * y, seed)
        shade = 1.0 + 0.06 * _wave(11.0 * bend)
        accent = 0.4 * _smooth(0.66, 0.82, _noise(9.0 * x, 34.0 * bend, seed + 1))
    else:
        shade = (
            1.0
            + 0.09 * (_noise(52.0 * x, 52.0 * y, seed) - 0.5)
            + 0.05 * _wave(5.0 * y + 1.2 * _noise(3.0 * x, 3.0 * y, seed + 1))
        )
    for q in range(3):
        base = (ramp[0, q] * (1.0 - t) + ramp[1, q] * t) * shade
        out[q] = base * (1.0 - accent) + ramp[2, q] * accent


@njit(cache=True)
def _letters(text: NDArray[Any], u: float, v: float, reach: float) -> float:
    """Share of ink of a text on a sign's board around (u, v), over a square of half side `reach`."""
    ink = 0.0
    left = -0.047 * text[0]
    for k in range(4):
        column = int(np.floor((u + reach * ((k & 1) - 0.5) - left) / 0.094))
        row = int(np.floor((v + reach * ((k >> 1) - 0.5) + 0.62) / 0.103))
        if 0 <= column < text[0] and 0 <= row < 7 and (text[1 + column] >> row) & 1:
            ink += 0.25
    return ink


@njit(cache=True)
def paint(
    size: int,
    stuff: NDArray[Any],
    ramps: NDArray[Any],
    seeds: NDArray[Any],
    borders: NDArray[Any],
    shape: NDArray[Any],
    geometry: NDArray[Any],
    style: NDArray[Any],
    colours: NDArray[Any],
    text: NDArray[Any],
    first: NDArray[Any],
    kinds: NDArray[Any],
    roles: NDArray[Any],
    counts: NDArray[Any],
    numbers: NDArray[Any],
    contrast: float,
    grain: float,
) -> NDArray[Any]:
    """The picture `[size, size, 3]` uint8: stuff, then each thing with its shadow, texture, outline and light, then
    haze and grain."""
    image = np.empty((size, size, 3))
    one, two, here = np.empty(3), np.empty(3), np.empty(len(borders) + 2)
    step, regions = 1.0 / size, len(borders) + 1
    for column in range(size):
        x = (column + 0.5) * step
        here[0], here[regions] = 0.0, 1.0
        for k in range(1, regions):
            here[k] = border(borders[k - 1], x)
        for row in range(size):
            y = (row + 0.5) * step
            for k in range(regions):
                over = 1.0 if k == 0 else min(max((y - here[k]) * size + 0.5, 0.0), 1.0)
                if over == 0.0 or (k + 1 < regions and (y - here[k + 1]) * size >= 0.5):
                    continue
                t = min(max((y - here[k]) / max(here[k + 1] - here[k], 0.05), 0.0), 1.0)
                _stuff(stuff[k], ramps[k], t, x, y, seeds[k], two)
                for q in range(3):
                    one[q] = two[q] if over == 1.0 else one[q] * (1.0 - over) + two[q] * over
            for q in range(3):
                image[row, column, q] = one[q]
    for o in range(len(shape)):
        _thing(image, size, shape[o], geometry[o], style[o], colours[o], text[o], first, kinds, roles, counts, numbers)
    result = np.empty((size, size, 3), np.uint8)
    for row in range(size):
        for column in range(size):
            noise = grain * (_hash(column, row, seeds[0] + 7) - 0.5)
            for q in range(3):
                value = 0.52 + (image[row, column, q] - 0.52) * contrast + noise
                result[row, column, q] = int(min(max(value, 0.0), 1.0) * 255.0 + 0.5)
    return result


@njit(cache=True)
def _thing(
    image: NDArray[Any],
    size: int,
    shape: int,
    geometry: NDArray[Any],
    style: NDArray[Any],
    colours: NDArray[Any],
    text: NDArray[Any],
    first: NDArray[Any],
    kinds: NDArray[Any],
    roles: NDArray[Any],
    counts: NDArray[Any],
    numbers: NDArray[Any],
) -> None:
    """Draws one thing over the picture."""
    gx, gy, r, c, s, flip = geometry
    texture, gloss, outline, shadow = style
    k = r * size  # pixels a local unit
    halo = min(max(0.022 / r, 1.2 / k), 0.4)  # a soft dark rim, as wide on every thing
    low, high = max(int((gy - 1.6 * r) * size), 0), min(int((gy + 1.6 * r) * size) + 2, size)
    left, right = max(int((gx - 1.6 * r) * size), 0), min(int((gx + 1.6 * r) * size) + 2, size)
    for row in range(low, high):
        dy = ((row + 0.5) / size - gy) / r
        for column in range(left, right):
            dx = ((column + 0.5) / size - gx) / r
            u, v = (c * dx + s * dy) * flip, c * dy - s * dx
            red, green, blue, alpha, nearest = 0.0, 0.0, 0.0, 0.0, 1e9
            light = 1.0 - 0.1 * dx - 0.14 * dy
            for p in range(first[shape], first[shape + 1]):
                d = _distance(kinds[p], counts[p], numbers[p], u, v)
                nearest = min(nearest, d)
                a = min(max(0.5 - d * k, 0.0), 1.0)
                if a == 0.0:
                    continue
                role = roles[p]
                pattern = 0.0
                if role == 0:
                    if texture == STRIPED:
                        pattern = min(max((_wave(1.55 * (0.8 * u + 0.6 * v) + 0.1)) * 0.2 * k + 0.5, 0.0), 1.0)
                    elif texture == DOTTED:
                        cu, cv = u / 0.62 + 0.5, v / 0.62 + 0.5
                        cu, cv = (cu - np.floor(cu) - 0.5) * 0.62, (cv - np.floor(cv) - 0.5) * 0.62
                        pattern = min(max((0.19 - np.sqrt(cu * cu + cv * cv)) * k + 0.5, 0.0), 1.0)
                    if text[0] > 0:
                        ink = _letters(text, u, v, 0.5 / k)
                        if ink > 0.0:
                            pattern = ink
                shade = light if role < 2 else 1.0
                if gloss > 0.0 and role == 3:
                    a *= 0.75
                if gloss > 0.0 and role == 0:
                    shade = 1.12 - gloss * ((dx + 0.35) * (dx + 0.35) + (dy + 0.4) * (dy + 0.4))
                base, other = colours[role], colours[6]
                red = red * (1.0 - a) + a * shade * (base[0] * (1.0 - pattern) + other[0] * pattern)
                green = green * (1.0 - a) + a * shade * (base[1] * (1.0 - pattern) + other[1] * pattern)
                blue = blue * (1.0 - a) + a * shade * (base[2] * (1.0 - pattern) + other[2] * pattern)
                alpha = alpha * (1.0 - a) + a
            dark = 0.0
            if nearest > -0.5 / k:
                dark = 0.34 * outline * (1.0 - _smooth(0.0, halo, nearest))
                if shadow != 0.0:  # where it stands: an ellipse on the ground, light on water
                    sx, sy = (dx - 0.12) / 1.0, (dy - 0.86) / 0.26
                    dark = max(dark, 0.42 * abs(shadow) * (1.0 - _smooth(0.35, 1.1, sx * sx + sy * sy)))
            edge = 1.0 - 0.55 * outline * (1.0 - _smooth(0.0, max(0.09, 0.9 / k), -nearest - 0.25 / k))
            keep = (1.0 - alpha) * (1.0 - dark)
            image[row, column, 0] = image[row, column, 0] * keep + red * edge
            image[row, column, 1] = image[row, column, 1] * keep + green * edge
            image[row, column, 2] = image[row, column, 2] * keep + blue * edge
