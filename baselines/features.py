"""Image features for the Frechet distance of colorization: the shipped detector's encoder, averaged over its grid.

Not Inception features and never to be called FID: the encoder was trained in this project, on Scenes, to find objects.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rewardmark.baselines.build import load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHECKPOINT = Path(__file__).parent / "checkpoints" / "detection"


@lru_cache(maxsize=2)
def _encoder(checkpoint: Path) -> Any:
    model, _ = load_model(checkpoint)
    return model.eval()


@torch.no_grad()
def scenes_features(
    images: NDArray[np.uint8], checkpoint: Path = CHECKPOINT, batch_size: int = 64
) -> NDArray[np.float64]:
    """Features `[B, D]` of RGB images `[B, H, W, 3]` uint8, H and W multiples of 4."""
    model = _encoder(checkpoint)
    rows = []
    for first in range(0, len(images), batch_size):
        pixels = torch.from_numpy(np.ascontiguousarray(images[first : first + batch_size])).permute(0, 3, 1, 2)
        rows.append(model.encode(pixels).grid.mean(1).double().numpy())
    return np.concatenate(rows) if rows else np.zeros((0, model.config.d_model))
