"""Boxes as tokens: y0 x0 y1 x1 class, one box after another, then EOS (Pix2seq's encoding, the task-rewards paper's
too)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.tasks.codec import EOS, FIRST_FREE, Codec, Encoded

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.coco import CocoSplit

SLOTS = 5
"""Tokens a box. The confidence token is read off beside the class and never fed back, so it takes no position of its
own."""

ORDERS = ("random", "reading")


class BoxCodec(Codec):
    """Boxes of `categories` on a square image cut into `bins - 1` steps a side.

    Args:
        categories: (id, name) of each class, in token order.
        bins: coordinate tokens; a coordinate c of a side of length L is token round(c / L * (bins - 1)).
        max_objects: boxes a sequence can hold. The paper's gain comes first as recall through more boxes, so leave
            room:
            two to three times the usual number of objects.
        order: "random" (the literature's usual choice) or "reading" (top to bottom, left to right by centre).
        class_slots: class tokens reserved, so that vocabularies of different data sets have one layout.
    """

    name = "boxes"

    def __init__(
        self,
        categories: list[tuple[int, str]],
        bins: int = 97,
        max_objects: int = 20,
        order: str = "random",
        class_slots: int = 24,
    ) -> None:
        if order not in ORDERS:
            raise ValueError(f"order {order!r} is none of {', '.join(ORDERS)}")
        if len(categories) > class_slots:
            raise ValueError(f"{len(categories)} categories do not fit into class_slots={class_slots}")
        self.categories = [(int(i), str(n)) for i, n in categories]
        self.bins, self.max_objects, self.order, self.class_slots = bins, max_objects, order, class_slots
        self.period = SLOTS
        self.first_coordinate = FIRST_FREE
        self.first_class = FIRST_FREE + bins
        self.vocab_size = self.first_class + class_slots
        self.max_length = SLOTS * max_objects + 1
        self.ids = np.array([i for i, _ in self.categories], dtype=np.int64)
        self._slot_of = {i: k for k, (i, _) in enumerate(self.categories)}

    def grammar(self) -> NDArray[np.bool_]:
        allowed = np.zeros((SLOTS, self.vocab_size), dtype=bool)
        allowed[:4, self.first_coordinate : self.first_coordinate + self.bins] = True
        allowed[4, self.first_class : self.first_class + len(self.categories)] = True
        allowed[0, EOS] = True
        return allowed

    def class_slot(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Class slots (0-based) of category ids."""
        return np.array([self._slot_of[int(k)] for k in labels], dtype=np.int64)

    def arrange(self, unit: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
        """The order in which objects are written; `unit [n, 4]` y0 x0 y1 x1."""
        if self.order == "random":
            return rng.permutation(len(unit))
        return np.lexsort((unit[:, 1] + unit[:, 3], unit[:, 0] + unit[:, 2]))

    def shuffled(
        self, unit: NDArray[np.float32], slots: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Objects in the order in which they will be written."""
        order = self.arrange(unit, rng)
        return unit[order], slots[order]

    def box_tokens(self, unit: NDArray[np.floating[Any]], slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tokens `[5 n]` of boxes `unit [n, 4]` (y0 x0 y1 x1 in 0..1) with class slots `[n]`."""
        rows = np.empty((len(unit), SLOTS), dtype=np.int64)
        rows[:, :4] = self.first_coordinate + np.rint(np.clip(unit, 0, 1) * (self.bins - 1)).astype(np.int64)
        rows[:, 4] = self.first_class + slots
        return rows.reshape(-1)

    def write(self, objects: list[tuple[NDArray[Any], NDArray[Any]]]) -> Encoded:
        """Tokens of a batch of (unit boxes y0 x0 y1 x1 `[n, 4]`, class slots `[n]`) in the order given; the padded
        truths as extras."""
        objects = [(unit[: self.max_objects], slots[: self.max_objects]) for unit, slots in objects]
        most = max((len(slots) for _, slots in objects), default=0)
        tokens = np.zeros((len(objects), SLOTS * most + 1), dtype=np.int64)
        boxes = np.zeros((len(objects), max(most, 1), 4), dtype=np.float32)
        classes = np.zeros((len(objects), max(most, 1)), dtype=np.int64)
        mask = np.zeros((len(objects), max(most, 1)), dtype=bool)
        for row, (unit, slots) in enumerate(objects):
            n = len(slots)
            tokens[row, : SLOTS * n] = self.box_tokens(unit, slots)
            tokens[row, SLOTS * n] = EOS
            boxes[row, :n], classes[row, :n], mask[row, :n] = unit, slots, True
        return Encoded(tokens, {"boxes": boxes, "classes": classes, "mask": mask})

    def unit_objects(self, split: CocoSplit, index: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Boxes (y0 x0 y1 x1 in 0..1) and class slots of one image, crowds left out (they are ignore regions, no
        objects)."""
        truth = split.instances(index)
        height, width = split.sizes[index]
        keep = ~truth.is_crowd
        unit = truth.boxes[keep][:, [1, 0, 3, 2]] / np.array([height, width, height, width], dtype=np.float32)
        return unit.astype(np.float32), self.class_slot(truth.labels[keep])

    def encode(self, split: CocoSplit, indices: NDArray[np.int64], rng: np.random.Generator) -> Encoded:
        return self.write([self.shuffled(*self.unit_objects(split, int(i)), rng) for i in indices])

    def decode(self, tokens: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
        """Boxes of sequences `tokens [..., T]`: unit boxes `[..., K, 4]` (y0 x0 y1 x1), category ids `[..., K]`, mask
        `[..., K]`.

        A box counts when all five of its tokens were written before EOS.
        """
        count = tokens.shape[-1] // SLOTS
        rows = tokens[..., : count * SLOTS].reshape(*tokens.shape[:-1], count, SLOTS)
        mask = rows[..., 4] >= self.first_class
        unit = (rows[..., :4] - self.first_coordinate).astype(np.float32) / (self.bins - 1)
        slot = np.clip(rows[..., 4] - self.first_class, 0, len(self.categories) - 1)
        return np.where(mask[..., None], unit, 0).astype(np.float32), np.where(mask, self.ids[slot], 0), mask

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "categories": [list(c) for c in self.categories],
            "bins": self.bins,
            "max_objects": self.max_objects,
            "order": self.order,
            "class_slots": self.class_slots,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> BoxCodec:
        return cls(
            [(int(i), str(n)) for i, n in data["categories"]],
            data["bins"],
            data["max_objects"],
            data["order"],
            data["class_slots"],
        )

    def token_names(self) -> list[str]:
        names = ["pad", "bos", "eos"] + [f"coordinate:{k}/{self.bins}" for k in range(self.bins)]
        names += [f"class:{n}" for _, n in self.categories]
        return names + [f"class-slot:{k}" for k in range(len(self.categories), self.class_slots)]
