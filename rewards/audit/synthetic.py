"""Material without a data set: random boxes, label maps, smooth colour images, template captions, answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit.material import Material, Official
from rewardmark.rewards.audit.questions import Picture, Thing, question_material, variants
from rewardmark.rewards.caption_overlap import bleu4, rouge_l
from rewardmark.rewards.chair import chair
from rewardmark.rewards.cider import cider_d
from rewardmark.rewards.colorization import hasler, psnr
from rewardmark.rewards.detection_ap import coco_ap
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.matching import pair
from rewardmark.rewards.panoptic import pq
from rewardmark.rewards.tasknames import task_names
from rewardmark.rewards.types import (
    Answers,
    Boxes,
    Captions,
    DocumentFrequency,
    Images,
    PairScores,
    References,
    Segments,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["CATEGORIES", "captioning_material", "format_material", "matching_material", "synthetic_material"]

SIDE = 96
CATEGORIES = {1: "dog", 2: "cat", 3: "car", 4: "boat", 5: "chair"}
STUFF = {6: "sky", 7: "grass"}
COLOURS = ("red", "blue", "green", "white", "black")
#: Documents behind the frequencies of n-grams: with few, every word would be rare.
DOCUMENTS = 200


def synthetic_material(task: str, n: int = 24, seed: int = 0, variant: str = "") -> Material:
    """`n` samples of `task`, every one with a truth; the same arguments give the same material.

    variant: one of `variants(task)`, the first unless given. Raises RewardmarkError for an unknown task or variant.

    >>> material = synthetic_material("detection", n=4)
    >>> len(material), material.official(material.gold, material.targets).tolist()
    (4, [1.0, 1.0, 1.0, 1.0])
    """
    if task not in task_names() or n < 1:
        raise RewardmarkError(f"no synthetic material for task {task!r} (n = {n}); tasks: {', '.join(task_names())}")
    kind = variant or variants(task)[0]
    if kind not in variants(task):
        raise RewardmarkError(f"task {task} has no material {kind!r}; it has {', '.join(variants(task))}")
    source = f"synthetic {task}{f' ({kind})' if kind else ''}, n = {n}, seed {seed}"
    rng = np.random.default_rng(seed)
    pictures = [_picture(rng, k) for k in range(n)]
    if task in ("grounding", "vqa", "counting"):
        return question_material(task, kind, pictures, CATEGORIES, source, seed)
    if task == "matching":
        return matching_material(n, seed)
    if task == "format":
        return format_material(kind, pictures, source)
    if task == "captioning":
        texts = [_captions(picture, rng) for picture in pictures]
        others = [_captions(_picture(rng, k), rng) for k in range(DOCUMENTS)]
        frequency = DocumentFrequency.from_references([*texts, *others])
        images = torch.stack([_smooth(rng) for _ in pictures])
        objects = [sorted({thing.category for thing in picture.things}) for picture in pictures]
        return captioning_material(kind, texts, frequency, objects, CATEGORIES, source, images)
    if task == "panoptic":
        return _panoptic(pictures, source)
    if task == "colorization":
        return _colorization(torch.stack([_smooth(rng) for _ in pictures]), source)
    return _detection(pictures, source)


def _detection(pictures: Sequence[Picture], source: str) -> Material:
    ids = {name: label for label, name in CATEGORIES.items()}
    boxes = [[thing.box for thing in picture.things] for picture in pictures]
    labels = [[ids[thing.category] for thing in picture.things] for picture in pictures]
    gold = Boxes.from_lists(boxes, labels)
    return _material("detection", gold, gold, {"detection/AP": _double(coco_ap)}, source, CATEGORIES, len(pictures))


def _panoptic(pictures: Sequence[Picture], source: str) -> Material:
    ids = {name: label for label, name in CATEGORIES.items()}
    maps, categories = [], []
    for picture in pictures:
        segment_map = np.ones((SIDE, SIDE), dtype=np.int64)
        segment_map[SIDE // 2 :] = 2
        found = [6, 7]
        for thing in picture.things:
            x0, y0, x1, y1 = (int(v) for v in thing.box)
            segment_map[y0:y1, x0:x1] = len(found) + 1
            found.append(ids[thing.category])
        seen = [k for k in range(1, len(found) + 1) if (segment_map == k).any()]
        maps.append(np.searchsorted(np.array(seen), segment_map) + 1)  # what is hidden leaves the list
        categories.append([found[k - 1] for k in seen])
    gold = Segments.from_lists(maps, categories)
    names = {**CATEGORIES, **STUFF}
    return _material("panoptic", gold, gold, {"panoptic/PQ": _double(pq)}, source, names, len(pictures))


def _colorization(rgb: Tensor, source: str) -> Material:
    gold = Images(rgb)
    officials = {"colorization/colorfulness": _double(hasler), "colorization/psnr": _double(psnr)}
    return _material("colorization", gold, gold, officials, source, {}, len(rgb))


def captioning_material(
    kind: str,
    texts: Sequence[Sequence[str]],
    frequency: DocumentFrequency,
    objects: Sequence[Sequence[str]],
    categories: dict[int, str],
    source: str,
    images: Tensor,
    officials: dict[str, Official] | None = None,
) -> Material:
    """Captions of pictures: the first reference of each is the gold prediction. images [B, 3, H, W] in 0..1.

    kind "references": truths are References; "images": truths are Images, for rewards that look at the picture; there
    is no official metric then. `officials` stand for CIDEr-D, BLEU-4, ROUGE-L and CHAIR as registered here.
    """
    vocabulary: dict[str, list[str]] = {name: [] for name in categories.values()}

    def minus_chair(predictions: Any, targets: Any) -> Tensor:
        return chair(predictions, targets, vocabulary=vocabulary).double()

    own: dict[str, Official] = {
        "captioning/CIDEr": _double(cider_d),
        "captioning/Bleu_4": _double(bleu4),
        "captioning/ROUGE_L": _double(rouge_l),
        "captioning/CHAIR_i": minus_chair,
    }
    gold = Captions([captions[0] for captions in texts])
    pictured = kind == "images"
    material = _material(
        "captioning",
        gold,
        Images(images) if pictured else References([list(t) for t in texts], frequency, [list(o) for o in objects]),
        {} if pictured else {**own, **(officials or {})},
        source,
        categories,
        len(texts),
    )
    return _with(material, parameters={"captioning/chair": {"vocabulary": vocabulary}}, sizes=_sizes(images))


def matching_material(n: int, seed: int) -> Material:
    """Tables of scores in which each caption fits its own image best; there is no truth beside the order."""
    rng = np.random.default_rng(seed)
    scores = np.stack([np.array([[0.9, 0.1], [0.2, 0.8]]) + rng.uniform(-0.08, 0.08, (2, 2)) for _ in range(n)])

    def group(predictions: Any, targets: Any) -> Tensor:
        return pair(predictions, targets)[0].double()

    gold = PairScores.from_lists(scores.tolist())
    source = f"synthetic matching, n = {n}, seed {seed}"
    return _material("matching", gold, None, {"matching/group": group}, source, {}, n)


def format_material(kind: str, pictures: Sequence[Picture], source: str) -> Material:
    """Well-formed completions of a kind; there is no official metric.

    "sentences": plain sentences, each different; "tags": a thought and an answer in words; "json-boxes": a thought and
    an answer that is a JSON list of boxes.
    """
    texts = []
    for picture in pictures:
        seen = [f"I see a {thing.colour} {thing.category} at {thing.box[0]:.0f}" for thing in picture.things]
        entries = [
            '{"bbox_2d": [' + ", ".join(f"{v:.0f}" for v in thing.box) + f'], "label": "{thing.category}"}}'
            for thing in picture.things
        ]
        answer = (
            f"[{', '.join(entries)}]" if kind == "json-boxes" else f"{len(seen)} things, the first is {seen[0][6:]}"
        )
        said = ". ".join([*seen, "That is all", "Nothing else is there"]) + "."
        texts.append(said if kind == "sentences" else f"<think>{said}</think><answer>{answer}</answer>")
    form = {
        "sentences": "Say what you see.",
        "tags": "Count the things. Write <think>...</think><answer>...</answer>.",
        "json-boxes": "Find all things. Write <think>...</think><answer>a JSON list of boxes</answer>.",
    }[kind]
    material = _material("format", Answers(texts), Answers(texts), {}, source, CATEGORIES, len(texts))
    return _with(material, prompts=[form] * len(texts), official_name="")


def _material(
    task: str,
    gold: Any,
    targets: Any,
    officials: dict[str, Official],
    source: str,
    categories: dict[int, str],
    n: int,
) -> Material:
    name, official = next(iter(officials.items()), ("", None))
    prompt = f"Do the task of {task} for this picture." + (
        f" The categories are {', '.join(categories.values())}." if categories else ""
    )
    return Material(
        task=task,
        gold=gold,
        targets=targets,
        official=official,
        official_name=name,
        floor=0.0,
        sample_ids=[str(k) for k in range(n)],
        source=source,
        sizes=[(SIDE, SIDE)] * n,
        categories=categories,
        prompts=[prompt] * n,
        officials=officials,
    )


def _with(material: Material, **changes: Any) -> Material:
    from dataclasses import replace

    return replace(material, **changes)


def _sizes(images: Tensor) -> list[tuple[int, int]]:
    return [(int(images.shape[2]), int(images.shape[3]))] * len(images)


def _double(function: Any) -> Official:
    """A registered reward's function as an official metric in float64."""

    def official(predictions: Any, targets: Any) -> Tensor:
        value = function(predictions, targets)
        values: Tensor = value[0] if isinstance(value, tuple) else value
        return values.double()

    return official


def _picture(rng: np.random.Generator, k: int) -> Picture:
    things: list[Thing] = []
    for _ in range(int(rng.integers(1, 6))):
        sides = rng.integers(12, 34, 2)
        corner = rng.integers(0, SIDE - sides)
        box = (float(corner[0]), float(corner[1]), float(corner[0] + sides[0]), float(corner[1] + sides[1]))
        thing = Thing(CATEGORIES[int(rng.integers(1, 6))], COLOURS[int(rng.integers(5))], box)
        if all(_apart(thing.box, other.box) for other in things):
            things.append(thing)
    return Picture(str(k), (SIDE, SIDE), things)


def _apart(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether two boxes overlap so little that neither could be taken for the other."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0) < 0.2 * min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


_OPENINGS = ("a picture of", "there is", "we see", "this shows", "here is")
_ENDINGS = ("on the grass", "under the sky", "in the yard", "near the street", "on a sunny day")


def _captions(picture: Picture, rng: np.random.Generator) -> list[str]:
    texts = []
    for opening in _OPENINGS:
        order = rng.permutation(len(picture.things))[:2]
        named = " and ".join(f"a {picture.things[i].colour} {picture.things[i].category}" for i in order)
        texts.append(f"{opening} {named} {_ENDINGS[int(rng.integers(len(_ENDINGS)))]}")
    return texts


def _smooth(rng: np.random.Generator, side: int = 48) -> Tensor:
    """A smooth colour picture: a few random colours, blown up. [3, side, side] in 0..1."""
    coarse: NDArray[np.float64] = rng.uniform(0.1, 0.9, (1, 3, 4, 4))
    grown = torch.nn.functional.interpolate(
        torch.from_numpy(coarse).float(), (side, side), mode="bilinear", align_corners=True
    )
    return grown[0]
