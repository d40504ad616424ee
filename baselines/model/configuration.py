"""Configuration of the image-to-tokens model."""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig


class PixelsToTokensConfig(PretrainedConfig):
    """What a `PixelsToTokens` model is made of; saved as `config.json` beside its weights.

    Args:
        codec: the token encoding of the task as plain data (`tasks.*.codec`); it fixes vocabulary and grammar.
        d_model: width of encoder and decoder.
        encoder_layers, decoder_layers, heads, mlp_ratio: transformer shape.
        stem_channels: channels of the convolutional stem at stride 1 and 2 (stride 4 has `d_model`).
        dense_classes: classes of the auxiliary dense head on the encoder's grid; 0 leaves it out.
        mask_channels: width of the pixel embedding that turns segments into masks; 0 leaves it out.
        colour_channels: width of the guided colour decoder; 0 leaves it out.
        confidence: whether a box carries a confidence token (read off beside the class, two entries).
    """

    model_type = "rewardmark-pixels-to-tokens"

    def __init__(
        self,
        codec: dict[str, Any] | None = None,
        vocab_size: int = 8,
        sequence_length: int = 8,
        period: int = 1,
        d_model: int = 128,
        encoder_layers: int = 4,
        decoder_layers: int = 3,
        heads: int = 4,
        mlp_ratio: int = 4,
        stem_channels: tuple[int, int] = (16, 48),
        dense_classes: int = 0,
        mask_channels: int = 0,
        colour_channels: int = 0,
        confidence: bool = False,
        **kwargs: Any,
    ) -> None:
        self.codec = dict(codec or {})
        self.vocab_size = vocab_size
        self.sequence_length = sequence_length
        self.period = period
        self.d_model = d_model
        self.encoder_layers = encoder_layers
        self.decoder_layers = decoder_layers
        self.heads = heads
        self.mlp_ratio = mlp_ratio
        self.stem_channels = list(stem_channels)
        self.dense_classes = dense_classes
        self.mask_channels = mask_channels
        self.colour_channels = colour_channels
        self.confidence = confidence
        kwargs.setdefault("tie_word_embeddings", False)
        super().__init__(**kwargs)
