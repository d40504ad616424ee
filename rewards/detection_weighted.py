"""VLM-R1's weighted sum of position and completeness, and Visual-RFT's IoU and confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.detection_match import pair_ious, real_predictions, real_truths
from rewardmark.rewards.greedy import greedy_matches
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
    pairs = pair_ious(predictions, targets, same_class=False)
    if pairs.numel():
        low = torch.maximum(predictions.boxes[:, :, None, :2], targets.boxes[:, None, :, :2])
        high = torch.minimum(predictions.boxes[:, :, None, 2:], targets.boxes[:, None, :, 2:])
        pairs = pairs * ((high - low) > 1).all(-1)
    taken = greedy_matches(torch.where(pairs >= iou_threshold, pairs, 0.0))
    if pairs.numel():
        labels = predictions.labels.gather(1, taken.prediction.clamp(min=0))
        right = (labels == targets.labels) & (taken.prediction >= 0)
    else:
        right = taken.prediction >= 0
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
    pairs = pair_ious(predictions, targets)
    taken = greedy_matches(torch.where(pairs >= iou_threshold, pairs, 0.0))
    return _weighted(taken.truth_iou.sum(1), (taken.prediction >= 0).sum(1), predictions, targets)


def _by_confidence(pairs: Tensor, scores: Tensor, named: Tensor, iou_threshold: float) -> Tensor:
    """IoU of each prediction with its truth, 0 where it has none: [B, N].

    Predictions choose in order of confidence (stable); each takes the best truth still free if IoU > iou_threshold.
    """
    size, count, truths = pairs.shape
    matched = pairs.new_zeros((size, count))
    if truths == 0:
        return matched
    order = torch.where(named, scores, -torch.inf).argsort(dim=1, descending=True, stable=True)
    rows = torch.arange(size, device=pairs.device)
    free = torch.ones((size, truths), dtype=pairs.dtype, device=pairs.device)
    for step in range(count):
        slot = order[:, step]
        iou, truth = (pairs[rows, slot] * free).max(1)
        hit = (iou > iou_threshold) & named[rows, slot]
        matched[rows, slot] = torch.where(hit, iou, 0.0)
        free[rows, truth] = torch.where(hit, 0.0, free[rows, truth])
    return matched


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
    boxes = predictions.boxes
    same = (boxes[:, :, None, :] == boxes[:, None, :, :]).all(-1) & predictions.mask[:, None, :]
    earlier = torch.ones(same.shape[1:], dtype=torch.bool, device=boxes.device).tril(-1)
    named = predictions.mask & ~(same & earlier).any(2)
    pairs = pair_ious(predictions, targets, same_class=False)
    iou = _by_confidence(pairs, predictions.scores, named, iou_threshold)
    count, truths = named.sum(1), real_truths(targets).sum(1)
    position = iou.sum(1) / torch.maximum(count, truths).clamp(min=1)
    honest = torch.where(iou > 0, predictions.scores, 1 - predictions.scores) * named
    confidence = (honest.sum(1) / count.clamp(min=1)).clamp(0, 1)
    return position + confidence, {"iou": position, "confidence": confidence}


@register_reward(
    "detection/visual-rft",
    task="detection",
    bounds=(0.0, 1.0),
    gold="detection/AP",
    source=f"{VISUAL_RFT}; confidence paid on matched boxes only: ours",
    status="mended",
    twin="detection/visual-rft-as-published",
)
def visual_rft(predictions: Boxes, targets: Boxes, *, iou_threshold: float = 0.5) -> tuple[Tensor, dict[str, Tensor]]:
    """IoU and confidence of matched boxes, over the longer of the two lists.

        R = sum_{matched} (IoU + conf) / 2 / max(|G|, |P|)

    Matching of the same class in order of confidence, IoU > `iou_threshold`. A box that matches nothing earns nothing
    at any confidence, and a repeated one lengthens the list. Confidences are cut to 0..1. Returns [B] float32 in 0..1
    (1 where both lists are empty) and the components `iou`, `confidence`.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> visual_rft(Boxes.from_lists([[[50, 50, 60, 60]]], [[1]], [[0.0]]), truth)[0].tolist()
    [0.0]
    """
    named = real_predictions(predictions)
    iou = _by_confidence(pair_ious(predictions, targets), predictions.scores, named, iou_threshold)
    longer = torch.maximum(predictions.mask.sum(1), real_truths(targets).sum(1))
    scores = predictions.scores.nan_to_num(0.0).clamp(0, 1) * (iou > 0)
    empty = (longer == 0).to(torch.float32)
    position = iou.sum(1) / longer.clamp(min=1) + empty
    confidence = scores.sum(1) / longer.clamp(min=1) + empty
    return (position + confidence) / 2, {"iou": position, "confidence": confidence}
