"""A panoptic map as tokens: its segments as y0 x0 y1 x1 class, things first, stuff last, then EOS.

UViM guides its base model by a learned code that nobody can read; here the guiding code is the list of segments
itself. The model's mask head
paints it (`baselines.model.heads.MaskHead`), so tuning moves which segments are named, where, and in what order, as
in the paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rewardmark.tasks.codec import Encoded
from rewardmark.tasks.detection.codec import BoxCodec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.coco import CocoSplit


def tight_boxes(ids: NDArray[np.int32], segment_ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Boxes y0 x0 y1 x1 in 0..1 around each segment's pixels; zeros for a segment without pixels."""
    boxes = np.zeros((len(segment_ids), 4), dtype=np.float32)
    height, width = ids.shape
    for row, segment in enumerate(segment_ids):
        where = ids == segment
        rows, columns = where.any(1).nonzero()[0], where.any(0).nonzero()[0]
        if len(rows):
            boxes[row] = rows[0] / height, columns[0] / width, (rows[-1] + 1) / height, (columns[-1] + 1) / width
    return boxes


class SegmentCodec(BoxCodec):
    """`BoxCodec` over all panoptic categories, things and stuff; the arguments are the same."""

    name = "segments"

    def encode(self, split: CocoSplit, indices: NDArray[np.int64], rng: np.random.Generator) -> Encoded:
        """Tokens, and as extra `owner [B, H, W]`: which written segment (0-based) a pixel of the model's image
        belongs to, -1 for void and crowd.

        Things come in the codec's order, stuff after them in the file's.
        """
        things = {c["id"] for c in split.panoptic_categories if c.get("isthing", 1)}
        size = split.size
        owner = np.full((len(indices), size, size), -1, dtype=np.int64)
        objects = []
        for row, index in enumerate(indices):
            ids, info = split.panoptic(int(index))
            kept = [s for s in info if not s.get("iscrowd", 0)]
            is_thing = np.array([s["category_id"] in things for s in kept], dtype=bool)
            segment_ids = np.array([s["id"] for s in kept], dtype=np.int64)
            slots = self.class_slot(np.array([s["category_id"] for s in kept], dtype=np.int64))
            unit = tight_boxes(ids, segment_ids)
            thing_rows, stuff_rows = is_thing.nonzero()[0], (~is_thing).nonzero()[0]
            order = np.concatenate([thing_rows[self.arrange(unit[thing_rows], rng)], stuff_rows])[: self.max_objects]
            small = nearest(ids, size)
            for place, source in enumerate(order):
                owner[row][small == segment_ids[source]] = place
            objects.append((unit[order], slots[order]))
        encoded = self.write(objects)
        return Encoded(encoded.tokens, {**encoded.extras, "owner": owner})


def nearest(ids: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    """The id map at `size` x `size` by nearest neighbour."""
    height, width = ids.shape
    if (height, width) == (size, size):
        return ids
    y = np.minimum(((np.arange(size) + 0.5) * height / size).astype(int), height - 1)
    x = np.minimum(((np.arange(size) + 0.5) * width / size).astype(int), width - 1)
    return ids[y[:, None], x[None, :]]
