"""Grounding, questions, counts and captions about pictures of which the things are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit.material import Material, Official
from rewardmark.rewards.counting import error
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.types import Answers, Boxes, Grounded
from rewardmark.rewards.vqa import anls, soft

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["VARIANTS", "Picture", "Thing", "question_material", "variants"]

#: Task -> the kinds of material that its rewards ask for, the usual one first.
VARIANTS: dict[str, tuple[str, ...]] = {
    "grounding": ("boxes", "point", "box-and-points"),
    "vqa": ("open", "yes-no"),
    "captioning": ("references", "images"),
    "format": ("sentences", "tags", "json-boxes"),
}

#: Annotators of a question, as in VQAv2.
ANNOTATORS = 10


def variants(task: str) -> tuple[str, ...]:
    """The kinds of material of a task; ("",) where there is one.

    >>> variants("grounding")[0], variants("detection")
    ('boxes', ('',))
    """
    return VARIANTS.get(task, ("",))


@dataclass(frozen=True)
class Thing:
    """Something in a picture: box xyxy in pixels."""

    category: str
    colour: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Picture:
    """What a question can be about. size: (height, width); there is at least one thing."""

    sample_id: str
    size: tuple[int, int]
    things: Sequence[Thing]


def question_material(
    task: str,
    variant: str,
    pictures: Sequence[Picture],
    categories: dict[int, str],
    source: str,
    seed: int,
    images: Any = None,
) -> Material:
    """Material of grounding, vqa or counting (see VARIANTS) with one question a picture.

    Official metrics: acc50 of the first box (float64, no +1 pixel), point accuracy of the first point, VQA accuracy
    over ten annotators, minus the absolute error of a count. Raises RewardmarkError for another task or variant.
    """
    makers = {
        ("grounding", "boxes"): _boxes,
        ("grounding", "point"): _point,
        ("grounding", "box-and-points"): _box_and_points,
        ("vqa", "open"): _open_questions,
        ("vqa", "yes-no"): _yes_no_questions,
        ("counting", ""): _counts,
    }
    if (task, variant) not in makers:
        raise RewardmarkError(f"there are no questions of task {task!r} and kind {variant!r}")
    rng = np.random.default_rng(seed)
    gold, targets, prompts, official, name = makers[task, variant](pictures, categories, rng)
    return Material(
        task=task,
        gold=gold,
        targets=targets,
        official=official,
        official_name=name,
        floor=-10.0 if task == "counting" else 0.0,
        sample_ids=[picture.sample_id for picture in pictures],
        source=source,
        images=images,
        sizes=[picture.size for picture in pictures],
        categories=categories,
        prompts=prompts,
        officials={name: official} if task != "vqa" else {name: official, "vqa/ANLS": _anls},
    )


Made = tuple[Any, Any, list[str], Official, str]


def _boxes(pictures: Sequence[Picture], categories: dict[int, str], rng: np.random.Generator) -> Made:
    chosen = [_pick(picture, rng) for picture in pictures]
    ids = {name: label for label, name in categories.items()}
    truth = Boxes.from_lists([[thing.box] for thing in chosen], [[ids[thing.category]] for thing in chosen])
    prompts = [f"Where is the {thing.colour} {thing.category}? Answer with one box." for thing in chosen]
    return truth, truth, prompts, _acc50, "grounding/acc50"


def _point(pictures: Sequence[Picture], categories: dict[int, str], rng: np.random.Generator) -> Made:
    _, truth, prompts, _, _ = _boxes(pictures, categories, rng)
    middle = (truth.boxes[:, :, :2] + truth.boxes[:, :, 2:]) / 2  # [B, 1, 2]
    gold = Grounded(torch.full((len(truth), 4), torch.nan), middle)
    asked = [prompt.replace("one box", "one point") for prompt in prompts]
    return gold, truth, asked, _point_accuracy, "grounding/point accuracy"


def _box_and_points(pictures: Sequence[Picture], categories: dict[int, str], rng: np.random.Generator) -> Made:
    _, truth, prompts, _, _ = _boxes(pictures, categories, rng)
    box = truth.boxes[:, 0]
    low, span = box[:, None, :2], (box[:, 2:] - box[:, :2])[:, None, :]
    points = torch.cat([low + 0.4 * span, low + 0.6 * span], dim=1).ceil()  # whole pixels, as such models write them
    gold = Grounded(box, points)
    asked = [prompt.replace("one box", "one box and two points") for prompt in prompts]
    return gold, gold, asked, _grounded_acc50, "grounding/acc50"


def _open_questions(pictures: Sequence[Picture], categories: dict[int, str], rng: np.random.Generator) -> Made:
    prompts, answers = [], []
    for picture in pictures:
        thing = _pick(picture, rng)
        if rng.random() < 0.5:
            prompts.append(f"What color is the {thing.category}?")
            answers.append(thing.colour)
        else:
            prompts.append(f"Which thing in the picture is {thing.colour}?")
            answers.append(thing.category)
    return Answers(answers), Answers([[a] * ANNOTATORS for a in answers]), prompts, _vqa_accuracy, "vqa/accuracy"


def _yes_no_questions(pictures: Sequence[Picture], categories: dict[int, str], rng: np.random.Generator) -> Made:
    prompts, answers = [], []
    for picture in pictures:
        seen = {thing.category for thing in picture.things}
        absent = sorted(set(categories.values()) - seen)
        there = not absent or rng.random() < 0.5
        asked = str(rng.choice(sorted(seen) if there else absent))
        prompts.append(f"Does the picture show a {asked}?")
        answers.append("yes" if there else "no")
    return Answers(answers), Answers([[a] * ANNOTATORS for a in answers]), prompts, _vqa_accuracy, "vqa/accuracy"


def _counts(pictures: Sequence[Picture], categories: dict[int, str], rng: np.random.Generator) -> Made:
    prompts, answers = [], []
    for picture in pictures:
        counts = Counter(thing.category for thing in picture.things)
        asked = str(rng.choice(sorted(counts)))
        prompts.append(f"How many things of the kind {asked} does the picture show?")
        answers.append(str(counts[asked]))
    return Answers(answers), Answers(answers), prompts, _minus_error, "counting/MAE"


def _pick(picture: Picture, rng: np.random.Generator) -> Thing:
    """A thing that its colour and category name alone, where there is one."""
    counts = Counter((thing.category, thing.colour) for thing in picture.things)
    alone = [thing for thing in picture.things if counts[thing.category, thing.colour] == 1] or list(picture.things)
    return alone[int(rng.integers(len(alone)))]


def _iou64(a: Tensor, b: Tensor) -> Tensor:
    """IoU of boxes [B, 4] in float64, 0 for a box that is no box: written apart from the rewards that it judges."""
    a, b = a.double(), b.double()
    sides = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0)
    inter = sides.prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - inter
    good = (a[:, 2:] > a[:, :2]).all(1) & torch.isfinite(a).all(1)
    return torch.where(good, inter / union, 0.0)


def _acc50(predictions: Boxes, targets: Boxes) -> Tensor:
    firsts = [predictions.sample(row).boxes[:1] for row in range(len(predictions))]
    first = torch.cat([box if len(box) else torch.full((1, 4), torch.nan) for box in firsts])
    return (_iou64(first, targets.boxes[:, 0]) >= 0.5).double()


def _grounded_acc50(predictions: Grounded, targets: Grounded) -> Tensor:
    return (_iou64(predictions.box, targets.box) >= 0.5).double()


def _point_accuracy(predictions: Grounded, targets: Boxes) -> Tensor:
    first, box = predictions.points[:, 0], targets.boxes[:, 0]
    return ((first >= box[:, :2]) & (first <= box[:, 2:])).all(1).double()


def _vqa_accuracy(predictions: Answers, targets: Answers) -> Tensor:
    return soft(predictions, targets).double()


def _anls(predictions: Answers, targets: Answers) -> Tensor:
    return anls(predictions, targets).double()


def _minus_error(predictions: Answers, targets: Answers) -> Tensor:
    return error(predictions, targets).double()
