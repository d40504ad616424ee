"""Sweeps of one box: does the reward rise evenly with IoU, and does it depend on the size of the picture?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rewardmark.rewards.audit.foreign.judge import Case, Judge
from rewardmark.rewards.audit.foreign.reading import Reading
from rewardmark.rewards.audit.foreign.rows import Box, Row
from rewardmark.rewards.audit.result import Finding
from rewardmark.rewards.audit.statistics import EQUAL

__all__ = ["large_text", "sweep_iou", "sweep_size", "sweep_texts"]

SIDE = 1000
#: A reward that averages over thresholds has between these many steps; more is a curve, fewer is one threshold or two.
LEAST_STEPS, MOST_STEPS = 4, 20
UNEVEN = 1.5
#: Sizes of the small boxes of the second sweep, the picture they stand in, and how much larger the other picture is.
SMALL, PICTURE, FACTOR = (6, 10, 14), 64, 16
DEPENDS = 0.2


def sweep_iou(judge: Judge) -> dict[str, Any]:
    """The reward of one box at every IoU from 0.405 to 0.995; uneven steps become a finding. Returns the curve.

    The truth is a box of 1000 x 1000 pixels and the answer its left part, so that IoU is the answer's width / 1000.
    Steps on the grid of 0.05 that are not equally high mean that thresholds were merged or lost.
    """
    label = judge.rows[0].boxes[0].label
    row = Row("sweep", judge.rows[0].prompt, SIDE, SIDE, (Box((0, 0, SIDE, SIDE), label),), labels=judge.rows[0].labels)
    ious = [(405 + 10 * k) / SIDE for k in range(60)]
    texts = list(sweep_texts(judge.reading, row).values())
    values = [v if v is not None else 0.0 for v in judge.score("IoU sweep", texts, [row] * len(texts)).values]
    curve = {"iou": ious, "reward": values}
    steps = [(round(a + 0.005, 2), high - low) for a, low, high in zip(ious, values, values[1:], strict=False)]
    steps = [(at, height) for at, height in steps if abs(height) > EQUAL]
    heights = [height for _, height in steps]
    on_grid = all(abs(at * 20 - round(at * 20)) < 1e-6 for at, _ in steps)
    if not LEAST_STEPS <= len(steps) <= MOST_STEPS or not on_grid or min(heights) <= 0:
        return curve
    if max(heights) < UNEVEN * min(heights):
        return curve
    shown = ", ".join(f"{at:g}: +{height:.2g}" for at, height in steps)
    missing = [f"{k * 5 / 100:g}" for k in range(10, 20) if all(abs(at - k * 5 / 100) > 1e-6 for at, _ in steps)]
    text = f"the reward rises unevenly with IoU ({shown})" + (f"; no step at {', '.join(missing)}" if missing else "")
    worst = max(range(len(steps)), key=lambda k: heights[k])
    below = [i for i, iou in enumerate(ious) if iou < steps[worst][0]][-1]
    previous = next(i for i, iou in enumerate(ious) if values[i] == values[below])
    sample = {"sample_id": "sweep", "reward": values[below], "gold_reward": values[previous], "official": ious[below]}
    sample |= {
        "prediction": texts[below],
        "truth": judge.reading.gold(row),
        "text": texts[below],
        "gold_text": texts[-1],
    }
    finding = Finding(
        "false-fail", "uneven thresholds", "variants", text, values[below], values[-1], ious[below], 0.0, 0, [sample]
    )
    judge.cases.append(Case(finding, row, texts[below], "steps"))
    return curve


def sweep_size(judge: Judge) -> dict[str, Any]:
    """The same misses on a small picture and on one sixteen times as large, in pixels; a difference becomes a finding.

    A miss (IoU 0, a gap of two pixels) must not earn more because the picture is small: thresholds in pixels do that.
    """
    if judge.reading.frame != "pixel" or judge.reading.truth.given:
        return {}
    first = judge.rows[0]
    label = first.boxes[0].label
    small: list[tuple[Row, list[Box]]] = []
    for size in SMALL:
        for dx, dy in ((size + 2, 0), (0, size + 2), (size + 2, size + 2)):
            box = Box((8, 8, 8 + size, 8 + size), label)
            row = Row(f"size {size}", first.prompt, PICTURE, PICTURE, (box,), labels=first.labels)
            x0, y0, x1, y1 = box.corners
            small.append((row, [replace(box, corners=(x0 + dx, y0 + dy, x1 + dx, y1 + dy))]))
    large = [(row.scaled(FACTOR), list(replace(row, boxes=tuple(b)).scaled(FACTOR).boxes)) for row, b in small]
    rewards: list[list[float]] = []
    golds: list[list[float]] = []
    for rows in (small, large):
        pictures = [row for row, _ in rows]
        answers = [judge.reading.boxes(boxes, row) for row, boxes in rows]
        rewards.append([v or 0.0 for v in judge.score("near misses", answers, pictures).values])
        golds.append(
            [v or 0.0 for v in judge.score("small boxes", [judge.reading.gold(r) for r in pictures], pictures).values]
        )
    apart = [a - b for a, b in zip(*rewards, strict=True)]
    reach = sum(golds[0]) / len(golds[0]) - (judge.nonsense.mean or 0.0)
    worst = max(range(len(apart)), key=apart.__getitem__)
    section = {"small": rewards[0], "large": rewards[1], "gold": golds[0]}
    if reach > EQUAL and apart[worst] > DEPENDS * reach:
        row, boxes = small[worst]
        text = judge.reading.boxes(boxes, row)
        share = sum(d > DEPENDS * reach for d in apart) / len(apart)
        sample = {"sample_id": row.id, "reward": rewards[0][worst], "gold_reward": golds[0][worst], "official": 0.0}
        sample |= {
            "prediction": text,
            "truth": judge.reading.gold(row),
            "text": text,
            "gold_text": judge.reading.gold(row),
        }
        finding = Finding(
            "exploit",
            "thresholds in pixels",
            "variants",
            f"a box beside the object (IoU 0) earns {rewards[0][worst]:.3g} in a picture of {PICTURE} pixels and "
            f"{rewards[1][worst]:.3g} in the same picture {FACTOR} times as large",
            rewards[0][worst],
            golds[0][worst],
            0.0,
            share,
            1,
            [sample],
        )
        sample["boxes"] = [list(box.corners) for box in boxes]
        judge.cases.append(Case(finding, row, text, "size"))
    return section


def sweep_texts(reading: Reading, row: Row) -> dict[str, str]:
    """The completions of the IoU sweep by name, for the row of `sweep_iou`."""
    label = row.boxes[0].label
    return {f"IoU 0.{w:03d}": reading.boxes([Box((0, 0, w, SIDE), label)], row) for w in range(405, SIDE, 10)}


def large_text(reading: Reading, row: Row, sample: dict[str, Any]) -> tuple[Row, str]:
    """The row of a size finding in the large picture, and the same miss there."""
    answer = replace(row, boxes=tuple(Box(tuple(c), row.boxes[0].label) for c in sample["boxes"]))  # type: ignore[arg-type]
    return row.scaled(FACTOR), reading.boxes(answer.scaled(FACTOR).boxes, row.scaled(FACTOR))
