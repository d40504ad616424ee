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
def _category_ap(dt, dt_areas, gt, gt_ignored, gt_crowd, iou_thresholds, recall_levels, low, high):  # type: ignore[no-untyped-def]
    """Mean interpolated precision of one category in one image; -1 without a truth that counts.

    dt [D, 4] by falling score, gt [G, 4] with the ignored ones last.
    """
    count, truths = dt.shape[0], gt.shape[0]
    positives = truths - gt_ignored.sum()
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
                ignored = dt_areas[d] < low or dt_areas[d] > high
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
    size = dt_boxes.shape[0]
    result = np.full(size, -1.0)
    for b in range(size):
        dt_rows = np.nonzero(dt_mask[b])[0]
        gt_rows = np.nonzero(gt_mask[b])[0]
        scores = dt_scores[b][dt_rows]
        scores = np.where(np.isnan(scores), -np.inf, scores)  # a score that is no number ranks last
        dt_rows = dt_rows[np.argsort(-scores, kind="mergesort")]
        ap_sum, categories = 0.0, 0
        for label in np.unique(gt_labels[b][gt_rows]):
            d_rows = dt_rows[dt_labels[b][dt_rows] == label][:max_detections]
            g_rows = gt_rows[gt_labels[b][gt_rows] == label]
            ignored = np.empty(g_rows.shape[0], dtype=np.bool_)
            for k in range(g_rows.shape[0]):
                area = gt_areas[b, g_rows[k]]
                ignored[k] = gt_crowd[b, g_rows[k]] or area < low or area > high
            order = np.argsort(ignored, kind="mergesort")
            g_rows, ignored = g_rows[order], ignored[order]
            dt = dt_boxes[b][d_rows].copy()
            gt = gt_boxes[b][g_rows].copy()
            dt[:, 2:] -= dt[:, :2]
            gt[:, 2:] -= gt[:, :2]
            ap = _category_ap(
                dt, dt[:, 2] * dt[:, 3], gt, ignored, gt_crowd[b][g_rows], iou_thresholds, recall_levels, low, high
            )
            if ap > -1:
                ap_sum += ap
                categories += 1
        if categories > 0:
            result[b] = ap_sum / categories
    return result
