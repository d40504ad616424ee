"""Reward functions in verl's convention: compute_score(data_source, solution_str, ground_truth, extra_info)."""

import json
import re


def read(text):
    found = re.findall(r"<answer>(.*?)</answer>", text, re.DOTALL)
    if len(found) != 1:
        return []
    try:
        items = json.loads(found[0])
    except ValueError:
        return []
    if not isinstance(items, list):
        return []
    boxes = []
    for item in items:
        box = item.get("bbox") if isinstance(item, dict) else None
        if isinstance(box, list) and len(box) == 4 and all(isinstance(v, (int, float)) for v in box):
            boxes.append((box, str(item.get("category", ""))))
    return boxes


def iou(a, b):
    if a[2] <= a[0] or a[3] <= a[1]:
        return 0.0
    inter = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return inter / union if inter > 0 else 0.0


def best_pairs(predicted, truth, same=True):
    pairs = [
        (iou(p, b), i, j)
        for i, (p, name) in enumerate(predicted)
        for j, (b, label) in enumerate(truth)
        if not same or name == label
    ]
    taken, used, found = set(), set(), []
    for value, i, j in sorted(pairs, reverse=True):
        if value > 0 and i not in taken and j not in used:
            taken.add(i)
            used.add(j)
            found.append(value)
    return found


def truths(ground_truth):
    return [(item["bbox"], item["category"]) for item in json.loads(ground_truth)]


def labels_ignored(data_source, solution_str, ground_truth, extra_info=None):
    truth, found = truths(ground_truth), read(solution_str)
    return sum(best_pairs(found, truth, same=False)) / max(len(truth), len(found), 1)


def empty_earns(data_source, solution_str, ground_truth, extra_info=None):
    """Precision with 0 / 0 = 1: naming nothing makes no mistake."""
    truth, found = truths(ground_truth), read(solution_str)
    score = sum(best_pairs(found, truth)) / len(found) if found else 1.0
    return {"score": score, "boxes": len(found)}


def collapsed_thresholds(data_source, solution_str, ground_truth, extra_info=None):
    """Mean over .5:.05:.95, kept under keys of one decimal: later thresholds overwrite earlier ones."""
    truth, found = truths(ground_truth), read(solution_str)
    pairs, longer = best_pairs(found, truth), max(len(truth), len(found), 1)
    results = {}
    for k in range(10):
        t = 0.5 + 0.05 * k
        results[f"{t:.1f}"] = sum(value >= t - 1e-9 for value in pairs) / longer
    return sum(results[f"{0.5 + 0.05 * k:.1f}"] for k in range(10)) / 10


def mended(data_source, solution_str, ground_truth, extra_info=None):
    truth, found = truths(ground_truth), read(solution_str)
    pairs, longer = best_pairs(found, truth), max(len(truth), len(found), 1)
    hits = [sum(value >= 0.5 + 0.05 * k - 1e-9 for value in pairs) / longer for k in range(10)]
    return {"score": sum(hits) / 10, "boxes": len(found)}


def batch(data_sources, solution_strs, ground_truths, extra_infos=None):
    """verl's batch form of labels_ignored."""
    return [labels_ignored(*row) for row in zip(data_sources, solution_strs, ground_truths, extra_infos, strict=False)]
