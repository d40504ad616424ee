"""pycocotools' bbox evaluation of single images, compiled: float64 throughout, a batch in one call.

Written to give the same numbers as pycocotools, hence its order of operations: boxes as x, y, width, height and their
far edge as x + width; stable sorts; IoU thresholds and recall levels from linspace; ignored truths last; crowds matched
many times by intersection over detection area; the later of equal IoU wins.

Precision interpolated at the recall levels changes at true positives only: the j-th of P truths to be found stands for
the levels in ((j - 1) / P, j / P], so a sum over true positives is the sum over levels.
"""

from __future__ import annotations

import numpy as np
from rewardmark.rewards.compiled import compiled

__all__ = ["coco_ap_batch", "sort_falling"]

EPSILON = np.spacing(1.0)


@compiled
def sort_falling(order, first, last, scores, spare):  # type: ignore[no-untyped-def]
    """Sort the slots order[first:last] by falling score, stable; a score that is no number ranks last.

    Runs of sixteen by insertion, then merged (NumPy's own sorts take seconds to compile).
    """
    run = 16
    for low in range(first, last, run):
        high = min(low + run, last)
        for i in range(low + 1, high):
            slot = order[i]
            score = scores[slot]
            place = i
            while place > low:
                before = scores[order[place - 1]]
                if not (score > before or (np.isnan(before) and not np.isnan(score))):
                    break
                order[place] = order[place - 1]
                place -= 1
            order[place] = slot
    while run < last - first:
        for low in range(first, last, 2 * run):
            middle, high = min(low + run, last), min(low + 2 * run, last)
            if middle == high:
                continue
            for i in range(low, middle):
                spare[i] = order[i]
            left, right, place = low, middle, low
            while left < middle and right < high:
                score, before = scores[order[right]], scores[spare[left]]
                if score > before or (np.isnan(before) and not np.isnan(score)):
                    order[place] = order[right]
                    right += 1
                else:
                    order[place] = spare[left]
                    left += 1
                place += 1
            while left < middle:
                order[place] = spare[left]
                left += 1
                place += 1
        run *= 2


@compiled
def _distinct(labels, mask, out):  # type: ignore[no-untyped-def]
    """The different labels of the slots in use, rising, into `out`; how many there are."""
    count = 0
    for slot in range(labels.shape[0]):
        if not mask[slot]:
            continue
        place = count
        while place > 0 and out[place - 1] > labels[slot]:
            place -= 1
        if place > 0 and out[place - 1] == labels[slot]:
            continue
        for i in range(count, place, -1):
            out[i] = out[i - 1]
        out[place] = labels[slot]
        count += 1
    return count


@compiled
def _place_of(label, labels, count):  # type: ignore[no-untyped-def]
    """Where `label` stands among the rising labels[:count]; -1 where it does not."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if labels[middle] < label:
            low = middle + 1
        else:
            high = middle
    return low if low < count and labels[low] == label else -1


@compiled
def _group(key, keys, starts, order):  # type: ignore[no-untyped-def]
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
def _overlaps(dt, gt, crowd, counts, truths, ious, best):  # type: ignore[no-untyped-def]
    """ious [counts, truths] of the xywh rows dt and gt, and the best of each row."""
    for d in range(counts):
        x, y, w, h = dt[d, 0], dt[d, 1], dt[d, 2], dt[d, 3]
        best[d] = 0.0
        for g in range(truths):
            width = min(x + w, gt[g, 0] + gt[g, 2]) - max(x, gt[g, 0])
            height = min(y + h, gt[g, 1] + gt[g, 3]) - max(y, gt[g, 1])
            iou = 0.0
            if width > 0 and height > 0:  # also false for NaN: such a box overlaps nothing
                inter = width * height
                iou = inter / (w * h if crowd[g] else w * h + gt[g, 2] * gt[g, 3] - inter)
            ious[d, g] = iou
            best[d] = max(best[d], iou)


@compiled
def _precision_sum(  # type: ignore[no-untyped-def]
    count, truths, ious, best, ignored, crowd, outside, threshold, weights, taken, precision
):
    """Match `count` detections in their order to the truths at one threshold: the sum of interpolated precision."""
    for g in range(truths):
        taken[g] = False
    found, false = 0, 0
    for d in range(count):
        match = -1
        if best[d] >= threshold:
            least = threshold
            for g in range(truths):
                if taken[g] and not crowd[g]:
                    continue
                if match > -1 and not ignored[match] and ignored[g]:
                    break
                if ious[d, g] < least:
                    continue
                least = ious[d, g]
                match = g
        if match >= 0:
            taken[match] = True
            if not ignored[match]:
                found += 1
                precision[found - 1] = found / (false + found + EPSILON)
        elif not outside[d]:
            false += 1
    total, envelope = 0.0, 0.0
    for j in range(found - 1, -1, -1):
        envelope = max(envelope, precision[j])
        total += envelope * weights[j]
    return total


@compiled
def _plain_precision_sum(count, truths, ious, best, threshold, weights, taken, precision):  # type: ignore[no-untyped-def]
    """`_precision_sum` where nothing is ignored: the d-th detection has d before it, and none after the last truth has
    been taken matters."""
    for g in range(truths):
        taken[g] = False
    found = 0
    for d in range(count):
        if best[d] < threshold:
            continue
        least, match = threshold, -1
        for g in range(truths):
            if not taken[g] and ious[d, g] >= least:
                least, match = ious[d, g], g
        if match >= 0:
            taken[match] = True
            precision[found] = (found + 1) / (d + 1 + EPSILON)
            found += 1
            if found == truths:
                break
    total, envelope = 0.0, 0.0
    for j in range(found - 1, -1, -1):
        envelope = max(envelope, precision[j])
        total += envelope * weights[j]
    return total


@compiled
def _boxes_of(source, order, first, count, out):  # type: ignore[no-untyped-def]
    """Rows `order[first:first + count]` of xyxy `source` as xywh in float64."""
    for i in range(count):
        slot = order[first + i]
        x, y = np.float64(source[slot, 0]), np.float64(source[slot, 1])
        out[i, 0], out[i, 1] = x, y
        out[i, 2], out[i, 3] = np.float64(source[slot, 2]) - x, np.float64(source[slot, 3]) - y


@compiled
def coco_ap_batch(  # type: ignore[no-untyped-def]
    dt_boxes, dt_labels, dt_scores, dt_mask, gt_boxes, gt_labels, gt_crowd, gt_areas, gt_mask,
    iou_thresholds, recall_levels, low, high, max_detections,
):  # fmt: skip
    """AP of every image, [B] float64, -1 where no category has a truth that counts.

    Boxes [B, N, 4] and [B, M, 4] xyxy; labels int64; dt_scores, gt_areas floats; masks and gt_crowd bool;
    low, high: the area range, both ends included.
    """
    size, slots, truths = dt_boxes.shape[0], dt_boxes.shape[1], gt_boxes.shape[1]
    result = np.full(size, -1.0)
    # Memory for one image, used again for each.
    labels = np.empty(truths, dtype=np.int64)
    dt_key, dt_order, spare = np.empty(slots, np.int64), np.empty(slots, np.int64), np.empty(slots, np.int64)
    gt_key, gt_order = np.empty(truths, np.int64), np.empty(truths, np.int64)
    dt_starts, gt_starts = np.empty(truths + 1, np.int64), np.empty(2 * truths + 1, np.int64)
    dt, gt, ious = np.empty((slots, 4)), np.empty((truths, 4)), np.empty((slots, truths))
    best, outside, ignored = np.empty(slots), np.empty(slots, np.bool_), np.empty(truths, np.bool_)
    crowd, taken = np.empty(truths, np.bool_), np.empty(truths, np.bool_)
    precision = np.empty(truths)
    weights, weighted = np.empty((truths + 1, truths)), np.zeros(truths + 1, np.bool_)  # by the number of positives
    for b in range(size):
        classes = _distinct(gt_labels[b], gt_mask[b], labels)
        for g in range(truths):  # within a class the truths that count come first
            gt_key[g] = -1
            if gt_mask[b, g]:
                ignore = gt_crowd[b, g] or gt_areas[b, g] < low or gt_areas[b, g] > high
                gt_key[g] = 2 * _place_of(gt_labels[b, g], labels, classes) + ignore
        _group(gt_key, 2 * classes, gt_starts, gt_order)
        for d in range(slots):
            dt_key[d] = _place_of(dt_labels[b, d], labels, classes) if dt_mask[b, d] else -1
        _group(dt_key, classes, dt_starts, dt_order)
        ap_sum, categories = 0.0, 0
        for c in range(classes):
            first, ends = gt_starts[2 * c], gt_starts[2 * c + 2]
            positives = gt_starts[2 * c + 1] - first
            if positives == 0:
                continue
            categories += 1
            count = dt_starts[c + 1] - dt_starts[c]
            if count == 0:
                continue
            sort_falling(dt_order, dt_starts[c], dt_starts[c + 1], dt_scores[b], spare)
            count = min(count, max_detections)
            _boxes_of(dt_boxes[b], dt_order, dt_starts[c], count, dt)
            _boxes_of(gt_boxes[b], gt_order, first, ends - first, gt)
            for i in range(ends - first):
                ignored[i] = i >= positives
                crowd[i] = gt_crowd[b, gt_order[first + i]]
            plain = ends - first == positives
            for d in range(count):
                area = dt[d, 2] * dt[d, 3]
                outside[d] = area < low or area > high
                plain = plain and not outside[d]
            _overlaps(dt, gt, crowd, count, ends - first, ious, best)
            if not weighted[positives]:
                _level_weights(positives, recall_levels, weights[positives])
                weighted[positives] = True
            stands_for = weights[positives]
            total, highest = 0.0, 0.0
            for d in range(count):
                highest = max(highest, best[d])
            for t in range(iou_thresholds.shape[0]):
                least = min(iou_thresholds[t], 1 - 1e-10)
                if highest < least:
                    continue
                if plain:
                    total += _plain_precision_sum(count, positives, ious, best, least, stands_for, taken, precision)
                else:
                    total += _precision_sum(
                        count, ends - first, ious, best, ignored, crowd, outside, least, stands_for, taken, precision
                    )
            ap_sum += total / (iou_thresholds.shape[0] * recall_levels.shape[0])
        if categories > 0:
            result[b] = ap_sum / categories
    return result
