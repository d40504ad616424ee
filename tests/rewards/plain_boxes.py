"""Box rewards one sample at a time, as loops over lists: what the batched ones are held to and timed against.

Each function takes one image's predictions and truths as `Image`s and returns a float (NaN: unscored).
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

Box = tuple[float, float, float, float]
THRESHOLDS = [round(0.5 + 0.05 * k, 2) for k in range(10)]


@dataclass(frozen=True)
class Image:
    """Boxes of one image as Python lists; crowds and areas belong to truths."""

    boxes: list[Box]
    labels: list[int]
    scores: list[float]
    crowds: list[bool]
    areas: list[float]

    def without_crowds(self) -> Image:
        kept = [k for k, crowd in enumerate(self.crowds) if not crowd]
        pick = lambda values: [values[k] for k in kept]  # noqa: E731
        return Image(pick(self.boxes), pick(self.labels), pick(self.scores), [False] * len(kept), pick(self.areas))


def good(box: Box) -> bool:
    return all(map(math.isfinite, box)) and box[0] < box[2] and box[1] < box[3]


def iou(a: Box, b: Box) -> float:
    if not (good(a) and good(b)):
        return 0.0
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    inter = width * height
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def giou(a: Box, b: Box) -> float:
    """Generalised IoU by its definition; boxes without area allowed."""
    if not all(map(math.isfinite, (*a, *b))):
        return -1.0
    inter = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return (inter / union if union > 0 else 0.0) - ((hull - union) / hull if hull > 0 else 0.0)


def ordered(box: Box) -> Box:
    return min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])


def same_class(p: Image, g: Image) -> list[list[float]]:
    return [
        [iou(a, b) if x == y else 0.0 for b, y in zip(g.boxes, g.labels, strict=True)]
        for a, x in zip(p.boxes, p.labels, strict=True)
    ]


def greedy(table: list[list[float]], least: float = 0.0) -> list[tuple[int, int, float]]:
    """(row, column, value) of the largest entries taken one after the other, the first of equals first."""
    taken: list[tuple[int, int, float]] = []
    rows, columns = set(range(len(table))), set(range(len(table[0]) if table else 0))
    while rows and columns:
        value, row, column = max((table[r][c], -r, -c) for r in rows for c in columns)
        if value <= 0 or value < least:
            break
        taken.append((-row, -column, value))
        rows.remove(-row)
        columns.remove(-column)
    return taken


def coco_ap(p: Image, g: Image) -> float:
    """pycocotools on the image alone."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(image: Image) -> list[dict]:
        return [
            {
                "id": k + 1,
                "image_id": 1,
                "category_id": image.labels[k],
                "bbox": [b[0], b[1], b[2] - b[0], b[3] - b[1]],
                "area": image.areas[k],
                "iscrowd": int(image.crowds[k]),
                "score": image.scores[k],
            }
            for k, b in enumerate(image.boxes)
        ]

    if not any(not crowd for crowd in g.crowds):
        return math.nan
    if not p.boxes:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO()
        gt.dataset = {
            "images": [{"id": 1}],
            "categories": [{"id": c} for c in set(p.labels) | set(g.labels)],
            "annotations": rows(g),
        }
        gt.createIndex()
        evaluation = COCOeval(gt, gt.loadRes(rows(p)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 2]
    return float(precision[precision > -1].mean())


def od_as_published(p: Image, g: Image) -> float:
    g = g.without_crowds()
    if not g.boxes or not p.boxes:
        return float(not g.boxes and not p.boxes)
    known = [k for k, label in enumerate(p.labels) if label in g.labels]
    if not known:
        return 0.0
    boxes = [p.boxes[k] for k in known]
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in boxes]
    certain = Image(boxes, [p.labels[k] for k in known], [1.0] * len(known), [False] * len(known), areas)
    return coco_ap(
        certain, Image(g.boxes, g.labels, g.scores, g.crowds, [(b[2] - b[0]) * (b[3] - b[1]) for b in g.boxes])
    )


def length(p: Image, g: Image) -> float:
    truths = len(g.without_crowds().boxes)
    return 1.0 if truths >= len(p.boxes) else truths / len(p.boxes)


def od(p: Image, g: Image) -> float:
    g = g.without_crowds()
    classes = set(p.labels) | set(g.labels)
    if not classes:
        return 1.0
    matches = greedy(same_class(p, g))
    total = 0.0
    for t in THRESHOLDS:
        for c in classes:
            hits = sum(value >= t - 1e-6 and g.labels[column] == c for _, column, value in matches)
            if hits:
                total += hits / p.labels.count(c) * hits / g.labels.count(c)
    return total / len(THRESHOLDS) / len(classes)


def f1(p: Image, g: Image) -> float:
    g = g.without_crowds()
    if not p.boxes and not g.boxes:
        return 1.0
    matches = greedy(same_class(p, g))
    hits = [sum(value >= t - 1e-6 for _, _, value in matches) for t in THRESHOLDS]
    return sum(2 * hit / (len(p.boxes) + len(g.boxes)) for hit in hits) / len(hits)


def recall(p: Image, g: Image, thresholds: list[float] | None = None) -> float:
    """big_vision's reward threshold by threshold: each prediction its best truth, each truth its best prediction."""
    g = g.without_crowds()
    table = same_class(p, g)
    total = 0.0
    for t in thresholds or THRESHOLDS:
        claimed: dict[int, int] = {}
        for row in table:
            above = [value if value > t else 0.0 for value in row]
            if above and max(above) > 0:
                column = above.index(max(above))
                claimed[column] = claimed.get(column, 0) + 1
        total += sum(1 - 0.3 * (count - 1) for count in claimed.values())
    return total / len(thresholds or THRESHOLDS)


def recall_as_published(p: Image, g: Image) -> float:
    """The ten thresholds' results in a dictionary by f"{t:0.1f}", averaged over the ten keys."""
    kept = {f"{t:0.1f}": recall(p, g, [t]) for t in THRESHOLDS}
    return sum(kept[f"{t:0.1f}"] for t in THRESHOLDS) / len(THRESHOLDS)


def soft_f1(p: Image, g: Image) -> float:
    g = g.without_crowds()
    if not p.boxes and not g.boxes:
        return 1.0
    best = [0.0] * len(g.boxes)
    for row in same_class(p, g):
        if row:
            column = row.index(max(row))
            best[column] = max(best[column], row[column])
    return 2 * sum(best) / (len(p.boxes) + len(g.boxes))


def soft_f1_as_published(p: Image, g: Image) -> float:
    g = g.without_crowds()
    kept = [(ordered(b), c) for b, c in zip(p.boxes, p.labels, strict=True) if good(ordered(b))]
    if not g.boxes:
        return float(not kept)
    pairs = [[iou(b, t) if c == k else 0.0 for t, k in zip(g.boxes, g.labels, strict=True)] for b, c in kept]
    recalled = sum(max((row[m] for row in pairs), default=0.0) for m in range(len(g.boxes))) / len(g.boxes)
    precise = sum(max(row) for row in pairs) / len(pairs) if pairs else 0.0
    return 2 * precise * recalled / (precise + recalled) if precise + recalled else 0.0


def _weighted(position: float, matched: int, p: Image, g: Image) -> float:
    if not g.boxes or not p.boxes:
        return float(not g.boxes and not p.boxes)
    complete = 1 - ((len(g.boxes) - matched) / len(g.boxes) + (len(p.boxes) - matched) / len(p.boxes)) / 2
    return 0.7 * position / len(g.boxes) + 0.3 * complete


def weighted_sum(p: Image, g: Image) -> float:
    g = g.without_crowds()
    matches = greedy(same_class(p, g), 0.5)
    return _weighted(sum(value for _, _, value in matches), len(matches), p, g)


def weighted_sum_as_published(p: Image, g: Image) -> float:
    g = g.without_crowds()

    def overlap(a: Box, b: Box) -> float:  # far edges less one pixel, which is added back to the sides
        x, y = min(a[2], b[2]) - 1 - max(a[0], b[0]), min(a[3], b[3]) - 1 - max(a[1], b[1])
        return iou(a, b) if x > 0 and y > 0 else 0.0

    matches = greedy([[overlap(a, b) for b in g.boxes] for a in p.boxes], 0.5)
    right = [value for row, column, value in matches if p.labels[row] == g.labels[column]]
    return _weighted(sum(right), len(matches), p, g)


def _by_confidence(boxes: list[int], p: Image, g: Image, table: list[list[float]]) -> dict[int, float]:
    free, found = set(range(len(g.boxes))), {}
    for k in sorted(boxes, key=lambda k: -p.scores[k]):
        column = max(free, key=lambda c: (table[k][c], -c), default=None)
        found[k] = 0.0
        if column is not None and table[k][column] > 0.5:
            found[k] = table[k][column]
            free.remove(column)
    return found


def visual_rft(p: Image, g: Image) -> float:
    g = g.without_crowds()
    length = (len(p.boxes) + len(g.boxes)) / 2
    if not length:
        return 1.0
    found = _by_confidence([k for k, b in enumerate(p.boxes) if good(b)], p, g, same_class(p, g))
    return sum((value + min(1, max(0, p.scores[k]))) / 2 for k, value in found.items() if value) / length


def visual_rft_as_published(p: Image, g: Image) -> float:
    g = g.without_crowds()
    named = [k for k, box in enumerate(p.boxes) if box not in p.boxes[:k]]
    if not named:
        return 0.0
    found = _by_confidence(named, p, g, [[iou(a, b) for b in g.boxes] for a in p.boxes])
    confidence = sum(p.scores[k] if value else 1 - p.scores[k] for k, value in found.items()) / len(named)
    return sum(found.values()) / max(len(named), len(g.boxes)) + min(1, max(0, confidence))


def _assigned(worth: list[list[float]]) -> float:
    table = np.array(worth)
    return float(table[linear_sum_assignment(table, maximize=True)].sum())


def _near(a: Box, b: Box) -> bool:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / 4 < 10


def hungarian(p: Image, g: Image) -> float:
    g = g.without_crowds()
    if not p.boxes or not g.boxes:
        return float(not p.boxes and not g.boxes)
    table = same_class(p, g)
    worth = [
        [(table[k][m] > 0.5) * (1 + _near(a, b)) / 2 for m, b in enumerate(g.boxes)] for k, a in enumerate(p.boxes)
    ]
    return _assigned(worth) / ((len(p.boxes) + len(g.boxes)) / 2)


def hungarian_as_published(p: Image, g: Image) -> float:
    truths, named = g.without_crowds().boxes[:120], p.boxes[:120]
    if not truths or not named:
        return 0.0

    def worth(a: Box, b: Box) -> float:
        inter = max(0, min(a[2], b[2]) - max(a[0], b[0]) + 1) * max(0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
        union = (a[2] - a[0] + 1) * (a[3] - a[1] + 1) + (b[2] - b[0] + 1) * (b[3] - b[1] + 1) - inter
        x, y = (a[0] + a[2]) / 2, (a[1] + a[3]) / 2
        apart = math.hypot(x - (b[0] + b[2]) / 2, y - (b[1] + b[3]) / 2)
        inside = a[0] <= x <= a[2] and a[1] <= y <= a[3]
        return (union != 0 and inter / union > 0.5) + _near(a, b) + (apart < 30 and inside)

    return _assigned([[worth(a, b) for b in truths] for a in named]) / max(len(named), len(truths))


def _grounded(value: Callable[[Box, Box], float]) -> Callable[[Image, Image], float]:
    """The first box named against the first truth."""

    def reference(p: Image, g: Image) -> float:
        g = g.without_crowds()
        if not g.boxes:
            return float(not p.boxes)
        return value(p.boxes[0], g.boxes[0]) if p.boxes else 0.0

    return reference


def _one_to_one(value: Callable[[Box, Box], float]) -> Callable[[Image, Image], float]:
    def reference(p: Image, g: Image) -> float:
        g = g.without_crowds()
        if not g.boxes:
            return float(not p.boxes)
        table = [
            [value(a, b) if x == y or -1 in (x, y) else 0.0 for b, y in zip(g.boxes, g.labels, strict=True)]
            for a, x in list(zip(p.boxes, p.labels, strict=True))[: len(g.boxes)]
        ]
        return sum(v for _, _, v in greedy(table)) / max(len(p.boxes), len(g.boxes))

    return reference


def giou_as_published(p: Image, g: Image) -> float:
    g = g.without_crowds()
    return giou(ordered(p.boxes[0]), g.boxes[0]) if p.boxes and g.boxes else 0.0


PLAIN: dict[str, Callable[[Image, Image], float]] = {
    "detection/coco-ap": coco_ap,
    "detection/f1": f1,
    "detection/hungarian": hungarian,
    "detection/hungarian-as-published": hungarian_as_published,
    "detection/od": od,
    "detection/od-as-published": od_as_published,
    "detection/od-length": lambda p, g: od(p, g) * length(p, g),
    "detection/od-length-as-published": lambda p, g: od_as_published(p, g) * length(p, g),
    "detection/recall": recall,
    "detection/recall-as-published": recall_as_published,
    "detection/soft-f1": soft_f1,
    "detection/soft-f1-as-published": soft_f1_as_published,
    "detection/visual-rft": visual_rft,
    "detection/visual-rft-as-published": visual_rft_as_published,
    "detection/weighted-sum": weighted_sum,
    "detection/weighted-sum-as-published": weighted_sum_as_published,
    "grounding/acc50": _grounded(lambda a, b: float(iou(a, b) >= 0.5)),
    "grounding/giou": _one_to_one(lambda a, b: max(0.0, giou(a, b)) if good(a) else 0.0),
    "grounding/giou-as-published": giou_as_published,
    "grounding/iou": _one_to_one(iou),
    "grounding/iou-squared": _grounded(lambda a, b: iou(a, b) ** 2),
}
