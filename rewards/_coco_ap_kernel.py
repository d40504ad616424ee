"""pycocotools' bbox evaluation of single images, compiled: float64 throughout, a batch in one call.

Written to give the same numbers as pycocotools, hence its order of operations: boxes as x, y, width, height and their
far edge as x + width; stable sorts; IoU thresholds and recall levels from linspace; ignored truths last; crowds matched
many times by intersection over detection area; the later of equal IoU wins.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["coco_ap_batch"]

EPSILON = np.spacing(1.0)


@njit(cache=True)
def _pair_iou(d, g, crowd):  # type: ignore[no-untyped-def]  # d, g: xywh rows
    width = min(d[0] + d[2], g[0] + g[2]) - max(d[0], g[0])
    height = min(d[1] + d[3], g[1] + g[3]) - max(d[1], g[1])
    if not (width > 0 and height > 0):  # also false for NaN: such a box overlaps nothing
        return 0.0
    inter = width * height
    union = d[2] * d[3] if crowd else d[2] * d[3] + g[2] * g[3] - inter
    return inter / union


@njit(cache=True)
def _to_xywh(box, out):  # type: ignore[no-untyped-def]
    out[0], out[1], out[2], out[3] = box[0], box[1], box[2] - box[0], box[3] - box[1]


@njit(cache=True)
def _by_falling_score(scores, mask):  # type: ignore[no-untyped-def]
    """The slots in use, highest score first, equal scores in their order; a score that is no number ranks last.

    An insertion sort: lists are short, and NumPy's sorts take seconds to compile.
    """
    order = np.empty(scores.shape[0], dtype=np.int64)
    count = 0
    for slot in range(scores.shape[0]):
        if not mask[slot]:
            continue
        place = count
        while place > 0:
            before = scores[order[place - 1]]
            if not (scores[slot] > before or (np.isnan(before) and not np.isnan(scores[slot]))):
                break
            order[place] = order[place - 1]
            place -= 1
        order[place] = slot
        count += 1
    return order[:count]


@njit(cache=True)
def _category_ap(dt, gt, gt_ignored, gt_crowd, iou_thresholds, recall_levels, low, high):  # type: ignore[no-untyped-def]
    """Mean interpolated precision of one category in one image; -1 without a truth that counts.

    dt [D, 4] by falling score, gt [G, 4] with the ignored ones last, both xywh.
    """
    count, truths = dt.shape[0], gt.shape[0]
    positives = 0
    for g in range(truths):
        if not gt_ignored[g]:
            positives += 1
    if positives == 0:
        return -1.0
    ious = np.zeros((count, truths))
    for d in range(count):
        for g in range(truths):
            ious[d, g] = _pair_iou(dt[d], gt[g], gt_crowd[g])
    total = 0.0
    precision = np.zeros(count)
    recall = np.zeros(count)
    for t in range(iou_thresholds.shape[0]):
        taken = np.zeros(truths, dtype=np.bool_)
        true_positives = 0.0
        false_positives = 0.0
        kept = 0
        for d in range(count):
            best = min(iou_thresholds[t], 1 - 1e-10)
            match = -1
            for g in range(truths):
                if taken[g] and not gt_crowd[g]:
                    continue
                if match > -1 and not gt_ignored[match] and gt_ignored[g]:
                    break
                if ious[d, g] < best:
                    continue
                best = ious[d, g]
                match = g
            if match >= 0:
                taken[match] = True
                ignored = gt_ignored[match]
            else:
                area = dt[d, 2] * dt[d, 3]
                ignored = area < low or area > high
            if not ignored:
                if match >= 0:
                    true_positives += 1
                else:
                    false_positives += 1
            # An ignored detection repeats the point before it, as the cumulated sums of the reference do.
            recall[kept] = true_positives / positives
            precision[kept] = true_positives / (false_positives + true_positives + EPSILON)
            kept += 1
        for d in range(kept - 1, 0, -1):
            if precision[d] > precision[d - 1]:
                precision[d - 1] = precision[d]
        d = 0
        for r in range(recall_levels.shape[0]):
            while d < kept and recall[d] < recall_levels[r]:
                d += 1
            if d == kept:
                break
            total += precision[d]
    return total / (iou_thresholds.shape[0] * recall_levels.shape[0])


@njit(cache=True)
def coco_ap_batch(  # type: ignore[no-untyped-def]
    dt_boxes, dt_labels, dt_scores, dt_mask, gt_boxes, gt_labels, gt_crowd, gt_areas, gt_mask,
    iou_thresholds, recall_levels, low, high, max_detections,
):  # fmt: skip
    """AP of every image, [B] float64, -1 where no category has a truth that counts.

    Boxes [B, N, 4] and [B, M, 4] float64 xyxy; labels int64; dt_scores, gt_areas float64; masks and gt_crowd bool;
    low, high: the area range, both ends included.
    """
    size, slots, truths = dt_boxes.shape[0], dt_boxes.shape[1], gt_boxes.shape[1]
    result = np.full(size, -1.0)
    for b in range(size):
        ranked = _by_falling_score(dt_scores[b], dt_mask[b])
        ap_sum, categories = 0.0, 0
        for first in range(truths):
            if not gt_mask[b, first]:
                continue
            label = gt_labels[b, first]
            seen = False
            for g in range(first):
                seen = seen or (gt_mask[b, g] and gt_labels[b, g] == label)
            if seen:
                continue
            dt = np.empty((slots, 4))
            found = 0
            for d in ranked:
                if dt_labels[b, d] == label and found < max_detections:
                    _to_xywh(dt_boxes[b, d], dt[found])
                    found += 1
            gt = np.empty((truths, 4))
            ignored = np.zeros(truths, dtype=np.bool_)
            crowd = np.zeros(truths, dtype=np.bool_)
            count = 0
            for last in range(2):  # the truths that count come first, each part in its order
                for g in range(truths):
                    if not gt_mask[b, g] or gt_labels[b, g] != label:
                        continue
                    area = gt_areas[b, g]
                    ignore = gt_crowd[b, g] or area < low or area > high
                    if ignore != (last == 1):
                        continue
                    _to_xywh(gt_boxes[b, g], gt[count])
                    ignored[count] = ignore
                    crowd[count] = gt_crowd[b, g]
                    count += 1
            ap = _category_ap(dt[:found], gt[:count], ignored, crowd, iou_thresholds, recall_levels, low, high)
            if ap > -1:
                ap_sum += ap
                categories += 1
        if categories > 0:
            result[b] = ap_sum / categories
    return result
