"""Gold predictions made worse by degrees: what a reward should notice, and by how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.types import Answers, Boxes, Captions, Grounded, Images, PairScores, Segments

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SEVERITIES", "Corruption", "corruptions", "corruptions_for"]

#: The grades at which each corruption is measured; 0 is gold.
SEVERITIES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Corruption:
    """One way to make gold worse.

    make: (material, severity in 0..1, generator) -> predictions. With a generator of the same seed a higher severity
    does the same and more, so that grades of one sample can be compared. Severity 0 is gold.
    """

    name: str
    description: str
    make: Callable[[Material, float, np.random.Generator], Any]


def corruptions_for(material: Material) -> list[Corruption]:
    """The corruptions for predictions of the type that the material's gold has.

    Raises RewardmarkError for a type that has none.
    """
    from rewardmark.rewards.audit import corruptions_boxes, corruptions_pixels, corruptions_texts

    if isinstance(material.gold, Boxes):
        return corruptions_boxes.box_corruptions()
    if isinstance(material.gold, Grounded):
        return corruptions_boxes.point_corruptions(boxed=bool(material.gold.box.isfinite().all()))
    if isinstance(material.gold, PairScores):
        return corruptions_boxes.pair_corruptions()
    if isinstance(material.gold, Segments):
        return corruptions_pixels.segment_corruptions()
    if isinstance(material.gold, Images):
        return corruptions_pixels.image_corruptions()
    if isinstance(material.gold, Captions):
        return corruptions_texts.caption_corruptions()
    if isinstance(material.gold, Answers):
        return corruptions_texts.answer_corruptions(
            material.task, tagged=all("<answer>" in str(text) for text in material.gold.texts)
        )
    raise RewardmarkError(f"no corruptions for predictions of type {type(material.gold).__name__}")


def corruptions(task: str, variant: str = "") -> list[Corruption]:
    """The corruptions of a task, for the kind of material called `variant` (the usual one unless given).

    >>> [c.name for c in corruptions("grounding")]
    ['jitter', 'shrink', 'drop', 'extra', 'duplicate', 'relabel']
    """
    from rewardmark.rewards.audit.synthetic import synthetic_material

    return corruptions_for(synthetic_material(task, n=1, variant=variant))
