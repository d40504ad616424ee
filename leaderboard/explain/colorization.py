"""Colorization: whether more colour is nearer to the true pictures, or only more."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.tasks.colorization.evaluate import colorfulness, evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.coco import CocoSplit

__all__ = ["explain", "hues"]

HUES = 12
CHROMA = 10.0
"""Pixels whose Lab chroma is below this have no hue worth counting."""


def explain(split: CocoSplit, predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """colour: mean colourfulness, that of the true pictures, the share of pictures more colourful than their truth;
    distance: the Frechet distance (shipped features, not FID) and PSNR; hues: total variation (0 alike .. 1 disjoint)
    between the hues of predicted and true pixels, in 12 bins weighted by chroma.
    """
    from PIL import Image
    from rewardmark.leaderboard.board.pictures import decode_png
    from rewardmark.leaderboard.features import features_of

    pictures = [Image.open(io.BytesIO(decode_png(p["png"]))).convert("RGB") for p in predictions]
    made = np.stack([np.asarray(picture) for picture in pictures])
    true = split.images(np.arange(len(split)), made.shape[1])
    metrics = evaluate(true, made, features_of("colorization")).metrics()
    ours, theirs = colorfulness(made), colorfulness(true)
    distance = {"psnr": metrics["psnr"]}
    if np.isfinite(metrics["frechet_scenes_features"]):
        distance["frechet_scenes_features"] = metrics["frechet_scenes_features"]
    return {
        "colour": {
            "colorfulness": float(ours.mean()),
            "of the truth": float(theirs.mean()),
            "more colourful than the truth": float((ours > theirs).mean()),
        },
        "distance": distance,
        "hues": {"total variation": float(np.abs(hues(made) - hues(true)).sum() / 2)},
    }


def hues(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Shares [12] of the hues of images [n, H, W, 3] uint8, each pixel weighted by its Lab chroma; zeros for grey."""
    from skimage.color import rgb2lab

    lab = rgb2lab(images)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    angle = np.arctan2(lab[..., 2], lab[..., 1]) % (2 * np.pi)
    place = np.minimum((angle / (2 * np.pi) * HUES).astype(np.int64), HUES - 1)
    weight = np.where(chroma >= CHROMA, chroma, 0.0)
    sums = np.bincount(place.ravel(), weights=weight.ravel(), minlength=HUES)
    return np.asarray(sums / max(float(sums.sum()), 1e-12))
