"""What rewards are audited on: the pictures and graphs of the Scenes world, judged by the tasks' official scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rewardmark.leaderboard.audit.officials import (
    caption_officials,
    colour_official,
    detection_official,
    panoptic_official,
    picture_ratio,
)
from rewardmark.rewards.audit.material import Material, Official
from rewardmark.rewards.audit.questions import Picture, Thing, question_material, variants
from rewardmark.rewards.audit.synthetic import captioning_material, synthetic_material
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.tasknames import task_names
from rewardmark.rewards.types import Boxes, DocumentFrequency, Images, Segments
from rewardmark.tasks.scenes import CATEGORIES, make_scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rewardmark.tasks.scenes import Scene

__all__ = ["SAMPLES", "scenes_material"]

#: Samples of each task unless another number is asked for: enough for steady means, few enough for seconds.
SAMPLES = {"panoptic": 32, "colorization": 32}
USUAL = 48
#: Side of the pictures in pixels; whole maps of pixels are kept for every prediction, so those are smaller.
SIDES = {"panoptic": 64, "colorization": 64}
SIDE = 96

SPLIT = "audit"


def scenes_material(task: str, n: int | None = None, seed: int = 0, variant: str = "") -> Material:
    """`n` samples of `task` from generated scenes of standard difficulty; the same arguments give the same material.

    n: 32 for maps of pixels and 48 for the rest, unless given. variant: one of `variants(task)`. Matching and format
    have nothing to do with pictures: theirs is synthetic. Raises RewardmarkError for an unknown task or variant.
    """
    if task not in task_names() or (n is not None and n < 1):
        raise RewardmarkError(f"no material for task {task!r} (n = {n}); tasks: {', '.join(task_names())}")
    kind = variant or variants(task)[0]
    if kind not in variants(task):
        raise RewardmarkError(f"task {task} has no material {kind!r}; it has {', '.join(variants(task))}")
    count = SAMPLES.get(task, USUAL) if n is None else n
    if task in ("matching", "format"):
        return synthetic_material(task, count, seed, kind)
    if task not in ("detection", "panoptic", "colorization", "captioning", "grounding", "vqa", "counting"):
        raise RewardmarkError(f"there is no material for the task {task} from outside; audit its rewards in a program")
    side = SIDES.get(task, SIDE)
    scenes = [make_scene(seed, k, side, "standard", SPLIT) for k in range(count)]
    source = f"scenes, standard, {side} px, n = {count}, seed {seed}{f' ({kind})' if kind else ''}"
    names = {int(str(c["id"])): str(c["name"]) for c in CATEGORIES}
    things = {int(str(c["id"])): str(c["name"]) for c in CATEGORIES if c["isthing"]}
    pictures = np.stack([scene.image for scene in scenes])
    if task in ("grounding", "vqa", "counting"):
        asked = [_picture(scene, k, side) for k, scene in enumerate(scenes)]
        return question_material(task, kind, asked, things, source, seed, images=pictures)
    if task == "captioning":
        return _captioning(scenes, kind, things, source, pictures)
    officials: dict[str, Official]
    gold: Any
    if task == "detection":
        gold = Boxes.from_lists(
            [scene.boxes for scene in scenes],
            [scene.labels for scene in scenes],
            is_crowd=[scene.is_crowd for scene in scenes],
            areas=[scene.areas for scene in scenes],
        )
        names, officials = things, {"detection/AP": detection_official(things)}
    elif task == "panoptic":
        gold = Segments.from_lists(*_segments(scenes))
        officials = {"panoptic/PQ": panoptic_official(names)}
    else:
        gold = Images.from_lists(list(pictures))
        officials = {"colorization/colorfulness": colour_official, "colorization/psnr": picture_ratio}
    name, official = next(iter(officials.items()))
    predicted = Boxes(gold.boxes, gold.labels, gold.scores, gold.mask) if isinstance(gold, Boxes) else gold
    return Material(
        task=task,
        gold=predicted,
        targets=gold,
        official=official,
        official_name=name,
        floor=0.0,
        sample_ids=[str(k) for k in range(count)],
        source=source,
        images=pictures,
        sizes=[(side, side)] * count,
        categories={} if task == "colorization" else names,
        prompts=_prompts(task, names, count),
        officials=officials,
    )


def _segments(scenes: Sequence[Scene]) -> tuple[list[Any], list[list[int]]]:
    """Id maps and categories, segments numbered from 1 without gaps."""
    maps, categories = [], []
    for scene in scenes:
        place = np.zeros(int(scene.panoptic.max()) + 1, dtype=np.int64)
        place[[int(info["id"]) for info in scene.segments_info]] = np.arange(1, len(scene.segments_info) + 1)
        maps.append(place[scene.panoptic])
        categories.append([int(info["category_id"]) for info in scene.segments_info])
    return maps, categories


def _captioning(scenes: Sequence[Scene], kind: str, things: dict[int, str], source: str, pictures: Any) -> Material:
    texts = [scene.captions for scene in scenes]
    objects = [sorted({str(thing["category"]) for thing in scene.graph["things"]}) for scene in scenes]
    rgb = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    frequency = DocumentFrequency.from_references(texts)
    material = captioning_material(kind, texts, frequency, objects, things, source, rgb, caption_officials(texts))
    return replace(material, images=pictures, prompts=["Describe the picture in one sentence."] * len(scenes))


def _picture(scene: Scene, k: int, side: int) -> Picture:
    found = [
        Thing(str(thing["category"]), str(thing["colour"]), tuple(float(v) for v in box))  # type: ignore[arg-type]
        for thing, box in zip(scene.graph["things"], scene.boxes, strict=True)
    ]
    return Picture(str(k), (side, side), found)


def _prompts(task: str, names: dict[int, str], count: int) -> list[str]:
    listed = ", ".join(names.values())
    asked = {
        "detection": f"Find all things in the picture and name them: {listed}.",
        "panoptic": f"Divide the picture into segments: {listed}.",
        "colorization": "Give the grey picture its colours.",
    }
    return [asked[task]] * count
