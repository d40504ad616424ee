"""COCO instances JSON and a COCO result file in; AP and AR out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.detection.evaluate import evaluate
from rewardmark.tasks.detection.records import Results, Truths
from rewardmark.tasks.score.table import Table, collector_paused, read_json, show, top_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["images_and_categories", "read_results", "read_truths", "score_detection"]

#: Pixels; also what keeps the area of an image within the evaluators' 32-bit counts.
LARGEST_SIDE = 2**15
ZERO_ID = (
    "an annotation id of 0 is taken for 'no match' by pycocotools, so that this truth would never be found; "
    "number the annotations from 1"
)


@collector_paused()
def score_detection(
    gt: Path, pred: Path, iou_type: str = "bbox", evaluator: str = "hotcoco"
) -> tuple[dict[str, float], list[str]]:
    """AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl of a result file, and notes on what was assumed.

    iou_type "bbox" or "segm". Images without a detection are images without a detection; an empty result list scores 0.
    Raises DataError naming the file and the record for anything malformed.
    """
    truths = read_truths(gt, masks=iou_type == "segm", complete=True)
    notes = list(truths.notes)
    results = read_results(pred, truths, masks=iou_type == "segm", notes=notes)
    return evaluate(truths, results, iou_type, evaluator).metrics(), notes


def images_and_categories(
    file: Path, data: Any, sizes: Literal["ignored", "optional", "needed"] = "ignored", typed: bool = False
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The checked images (id, width, height) and categories (id, name, isthing) of a COCO file.

    `sizes`: what becomes of width and height, which are 0 where they are not given or ignored. `typed`: whether the
    categories' isthing is needed; it is 1 where it is not given otherwise.
    """
    images = Table(file, top_level(file, data, "images"), "images")
    image_ids = images.integers("id")
    images.unique("id", image_ids, "image id")
    sides = {key: np.zeros(len(images), dtype=np.int64) for key in ("width", "height")}
    if sizes != "ignored":
        least = 1 if sizes == "needed" else 0
        for key in sides:
            sides[key] = images.integers(key) if sizes == "needed" else images.integers(key, default=0)
            wrong = (sides[key] < least) | (sides[key] > LARGEST_SIDE)
            if wrong.any():
                images.fail(int(np.argmax(wrong)), f"{key!r} must be a number of pixels in {least}..{LARGEST_SIDE}")
    categories = Table(file, top_level(file, data, "categories"), "categories")
    category_ids = categories.integers("id")
    categories.unique("id", category_ids, "category id")
    things = categories.flags("isthing") if typed else categories.flags("isthing", default=1)
    return (
        [
            {"id": i, "width": w, "height": h}
            for i, w, h in zip(image_ids.tolist(), sides["width"].tolist(), sides["height"].tolist(), strict=True)
        ],
        [
            {"id": i, "name": _name(row, i), "isthing": int(thing)}
            for i, row, thing in zip(category_ids.tolist(), categories.rows, things, strict=True)
        ],
    )


def read_truths(file: Path, masks: bool = False, complete: bool = False) -> Truths:
    """A COCO instances JSON, checked. `masks`: segmentations are needed (and boxes are not).

    A missing `iscrowd` is 0; a missing `area` is the box's, or the mask's with `masks`: each is told in `notes`. With
    `complete` either is an error, as it is for pycocotools.
    An annotation id of 0 is refused, as pycocotools never matches it.
    """
    if not masks and (sound := _sound_truths(file)) is not None:
        return sound
    data = read_json(file)
    images, categories = images_and_categories(file, data, sizes="needed" if masks else "ignored")
    table = Table(file, top_level(file, data, "annotations"), "annotations")
    ids = table.integers("id")
    if (ids == 0).any():
        table.fail(int(np.argmax(ids == 0)), ZERO_ID)
    table.unique("id", ids, "annotation id")
    image_ids = table.integers("image_id")
    table.known("image_id", image_ids, _ids(images), "no image of this file has it")
    category_ids = table.integers("category_id")
    table.known("category_id", category_ids, _ids(categories), "no category of this file has it")
    if complete:
        table.column("iscrowd")
        table.column("area")
    notes = []
    if not (crowd_given := table.has("iscrowd")).all():
        notes.append(f"{file}: {int((~crowd_given).sum())} annotations have no iscrowd: taken as 0")
    segmentations: list[Any] | None = None
    if masks:
        from rewardmark.tasks.score.masks import areas_of, checked_segmentations

        sizes = {image["id"]: (image["height"], image["width"]) for image in images}
        segmentations = checked_segmentations(table, [sizes[i] for i in image_ids.tolist()])
        if all(table.column("bbox", None)):
            table.boxes("bbox")  # no number hangs on them, but a broken one means a broken file
        boxes = np.zeros((len(table), 4))
    else:
        boxes = table.boxes("bbox")
    given = table.has("area")
    areas = table.numbers("area", default=0, least=0)
    if not given.all():
        missing = ~given
        if segmentations is None:
            areas = np.where(missing, boxes[:, 2] * boxes[:, 3], areas)
        else:
            rows = np.flatnonzero(missing)
            areas[rows] = areas_of([segmentations[r] for r in rows], [sizes[int(image_ids[r])] for r in rows])
        whose = "box" if segmentations is None else "mask"
        notes.append(f"{file}: {int(missing.sum())} annotations have no area: the area of the {whose} is taken")
    return Truths(
        images=images,
        categories=categories,
        ids=ids,
        image_ids=image_ids,
        category_ids=category_ids,
        boxes=boxes,
        areas=areas,
        is_crowd=table.flags("iscrowd", default=0),
        segmentations=segmentations,
        notes=notes,
    )


def read_results(file: Path, truths: Truths, masks: bool = False, notes: list[str] | None = None) -> Results:
    """A COCO detection result file, checked against the images and categories of `truths`.

    Where masks are wanted and every detection has a box and none a mask, the boxes are the masks, as for pycocotools:
    `notes` is told.
    """
    if not masks and (sound := _sound_results(file, truths)) is not None:
        return sound
    data = read_json(file)
    if not isinstance(data, list):
        advice = (
            "its 'annotations' alone are wanted" if isinstance(data, dict) and "annotations" in data else show(data)
        )
        raise DataError(file, f"a result file is a JSON list of detections; this is not a list ({advice})")
    table = Table(file, data, "", id_key="image_id")
    image_ids = table.integers("image_id")
    table.known("image_id", image_ids, _ids(truths.images), "no image of the ground truth has it")
    category_ids = table.integers("category_id")
    table.known("category_id", category_ids, _ids(truths.categories), "no category of the ground truth has it")
    scores = table.numbers("score")
    if not masks:
        return Results(image_ids, category_ids, scores, table.boxes("bbox"))

    from rewardmark.tasks.score.masks import as_run_lengths, checked_segmentations, rectangles

    sizes = {image["id"]: (image["height"], image["width"]) for image in truths.images}
    of_rows = [sizes[i] for i in image_ids.tolist()]
    boxed = table.has("bbox")
    if len(table) and boxed.all() and not table.has("segmentation").any():
        if notes is not None:
            notes.append(f"{file}: no detection has a segmentation: the rectangle of its bbox is taken for its mask")
        drawn = table.boxes("bbox")
        return Results(
            image_ids, category_ids, scores, drawn, as_run_lengths(rectangles(table, drawn, of_rows), of_rows)
        )
    segmentations = as_run_lengths(checked_segmentations(table, of_rows), of_rows)
    if boxed.any() and not boxed.all():
        table.fail(
            int(np.argmin(boxed)),
            "'bbox' is missing while other detections have it; give it everywhere or nowhere, "
            "because the area range of a detection is its box's where there is one",
        )
    boxes = table.boxes("bbox") if len(table) and boxed.all() else None
    return Results(image_ids, category_ids, scores, boxes, segmentations)


def _sound_truths(file: Path) -> Truths | None:
    """`read_truths` for boxes where nothing is missing or wrong, which is most of the time; None elsewhere."""
    from rewardmark.tasks.score.columns import InstancesFile, box_columns, decoded, distinct, known, whole_columns

    if (data := decoded(file, InstancesFile)) is None:
        return None
    rows = data.annotations
    whole = whole_columns(rows, "id", "image_id", "category_id", "iscrowd")
    measured = box_columns(rows, "area")
    if whole is None or measured is None:
        return None
    (ids, image_ids, category_ids, is_crowd), (boxes, areas) = whole, measured
    if not (distinct(ids) and (ids != 0).all() and (areas >= 0).all() and np.isin(is_crowd, (0, 1)).all()):
        return None
    images, categories = images_and_categories(file, {"images": data.images, "categories": data.categories})
    if not (known(image_ids, images) and known(category_ids, categories)):
        return None
    return Truths(images, categories, ids, image_ids, category_ids, boxes, areas, is_crowd.astype(bool))


def _sound_results(file: Path, truths: Truths) -> Results | None:
    """`read_results` for boxes likewise."""
    from rewardmark.tasks.score.columns import Detection, box_columns, decoded, known, whole_columns

    if (rows := decoded(file, list[Detection])) is None:
        return None
    whole, measured = whole_columns(rows, "image_id", "category_id"), box_columns(rows, "score")
    if whole is None or measured is None:
        return None
    (image_ids, category_ids), (boxes, scores) = whole, measured
    if not (known(image_ids, truths.images) and known(category_ids, truths.categories)):
        return None
    return Results(image_ids, category_ids, scores, boxes)


def _name(category: dict[str, Any], category_id: int) -> str:
    """Names are for readers: no number hangs on them, and so a category may do without."""
    name = category.get("name")
    return name if isinstance(name, str) and name.isprintable() else str(category_id)


def _ids(records: list[dict[str, Any]]) -> NDArray[np.int64]:
    return np.array([record["id"] for record in records], dtype=np.int64)
