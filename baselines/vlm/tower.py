"""The vision tower before it meets a decoder: taught on its own, densely, what lies under each of its patches.

Published VLMs begin with a tower that millions of pictures have taught (CLIP, SigLIP). A tiny one from random weights
learns next to nothing through a decoder in the steps that a CPU has, so it is taught once, on scenes of its own (the
split "tower", which no VLM is trained or judged on), and every round begins from it again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from rewardmark.baselines.vlm.grid import PLACE, SPLIT, patch_boxes, patch_segments
from rewardmark.baselines.vlm.learn import Lesson, Log, learn
from rewardmark.baselines.vlm.models import Vlm
from rewardmark.tasks.programs.pictures import ScenePictures
from rewardmark.tasks.scenes.scene import Scene, make_scene
from rewardmark.tasks.scenes.world import COLOURS, LIGHTS, SIZES, TEXTURES, WORDS
from torch import Tensor, nn

__all__ = ["train_tower"]

HEADS = {
    "category": 14,
    "colour": len(COLOURS) + 1,
    "texture": 4,
    "size": 4,
    "word": len(WORDS) + 1,
    "light": len(LIGHTS),
}


def train_tower(
    vlm: Vlm,
    like: ScenePictures,
    count: int,
    lesson: Lesson,
) -> Log:
    """A lesson's batches of `count` scenes like these, in place: of what each patch shows (`patch_segments`) its
    category, colour, texture, size, sign text and box, and the picture's light.

    Boxes are told by the picture's corner, not by the patch's: a decoder that compares or writes places needs to be
    told them, and through a box that is relative to its patch a tower need not know where in the picture it is.
    """
    patch = int(vlm.model.config.vision_config.patch_size)
    tower = vlm.model.model.vision_tower
    width = int(vlm.model.config.vision_config.hidden_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lesson.seed)
        heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in {**HEADS, "box": PLACE}.items()})
    heads.to(vlm.device)
    scenes: dict[int, tuple[Any, dict[str, Any]]] = {}

    def step_loss(number: int) -> tuple[Tensor, dict[str, float]]:
        rows = np.random.default_rng([lesson.seed, 3, number]).integers(0, count, lesson.batch_size).tolist()
        for k in rows:
            if k not in scenes:
                scene = make_scene(like.seed, k, like.side, like.difficulty, SPLIT)
                scenes[k] = scene.image, _truth(scene, patch)
        pixels = vlm.processor.image_processor([scenes[k][0] for k in rows], return_tensors="pt")["pixel_values"]
        truths = {name: torch.as_tensor(np.stack([scenes[k][1][name] for k in rows])) for name in scenes[rows[0]][1]}
        features = tower(pixel_values=pixels.to(vlm.device)).last_hidden_state[:, 1:]
        loss = _loss(heads, features, {name: value.to(vlm.device) for name, value in truths.items()})
        return loss, {"images": float(lesson.batch_size)}

    both = nn.ModuleDict({"tower": tower, "heads": heads})
    return learn(
        both, list(both.parameters()), step_loss, lesson.steps, lesson.workdir, name="tower",
        learning_rate=lesson.learning_rate, device=str(vlm.device), weight_decay=0.01, progress=lesson.progress,
    )  # fmt: skip


def _truth(scene: Scene, patch: int) -> dict[str, Any]:
    """What each patch [P] shows, and where it lies; box: see `patch_boxes`."""
    ids = patch_segments(scene, patch)
    things, n = scene.graph["things"], len(scene.labels)
    by_id = {segment["id"]: segment["category_id"] for segment in scene.segments_info}
    colours = list(COLOURS)
    out = {name: np.zeros(len(ids), dtype=np.int64) for name in ("category", "colour", "texture", "size", "word")}
    for k, segment in enumerate(ids.tolist()):
        out["category"][k] = by_id.get(segment, 0)
        if 0 < segment <= n:
            thing = things[segment - 1]
            out["colour"][k] = 1 + colours.index(thing["colour"])
            out["texture"][k] = 1 + TEXTURES.index(thing["texture"])
            out["size"][k] = 1 + SIZES.index(thing["size"])
            out["word"][k] = 1 + WORDS.index(thing["text"]) if thing["text"] else 0
    light = list(LIGHTS).index(scene.graph["light"])
    return {**out, "box": patch_boxes(scene, patch), "light": np.array(light)}


def _loss(heads: nn.ModuleDict, features: Tensor, truths: dict[str, Tensor]) -> Tensor:
    """features [B, P, D]; cross-entropy of each head, and ten times the boxes' absolute error.

    What only things have is a mean over their patches, what only signs have over theirs: over all patches a sign's text
    is a thirtieth of the picture, and is not learned.
    """
    total = F.cross_entropy(heads["light"](features.mean(1)), truths["light"])
    for name, where in (
        ("category", None),
        ("colour", "colour"),
        ("texture", "colour"),
        ("size", "colour"),
        ("word", "word"),
    ):
        losses = F.cross_entropy(heads[name](features).flatten(0, 1), truths[name].flatten(), reduction="none")
        total = total + losses.mean()
        if where is not None:
            shown = truths[where].flatten() > 0
            total = total + (losses * shown).sum() / shown.sum().clamp(min=1)
    return total + 10 * (heads["box"](features) - truths["box"]).abs().mean()
