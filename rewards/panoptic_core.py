"""The counts behind panoptic quality, per image and segment, by panopticapi's rules and in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rewardmark.rewards._torch import torch
from rewardmark.rewards.engine import on_cpu
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.types import Segments

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PanopticCounts", "count_segments", "quality"]


@dataclass(frozen=True, eq=False)
class PanopticCounts:
    """Per image and segment (float64, 0 where there is none):

    iou_sum, matched, missed [B, T] for the truths; extra [B, P] for the predictions (unmatched and not excused);
    true_categories [B, T], predicted_categories [B, P] int64.
    """

    iou_sum: Tensor
    matched: Tensor
    missed: Tensor
    extra: Tensor
    true_categories: Tensor
    predicted_categories: Tensor


def count_segments(predictions: Segments, targets: Segments) -> PanopticCounts:
    """Match segments as panopticapi does.

    A pair matches when its categories agree, the truth is no crowd and IoU > 0.5, where the union leaves out what of
    the prediction lies on void. An unmatched crowd is never a miss; an unmatched prediction is excused when more than
    half of it lies on void or on the last crowd segment of its category. Truth areas are the JSON's where `areas` is
    given, prediction areas are counted. A predicted segment without a pixel does not exist. Raises RewardmarkError for
    maps of different sizes or ids without a category column.
    """
    if predictions.ids.shape != targets.ids.shape:
        raise RewardmarkError(
            f"panoptic: predicted ids {list(predictions.ids.shape)} and true ids {list(targets.ids.shape)} differ"
        )
    overlap = _overlaps(predictions, targets)  # [B, P + 1, T + 1] pixels, column and row 0 are void
    on_void = overlap[:, 1:, 0]
    pairs = overlap[:, 1:, 1:]
    areas = overlap.sum(2)[:, 1:]
    exists = (predictions.categories != 0) & (areas > 0)
    if targets.areas is None:
        true_areas = overlap.sum(1)[:, 1:]
        true_exists = (targets.categories != 0) & (true_areas > 0)
    else:
        true_areas = targets.areas.to(torch.float64)
        true_exists = targets.categories != 0
    crowd = torch.zeros_like(true_exists) if targets.is_crowd is None else targets.is_crowd & true_exists

    same = predictions.categories[:, :, None] == targets.categories[:, None, :]
    may_match = same & exists[:, :, None] & (true_exists & ~crowd)[:, None, :]
    union = areas[:, :, None] + true_areas[:, None, :] - pairs - on_void[:, :, None]
    iou = torch.where(union > 0, pairs / union, 0.0)
    match = may_match & (iou > 0.5)
    matches = match.to(torch.float64)

    last_crowd = crowd & ~_later_of_same_category(targets.categories, crowd)
    excused = on_void + (pairs * (same & last_crowd[:, None, :])).sum(2)
    extra = exists & ~match.any(2) & ~(excused / areas.clamp(min=1) > 0.5)
    return PanopticCounts(
        iou_sum=(iou * matches).sum(1),
        matched=matches.sum(1),
        missed=(true_exists & ~crowd & ~match.any(1)).to(torch.float64),
        extra=extra.to(torch.float64),
        true_categories=targets.categories,
        predicted_categories=predictions.categories,
    )


def quality(counts: PanopticCounts) -> tuple[Tensor, Tensor]:
    """PQ of each image in float64, and how many categories it is the mean of; NaN where there is no category at all.

    PQ_c = sum of matched IoU / (matched + extra / 2 + missed / 2), averaged over the categories with any of these.
    """
    category = torch.cat([counts.true_categories, counts.predicted_categories], dim=1)
    numerator = torch.cat([counts.iou_sum, torch.zeros_like(counts.extra)], dim=1)
    denominator = torch.cat([counts.matched + counts.missed / 2, counts.extra / 2], dim=1)
    same = (category[:, :, None] == category[:, None, :]).to(torch.float64)
    total = torch.einsum("bkj,bj->bk", same, denominator)
    value = torch.einsum("bkj,bj->bk", same, numerator) / total.clamp(min=0.5)
    member = (denominator > 0).to(torch.float64)
    share = member / torch.einsum("bkj,bj->bk", same, member).clamp(min=1)  # the members of a category share one vote
    seen = share.sum(1)
    return torch.where(seen > 0, (value * share).sum(1) / seen.clamp(min=0.5), torch.nan), seen.round()


def _overlaps(predictions: Segments, targets: Segments) -> Tensor:
    """Pixels of each pair of a predicted and a true segment, [B, P + 1, T + 1] float64; row and column 0 are void."""
    size = len(predictions)
    rows, columns = predictions.categories.shape[1] + 1, targets.categories.shape[1] + 1
    predicted, true = predictions.ids.flatten(1), targets.ids.flatten(1)
    if predicted.dtype != true.dtype:
        predicted, true = predicted.to(torch.int64), true.to(torch.int64)
    if on_cpu(predicted, true):
        from rewardmark.rewards._panoptic_kernel import count_pairs

        maps = [ids.detach().contiguous().numpy() for ids in (predicted, true)]
        counts, outside = count_pairs(*maps, rows, columns)
        if outside:
            _refuse_ids(predicted, true, rows, columns)
        return torch.from_numpy(counts).to(torch.float64)
    _refuse_ids(predicted, true, rows, columns)
    offset = torch.arange(size, device=true.device) * (rows * columns)
    index = predicted.to(torch.int64) * columns + true + offset[:, None]
    flat = torch.bincount(index.flatten(), minlength=size * rows * columns)
    return flat.reshape(size, rows, columns).to(torch.float64)


def _refuse_ids(predicted: Tensor, true: Tensor, rows: int, columns: int) -> None:
    for name, ids, limit in (("predicted", predicted, rows), ("true", true, columns)):
        if ids.numel():
            low, high = ids.aminmax()
            if low < 0 or high >= limit:
                raise RewardmarkError(
                    f"panoptic: {name} ids run from {int(low)} to {int(high)}, but categories has {limit - 1} columns"
                )


def _later_of_same_category(categories: Tensor, among: Tensor) -> Tensor:
    """[B, T]: whether a later slot marked in `among` has the same category."""
    count = categories.shape[1]
    later = torch.ones((count, count), dtype=torch.bool, device=categories.device).triu(1)
    same = (categories[:, :, None] == categories[:, None, :]) & later & among[:, None, :]
    return same.any(2)
