"""Predictions and truths as JSON, for people and for the cards of the audit."""

from __future__ import annotations

import base64
import colorsys
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rewardmark.rewards.audit.result import jsonable
from rewardmark.rewards.types import Answers, Boxes, Captions, Grounded, Images, PairScores, References, Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_json", "png_base64"]


def as_json(predictions: Any, k: int, categories: Mapping[int, str] | None = None) -> str:
    """Sample `k` of a batch of predictions or truths as JSON; "null" where there is no batch.

    Boxes: boxes (xyxy pixels), labels (names by `categories`), scores. Texts: text, or texts where there are several.
    Grounded: box, points, text. Images: png (base64). Segments: png (one colour a segment) and segments (id, name,
    area). PairScores: scores. What is not finite is null.

    >>> as_json(Boxes.from_lists([[[0, 0, 4, 4]]], [[7]]), 0, {7: "cat"})
    '{"boxes": [[0.0, 0.0, 4.0, 4.0]], "labels": ["cat"], "scores": [1.0]}'
    """
    return json.dumps(jsonable(_plain(predictions, k, categories or {})), ensure_ascii=False, allow_nan=False)


def _plain(batch: Any, k: int, names: Mapping[int, str]) -> Any:
    if batch is None:
        return None
    if isinstance(batch, Boxes):
        boxes, labels, scores = batch[k].lists()[0]
        return {
            "boxes": [[round(float(x), 2) for x in box] for box in boxes],
            "labels": [names.get(int(label), str(int(label))) for label in labels],
            "scores": [round(float(score), 5) for score in scores],
        }
    if isinstance(batch, (Captions, Answers, References)):
        text = batch.texts[k]
        return {"text": text} if isinstance(text, str) else {"texts": list(text)}
    if isinstance(batch, Grounded):
        found = {
            "box": [round(v, 2) for v in batch.box[k].tolist()],
            "points": [[round(v, 2) for v in p] for p in batch.points[k].tolist()],
        }
        return found if batch.texts is None else {**found, "text": batch.texts[k]}
    if isinstance(batch, Images):
        rgb = batch.rgb[k].detach().float().nan_to_num().clamp(0, 1)
        return {"png": png_base64((rgb * 255).round().byte().permute(1, 2, 0).cpu().numpy())}
    if isinstance(batch, Segments):
        return _segments(batch, k, names)
    if isinstance(batch, PairScores):
        return {"scores": batch.scores[k].tolist()}
    return {"text": repr(batch[k])}


def _segments(batch: Segments, k: int, names: Mapping[int, str]) -> dict[str, Any]:
    import numpy as np

    ids = batch.ids[k].cpu().numpy()
    categories = batch.categories[k].tolist()
    colours = np.zeros((len(categories) + 1, 3), dtype=np.uint8)  # void is black
    rows = []
    for slot, category in enumerate(categories, start=1):
        # Golden-angle hues: neighbours in the list are far apart in colour.
        shade = colorsys.hsv_to_rgb(slot * 0.381966 % 1.0, 0.6, 0.95)
        colours[slot] = [round(255 * v) for v in shade]
        if category:
            rows.append({"id": slot, "name": names.get(category, str(category)), "area": int((ids == slot).sum())})
    return {"png": png_base64(colours[ids.clip(0, len(categories))]), "segments": rows}


def png_base64(image: NDArray[Any]) -> str:
    """A picture, uint8 [H, W, 3], as a PNG in base64."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
