"""Where a GPU is at hand: every batched reward gives there what it gives on the CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from rewardmark.rewards import Boxes, Images, Segments, get_reward, list_rewards
from rewardmark.rewards.detection_recall import recall_credits

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
GENERATOR = torch.Generator().manual_seed(0)
NAMES = [
    card.name
    for card in list_rewards()
    if card.task in ("detection", "panoptic", "colorization") or card.name in ("grounding/iou", "grounding/giou")
]


def inputs(task: str) -> tuple[Any, Any]:
    if task in ("detection", "grounding"):
        corner = torch.rand((16, 9, 2), generator=GENERATOR) * 30
        boxes = torch.cat([corner, corner + 2 + torch.rand((16, 9, 2), generator=GENERATOR) * 10], -1)
        labels = torch.randint(1, 4, (16, 9), generator=GENERATOR)
        scores = torch.rand((16, 9), generator=GENERATOR)
        truth = Boxes(boxes, labels, scores, scores > 0.2)
        moved = boxes + torch.randn((16, 9, 4), generator=GENERATOR)
        return Boxes(moved, labels, scores, scores < 0.9), truth
    if task == "panoptic":
        ids = torch.randint(0, 6, (8, 32, 32), generator=GENERATOR)
        categories = torch.randint(1, 4, (8, 5), generator=GENERATOR)
        return Segments(ids, categories), Segments(torch.where(ids == 3, 2, ids), categories)
    rgb = torch.rand((8, 3, 24, 24), generator=GENERATOR)
    return Images(rgb), Images(rgb.flip(0))


@pytest.mark.parametrize("name", NAMES)
def test_gpu_equals_cpu(name: str) -> None:
    predictions, targets = inputs(name.partition("/")[0])
    reward = get_reward(name)
    there = reward(predictions.to("cuda"), targets.to("cuda"))
    assert there.device.type == "cuda"
    torch.testing.assert_close(there.cpu(), reward(predictions, targets), atol=1e-5, rtol=1e-5, equal_nan=True)


def test_credits_on_the_gpu_equal_those_on_the_cpu() -> None:
    predictions, targets = inputs("detection")
    there = recall_credits(predictions.to("cuda"), targets.to("cuda"))
    torch.testing.assert_close(there.cpu(), recall_credits(predictions, targets), atol=1e-5, rtol=0)
