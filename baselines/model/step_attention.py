"""One query a sequence against cached keys, on a CPU: attention as sampling needs it.

`scaled_dot_product_attention` is made for many queries at once; with one query a sequence it took two thirds of the
time of sampling. These loops skip sequences that have ended, and let all sequences of an image read the same keys.

Keys lie transposed (`[R, heads, C, T]`), so that both inner loops run over neighbouring numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numba import njit
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Rows = NDArray[np.int64]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _write(k: Floats, v: Floats, keys: Floats, values: Floats, rows: Rows, position: int) -> None:
    """Add the keys and values `[A, heads, C]` of one position to the caches of `rows [A]`."""
    count, heads, channels = k.shape
    for a in range(count):
        row = rows[a]
        for h in range(heads):
            for c in range(channels):
                keys[row, h, c, position] = k[a, h, c]
                values[row, h, position, c] = v[a, h, c]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _scores(q: Floats, keys: Floats, rows: Rows, out: Floats) -> None:
    """out[a, h, t] = q[a, h] . keys[rows[a], h, :, t] / sqrt(C)."""
    count, heads, length = out.shape
    channels = q.shape[2]
    scale = np.float32(1.0 / np.sqrt(channels))
    for a in range(count):
        row = rows[a]
        for h in range(heads):
            line = out[a, h]
            line[:] = np.float32(0.0)
            for c in range(channels):
                factor = q[a, h, c] * scale
                column = keys[row, h, c]
                for t in range(length):
                    line[t] += factor * column[t]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mix(weights: Floats, values: Floats, rows: Rows, out: Floats) -> None:
    """out[a, h] = sum over t of weights[a, h, t] * values[rows[a], h, t]."""
    count, heads, length = weights.shape
    channels = out.shape[2]
    for a in range(count):
        row = rows[a]
        for h in range(heads):
            line = out[a, h]
            line[:] = np.float32(0.0)
            for t in range(length):
                weight = weights[a, h, t]
                value = values[row, h, t]
                for c in range(channels):
                    line[c] += weight * value[c]


class KeyStore:
    """Keys and values of `rows` sequences or images, up to `length` positions.

    Args:
        rows, heads, length, channels: sizes of what is kept.
    """

    def __init__(self, rows: int, heads: int, length: int, channels: int) -> None:
        self.keys = np.zeros((rows, heads, channels, length), dtype=np.float32)
        self.values = np.zeros((rows, heads, length, channels), dtype=np.float32)

    @classmethod
    def of(cls, keys: Tensor, values: Tensor) -> KeyStore:
        """What an image's cross-attention reads: `[B, heads, S, C]` each."""
        store = cls(keys.shape[0], keys.shape[1], keys.shape[2], keys.shape[3])
        store.keys[:] = keys.float().transpose(2, 3).numpy()
        store.values[:] = values.float().numpy()
        return store

    def write(self, k: Tensor, v: Tensor, rows: Rows, position: int) -> None:
        """Add one position's keys and values `[A, heads, C]`."""
        _write(k.contiguous().numpy(), v.contiguous().numpy(), self.keys, self.values, rows, position)

    def attend(self, q: Tensor, rows: Rows, length: int) -> Tensor:
        """Attention of `q [A, heads, C]` to the first `length` positions of `rows [A]`; `[A, heads, C]`, float32."""
        count, heads, channels = q.shape
        scores = np.empty((count, heads, length), dtype=np.float32)
        _scores(q.contiguous().numpy(), self.keys, rows, scores)
        weights = torch.softmax(torch.from_numpy(scores), dim=-1).numpy()
        out = np.empty((count, heads, channels), dtype=np.float32)
        _mix(weights, self.values, rows, out)
        return torch.from_numpy(out)
