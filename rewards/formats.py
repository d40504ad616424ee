"""Rewards for the form of a completion."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rewardmark.rewards._torch import torch
from rewardmark.rewards.completions import box_of, json_boxes, tagged
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Answers

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["as_json_boxes", "no_repeat", "think_answer", "think_answer_as_published"]

VISUAL_RFT = "Liuziyu77/Visual-RFT, src/virft/src/open_r1/grpo.py, format_reward"


def _each(predictions: Answers, test: Callable[[str], bool]) -> Tensor:
    return torch.tensor([float(test(predictions.text(row))) for row in range(len(predictions))], dtype=torch.float32)


@register_reward(
    "format/json-boxes",
    task="format",
    bounds=(0.0, 1.0),
    source="the answer format of VLM-R1 and Qwen-VL; ours",
    version="2",
    status="mended",
    needs_python=True,
    gamed_by=("an empty list is well formed",),
)
def as_json_boxes(predictions: Answers, targets: Any) -> Tensor:
    """1 where the answer is a JSON list of boxes: between <answer> tags where it has them, in at most one ``` fence.

    Beside the tags nothing may stand but one <think>...</think> before them. Each entry must have four finite numbers,
    the first corner above and left of the second. Targets are not looked at. Returns [B] float32, 0 or 1.
    An empty completion earns 0.

    >>> as_json_boxes(Answers(['[{"bbox_2d": [0, 0, 4, 4]}]', "a cat", '[{"bbox": [4, 4, 0, 0]}]']), None).tolist()
    [1.0, 0.0, 0.0]
    """

    around = re.compile(r"\s*(?:<think>.*</think>)?\s*<answer>.*</answer>\s*", re.DOTALL)

    def well_formed(text: str) -> bool:
        inner = tagged(text) if "<answer>" in text else text
        if inner is not None and "<answer>" in text and not around.fullmatch(text):
            return False
        items = None if inner is None else json_boxes(inner)
        if items is None:
            return False
        boxes = [box_of(item) for item in items]
        return all(box is not None and box[0] < box[2] and box[1] < box[3] for box in boxes)

    return _each(predictions, well_formed)


@register_reward(
    "format/think-answer-as-published",
    task="format",
    bounds=(0.0, 1.0),
    source=VISUAL_RFT,
    status="published",
    needs_python=True,
    twin="format/think-answer",
    defect="further tags inside are not noticed, so several answers, or an empty one, are well formed",
    gamed_by=("several answers", "empty tags"),
)
def think_answer_as_published(predictions: Answers, targets: Any) -> Tensor:
    """1 where the whole completion matches <think>...</think><answer>...</answer>, blanks between allowed.

    >>> think_answer_as_published(Answers(["<think></think><answer>a</answer><answer>b</answer>"]), None).tolist()
    [1.0]
    """
    pattern = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)
    return _each(predictions, lambda text: pattern.fullmatch(text) is not None)


@register_reward(
    "format/think-answer",
    task="format",
    bounds=(0.0, 1.0),
    source=f"{VISUAL_RFT}; each tag once, an answer that is not empty: ours",
    status="mended",
    needs_python=True,
    twin="format/think-answer-as-published",
)
def think_answer(predictions: Answers, targets: Any) -> Tensor:
    """1 where the completion is <think>...</think><answer>...</answer> with each tag once and both parts not empty.

    Blanks may stand around and between. Targets are not looked at. Returns [B] float32, 0 or 1.

    >>> texts = ["<think>so</think> <answer>a</answer>", "<think></think><answer>a</answer><answer>b</answer>"]
    >>> think_answer(Answers(texts), None).tolist()
    [1.0, 0.0]
    """
    order = re.compile(r"\s*<think>.*</think>\s*<answer>.*</answer>\s*", re.DOTALL)

    def right(text: str) -> bool:
        return bool(order.fullmatch(text) and tagged(text, "think") and tagged(text, "answer"))

    return _each(predictions, right)


@register_reward(
    "format/no-repeat",
    task="format",
    bounds=(0.0, 1.0),
    source="dvlab-research/Seg-Zero, verl/utils/reward_score/vision_reasoner.py, vision_reasoner_non_repeat_reward",
    status="published",
    needs_python=True,
    gamed_by=("anything: an empty completion repeats nothing", "repeats without a full stop between them"),
)
def no_repeat(predictions: Answers, targets: Any) -> Tensor:
    """VisionReasoner's non-repeat reward: 0 where two sentences or more are repetitions of earlier ones, else 1.

    Sentences are what stands between periods. Targets are not looked at. Returns [B] float32, 0 or 1.

    >>> no_repeat(Answers(["A. A. A.", "A. A. B."]), None).tolist()
    [0.0, 1.0]
    """

    def varied(text: str) -> bool:
        sentences = [part.strip() for part in text.split(".") if part.strip()]
        return len(sentences) - len(set(sentences)) < 2

    return _each(predictions, varied)
