"""Truths and results of detection as columns: what both official evaluators are fed from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Results", "Truths"]


@dataclass(frozen=True)
class Truths:
    """The instances of a data set.

    images: dicts with id, width, height; categories: dicts with id, name. One row an annotation: ids [n] (1 or more),
    image_ids [n], category_ids [n], boxes [n, 4] xywh pixels, areas [n] square pixels, is_crowd [n] bool,
    segmentations: n polygons lists or RLE dicts, or None where only boxes are to be scored.
    """

    images: list[dict[str, Any]]
    categories: list[dict[str, Any]]
    ids: NDArray[np.int64]
    image_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    areas: NDArray[np.float64]
    is_crowd: NDArray[np.bool_]
    segmentations: list[Any] | None = None
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def of_images(self, image_ids: NDArray[np.int64]) -> Truths:
        """Only the images in `image_ids` and what is annotated in them."""
        wanted = {int(i) for i in image_ids}
        keep = np.isin(self.image_ids, np.asarray(image_ids))
        rows = np.flatnonzero(keep)
        return Truths(
            images=[image for image in self.images if image["id"] in wanted],
            categories=self.categories,
            ids=self.ids[keep],
            image_ids=self.image_ids[keep],
            category_ids=self.category_ids[keep],
            boxes=self.boxes[keep],
            areas=self.areas[keep],
            is_crowd=self.is_crowd[keep],
            segmentations=None if self.segmentations is None else [self.segmentations[r] for r in rows],
            notes=self.notes,
        )

    def to_coco(self) -> dict[str, Any]:
        """The data set as COCO's instances JSON holds it."""
        boxes, areas = self.boxes.tolist(), self.areas.tolist()
        annotations = [
            {
                "id": int(self.ids[i]),
                "image_id": int(self.image_ids[i]),
                "category_id": int(self.category_ids[i]),
                "bbox": boxes[i],
                "area": areas[i],
                "iscrowd": int(self.is_crowd[i]),
            }
            for i in range(len(self))
        ]
        if self.segmentations is not None:
            for annotation, segmentation in zip(annotations, self.segmentations, strict=True):
                annotation["segmentation"] = segmentation
        return {"images": self.images, "categories": self.categories, "annotations": annotations}


@dataclass(frozen=True)
class Results:
    """Detections: image_ids [n], category_ids [n], scores [n] and boxes [n, 4] xywh pixels, segmentations, or both.

    The order of the rows decides between equal scores, as in a result file.
    """

    image_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    boxes: NDArray[np.float64] | None
    segmentations: list[Any] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def to_coco(self) -> list[dict[str, Any]]:
        """The rows as a COCO result file holds them."""
        rows: list[dict[str, Any]] = [
            {"image_id": image, "category_id": category, "score": score}
            for image, category, score in zip(
                self.image_ids.tolist(), self.category_ids.tolist(), self.scores.tolist(), strict=True
            )
        ]
        if self.boxes is not None:
            for row, box in zip(rows, self.boxes.tolist(), strict=True):
                row["bbox"] = box
        if self.segmentations is not None:
            for row, segmentation in zip(rows, self.segmentations, strict=True):
                row["segmentation"] = segmentation
        return rows

    def to_array(self) -> NDArray[np.float64]:
        """[n, 7] rows of image id, x, y, w, h, score, category id."""
        assert self.boxes is not None
        columns = [self.image_ids[:, None], self.boxes, self.scores[:, None], self.category_ids[:, None]]
        return np.concatenate(columns, axis=1, dtype=np.float64)
