"""The user's function as a Reward, so that every statistic of the audit can be measured on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit.foreign.calls import Caller
from rewardmark.rewards.audit.foreign.reading import Reading, score
from rewardmark.rewards.audit.foreign.rows import BOX_TASKS, Box, Row
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.card import RewardCard
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.reward import Reward
from rewardmark.rewards.types import Answers, Boxes

__all__ = ["as_reward", "material_of", "text_of"]


def material_of(material: Material, rows: Sequence[Row]) -> Material:
    """The samples of `rows` (made by `rows_of` from this material), with the truths that the rows have."""
    by_id = {str(sample): k for k, sample in enumerate(material.sample_ids)}
    part = material.rows([by_id[row.id] for row in rows])
    if material.task not in BOX_TASKS:
        return part
    ids = {name: number for number, name in material.categories.items()}
    boxes = Boxes.from_lists(
        [[box.corners for box in row.boxes] for row in rows],
        [[ids.get(box.label, 0) for box in row.boxes] for row in rows],
    )
    return replace(part, gold=boxes, targets=boxes)


def text_of(reading: Reading, material: Material, predictions: Any, index: int, row: Row) -> str:
    """Prediction `index` of a batch as the completion that the function reads; boxes in whole pixels."""
    if not isinstance(predictions, Boxes):
        text = predictions.texts[index]
        return reading.wrapper.wrap(text if isinstance(text, str) else text[0])
    image = predictions.sample(index)
    found = []
    for corners, label, mark in zip(image.boxes.tolist(), image.labels.tolist(), image.scores.tolist(), strict=True):
        whole = [float(round(v)) if abs(v) < 1e15 else v for v in corners]
        name = material.categories.get(int(label), f"class {int(label)}")
        found.append(Box((whole[0], whole[1], whole[2], whole[3]), name, mark))
    return reading.boxes(found, row)


def as_reward(caller: Caller, reading: Reading, material: Material, rows: Sequence[Row]) -> Reward:
    """A Reward of the material's predictions: each is written as text and scored by the function.

    material, rows: as from `material_of`. A sample is found again by its truth, so the reward is
    for predictions whose targets are rows of this material. None becomes NaN (no score); an error is raised.
    """
    keys = {_key(material.targets, k): row for k, row in enumerate(rows)}

    def function(predictions: Any, targets: Any) -> Any:
        wanted = [keys.get(_key(targets, k)) or _row_of(material, targets, k, rows[0]) for k in range(len(targets))]
        texts = [text_of(reading, material, predictions, k, row) for k, row in enumerate(wanted)]
        found = score(caller, reading, wanted, texts)
        for reply in found.errors:
            if reply is not None:
                raise RewardmarkError(f"{reply.error}{f' at {reply.where}' if reply.where else ''}")
        return torch.tensor([float("nan") if v is None else v for v in found.values], dtype=torch.float32)

    name = "".join(c if c.isalnum() or c in "_-." else "-" for c in caller.signature.name)
    card = RewardCard(f"{material.task}/{name}", material.task, (None, None), may_abstain=True, needs_python=True)
    return Reward(card, function, {})


def _key(targets: Any, index: int) -> Any:
    """What tells one truth from another."""
    if isinstance(targets, Boxes):
        image = targets.sample(index)
        return tuple(map(tuple, image.boxes.tolist())), tuple(image.labels.tolist())
    truth = targets.sample(index)
    return truth if isinstance(truth, str) else tuple(truth)


def _row_of(material: Material, targets: Any, index: int, like: Row) -> Row:
    """A row for a truth that the material does not have (the audit's fuzzing makes such)."""
    if isinstance(targets, Boxes):
        image = targets.sample(index)
        pairs = zip(image.boxes.tolist(), image.labels.tolist(), strict=True)
        boxes = tuple(Box(tuple(c), material.categories.get(int(n), f"class {int(n)}")) for c, n in pairs)
        return replace(like, id="other", boxes=boxes, columns=None)
    truth = targets.sample(index) if isinstance(targets, Answers) else targets.texts[index]
    answers = (truth,) if isinstance(truth, str) else tuple(truth)
    return replace(like, id="other", answers=answers or ("",), columns=None)
