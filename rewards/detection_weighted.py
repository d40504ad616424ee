"""VLM-R1's weighted sum of position and completeness, and Visual-RFT's IoU and confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.detection_match import by_confidence, one_to_one, real_predictions, real_truths
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Boxes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["visual_rft", "visual_rft_as_published", "weighted_sum_as_published", "weighted_sum_reward"]

VLM_R1 = "om-ai-lab/VLM-R1, src/open-r1-multimodal/src/open_r1/grpo_jsonl.py, detection_score"
VISUAL_RFT = "Liuziyu77/Visual-RFT, src/virft/src/open_r1/grpo.py (arXiv:2503.01785, sec. 3.2)"


def _weighted(position: Tensor, matched: Tensor, predictions: Boxes, targets: Boxes) -> Tensor:
    """.7 position / |G| + .3 (1 - (miss rate + false-alarm rate) / 2), with the edge cases of empty lists."""
    truths, count = real_truths(targets).sum(1), predictions.mask.sum(1)
    miss = (truths - matched) / truths.clamp(min=1)
    false_alarm = (count - matched) / count.clamp(min=1)
    value = 0.7 * position / truths.clamp(min=1) + 0.3 * (1 - (miss + false_alarm) / 2)
    value = torch.where(count == 0, 0.0, value)
    return torch.where(truths == 0, (count == 0).to(value.dtype), value).to(torch.float32)


@register_reward(
    "detection/weighted-sum-as-published",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=VLM_R1,
    status="published",
    twin="detection/weighted-sum",
    defect="matching does not look at the class: a box of the wrong class takes the truth and earns completeness; "
    "an overlap of a pixel or less counts as none",
    gamed_by=("boxes of any class earn the completeness of 0.3",),
)
def weighted_sum_as_published(predictions: Boxes, targets: Boxes, *, iou_threshold: float = 0.5) -> Tensor:
    """VLM-R1's `weighted_sum`: 0.7 sum IoU / |G| + 0.3 (1 - (miss rate + false-alarm rate) / 2).

    Pairs with IoU >= `iou_threshold` are taken greedily by IoU whatever their class; the IoU of a pair of different
    classes counts 0. Returns [B] float32 in 0..1; 1 where both lists are empty, 0 where one is.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> [round(v, 3) for v in weighted_sum_as_published(Boxes.from_lists([[[0, 0, 8, 8]]], [[2]]), truth).tolist()]
    [0.3]
    """
    taken = one_to_one(predictions, targets, same_class=False, margin=1.0, iou_threshold=iou_threshold)
    right = taken.prediction >= 0
    if predictions.labels.numel():
        right = right & (predictions.labels.gather(1, taken.prediction.clamp(min=0)) == targets.labels)
    return _weighted((taken.truth_iou * right).sum(1), (taken.prediction >= 0).sum(1), predictions, targets)


@register_reward(
    "detection/weighted-sum",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=f"{VLM_R1}; matching within a class: ours",
    status="mended",
    twin="detection/weighted-sum-as-published",
)
def weighted_sum_reward(predictions: Boxes, targets: Boxes, *, iou_threshold: float = 0.5) -> Tensor:
    """`detection/weighted-sum-as-published` with matches of the same class only and plain IoU.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> weighted_sum_reward(Boxes.from_lists([[[0, 0, 8, 8]], ], [[2]]), truth).tolist()
    [0.0]
    """
    taken = one_to_one(predictions, targets, iou_threshold=iou_threshold)
    return _weighted(taken.truth_iou.sum(1), (taken.prediction >= 0).sum(1), predictions, targets)


def _repeated(boxes: Tensor, mask: Tensor) -> Tensor:
    """Which boxes [B, N, 4] stand at the very position of an earlier one in use: [B, N] bool."""
    order = torch.arange(mask.shape[1], device=boxes.device).expand_as(mask)
    for key in (*boxes.unbind(-1), ~mask):  # those in use first, by their corners: equal ones become neighbours
        order = order.gather(1, key.gather(1, order).argsort(dim=1, stable=True))
    corners, used = boxes.gather(1, order[:, :, None].expand_as(boxes)), mask.gather(1, order)
    repeated = torch.zeros_like(mask)
    repeated[:, 1:] = (corners[:, 1:] == corners[:, :-1]).all(-1) & used[:, :-1]
    return torch.zeros_like(mask).scatter(1, order, repeated)


@register_reward(
    "detection/visual-rft-as-published",
    task="detection",
    bounds=(0.0, 2.0),
    gold="detection/AP",
    source=VISUAL_RFT,
    status="published",
    twin="detection/visual-rft",
    defect="a wrong box at confidence 0 earns the whole confidence reward; labels are not looked at; an empty answer "
    "earns 0 where there is nothing to find",
    gamed_by=(
        "wrong at zero confidence: earns the whole confidence reward",
        "wrong label: labels are not looked at",
        "duplicates: repeated positions are dropped",
        "all classes: they are the same positions",
    ),
)
def visual_rft_as_published(
    predictions: Boxes, targets: Boxes, *, iou_threshold: float = 0.5
) -> tuple[Tensor, dict[str, Tensor]]:
    """Visual-RFT's detection reward without its format term: IoU reward plus confidence reward.

        R = sum_{matched} IoU / max(|G|, |P|) + mean_p (conf_p if matched else 1 - conf_p)

    Repeated positions are dropped; predictions choose in order of confidence the best free truth with IoU > 0.5,
    whatever its class. Returns [B] float32 in 0..2 and the components `iou`, `confidence`. No prediction earns 0.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> visual_rft_as_published(Boxes.from_lists([[[50, 50, 60, 60]]], [[1]], [[0.0]]), truth)[0].tolist()
    [1.0]
    """
    named = predictions.mask & ~_repeated(predictions.boxes, predictions.mask)
    distinct = Boxes(predictions.boxes, predictions.labels, predictions.scores, named)
    iou = by_confidence(distinct, targets, iou_threshold, same_class=False)
    count, truths = named.sum(1), real_truths(targets).sum(1)
    position = iou.sum(1) / torch.maximum(count, truths).clamp(min=1)
    honest = torch.where(iou > 0, predictions.scores, 1 - predictions.scores) * named
    confidence = (honest.sum(1) / count.clamp(min=1)).clamp(0, 1)
    return (position + confidence).to(torch.float32), {"iou": position, "confidence": confidence}


@register_reward(
    "detection/visual-rft",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=f"{VISUAL_RFT}; confidence paid on matched boxes only, both lengths in the divisor: ours",
    version="2",
    status="mended",
    twin="detection/visual-rft-as-published",
)
def visual_rft(predictions: Boxes, targets: Boxes, *, iou_threshold: float = 0.5) -> tuple[Tensor, dict[str, Tensor]]:
    """IoU and confidence of matched boxes, over the mean length of the two lists.

        R = sum_{matched} (IoU + conf) / 2 / ((|G| + |P|) / 2)

    Matching of the same class in order of confidence, IoU > `iou_threshold`. A box that matches nothing earns nothing
    at any confidence and lengthens the list, as a repeated one does. Confidences are cut to 0..1. Returns [B] float32
    in 0..1 (1 where both lists are empty) and the components `iou`, `confidence`.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> visual_rft(Boxes.from_lists([[[50, 50, 60, 60]]], [[1]], [[0.0]]), truth)[0].tolist()
    [0.0]
    """
    named = Boxes(predictions.boxes, predictions.labels, predictions.scores, real_predictions(predictions))
    iou = by_confidence(named, targets, iou_threshold)
    length = (predictions.mask.sum(1) + real_truths(targets).sum(1)) / 2
    scores = predictions.scores.nan_to_num(0.0).clamp(0, 1) * (iou > 0)
    empty = (length == 0).to(torch.float32)
    position = iou.sum(1) / length.clamp(min=0.5) + empty
    confidence = scores.sum(1) / length.clamp(min=0.5) + empty
    return ((position + confidence) / 2).to(torch.float32), {"iou": position, "confidence": confidence}
