"""A scene as the patches of a vision tower see it: which segment each shows, where, and the words to tell it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rewardmark.tasks.scenes.long_captions import light_words
from rewardmark.tasks.scenes.scene import Scene
from rewardmark.tasks.scenes.world import STUFF_IDS, THING_IDS

__all__ = ["PLACE", "SPLIT", "patch_boxes", "patch_segments", "patch_words"]

SPLIT = "tower"
"""Scenes that only the parts of a VLM are taught on: none is trained or judged on them."""
PLACE = 4
"""Numbers that tell where a patch's segment is: the corners of its box."""
_NAMES = {number: name for name, number in {**THING_IDS, **STUFF_IDS}.items()}


def patch_segments(scene: Scene, patch: int) -> NDArray[np.int64]:
    """The id of the segment that each patch [P] shows, row by row: what lies in its middle; a thing that lies in no
    patch's middle is shown by the one where the middle of its visible pixels is. 0: nothing known."""
    side = scene.image.shape[0]
    middles = np.arange(patch // 2, side, patch)
    ids = scene.panoptic[np.ix_(middles, middles)].astype(np.int64).ravel()
    for thing in range(1, len(scene.labels) + 1):
        if thing not in ids:
            rows, columns = np.nonzero(scene.panoptic == thing)
            if len(rows):
                ids[int(rows.mean()) // patch * len(middles) + int(columns.mean()) // patch] = thing
    return ids


def patch_boxes(scene: Scene, patch: int) -> NDArray[np.float32]:
    """Where each patch's segment [P, PLACE] is, in sides of the picture: x0, y0, x1, y1 of a thing's box; of the patch
    itself where it shows stuff."""
    side = scene.image.shape[0]
    corners = np.arange(0, side, patch)
    begin = np.stack(np.meshgrid(corners, corners), -1).reshape(-1, 2)  # x, y, row by row
    boxes = np.concatenate([begin, begin + patch], axis=1)
    for k, segment in enumerate(patch_segments(scene, patch).tolist()):
        if 0 < segment <= len(scene.labels):
            boxes[k] = scene.boxes[segment - 1]
    out: NDArray[np.float32] = (boxes / side).astype(np.float32)
    return out


def patch_words(scene: Scene, patch: int) -> list[str]:
    """What each patch shows, in the words of captions: size, pattern, colour and name of a thing and what is written on
    it, or stuff and the light.

    A thing hides the light, medium size and plain pattern go without saying, as in captions.
    """
    names: dict[int, str] = {}
    categories = {segment["id"]: _NAMES[segment["category_id"]] for segment in scene.segments_info}
    light = light_words(scene.graph["light"])
    shown = patch_segments(scene, patch)
    for segment in np.unique(shown).tolist():
        if 0 < segment <= len(scene.labels):
            thing = scene.graph["things"][segment - 1]
            said = [thing["size"], thing["texture"], thing["colour"], categories[segment], thing["text"] or ""]
            names[segment] = " ".join(word for word in said if word and word not in ("medium", "plain"))
        else:
            names[segment] = f"{categories.get(segment, 'things')} {light}"
    return [names[segment] for segment in shown.tolist()]
