"""The tasks' official per-sample scores as the audit asks for them: predictions and truths in, one number a sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rewardmark.rewards.tokenize import tokenize_all
from rewardmark.rewards.types import Boxes, Captions, Images, References, Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.rewards.audit.material import Official
    from torch import Tensor

__all__ = ["caption_officials", "colour_official", "detection_official", "panoptic_official", "picture_ratio"]

#: Sets of captions whose official scores are kept: every metric of a set is asked for in turn.
KEPT = 256


def detection_official(categories: dict[int, str]) -> Official:
    """COCO AP of each image alone by hotcoco. What a result file could not hold (a box of an unknown category, or one
    that is not finite) is left out, as nothing could match it."""
    from rewardmark.tasks.detection.evaluate import collector_off, evaluate
    from rewardmark.tasks.detection.records import Results, Truths

    known = np.array(sorted(categories))

    def official(predictions: Boxes, targets: Boxes) -> Tensor:
        size = len(predictions)
        ids = np.arange(1, size + 1)
        truth_image, truth_boxes, truth_labels, _ = _columns(targets, ids)
        areas = (
            np.prod(truth_boxes[:, 2:], 1) if targets.areas is None else targets.areas[targets.mask].double().numpy()
        )
        crowd = np.zeros(len(areas), bool) if targets.is_crowd is None else targets.is_crowd[targets.mask].numpy()
        truths = Truths(
            images=[{"id": int(i), "width": 1, "height": 1} for i in ids],
            categories=[{"id": int(c), "name": categories[int(c)]} for c in known],
            ids=np.arange(1, len(areas) + 1),
            image_ids=truth_image,
            category_ids=truth_labels,
            boxes=truth_boxes,
            areas=areas,
            is_crowd=crowd,
        )
        image, boxes, labels, scores = _columns(predictions, ids)
        keep = np.isin(labels, known) & np.isfinite(boxes).all(1) & np.isfinite(scores)
        results = Results(image[keep], labels[keep], scores[keep], boxes[keep])
        with collector_off():
            return torch.from_numpy(evaluate(truths, results).per_sample()["score"].astype(np.float64))

    return official


def _columns(boxes: Boxes, ids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Image id, xywh box, label and score of every box, in order."""
    mask = boxes.mask.numpy()
    corners = boxes.boxes.double().numpy()[mask]
    sides = np.maximum(corners[:, 2:] - corners[:, :2], 0)
    return (
        np.repeat(ids, mask.sum(1)),
        np.concatenate([corners[:, :2], sides], 1),
        boxes.labels.numpy()[mask],
        boxes.scores.double().numpy()[mask],
    )


def panoptic_official(categories: dict[int, str]) -> Official:
    """PQ of each image alone, from the sums that the official numbers are made of."""
    from rewardmark.tasks.panoptic.evaluate import evaluate
    from rewardmark.tasks.panoptic.records import SegmentList

    def lists(segments: Segments) -> tuple[list[NDArray[Any]], list[SegmentList]]:
        maps = list(segments.ids.numpy())
        found = []
        for row, labels in zip(maps, segments.categories.numpy(), strict=True):
            pixels = np.bincount(row.ravel(), minlength=len(labels) + 1)[1 : len(labels) + 1]
            seen = np.flatnonzero((labels != 0) & (pixels > 0))
            found.append(SegmentList("", seen + 1, labels[seen], np.zeros(len(seen), bool), pixels[seen].astype(float)))
        return maps, found

    def official(predictions: Segments, targets: Segments) -> Tensor:
        named = set(categories) | {int(c) for c in predictions.categories.unique()} - {0}
        entries = [{"id": c, "name": categories.get(c, str(c)), "isthing": 1} for c in sorted(named)]
        return torch.from_numpy(evaluate(*lists(targets), *lists(predictions), entries).per_sample()["score"])

    return official


def colour_official(predictions: Images, targets: Images) -> Tensor:
    """Colourfulness of each image."""
    from rewardmark.tasks.colorization.evaluate import colorfulness

    return torch.from_numpy(colorfulness(_bytes(predictions)))


def picture_ratio(predictions: Images, targets: Images) -> Tensor:
    """PSNR of each image against the true one, dB."""
    from rewardmark.tasks.colorization.evaluate import psnr

    return torch.from_numpy(psnr(_bytes(targets), _bytes(predictions)))


def _bytes(images: Images) -> NDArray[np.uint8]:
    rgb = images.rgb.float().nan_to_num().clamp(0, 1)
    return (rgb * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


def caption_officials(references: Sequence[Sequence[str]]) -> dict[str, Official]:
    """CIDEr, Bleu_4 and ROUGE_L of each caption by pycocoevalcap, with the document frequencies of all `references`.

    References that are asked about must be among them. No Java is needed for plain captions, and METEOR is left out.
    """
    from rewardmark.tasks.captioning.evaluate import CaptioningStatistics

    tokens = [[" ".join(words) for words in tokenize_all(list(texts))] for texts in references]
    place = {tuple(texts): k for k, texts in enumerate(references)}
    kept: dict[tuple[Any, ...], dict[str, NDArray[np.float64]]] = {}

    def scores(predictions: Captions, targets: References) -> dict[str, NDArray[np.float64]]:
        key = (tuple(predictions.texts), tuple(tuple(texts) for texts in targets.texts))
        if key not in kept:
            if len(kept) >= KEPT:
                kept.pop(next(iter(kept)))
            rows = [place[tuple(texts)] for texts in targets.texts]
            captions = [" ".join(words) for words in tokenize_all(list(predictions.texts))]
            # All images take part, the others with an empty caption: the document frequencies are of the whole set.
            full = [""] * len(tokens)
            for row, caption in zip(rows, captions, strict=True):
                full[row] = caption
            found = CaptioningStatistics(tokens, full, list(range(len(tokens))), len(tokens), meteor=False).per_sample()
            kept[key] = {name: values[rows] for name, values in found.items()}
        return kept[key]

    def metric(column: str) -> Callable[[Any, Any], Tensor]:
        return lambda predictions, targets: torch.from_numpy(scores(predictions, targets)[column].astype(np.float64))

    return {
        "captioning/CIDEr": metric("score"),
        "captioning/Bleu_4": metric("Bleu_4"),
        "captioning/ROUGE_L": metric("ROUGE_L"),
    }
