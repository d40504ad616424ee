"""Reward functions in TRL's convention: plain completions, per-column lists, None for no score."""

import json


def read(text):
    try:
        items = json.loads(text)
        return [([float(v) for v in i["bbox_2d"]], i["label"]) for i in items if len(i["bbox_2d"]) == 4]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def open_iou(a, b):
    """Without a test for the order of the corners: an inverted box has the area and the overlap of the box itself."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = w * h
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return inter / union if union else 0.0


def iou(a, b):
    if not (a[2] > a[0] and a[3] > a[1] and all(abs(v) < 1e6 for v in a)):
        return 0.0
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = max(0.0, w) * max(0.0, h)
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def matched(predicted, boxes, labels, overlap):
    """One to one, best first, of the same class, IoU >= .5."""
    pairs = [
        (overlap(p, b), i, j)
        for i, (p, name) in enumerate(predicted)
        for j, (b, label) in enumerate(zip(boxes, labels, strict=False))
        if name == label
    ]
    taken, used, count = set(), set(), 0
    for value, i, j in sorted(pairs, reverse=True):
        if value >= 0.5 and i not in taken and j not in used:
            taken.add(i)
            used.add(j)
            count += 1
    return count


def f1(completions, boxes, labels, overlap):
    scores = []
    for text, truth, names in zip(completions, boxes, labels, strict=False):
        found = read(text)
        hits = matched(found, truth, names, overlap)
        scores.append(2 * hits / (len(found) + len(truth)))
    return scores


def inverted_pays(prompts, completions, completion_ids, boxes, labels, **kwargs):
    return f1(completions, boxes, labels, open_iou)


def spam_is_free(prompts, completions, completion_ids, boxes, labels, trainer_state=None, **kwargs):
    """Recall: what else is named costs nothing."""
    return [matched(read(t), b, n, iou) / len(b) for t, b, n in zip(completions, boxes, labels, strict=False)]


def duplicates_pay(completions, boxes, labels, **kwargs):
    """Every box that hits a truth counts, however often that truth was hit."""
    scores = []
    for text, truth, names in zip(completions, boxes, labels, strict=False):
        hits = sum(any(iou(p, b) >= 0.5 and n == m for b, m in zip(truth, names, strict=False)) for p, n in read(text))
        scores.append(hits / len(truth))
    return scores


async def mended(prompts, completions, completion_ids, boxes, labels, **kwargs):
    return f1(completions, boxes, labels, iou)
