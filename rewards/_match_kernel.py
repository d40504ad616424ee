"""The matchings of the rewards that do not rank by score, compiled; in float32, as `geometry.iou` computes."""

from __future__ import annotations

import numpy as np
from rewardmark.rewards.compiled import compiled

__all__ = ["best_batch", "by_confidence_batch", "greedy_batch"]

ZERO = np.float32(0)
TINY = np.finfo(np.float32).tiny
LARGEST = np.finfo(np.float32).max


@compiled
def _well_formed(boxes, i):  # type: ignore[no-untyped-def]
    finite = True
    for k in range(4):
        finite = finite and abs(boxes[i, k]) <= LARGEST  # false for NaN too
    return finite and boxes[i, 2] > boxes[i, 0] and boxes[i, 3] > boxes[i, 1]


@compiled
def _iou(p, n, t, m, margin):  # type: ignore[no-untyped-def]
    """IoU of two well-formed boxes; 0 unless they share more than `margin` pixels both ways."""
    width = min(p[n, 2], t[m, 2]) - max(p[n, 0], t[m, 0])
    if not width > margin:
        return ZERO
    height = min(p[n, 3], t[m, 3]) - max(p[n, 1], t[m, 1])
    if not height > margin:
        return ZERO
    inter = width * height
    union = (p[n, 2] - p[n, 0]) * (p[n, 3] - p[n, 1]) + (t[m, 2] - t[m, 0]) * (t[m, 3] - t[m, 1]) - inter
    return inter / max(union, TINY) if union > ZERO else ZERO


@compiled
def _usable(boxes, mask, out):  # type: ignore[no-untyped-def]
    for i in range(mask.shape[0]):
        out[i] = mask[i] and _well_formed(boxes, i)


@compiled
def best_batch(p_boxes, p_labels, p_mask, t_boxes, t_labels, t_mask, same_class):  # type: ignore[no-untyped-def]
    """For every prediction its best truth (the first of equals): IoU and slot [B, N]; for every truth the best IoU
    [B, M] of those that chose it, and of all."""
    size, count, truths = p_boxes.shape[0], p_boxes.shape[1], t_boxes.shape[1]
    iou, slot = np.zeros((size, count), np.float32), np.zeros((size, count), np.int64)
    chosen, overlapped = np.zeros((size, truths), np.float32), np.zeros((size, truths), np.float32)
    usable = np.empty(truths, np.bool_)
    for b in range(size):
        p, t = p_boxes[b], t_boxes[b]
        _usable(t, t_mask[b], usable)
        for n in range(count):
            if not (p_mask[b, n] and _well_formed(p, n)):
                continue
            best, place = ZERO, 0
            for m in range(truths):
                if not usable[m] or (same_class and p_labels[b, n] != t_labels[b, m]):
                    continue
                value = _iou(p, n, t, m, ZERO)
                overlapped[b, m] = max(overlapped[b, m], value)
                if value > best:
                    best, place = value, m
            iou[b, n], slot[b, n] = best, place
            if truths:
                chosen[b, place] = max(chosen[b, place], best)
    return iou, slot, chosen, overlapped


@compiled
def _best_free(pairs, m, free):  # type: ignore[no-untyped-def]
    """The free prediction with the largest entry of row m, the first of equals; -1 where all are 0."""
    best, place = ZERO, -1
    for n in range(pairs.shape[1]):
        if pairs[m, n] > best and free[n]:
            best, place = pairs[m, n], n
    return place


@compiled
def greedy_batch(  # type: ignore[no-untyped-def]
    p_boxes, p_labels, p_mask, t_boxes, t_labels, t_mask, same_class, margin, threshold
):
    """Pairs in falling order of IoU, each row and column once: the prediction of each truth [B, M] (-1: none), its IoU,
    and the IoU of each prediction [B, N]. Of equals the lowest prediction, then the lowest truth goes first. Only pairs
    that share more than `margin` pixels both ways and reach `threshold` count."""
    size, count, truths = p_boxes.shape[0], p_boxes.shape[1], t_boxes.shape[1]
    truth_iou, found_iou = np.zeros((size, truths), np.float32), np.zeros((size, count), np.float32)
    chosen = np.full((size, truths), -1, np.int64)
    pairs, usable, free = np.empty((truths, count), np.float32), np.empty(truths, np.bool_), np.empty(count, np.bool_)
    top = np.empty(truths, np.int64)  # the best free prediction of each truth; -1: none, or the truth is taken
    for b in range(size):
        p, t = p_boxes[b], t_boxes[b]
        _usable(t, t_mask[b], usable)
        _usable(p, p_mask[b], free)
        pairs[:, :] = ZERO
        top[:] = -1
        for n in range(count):
            if not free[n]:
                continue
            for m in range(truths):
                if not usable[m] or (same_class and p_labels[b, n] != t_labels[b, m]):
                    continue
                value = _iou(p, n, t, m, margin)
                if value < threshold:
                    continue
                pairs[m, n] = value
                if value > (ZERO if top[m] < 0 else pairs[m, top[m]]):
                    top[m] = n
        while True:
            place = -1
            for m in range(truths):
                if top[m] < 0:
                    continue
                if place < 0:
                    place = m
                    continue
                mine, theirs = pairs[m, top[m]], pairs[place, top[place]]
                if mine > theirs or (mine == theirs and top[m] < top[place]):
                    place = m
            if place < 0:
                break
            n = top[place]
            chosen[b, place] = n
            truth_iou[b, place] = pairs[place, n]
            found_iou[b, n] = pairs[place, n]
            free[n] = False
            usable[place] = False
            top[place] = -1
            for m in range(truths):
                if top[m] == n:
                    top[m] = _best_free(pairs, m, free)
    return truth_iou, found_iou, chosen


@compiled
def by_confidence_batch(  # type: ignore[no-untyped-def]
    p_boxes, p_labels, p_mask, order, t_boxes, t_labels, t_mask, same_class, threshold
):
    """Predictions choose in `order` [B, N] the best truth still free (the first of equals) where IoU > threshold:
    the IoU of each prediction [B, N], 0 where it has no truth."""
    size, count, truths = p_boxes.shape[0], p_boxes.shape[1], t_boxes.shape[1]
    matched = np.zeros((size, count), np.float32)
    free = np.empty(truths, np.bool_)
    for b in range(size):
        p, t = p_boxes[b], t_boxes[b]
        _usable(t, t_mask[b], free)
        for step in range(count):
            n = order[b, step]
            if not (p_mask[b, n] and _well_formed(p, n)):
                continue
            best, place = ZERO, -1
            for m in range(truths):
                if not free[m] or (same_class and p_labels[b, n] != t_labels[b, m]):
                    continue
                value = _iou(p, n, t, m, ZERO)
                if value > best:
                    best, place = value, m
            if place >= 0 and best > threshold:
                matched[b, n] = best
                free[place] = False
    return matched
