"""Policies that know nothing: answers at random, and answers that are the same whatever is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
from rewardmark.rewards._torch import torch
from rewardmark.rewards.audit.corruptions import corruptions_for
from rewardmark.rewards.audit.exploits import exploits_for
from rewardmark.rewards.audit.exploits_boxes import random_boxes
from rewardmark.rewards.audit.junk import junk_for
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.types import Answers, Boxes, Captions, Grounded, Images, PairScores, Segments

__all__ = ["draws", "fixed_answers", "untrained"]

Rng = np.random.Generator

#: Battery entries that do not look at the truth, so that a policy could learn to give them always.
BLIND = frozenset(
    {
        "empty answer", "a grid of boxes", "all classes around the image", "the middle of the image", "the corner",
        "a grid of points", "the whole image", "one huge segment", "all classes in strips", "flat grey", "black",
        "one shared colour", "saturated rainbow", "rainbow over the grey picture", "blanks", "prompt echo", "gibberish",
        "full stops", "one article", "names nothing", "the commonest caption", "listing all classes", "yes and no",
        "the commonest answer", "no idea", "substring answer", "every digit", "no score", "every score the same",
        "one caption always", "one image always", "empty tags", "one shared box",
    }
)  # fmt: skip

#: Truths that are tried as the answer to everything.
TRUTHS = 8


def fixed_answers(material: Material, rng: Rng) -> dict[str, Any]:
    """Name -> the same answer to every sample: truths of single samples, and the blind entries of the battery."""
    answers = {
        f"the truth of sample {material.sample_ids[k]}": material.gold[[k] * len(material)]
        for k in range(min(TRUTHS, len(material)))
    }
    return {**answers, **{e.name: e.make(material, rng) for e in exploits_for(material) if e.name in BLIND}}


def untrained(material: Material, rng: Rng) -> Any:
    """One answer at random for every sample, of the right type and about the right size."""
    gold = material.gold
    size = len(material)
    if isinstance(gold, Boxes):
        most = max(1, int(gold.mask.sum(1).max()))
        rows = [random_boxes(material, k, int(rng.integers(1, most + 1)), rng) for k in range(size)]
        return Boxes.from_lists([r[0] for r in rows], [r[1] for r in rows], [rng.random(len(r[1])) for r in rows])
    if isinstance(gold, Grounded):
        corner = torch.tensor([[float(w), float(h)] for h, w in material.sizes])[:, None]
        two = torch.from_numpy(rng.random((size, 2, 2))).float() * corner
        box = torch.cat([two.amin(1), two.amax(1)], 1)
        points = torch.from_numpy(rng.random(tuple(gold.points.shape))).float() * corner
        return Grounded(torch.where(torch.isfinite(gold.box), box, torch.nan), points)
    if isinstance(gold, PairScores):
        return PairScores(torch.from_numpy(rng.random((size, 2, 2))).float())
    if isinstance(gold, Segments):
        return _random_segments(gold, rng)
    if isinstance(gold, Images):
        coarse = torch.from_numpy(rng.random((size, 3, 4, 4))).float()
        return Images(torch.nn.functional.interpolate(coarse, tuple(gold.rgb.shape[2:]), mode="bilinear"))
    if isinstance(gold, (Captions, Answers)):
        if material.task in ("vqa", "counting"):
            known = sorted({str(t) for t in gold.texts})
            return type(gold)([str(rng.choice(known)) for _ in range(size)])
        pool = [word for text in gold.texts for word in str(text).split()]
        return type(gold)([" ".join(rng.choice(pool, len(str(text).split()))) for text in gold.texts])
    raise RewardmarkError(f"no random answers of type {type(gold).__name__}")


def _random_segments(gold: Segments, rng: Rng) -> Segments:
    """Four rectangles of random categories on one ground."""
    size, height, width = gold.ids.shape
    known = gold.categories[gold.categories > 0].unique().numpy()
    ids = torch.ones_like(gold.ids)
    for row in range(size):
        for slot in range(2, 6):
            y, x = int(rng.integers(height - 8)), int(rng.integers(width - 8))
            ids[row, y : y + int(rng.integers(6, height // 2)), x : x + int(rng.integers(6, width // 2))] = slot
    return Segments(ids, torch.from_numpy(rng.choice(known, (size, 5)).astype(np.int64)))


def draws(material: Material, count: int, rng: Rng) -> list[Any]:
    """`count` answers to every sample as a policy on its way gives them: better and worse, some with junk behind.

    Each draw is a corruption at a random severity; one in three carries junk, and one in eight is an entry of the
    battery instead, so that selection by the reward has something to be misled by.
    """
    ways, battery, junk = corruptions_for(material), exploits_for(material), junk_for(material)
    found = []
    for _ in range(count):
        kind = rng.random()
        if kind < 1 / 8:
            found.append(battery[int(rng.integers(len(battery)))].make(material, rng))
            continue
        answer = ways[int(rng.integers(len(ways)))].make(material, float(rng.uniform(0, 1)), rng)
        if kind < 1 / 8 + 1 / 3 and junk:
            answer = junk[int(rng.integers(len(junk)))].add(answer, material, rng)[0]
        found.append(answer)
    return found
