"""The matchings of the rewards that do not rank by score, compiled; in float32, as `geometry.iou` computes.

The truths of an image stand class by class in five rows (two corners, area), so that a box meets those of its class
only, many at a time where there are many.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from rewardmark.rewards._slots_kernel import class_of, group, number_classes, sort_falling, sort_keys, table_size
from rewardmark.rewards.compiled import compiled

__all__ = ["best_batch", "by_confidence_batch", "greedy_batch", "tied_precision_batch"]

ZERO = np.float32(0)
TINY = np.finfo(np.float32).tiny
LARGEST = np.finfo(np.float32).max
#: Rows of the truths in `_prepare`.
LEFT, TOP, RIGHT, BOTTOM, AREA = 0, 1, 2, 3, 4
#: Truths that are compared at once; their memory has so many to spare.
LANES = 8


@compiled
def _well_formed(boxes, i):  # type: ignore[no-untyped-def]
    finite = True
    for k in range(4):
        finite &= abs(boxes[i, k]) <= LARGEST  # false for NaN too
    return finite & (boxes[i, 2] > boxes[i, 0]) & (boxes[i, 3] > boxes[i, 1])


@compiled
def _prepare(  # type: ignore[no-untyped-def]
    boxes, labels, mask, same_class, known, numbers, key, usable, starts, order, rows
):
    """Put an image's usable truths class by class (all into one class unless `same_class`), in order of their slots.

    Those of class c are order[starts[c]:starts[c + 1]], and these columns of `rows`; `known` and `numbers` are the
    hash table that `class_of` takes.
    """
    for m in range(mask.shape[0]):
        usable[m] = mask[m] and _well_formed(boxes, m)
    classes = 1
    if same_class:
        numbers[:] = -1
        classes = number_classes(labels, usable, known, numbers, 0, key)
    else:
        for m in range(mask.shape[0]):
            key[m] = 0 if usable[m] else -1
    group(key, classes, starts, order)
    for i in range(starts[classes]):
        m = order[i]
        for k in range(4):
            rows[k, i] = boxes[m, k]
        rows[AREA, i] = (boxes[m, 2] - boxes[m, 0]) * (boxes[m, 3] - boxes[m, 1])


@partial(compiled, inline=True)
def _ious(boxes, n, rows, first, last, margin, least, out):  # type: ignore[no-untyped-def]
    """out[first:last]: IoU of a box with these truths, all well formed; 0 unless it is `least` or more, and they share
    more than `margin` pixels both ways. Whether any is above 0 (perhaps of one behind `last`)."""
    left, top, right, bottom = boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3]
    area = (right - left) * (bottom - top)
    reached = np.int32(0)
    for k in range((last - first + LANES - 1) // LANES * LANES):  # without a branch or a rest: LANES at a time
        i = np.uint64(first + k)  # unsigned, since numba asks a signed one each time whether it counts from the end
        low, high = max(left, rows[LEFT, i]), min(right, rows[RIGHT, i])
        width = high - low
        low, high = max(top, rows[TOP, i]), min(bottom, rows[BOTTOM, i])
        height = high - low
        inter = width * height
        union = area + rows[AREA, i] - inter
        iou = inter / max(union, TINY)
        good = (width > margin) & (height > margin) & (union > ZERO) & (iou >= least)
        out[i] = iou if good else ZERO
        reached |= np.int32(good)
    return reached > 0


@compiled
def best_batch(p_boxes, p_labels, p_mask, t_boxes, t_labels, t_mask):  # type: ignore[no-untyped-def]
    """For every prediction its best truth of its class (the first of equals): IoU and slot [B, N]; for every truth the
    best IoU [B, M] of those that chose it, and of all."""
    size, count, truths = p_boxes.shape[0], p_boxes.shape[1], t_boxes.shape[1]
    iou, slot = np.zeros((size, count), np.float32), np.zeros((size, count), np.int64)
    chosen, overlapped = np.zeros((size, truths), np.float32), np.zeros((size, truths), np.float32)
    known, numbers = np.empty(table_size(truths), np.int64), np.empty(table_size(truths), np.int64)
    key, usable, order = np.empty(truths, np.int64), np.empty(truths, np.bool_), np.empty(truths, np.int64)
    starts, rows = np.empty(truths + 2, np.int64), np.zeros((5, truths + LANES), np.float32)
    ious = np.empty(truths + LANES, np.float32)
    for b in range(size):
        p = p_boxes[b]
        _prepare(t_boxes[b], t_labels[b], t_mask[b], True, known, numbers, key, usable, starts, order, rows)
        for n in range(count):
            if not p_mask[b, n]:
                continue
            c = class_of(p_labels[b, n], known, numbers)
            if c < 0 or not _well_formed(p, n):
                continue
            if not _ious(p, n, rows, starts[c], starts[c + 1], ZERO, ZERO, ious):
                continue
            best, place = ZERO, 0
            for i in range(starts[c], starts[c + 1]):
                m = order[i]
                overlapped[b, m] = max(overlapped[b, m], ious[i])
                if ious[i] > best:
                    best, place = ious[i], m
            if best > ZERO:
                iou[b, n], slot[b, n] = best, place
                chosen[b, place] = max(chosen[b, place], best)
    return iou, slot, chosen, overlapped


@compiled
def greedy_batch(  # type: ignore[no-untyped-def]
    p_boxes, p_labels, p_mask, t_boxes, t_labels, t_mask, same_class, margin, threshold
):
    """Pairs in falling order of IoU, each row and column once: IoU of each truth [B, M], IoU of each prediction [B, N],
    and the prediction of each truth [B, M] (-1: none). Of equals the lowest prediction, then the lowest truth goes
    first. Only pairs that share more than `margin` pixels both ways and reach `threshold` count."""
    size, count, truths = p_boxes.shape[0], p_boxes.shape[1], t_boxes.shape[1]
    truth_iou, found_iou = np.zeros((size, truths), np.float32), np.zeros((size, count), np.float32)
    chosen = np.full((size, truths), -1, np.int64)
    known, numbers = np.empty(table_size(truths), np.int64), np.empty(table_size(truths), np.int64)
    key, usable, order = np.empty(truths, np.int64), np.empty(truths, np.bool_), np.empty(truths, np.int64)
    starts, rows = np.empty(truths + 2, np.int64), np.zeros((5, truths + LANES), np.float32)
    ious = np.empty(truths + LANES, np.float32)
    bits = ious.view(np.int32)  # those of positive floats rise as they do
    space = count * truths + 1  # memory that is not written to is not taken
    pairs, keys = np.empty(space, np.int64), np.empty(space, np.int64)
    spare_pairs, spare_keys = np.empty(space, np.int64), np.empty(space, np.int64)
    for b in range(size):
        p, found = p_boxes[b], 0
        _prepare(t_boxes[b], t_labels[b], t_mask[b], same_class, known, numbers, key, usable, starts, order, rows)
        for n in range(count):
            if not p_mask[b, n]:
                continue
            c = class_of(p_labels[b, n], known, numbers) if same_class else 0
            if c < 0 or not _well_formed(p, n):
                continue
            first, last = starts[c], starts[c + 1]
            if not _ious(p, n, rows, first, last, margin, threshold, ious):
                continue
            for i in range(first, last):  # in every turn, and counted only where it is a candidate: no branch
                keys[found] = bits[i]
                pairs[found] = n * truths + order[i]
                found += ious[i] > ZERO
        sort_falling(keys, pairs, 0, found, spare_keys, spare_pairs)
        for k in range(found):
            n, m = pairs[k] // truths, pairs[k] % truths
            if chosen[b, m] < 0 and found_iou[b, n] == ZERO:
                bits[0] = keys[k]
                chosen[b, m], truth_iou[b, m], found_iou[b, n] = n, ious[0], ious[0]
    return truth_iou, found_iou, chosen


@compiled
def by_confidence_batch(  # type: ignore[no-untyped-def]
    p_boxes, p_labels, p_mask, p_scores, t_boxes, t_labels, t_mask, same_class, threshold
):
    """Predictions choose in falling order of score (stable) the best truth still free (the first of equals) where
    IoU > threshold: the IoU of each prediction [B, N], 0 where it has no truth."""
    size, count, truths = p_boxes.shape[0], p_boxes.shape[1], t_boxes.shape[1]
    matched = np.zeros((size, count), np.float32)
    known, numbers = np.empty(table_size(truths), np.int64), np.empty(table_size(truths), np.int64)
    key, usable, slots = np.empty(truths, np.int64), np.empty(truths, np.bool_), np.empty(truths, np.int64)
    starts, rows = np.empty(truths + 2, np.int64), np.zeros((5, truths + LANES), np.float32)
    ious, free = np.empty(truths + LANES, np.float32), np.empty(truths, np.bool_)
    order, floats, keys = np.empty(count, np.int64), np.empty(count), np.empty(count, np.int64)
    spare_keys, spare_items = np.empty(count, np.int64), np.empty(count, np.int64)
    for b in range(size):
        p, named = p_boxes[b], 0
        _prepare(t_boxes[b], t_labels[b], t_mask[b], same_class, known, numbers, key, usable, starts, slots, rows)
        for n in range(count):
            if p_mask[b, n] and _well_formed(p, n):
                order[named] = n
                named += 1
        sort_keys(p_scores[b], order, named, floats, keys)
        for i in range(named):  # as torch sorts, what is no number comes first
            keys[i] = ~keys[i] if np.isnan(floats[i]) else keys[i]
        sort_falling(keys, order, 0, named, spare_keys, spare_items)
        free[:] = True
        for step in range(named):
            n = order[step]
            c = class_of(p_labels[b, n], known, numbers) if same_class else 0
            if c < 0:
                continue
            if not _ious(p, n, rows, starts[c], starts[c + 1], ZERO, threshold, ious):
                continue
            best, place = ZERO, -1
            for i in range(starts[c], starts[c + 1]):
                if ious[i] > best and free[i]:
                    best, place = ious[i], i
            if place >= 0 and best > threshold:
                matched[b, n] = best
                free[place] = False
    return matched


@compiled
def tied_precision_batch(truth_iou, t_labels, t_mask, p_labels, p_mask, levels):  # type: ignore[no-untyped-def]
    """Precision times recall of each class at each of the `levels`, averaged over both: [B] float64, 1 without a class.

    truth_iou [B, M]: the IoU of each truth with its one prediction. Classes are those of the truths and of the
    predictions in the masks.
    """
    size, count, truths = t_labels.shape[0], p_labels.shape[1], t_labels.shape[1]
    result = np.ones(size)
    steps = levels.shape[0]
    table = table_size(truths + count)
    known, numbers = np.empty(table, np.int64), np.empty(table, np.int64)
    t_class, p_class = np.empty(truths, np.int64), np.empty(count, np.int64)
    gold, named = np.empty(truths + count, np.int64), np.empty(truths + count, np.int64)
    found = np.empty((truths, steps), np.int64)  # the classes of the truths are numbered first
    for b in range(size):
        numbers[:] = -1
        of_truths = number_classes(t_labels[b], t_mask[b], known, numbers, 0, t_class)
        classes = number_classes(p_labels[b], p_mask[b], known, numbers, of_truths, p_class)
        gold[:classes] = 0
        named[:classes] = 0
        found[:of_truths] = 0
        for m in range(truths):
            c = t_class[m]
            if c < 0:
                continue
            gold[c] += 1
            for k in range(steps):
                found[c, k] += truth_iou[b, m] >= levels[k]
        for n in range(count):
            if p_class[n] >= 0:
                named[p_class[n]] += 1
        total = 0.0
        for c in range(of_truths):
            squares = 0
            for k in range(steps):
                squares += found[c, k] * found[c, k]
            if squares:
                total += squares / (gold[c] * named[c])
        if classes > 0:
            result[b] = total / (steps * classes)
    return result
