"""Slots of one image in order: sorted by what they are worth, grouped by class. Compiled, for the other kernels."""

from __future__ import annotations

import numpy as np
from rewardmark.rewards.compiled import compiled

__all__ = ["class_of", "group", "number_classes", "sort_falling", "sort_keys", "table_size"]

#: Up to so many slots counting is faster than merging.
RUN = 16
#: An odd number whose multiples have well-mixed high bits (spreads labels that are near each other).
SPREAD = np.int64(0x2545F4914F6CDD1D)
#: All bits but the sign.
MAGNITUDE = np.int64(0x7FFFFFFFFFFFFFFF)


@compiled
def sort_keys(scores, order, count, floats, keys):  # type: ignore[no-untyped-def]
    """keys[i]: an integer for scores[order[i]], for `count` slots, that rises with the score; lowest for what is no
    number. Equal scores (0 and -0 too) have equal keys, so that sorting needs integer comparisons only.

    `floats` is scratch memory, float64, of which `keys` must not be a part.
    """
    bits = floats.view(np.int64)
    for i in range(count):
        floats[i] = np.float64(scores[order[i]]) + 0.0  # -0 becomes 0
    for i in range(count):
        key = bits[i] if bits[i] >= 0 else bits[i] ^ MAGNITUDE
        keys[i] = key if floats[i] == floats[i] else ~MAGNITUDE


@compiled
def sort_falling(keys, items, first, last, spare_keys, spare_items):  # type: ignore[no-untyped-def]
    """Sort keys[first:last] falling, stable, and take items[first:last] along.

    Runs by counting who comes before, then merged (NumPy's own sorts take seconds to compile).
    """
    for low in range(first, last, RUN):
        high = min(low + RUN, last)
        for i in range(low, high):  # each to its rank, counted without a branch
            key, before = keys[i], 0
            for j in range(i - low):
                before += keys[np.uint64(low + j)] >= key
            for j in range(high - i):
                before += keys[np.uint64(i + j)] > key
            spare_keys[low + before], spare_items[low + before] = key, items[i]
        for i in range(low, high):
            keys[i], items[i] = spare_keys[i], spare_items[i]
    run = RUN
    while run < last - first:
        for low in range(first, last, 2 * run):
            middle, high = min(low + run, last), min(low + 2 * run, last)
            if middle == high or keys[middle - 1] >= keys[middle]:
                continue
            for i in range(low, middle):
                spare_keys[i], spare_items[i] = keys[i], items[i]
            left, right, place = low, middle, low
            while left < middle and right < high:
                # Chosen without a branch, which would be guessed wrong every other time.
                later = keys[right] > spare_keys[left]
                keys[place] = keys[right] if later else spare_keys[left]
                items[place] = items[right] if later else spare_items[left]
                right += later
                left += not later
                place += 1
            while left < middle:
                keys[place], items[place] = spare_keys[left], spare_items[left]
                left += 1
                place += 1
        run *= 2


@compiled
def table_size(labels):  # type: ignore[no-untyped-def]
    """A power of two that leaves half of a hash table of so many labels empty."""
    size = 8
    while size < 2 * labels:
        size *= 2
    return size


@compiled
def _place(label, labels, numbers):  # type: ignore[no-untyped-def]
    """Where `label` stands in the hash table, or would stand."""
    last = numbers.shape[0] - 1
    place = ((label * SPREAD) >> 32) & last
    while numbers[place] >= 0 and labels[place] != label:
        place = (place + 1) & last
    return place


@compiled
def class_of(label, labels, numbers):  # type: ignore[no-untyped-def]
    """The number of a label in the hash table that `number_classes` filled; -1 where it is not there."""
    return numbers[_place(label, labels, numbers)]


@compiled
def number_classes(slots, mask, labels, numbers, classes, out):  # type: ignore[no-untyped-def]
    """Number the labels of the slots in use from `classes` on, in the order in which they come, into the hash table
    (labels, numbers: -1 where free); out[slot] is the number of each, -1 where not in use. How many there are now."""
    for slot in range(slots.shape[0]):
        out[slot] = -1
        if not mask[slot]:
            continue
        place = _place(slots[slot], labels, numbers)
        if numbers[place] < 0:
            labels[place], numbers[place] = slots[slot], classes
            classes += 1
        out[slot] = numbers[place]
    return classes


@compiled
def group(key, keys, starts, order):  # type: ignore[no-untyped-def]
    """Slots by rising key (0..keys - 1; -1 stands out), stable: order[starts[k]:starts[k + 1]] are those of key k."""
    for k in range(keys + 1):
        starts[k] = 0
    for slot in range(key.shape[0]):
        if key[slot] >= 0:
            starts[key[slot] + 1] += 1
    for k in range(keys):
        starts[k + 1] += starts[k]
    for slot in range(key.shape[0]):
        if key[slot] >= 0:
            order[starts[key[slot]]] = slot
            starts[key[slot]] += 1
    for k in range(keys, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0
