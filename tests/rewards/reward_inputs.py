"""Random batches for every reward, edge cases included: what the parity tests and the benchmarks are run on."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import plain_other
import torch
from rewardmark.rewards import (
    Answers,
    Boxes,
    Captions,
    DocumentFrequency,
    Grounded,
    Images,
    PairScores,
    References,
    Segments,
)

WORDS = ["a", "red", "blue", "dog", "dogs", "cat", "cats", "ball", "box", "sits", "on", "the", "grass", "near", "with"]
WORDS += ["water", "large", "dog's", "3 1/2"]  # the last is one token with a no-break space
SENTENCES = ["it is red", "a dog", "no", "Yes", "", "it is red", "so"]
PIXELS = 24


def boxes(seed: int, size: int, most: int = 9) -> tuple[Boxes, Boxes]:
    """Predictions and truths: empty lists, ties, crowds, duplicates, wrong labels, inverted and empty boxes."""
    rng = np.random.default_rng(seed)
    found: list[list[Any]] = [[], [], []]
    truth: list[list[Any]] = [[], [], []]
    for image in range(size):
        whole = image % 2 == 0
        count = int(rng.integers(0, most))
        corner = rng.uniform(0, 60, (count, 2))
        corners = np.concatenate([corner, corner + rng.uniform(1, 40, (count, 2))], 1)
        gold = np.floor(corners) + np.array([0, 0, 1, 1]) if whole else corners
        labels = rng.integers(1, 4, count)
        picks = rng.integers(0, count, rng.integers(0, most)) if count else np.zeros(0, int)
        shift = rng.integers(-2, 3, (len(picks), 4)) if whole else rng.normal(0, 2, (len(picks), 4))
        near = gold[picks] + shift * rng.choice([0, 1], (len(picks), 1))
        if not count and rng.random() < 0.5:
            near, picks = np.array([[1.0, 1, 5, 5]]), np.zeros(1, int)
        kind = rng.random(len(near))
        near[kind < 0.08] = near[kind < 0.08][:, [2, 3, 0, 1]]
        near[kind > 0.95, 2] = near[kind > 0.95, 0]
        found[0].append(near)
        found[1].append(np.where(rng.random(len(near)) < 0.15, 2, labels[picks] if count else 1))
        found[2].append(rng.choice([0.0, 0.25, 0.5, 1.0], len(near)) if whole else rng.random(len(near)))
        truth[0].append(gold)
        truth[1].append(labels)
        truth[2].append(rng.random(count) < 0.1)
    return Boxes.from_lists(*found), Boxes.from_lists(truth[0], truth[1], is_crowd=truth[2])


def scattered(batch: Boxes, seed: int) -> Boxes:
    """The same boxes with padding between them, filled with garbage."""
    size, count = batch.labels.shape
    rng = torch.Generator().manual_seed(seed)
    width = count + 4
    slots = torch.stack([torch.randperm(width, generator=rng)[:count].sort().values for _ in range(size)])

    def spread(values: torch.Tensor | None, fill: torch.Tensor) -> torch.Tensor | None:
        if values is None:
            return None
        index = slots if values.ndim == 2 else slots[:, :, None].expand(-1, -1, 4)
        return fill.to(values.dtype).scatter(1, index, values)

    return Boxes(
        spread(batch.boxes, torch.rand((size, width, 4), generator=rng) * 50),
        spread(batch.labels, torch.ones((size, width))),
        spread(batch.scores, torch.ones((size, width))),
        spread(batch.mask, torch.zeros((size, width))),
        spread(batch.is_crowd, torch.ones((size, width))),
        spread(batch.areas, torch.ones((size, width))),
    )  # type: ignore[arg-type]


def _grounded(seed: int, size: int) -> tuple[Grounded, Grounded]:
    rng = np.random.default_rng(seed)
    gold, truth_points, found, points = [], [], [], []
    for _ in range(size):
        corner = rng.integers(0, 60, 2)
        box = np.concatenate([corner, corner + rng.integers(4, 150, 2)]).astype(float)
        gold.append(box)
        truth_points.append(box[:2] + rng.random((2, 2)) * (box[2:] - box[:2]))
        near = box + rng.choice([0, 1, 9]) * rng.normal(0, 2, 4)
        found.append([None, near, near, near[[2, 3, 0, 1]]][rng.choice(4, p=[0.1, 0.5, 0.3, 0.1])])
        points.append((truth_points[-1] + rng.normal(0, rng.choice([1, 60]), (2, 2)))[rng.permutation(2)].tolist())
        points[-1] = (points[-1] + [[1.0, 1.0]])[: rng.integers(0, 4)]
    return Grounded.from_lists(found, points), Grounded.from_lists(gold, truth_points)


def _segments(seed: int, size: int) -> tuple[Segments, Segments]:
    rng = np.random.default_rng(seed)
    parts: list[list[Any]] = [[], [], [], [], []]
    for _ in range(size):
        truth = rng.integers(0, 5, (3, 3)).repeat(PIXELS // 3, 0).repeat(PIXELS // 3, 1)
        found = np.where(rng.random(truth.shape) < rng.choice([0.05, 0.3]), rng.integers(0, 7, truth.shape), truth)
        kinds = rng.integers(1, 4, 4)
        parts[0].append(found)
        parts[1].append([*np.where(rng.random(4) < 0.2, 2, kinds).tolist(), 1, 3])
        parts[2].append(truth)
        parts[3].append(kinds.tolist())
        parts[4].append((rng.random(4) < 0.2).tolist())
    return Segments.from_lists(parts[0], parts[1]), Segments.from_lists(parts[2], parts[3], is_crowd=parts[4])


def captions(count: int, rng: random.Random) -> list[str]:
    return [
        " ".join(rng.choice(WORDS) for _ in range(rng.randint(0, 12))) + rng.choice(["", "."]) for _ in range(count)
    ]


def _images(seed: int, size: int) -> tuple[Images, Images]:
    rng = torch.Generator().manual_seed(seed)
    rgb = torch.rand((size, 3, PIXELS + 2, PIXELS), generator=rng)
    grey = rgb.mean(1, keepdim=True).expand_as(rgb)
    mixed = torch.where((torch.arange(size) % 3 == 0)[:, None, None, None], grey + 0.05 * (rgb - grey), rgb)
    other = (mixed + 0.1 * torch.randn(rgb.shape, generator=rng)).clamp(0, 1)
    other[::4] = mixed[::4]
    return Images(mixed), Images(other)


def _answers(short: str, rng: random.Random, size: int) -> tuple[Answers, Any]:
    pool = [
        "dog",
        "a dog",
        "Dog.",
        "two dogs",
        "2 dogs",
        "none",
        "dont",
        "10,000",
        "",
        "cat",
        "the cat",
        "blue-green",
        "yes",
    ]
    if short.startswith("yes-no"):
        said = [
            "yes",
            "No.",
            "I do not know",
            "eyes",
            "yes and no",
            "",
            "<answer>no</answer>",
            "well, yes it is",
            "no no",
        ]
        return Answers([rng.choice(said) for _ in range(size)]), Answers(
            [rng.choice(["yes", "no"]) for _ in range(size)]
        )
    if short == "error":
        said = ["3", "three", "There are 4.", "2 or 3", "many", "", "-1", "2.5", "one or two", "99", "2 (two)"]
        return Answers([rng.choice(said) for _ in range(size)]), Answers([str(rng.randint(0, 5)) for _ in range(size)])
    if short == "soft":
        truths = [[rng.choice(pool[: rng.randint(1, len(pool))]) for _ in range(10)] for _ in range(size)]
        return Answers([rng.choice([*row, rng.choice(pool)]) for row in truths]), Answers(truths)
    truths = [rng.choice([rng.choice(pool), [rng.choice(pool), rng.choice(pool)]]) for _ in range(size)]
    return Answers([rng.choice(pool) for _ in range(size)]), Answers(truths)


def _written(rng: random.Random, size: int) -> Answers:
    box = '{"bbox_2d": [0, 0, 4, 4]}'
    parts = ["<think>", "</think>", "<answer>", "</answer>", "so", " ", "\n", f"[{box}]", box.replace("4]", "-4]"), "."]
    whole = [
        "<think>so</think><answer>a</answer>", "<think>so</think>\n <answer>a</answer>", f"[{box}]", "[]", box,
        "<think></think><answer>a</answer>", "<think>a</think><answer>b</answer><answer>c</answer>", f"[{box}, 3]",
        f"<answer>[{box}]</answer>", "[[0, 0, 4, 4]]", "null", " <think>so</think><answer>a</answer>",
    ]  # fmt: skip
    loose = lambda: "".join(rng.choice(parts) for _ in range(rng.randint(0, 6)))  # noqa: E731
    sentences = lambda: ". ".join(rng.choice(SENTENCES) for _ in range(rng.randint(0, 6)))  # noqa: E731
    return Answers([rng.choice([rng.choice(whole), loose(), sentences()]) for _ in range(size)])


def inputs(name: str, seed: int = 0, size: int = 64) -> tuple[Any, Any, dict[str, Any]]:
    """Predictions, targets and parameters for the reward `name`."""
    task, _, short = name.partition("/")
    rng = random.Random(seed)
    if short.startswith("seg-zero"):
        return *_grounded(seed, size), {}
    if short == "point-in-box":
        found, truth = _grounded(seed, size)
        wanted = [[] if rng.random() < 0.1 else [box] for box in truth.box.tolist()]
        return found, Boxes.from_lists(wanted, [[1] * len(row) for row in wanted]), {}
    if task in ("detection", "grounding"):
        return *boxes(seed, size), {}
    if task == "panoptic":
        return *_segments(seed, size), {}
    if task == "colorization":
        return *_images(seed, size), {}
    if short == "clip-score":
        return Captions(captions(size, rng)), _images(seed, size)[0], {"scorer": plain_other.cosines}
    if task == "captioning":
        references = [captions(rng.randint(1, 5), rng) for _ in range(size)]
        said = [rng.choice([*captions(2, rng), rng.choice(row)]) for row in references]
        truth = References(references, DocumentFrequency.from_references(references))
        return Captions(said), truth, {"vocabulary": plain_other.VOCABULARY} if short == "chair" else {}
    if task == "matching":
        scores = torch.randint(0, 6, (size, 2, 2), generator=torch.Generator().manual_seed(seed)) / 4
        return PairScores(scores), None, {}
    if task == "format":
        return _written(rng, size), None, {}
    return *_answers(short, rng, size), {}
