"""Between tokens and predictions, one file a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.baselines.outputs.base import Batch, Context, Output, Written
from rewardmark.baselines.outputs.captioning import CaptioningOutput
from rewardmark.baselines.outputs.colorization import ColorizationOutput
from rewardmark.baselines.outputs.detection import DetectionOutput
from rewardmark.baselines.outputs.panoptic import PanopticOutput

if TYPE_CHECKING:
    from rewardmark.tasks.codec import Codec

OUTPUTS: dict[str, type[Output]] = {
    "boxes": DetectionOutput,
    "segments": PanopticOutput,
    "colours": ColorizationOutput,
    "words": CaptioningOutput,
}


def output_for(codec: Codec) -> Output:
    """The output that goes with a codec."""
    return OUTPUTS[codec.name](codec)


__all__ = ["OUTPUTS", "Batch", "Context", "Output", "Written", "output_for"]
