"""The task-rewards paper's detection reward, and what every single box of a sequence adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.detection_match import Matches, best_matches, real_predictions, real_truths
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.registry import register_reward
from rewardmark.rewards.types import Boxes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["class_weights_from_counts", "recall", "recall_as_published", "recall_credits"]

#: IoU .50:.05:.95, each counted once.
THRESHOLDS = tuple(round(0.50 + 0.05 * k, 2) for k in range(10))
#: The same ten where results are keyed by f"{t:0.1f}": a later threshold overwrites an earlier one of its key.
COLLAPSED = (0.5, 0.6, 0.6, 0.7, 0.7, 0.85, 0.85, 0.85, 0.95, 0.95)

SOURCE = "arXiv:2302.08242; google-research/big_vision, configs/proj/reward_tune/detection_reward.py"

#: What both forms leave unpaid.
FREE = (
    "spam: a box that matches nothing costs nothing",
    "leading spam: nor does its place in the list",
    "filled up: boxes up to the number of truths cost nothing",
    "all classes: naming every class at each box costs nothing",
    "confidence is not looked at",
)

ClassWeights = Mapping[int, float] | None


@register_reward(
    "detection/recall",
    task="detection",
    bounds=(None, None),
    gold="detection/AP",
    source=SOURCE,
    status="published",
    twin="detection/recall-as-published",
    gamed_by=FREE,
)
def recall(
    predictions: Boxes,
    targets: Boxes,
    *,
    duplicate_weight: float = 0.3,
    class_weights: ClassWeights = None,
    normalize: bool = False,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Recall over ten IoU thresholds, less a price for duplicates: the task-rewards paper's formula.

    For each threshold t in .50:.05:.95 a pair counts when IoU > t and the class agrees; each prediction keeps its best
    truth, each truth its best prediction:

        R_t = sum_{matched truths} w[class] - duplicate_weight * sum_{duplicate predictions} w[class],  R = mean_t R_t

    A box that matches nothing costs nothing. `class_weights` (class id -> weight, 1 where absent, see
    `class_weights_from_counts`) are w. With `normalize` R is divided by the weight of the image's truths, so that a
    perfect answer earns 1; an image without truths then earns 0. Crowd truths take no part.

    Predictions and targets: Boxes. Returns [B] float32 and the components `matched` and `duplicates` (both >= 0).
    Order of boxes and confidence do not matter. Empty predictions earn 0.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8], [20, 20, 30, 30]]], [[1, 2]])
    >>> found = Boxes.from_lists([[[0, 0, 8, 8], [0, 0, 8, 8]]], [[1, 1]])
    >>> [round(v, 3) for v in recall(found, truth)[0].tolist()]
    [0.7]
    """
    return _recall(predictions, targets, THRESHOLDS, duplicate_weight, class_weights, normalize)


@register_reward(
    "detection/recall-as-published",
    task="detection",
    bounds=(None, None),
    gold="detection/AP",
    source=SOURCE,
    status="published",
    twin="detection/recall",
    defect="results are keyed with one decimal, so the ten thresholds become .5x1 .6x2 .7x2 .85x3 .95x2",
    gamed_by=FREE,
)
def recall_as_published(
    predictions: Boxes,
    targets: Boxes,
    *,
    duplicate_weight: float = 0.3,
    class_weights: ClassWeights = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """`detection/recall` with the thresholds as big_vision's code averages them (.5x1 .6x2 .7x2 .85x3 .95x2).

    >>> box = Boxes.from_lists([[[0, 0, 10, 10]]], [[1]])
    >>> recall_as_published(Boxes.from_lists([[[0, 0, 10, 8]]], [[1]]), box)[0].tolist()
    [0.5]
    """
    return _recall(predictions, targets, COLLAPSED, duplicate_weight, class_weights, False)


def class_weights_from_counts(counts: Mapping[int, int], smoothing: float = 0.05) -> dict[int, float]:
    """Weights proportional to 1 / (n_c + smoothing * sum n), with mean 1: {class id: count in the training set}.

    >>> class_weights_from_counts({1: 10, 2: 10})
    {1: 1.0, 2: 1.0}
    """
    total = sum(counts.values())
    if not counts or total <= 0:
        raise RewardmarkError("class_weights_from_counts: there are no instances to count")
    raw = {label: 1.0 / (count + smoothing * total) for label, count in counts.items()}
    mean = sum(raw.values()) / len(raw)
    return {label: weight / mean for label, weight in raw.items()}


def recall_credits(
    predictions: Boxes,
    targets: Boxes,
    *,
    duplicate_weight: float = 0.3,
    class_weights: ClassWeights = None,
    normalize: bool = False,
) -> Tensor:
    """What each box adds to `detection/recall` when the boxes are taken in their order: [B, N] float32.

    credit_k = R(first k boxes) - R(first k - 1 boxes), so that the sum over the boxes is R of the whole list. For
    reward-to-go: the credits from box k on are all that the tokens of box k can still change.

    >>> truth = Boxes.from_lists([[[0, 0, 8, 8]]], [[1]])
    >>> found = Boxes.from_lists([[[0, 0, 8, 8], [0, 0, 8, 8], [50, 50, 60, 60]]], [[1, 1, 1]])
    >>> [round(v, 3) for v in recall_credits(found, truth)[0].tolist()]
    [1.0, -0.3, 0.0]
    """
    matches = best_matches(predictions, targets)
    steps = _thresholds_passed(matches.iou, THRESHOLDS)
    count = steps.shape[1]
    earlier = torch.ones((count, count), dtype=torch.bool, device=steps.device).tril(-1)
    rival = (matches.truth[:, :, None] == matches.truth[:, None, :]) & earlier  # [B, k, j]: j < k chose k's truth
    before = (steps[:, None, :] * rival).amax(dim=2) if count else steps  # what k's truth was worth before k came
    gain = (1 + duplicate_weight) * (torch.maximum(steps, before) - before) - duplicate_weight * steps
    gain = gain * _weights(predictions.labels, class_weights)
    if normalize:
        gain = gain / _truth_weight(targets, class_weights).clamp(min=torch.finfo(gain.dtype).tiny)[:, None]
    return gain * real_predictions(predictions)


def _recall(
    predictions: Boxes,
    targets: Boxes,
    thresholds: Sequence[float],
    duplicate_weight: float,
    class_weights: ClassWeights,
    normalize: bool,
) -> tuple[Tensor, dict[str, Tensor]]:
    # The best truth of a box is the same at every threshold that it passes, so R needs the matching only once: with
    # f(x) the share of thresholds below x, R = sum_truths w f(best IoU) (1 + d) - d sum_boxes w f(IoU).
    matches: Matches = best_matches(predictions, targets)
    matched = (_thresholds_passed(matches.truth_iou, thresholds) * _weights(targets.labels, class_weights)).sum(1)
    claimed = (_thresholds_passed(matches.iou, thresholds) * _weights(predictions.labels, class_weights)).sum(1)
    duplicates = claimed - matched
    if normalize:
        weight = _truth_weight(targets, class_weights).clamp(min=torch.finfo(matched.dtype).tiny)
        matched, duplicates = matched / weight, duplicates / weight
    value = (matched - duplicate_weight * duplicates).to(torch.float32)
    return value, {"matched": matched, "duplicates": duplicates}


def _thresholds_passed(iou: Tensor, thresholds: Sequence[float]) -> Tensor:
    """The share of thresholds strictly below each IoU."""
    levels = torch.tensor(sorted(thresholds), dtype=iou.dtype, device=iou.device)
    return torch.searchsorted(levels, iou.contiguous(), right=False).to(iou.dtype) / len(thresholds)


def _weights(labels: Tensor, class_weights: ClassWeights) -> Tensor:
    if not class_weights:
        return torch.ones_like(labels, dtype=torch.float32)
    weights = torch.ones_like(labels, dtype=torch.float32)
    for label, weight in class_weights.items():  # keys may be strings: a suite file's table keys are
        weights = torch.where(labels == int(label), float(weight), weights)
    return weights


def _truth_weight(targets: Boxes, class_weights: ClassWeights) -> Tensor:
    return (_weights(targets.labels, class_weights) * real_truths(targets)).sum(1)
