"""pycocotools' bbox evaluation of single images, compiled: float64 throughout, a batch in one call.

Written to give the same numbers as pycocotools, hence its order of operations: boxes as x, y, width, height and their
far edge as x + width; stable sorts; IoU thresholds and recall levels from linspace; ignored truths last; crowds matched
many times by intersection over detection area; the later of equal IoU wins.

All thresholds are matched at once: each is one bit, and a detection takes its best truth at the bits at which the truth
is still free, then the next best at the bits that are left. Most detections reach no truth at any threshold and are
only counted.

Precision interpolated at the recall levels changes at true positives only: the j-th of P truths to be found stands for
the levels in ((j - 1) / P, j / P], so a sum over true positives is the sum over levels.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from rewardmark.rewards._slots_kernel import class_of, group, number_classes, sort_falling, sort_keys, table_size
from rewardmark.rewards.compiled import compiled

__all__ = ["coco_ap_batch"]

EPSILON = np.spacing(1.0)
#: Thresholds matched at once: the bits of an integer, less some that keep it positive.
BITS = 60
#: Rows of the truths in `_gather`.
LEFT, TOP, RIGHT, BOTTOM, AREA = 0, 1, 2, 3, 4
#: Truths that are compared at once; their memory has so many to spare.
LANES = 8


@compiled
def _level_weights(positives, levels, weights):  # type: ignore[no-untyped-def]
    """How many recall levels each of `positives` true positives stands for (the first also for level 0)."""
    reached = 0
    for j in range(positives):
        recall = (j + 1) / positives
        before = reached
        while reached < levels.shape[0] and not recall < levels[reached]:
            reached += 1
        weights[j] = reached - before


@compiled
def _gather(boxes, crowds, order, count, rows, crowd):  # type: ignore[no-untyped-def]
    """The xyxy boxes of the slots order[:count] in float64, and which are crowds."""
    for i in range(count):
        slot = order[i]
        x, y = np.float64(boxes[slot, 0]), np.float64(boxes[slot, 1])
        width, height = np.float64(boxes[slot, 2]) - x, np.float64(boxes[slot, 3]) - y
        rows[LEFT, i], rows[TOP, i], rows[AREA, i] = x, y, width * height
        rows[RIGHT, i], rows[BOTTOM, i] = x + width, y + height
        crowd[i] = crowds[slot]


@partial(compiled, inline=True)
def _ious(x, y, width, height, gt, crowd, first, ends, least, out):  # type: ignore[no-untyped-def]
    """out[first:ends]: IoU of a detection with these truths, 0 unless it is `least` or more. Whether any is above 0
    (perhaps of one behind `ends`)."""
    area, right, bottom = width * height, x + width, y + height
    reached = np.int64(0)
    for k in range((ends - first + LANES - 1) // LANES * LANES):  # without a branch or a rest: LANES at a time
        i = np.uint64(first + k)  # unsigned, since numba asks a signed one each time whether it counts from the end
        across = min(right, gt[RIGHT, i]) - max(x, gt[LEFT, i])
        down = min(bottom, gt[BOTTOM, i]) - max(y, gt[TOP, i])
        inter = across * down
        iou = inter / (area if crowd[i] else area + gt[AREA, i] - inter)
        good = (across > 0.0) & (down > 0.0) & (iou >= least)  # not for NaN: such a box overlaps nothing
        out[i] = iou if good else 0.0
        reached |= np.int64(good)
    return reached > 0


@partial(compiled, inline=True)
def _candidates(first, counted, ends, all_ious, ious, truths):  # type: ignore[no-untyped-def]
    """The truths first..ends - 1 of IoU above 0 in the order in which a detection would take them: those that count
    (before `counted`) first, then by falling IoU, then the later one. How many there are."""
    found = 0
    for g in range(first, ends):
        iou = all_ious[g]
        if iou == 0.0:
            continue
        place = found
        while place > 0 and ious[place - 1] <= iou and (truths[place - 1] >= counted or g < counted):
            ious[place], truths[place] = ious[place - 1], truths[place - 1]
            place -= 1
        ious[place], truths[place] = iou, g
        found += 1
    return found


@partial(compiled, inline=True)
def _class_precision(  # type: ignore[no-untyped-def]
    dt_boxes, order, begin, end, gt, crowd, first, counted, ends, thresholds, low, high, weights,
    free, overlaps, ious, truths, found, skipped, precision,
):  # fmt: skip
    """The sum, over thresholds (rising, at most BITS) and recall levels, of a class's interpolated precision.

    Detections are the slots order[begin:end], best first. Truths are the rows first..ends - 1 of `gt`; those before
    `counted` count, the others are ignored. The rest is scratch memory.
    """
    steps = thresholds.shape[0]
    every = (np.int64(1) << steps) - 1
    for g in range(first, ends):
        free[g] = every
    for t in range(steps):
        found[t], skipped[t] = 0, 0
    for d in range(begin, end):
        slot = order[d]
        x, y = np.float64(dt_boxes[slot, 0]), np.float64(dt_boxes[slot, 1])
        width, height = np.float64(dt_boxes[slot, 2]) - x, np.float64(dt_boxes[slot, 3]) - y
        reached = 0
        if _ious(x, y, width, height, gt, crowd, first, ends, thresholds[0], overlaps):
            reached = _candidates(first, counted, ends, overlaps, ious, truths)
        left, true, ignored = every, np.int64(0), np.int64(0)
        for k in range(reached):
            g = truths[k]
            taken = np.int64(0)
            for t in range(steps):
                taken |= np.int64(thresholds[t] <= ious[k]) << t
            taken &= left & free[g]
            left &= ~taken
            if not crowd[g]:
                free[g] &= ~taken
            if g < counted:
                true |= taken
            else:
                ignored |= taken
        area = width * height
        if area < low or area > high:  # what lies outside the area range is no false positive
            ignored |= left
        t = 0
        while true >> t:
            if (true >> t) & 1:
                # All detections so far are true or false positives, but for those that are ignored.
                precision[t, found[t]] = (found[t] + 1) / (d - begin + 1 - skipped[t] + EPSILON)
                found[t] += 1
            t += 1
        t = 0
        while ignored >> t:
            skipped[t] += (ignored >> t) & 1
            t += 1
    total = 0.0
    for t in range(steps):
        envelope = 0.0
        for j in range(found[t] - 1, -1, -1):
            envelope = max(envelope, precision[t, j])
            total += envelope * weights[j]
    return total


@compiled
def coco_ap_batch(  # type: ignore[no-untyped-def]
    dt_boxes, dt_labels, dt_scores, dt_mask, gt_boxes, gt_labels, gt_crowd, gt_areas, gt_mask,
    iou_thresholds, recall_levels, low, high, max_detections,
):  # fmt: skip
    """AP of every image, [B] float64, -1 where no category has a truth that counts.

    Boxes [B, N, 4] and [B, M, 4] xyxy; labels int64; dt_scores, gt_areas floats; masks and gt_crowd bool;
    iou_thresholds rising; low, high: the area range, both ends included.
    """
    size, slots, truths = dt_boxes.shape[0], dt_boxes.shape[1], gt_boxes.shape[1]
    steps, levels = iou_thresholds.shape[0], recall_levels.shape[0]
    least = np.minimum(iou_thresholds, 1 - 1e-10)
    result = np.full(size, -1.0)
    # Memory for one image, used again for each.
    labels, numbers = np.empty(table_size(truths), np.int64), np.empty(table_size(truths), np.int64)
    dt_key, dt_order, dt_starts = np.empty(slots, np.int64), np.empty(slots, np.int64), np.empty(truths + 1, np.int64)
    gt_key, gt_order = np.empty(truths, np.int64), np.empty(truths, np.int64)
    gt_starts = np.empty(2 * truths + 1, np.int64)
    floats, keys = np.empty(slots), np.empty(slots, np.int64)
    spare_keys, spare_items = np.empty(slots, np.int64), np.empty(slots, np.int64)
    gt, crowd, overlaps = np.zeros((5, truths + LANES)), np.zeros(truths + LANES, np.bool_), np.empty(truths + LANES)
    free, ious, taken = np.empty(truths, np.int64), np.empty(truths), np.empty(truths, np.int64)
    found, skipped, precision = np.empty(BITS, np.int64), np.empty(BITS, np.int64), np.empty((BITS, truths))
    weights, weighted = np.empty((truths + 1, truths)), np.zeros(truths + 1, np.bool_)  # by the number of positives
    for b in range(size):
        numbers[:] = -1
        classes = number_classes(gt_labels[b], gt_mask[b], labels, numbers, 0, gt_key)
        for g in range(truths):  # within a class the truths that count come first
            if gt_key[g] >= 0:
                ignore = gt_crowd[b, g] or gt_areas[b, g] < low or gt_areas[b, g] > high
                gt_key[g] = 2 * gt_key[g] + ignore
        group(gt_key, 2 * classes, gt_starts, gt_order)
        _gather(gt_boxes[b], gt_crowd[b], gt_order, gt_starts[2 * classes], gt, crowd)
        for d in range(slots):
            dt_key[d] = class_of(dt_labels[b, d], labels, numbers) if dt_mask[b, d] else -1
        group(dt_key, classes, dt_starts, dt_order)
        sort_keys(dt_scores[b], dt_order, dt_starts[classes], floats, keys)
        ap_sum, categories = 0.0, 0
        for c in range(classes):
            first, counted, ends = gt_starts[2 * c], gt_starts[2 * c + 1], gt_starts[2 * c + 2]
            positives, begin, end = counted - first, dt_starts[c], dt_starts[c + 1]
            if positives == 0:
                continue
            categories += 1
            if begin == end:
                continue
            sort_falling(keys, dt_order, begin, end, spare_keys, spare_items)
            if not weighted[positives]:
                _level_weights(positives, recall_levels, weights[positives])
                weighted[positives] = True
            total = 0.0
            for t in range(0, steps, BITS):
                total += _class_precision(
                    dt_boxes[b], dt_order, begin, min(end, begin + max_detections), gt, crowd, first, counted, ends,
                    least[t : t + BITS], low, high, weights[positives],
                    free, overlaps, ious, taken, found, skipped, precision,
                )  # fmt: skip
            ap_sum += total / (steps * levels)
        if categories > 0:
            result[b] = ap_sum / categories
    return result
