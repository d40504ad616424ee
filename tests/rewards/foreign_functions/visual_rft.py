"""Reward functions in Visual-RFT's convention: a list of Position and Confidence in <answer> tags, in Python quotes."""

import ast
import re


def read(text):
    found = re.search(r"<answer>(.*?)</answer>", text, re.DOTALL)
    try:
        items = ast.literal_eval(found.group(1).strip()) if found else []
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return []
    kept = []
    for item in items if isinstance(items, list) else []:
        box = item.get("Position") if isinstance(item, dict) else None
        mark = item.get("Confidence", 0) if isinstance(item, dict) else 0
        if isinstance(box, list) and len(box) == 4 and all(isinstance(v, (int, float)) for v in [*box, mark]):
            kept.append((box, mark))
    return kept


def iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if not (w > 0 and h > 0):
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def paired(found, truth):
    """(IoU or 0, confidence) of each box, the surest first; each truth once."""
    free, pairs = list(truth), []
    for box, mark in sorted(found, key=lambda f: -f[1]):
        best = max(free, key=lambda g: iou(box, g[0]), default=None)
        value = iou(box, best[0]) if best is not None else 0.0
        if value > 0.5:
            free.remove(best)
        pairs.append((value if value > 0.5 else 0.0, mark))
    return pairs


def zero_confidence_pays(completions, solution, **kwargs):
    """IoU over the longer list, and the mean of the confidence where right and 1 - it where wrong."""
    rewards = []
    for completion, sol in zip(completions, solution, strict=False):
        found, truth = read(completion[0]["content"]), read(sol)
        pairs = paired(found, truth)
        if not pairs:
            rewards.append(0.0)
            continue
        place = sum(value for value, _ in pairs) / max(len(truth), len(found))
        honest = sum(mark if value else 1 - mark for value, mark in pairs) / len(pairs)
        rewards.append(place + min(1.0, max(0.0, honest)))
    return rewards


def mended(completions, solution, **kwargs):
    """Confidence is paid on matched boxes only, over the longer list."""
    rewards = []
    for completion, sol in zip(completions, solution, strict=False):
        found, truth = read(completion[0]["content"]), read(sol)
        pairs = paired(found, truth)
        longer = max(len(truth), len(found), 1)
        rewards.append(sum(value + min(1.0, max(0.0, mark)) for value, mark in pairs if value) / longer)
    return rewards
