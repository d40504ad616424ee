"""The decoder one position at a time, with what earlier positions left behind. Two ways, one result: all sequences in
step (a GPU likes fixed shapes), or only those that have not ended (a CPU has better things to do)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from rewardmark.baselines.model.layers import DecoderLayer
from rewardmark.baselines.model.step_attention import KeyStore, Places
from torch import Tensor

if TYPE_CHECKING:
    from rewardmark.baselines.model.modeling import EncodedImages, PixelsToTokens


class InStep:
    """All sequences of all images, ended or not.

    Args:
        model, encoded: who decodes what.
        samples: sequences an image.
        length: most positions.
    """

    drops_ended = False

    def __init__(self, model: PixelsToTokens, encoded: EncodedImages, samples: int, length: int) -> None:
        config = model.config
        shape = (encoded.batch * samples, config.heads, length, config.d_model // config.heads)
        like = encoded.memory[0][0]
        self.layers = [cast(DecoderLayer, layer) for layer in model.decoder]
        self.memory = encoded.memory
        self.caches = [(like.new_zeros(shape), like.new_zeros(shape)) for _ in self.layers]

    def step(self, x: Tensor, position: int) -> Tensor:
        """Decoder output `[R, D]` of the tokens embedded as `x [R, D]`."""
        x = x[:, None]
        for layer, memory, cache in zip(self.layers, self.memory, self.caches, strict=True):
            x = layer.step(x, memory, cache, position)
        return x[:, 0]

    def keep(self, rows: Tensor) -> None:
        """Nobody leaves."""


class Ragged:
    """Only the sequences that are still being written, on a CPU; arguments as `InStep`."""

    drops_ended = True

    def __init__(self, model: PixelsToTokens, encoded: EncodedImages, samples: int, length: int) -> None:
        config = model.config
        rows = encoded.batch * samples
        self.layers = [cast(DecoderLayer, layer) for layer in model.decoder]
        self.memory = [(keys.float().contiguous(), values.float().contiguous()) for keys, values in encoded.memory]
        self.held = torch.arange(encoded.batch)  # the images whose keys these are
        self.caches = [KeyStore(rows, config.heads, length, config.d_model // config.heads) for _ in self.layers]
        self.samples = samples
        self.keep(torch.arange(rows))

    def step(self, x: Tensor, position: int) -> Tensor:
        """Decoder output `[A, D]` of the tokens embedded as `x [A, D]`, one for each sequence that was kept."""
        # Without bfloat16: its matrix products are set up anew for every number of rows, which costs more than they
        # save.
        with torch.autocast("cpu", enabled=False):
            for layer, memory, cache in zip(self.layers, self.memory, self.caches, strict=True):
                x = layer.step_rows(x, memory, cache, position, self.rows, self.places)
        return x

    def keep(self, rows: Tensor) -> None:
        """Go on with the sequences numbered `rows [A]`."""
        if len(rows) == 0:
            return
        self.rows = rows.numpy()
        self.places = Places(rows, self.samples)
        if len(self.places.images) < len(self.held):
            stay = torch.searchsorted(self.held, self.places.images)
            self.memory = [(keys[stay], values[stay]) for keys, values in self.memory]
            self.held = self.places.images
