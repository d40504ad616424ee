"""Captioning: words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardmark.baselines.outputs.base import Context, Output, Written
from rewardmark.rewards.types import Captions
from rewardmark.tasks.captioning.codec import CaptionCodec

if TYPE_CHECKING:
    from rewardmark.baselines.model.modeling import EncodedImages, PixelsToTokens
    from rewardmark.tasks.codec import Codec


class CaptioningOutput(Output):
    """Captions from sequences."""

    codec: CaptionCodec

    @classmethod
    def model_options(cls, codec: Codec) -> dict[str, Any]:
        return {}

    def predictions(
        self, model: PixelsToTokens, encoded: EncodedImages, written: Written, context: Context
    ) -> Captions:
        return Captions(texts=self.codec.decode(written.tokens.flatten(0, 1).cpu().numpy()))
