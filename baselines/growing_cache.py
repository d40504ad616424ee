"""A key-value cache that grows in place: a token is written into room that is there, nothing before it is copied.

Hugging Face's DynamicCache joins old and new keys into fresh memory for every token of every layer; on a CPU that is
most of the time of a small model's decoding. The numbers are the same, and so are the texts.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

__all__ = ["GrowingLayer", "growing_cache"]

ROOM = 64
"""Tokens of room that a cache is given at least when it has none left; a fourth of its length if that is more."""


class GrowingLayer(DynamicLayer):
    """Keys and values [B, H, T, D] of one layer: `keys` and `values` are views of the first T tokens of their rooms."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rooms: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        held, new = self.get_seq_length(), key_states.shape[-2]
        if held == 0 or torch.is_grad_enabled():  # writing in place has no gradient
            self._rooms = None
            keys, values = super().update(key_states, value_states, *args, **kwargs)
            return keys, values
        rooms = self._current()
        if rooms is None or held + new > rooms[0].shape[-2]:
            rooms = self._copies(1, held + new)
        for room, states in zip(rooms, (key_states, value_states), strict=True):
            room[:, :, held : held + new] = states
        return self._show(rooms, held + new)

    def batch_repeat_interleave(self, repeats: int) -> None:
        held = self.get_seq_length()
        if torch.is_grad_enabled():
            self._rooms = None
            super().batch_repeat_interleave(repeats)
        elif held:
            self._show(self._copies(repeats, held), held)

    def batch_select_indices(self, indices: Tensor) -> None:
        held, rooms = self.get_seq_length(), self._current()
        wanted = (indices.nonzero()[:, 0] if indices.dtype == torch.bool else indices).tolist()
        if rooms is None or rooms[0].device.type != "cpu" or any(b <= a for a, b in pairwise(wanted)):
            self._rooms = None
            super().batch_select_indices(indices)
            return
        for room in rooms:  # rows move up within their room, each to a place that is no longer wanted
            for place, row in enumerate(wanted):
                if place != row:
                    room[place, :, :held] = room[row, :, :held]
        self._show((rooms[0][: len(wanted)], rooms[1][: len(wanted)]), held)

    def _both(self) -> tuple[Tensor, Tensor]:
        assert self.keys is not None and self.values is not None
        return self.keys, self.values

    def _copies(self, repeats: int, length: int) -> tuple[Tensor, Tensor]:
        keys, values = self._both()
        return _copy(keys, repeats, length), _copy(values, repeats, length)

    def _show(self, rooms: tuple[Tensor, Tensor], length: int) -> tuple[Tensor, Tensor]:
        self._rooms = rooms
        self.keys, self.values = (room[:, :, :length] for room in rooms)
        return self._both()

    def _current(self) -> tuple[Tensor, Tensor] | None:
        """The rooms, where keys and values are still views of them: whoever reorders or copies a cache sets others."""
        if self._rooms is None:
            return None
        same = all(
            part.data_ptr() == room.data_ptr() and part.shape[0] == room.shape[0]
            for part, room in zip(self._both(), self._rooms, strict=True)
        )
        return self._rooms if same else None


def _copy(states: Tensor, repeats: int, length: int) -> Tensor:
    """Each row of states [B, H, T, D] `repeats` times, with room for `length` tokens and more."""
    rows, heads, held, width = states.shape
    room = states.new_empty(rows * repeats, heads, length + max(ROOM, length // 4), width)
    room.unflatten(0, (rows, repeats))[:, :, :, :held] = states.unsqueeze(1)
    return room


def growing_cache(config: Any = None) -> Cache:
    """An empty cache for a model of this configuration (None: every layer keeps all tokens).

    Where the model's own would not be plain throughout (sliding windows, states of another kind), it is the model's
    own.
    """
    if config is None:
        return Cache(layer_class_to_replicate=GrowingLayer)
    own = DynamicCache(config=config)
    plain = all(type(layer) is DynamicLayer for layer in own.layers)
    return Cache(layers=[GrowingLayer() for _ in own.layers]) if plain else own
