"""Boxes of a batch of images, padded to the longest list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rewardmark.rewards._batch import Batched
from rewardmark.rewards._torch import torch
from rewardmark.rewards.errors import RewardmarkError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Boxes", "ImageBoxes"]


@dataclass(frozen=True, eq=False)
class ImageBoxes:
    """One image's boxes without padding: what a per-sample reward (``batched=False``) gets.

    boxes [n, 4] xyxy pixels, labels [n], scores [n]; as a target also is_crowd [n] and areas [n] (or None).
    """

    boxes: Tensor
    labels: Tensor
    scores: Tensor
    is_crowd: Tensor | None = None
    areas: Tensor | None = None

    def __len__(self) -> int:
        return int(self.boxes.shape[0])


@dataclass(frozen=True, eq=False)
class Boxes(Batched):
    """Boxes of B images, padded to N slots an image.

    boxes [B, N, 4] float32 (or float64), xyxy in pixels; labels [B, N] int64, the category ids of the data set;
    scores [B, N] of the same kind; mask [B, N] bool, False where a slot is padding. Targets may also say which truths
    are crowds (is_crowd [B, N] bool) and the annotated area of each (areas [B, N], square pixels).
    The order of the slots is the order in which the model named the boxes.

    >>> batch = Boxes.from_lists([[[0, 0, 4, 4]], []], [[7], []])
    >>> len(batch), tuple(batch.boxes.shape), batch.mask.tolist()
    (2, (2, 1, 4), [[True], [False]])
    """

    boxes: Tensor
    labels: Tensor
    scores: Tensor
    mask: Tensor
    is_crowd: Tensor | None = None
    areas: Tensor | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.boxes.shape)
        if len(shape) != 3 or shape[2] != 4:
            raise RewardmarkError(f"Boxes: boxes must have shape [B, N, 4], not {list(shape)}")
        for name in ("labels", "scores", "mask", "is_crowd", "areas"):
            value = getattr(self, name)
            if value is not None and tuple(value.shape) != shape[:2]:
                raise RewardmarkError(
                    f"Boxes: {name} must have shape {list(shape[:2])} as the boxes do, not {list(value.shape)}"
                )
        for name in ("mask", "is_crowd"):
            value = getattr(self, name)
            if value is not None and value.dtype != torch.bool:
                raise RewardmarkError(f"Boxes: {name} must be a bool tensor, not {value.dtype}")

    def __len__(self) -> int:
        return int(self.boxes.shape[0])

    @classmethod
    def from_lists(
        cls,
        boxes: Sequence[Any],
        labels: Sequence[Any],
        scores: Sequence[Any] | None = None,
        is_crowd: Sequence[Any] | None = None,
        areas: Sequence[Any] | None = None,
        dtype: Any = None,
    ) -> Boxes:
        """Pad ragged lists (Python, NumPy, torch), one entry an image: boxes[i] [n_i, 4] xyxy pixels, labels[i] [n_i].

        Scores are 1.0 where not given (for all images, or for one whose entry is None). `dtype` of boxes, scores and
        areas is float32 unless torch.float64 is asked for, which `detection_ap.coco_ap_float64` uses to the full and
        every other reward takes too. Raises RewardmarkError naming the image whose lists differ in length or hold
        something that is no number.
        """
        dtype = torch.float32 if dtype is None else dtype
        counts = [_length("boxes", i, image) for i, image in enumerate(boxes)]
        width, size = max(counts, default=0), len(counts)
        mask = torch.arange(width)[None, :] < torch.tensor(counts, dtype=torch.int64).reshape(size, 1)

        def padded(name: str, ragged: Sequence[Any], kind: Any, tail: tuple[int, ...] = ()) -> Tensor:
            if len(ragged) != size:
                raise RewardmarkError(f"Boxes.from_lists: {name} has {len(ragged)} images, boxes has {size}")
            out = torch.zeros((size, width, *tail), dtype=kind)
            for i, image in enumerate(ragged):
                if image is None and name == "scores":
                    out[i, : counts[i]] = 1.0
                    continue
                if _length(name, i, image) != counts[i]:
                    raise RewardmarkError(
                        f"Boxes.from_lists: image {i} has {counts[i]} boxes but {len(image)} entries in {name}"
                    )
                if counts[i]:
                    values = _tensor(name, i, image, kind)
                    if tuple(values.shape[1:]) != tail:
                        raise RewardmarkError(
                            f"Boxes.from_lists: image {i}: {name} has shape {list(values.shape)}, "
                            f"expected {[counts[i], *tail]}"
                        )
                    out[i, : counts[i]] = values
            return out

        return cls(
            boxes=padded("boxes", boxes, dtype, (4,)),
            labels=padded("labels", labels, torch.int64),
            scores=mask.to(dtype) if scores is None else padded("scores", scores, dtype),
            mask=mask,
            is_crowd=None if is_crowd is None else padded("is_crowd", is_crowd, torch.bool),
            areas=None if areas is None else padded("areas", areas, dtype),
        )

    def sample(self, index: int) -> ImageBoxes:
        """Image `index` alone, padding removed."""
        keep = self.mask[index]
        return ImageBoxes(
            boxes=self.boxes[index][keep],
            labels=self.labels[index][keep],
            scores=self.scores[index][keep],
            is_crowd=None if self.is_crowd is None else self.is_crowd[index][keep],
            areas=None if self.areas is None else self.areas[index][keep],
        )

    def lists(self) -> list[tuple[Any, Any, Any]]:
        """One (boxes [n, 4], labels [n], scores [n]) triple of NumPy arrays an image, padding removed."""
        arrays = [t.detach().cpu().numpy() for t in (self.boxes, self.labels, self.scores, self.mask)]
        return [(b[m], c[m], s[m]) for b, c, s, m in zip(*arrays, strict=True)]


def _length(name: str, image: int, values: Any) -> int:
    try:
        return len(values)
    except TypeError:
        raise RewardmarkError(
            f"Boxes.from_lists: image {image}: {name} must be a list for each image, not {type(values).__name__}"
        ) from None


def _tensor(name: str, image: int, values: Any, dtype: Any) -> Tensor:
    """A tensor of an array, or of nested Python lists whose leaves may be NumPy arrays or tensors."""
    if not hasattr(values, "dtype") and hasattr(values[0], "tolist"):
        values = [value.tolist() if hasattr(value, "tolist") else value for value in values]
    try:
        if dtype == torch.int64:
            read = torch.as_tensor(values)
            if read.is_floating_point() and not bool((read == read.round()).all()):
                raise ValueError("a category id is a whole number")
        return torch.as_tensor(values, dtype=dtype)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        what = " ".join(str(error).split())
        raise RewardmarkError(f"Boxes.from_lists: image {image}: {name} cannot be read as numbers: {what}") from None
