"""The decoder before it meets a tower: taught to answer about scenes that it is told in words, patch by patch.

Published VLMs begin with a language model that can already describe, count and compare what a text tells it; what the
projector has to learn is to put what the tower sees in the place of words. A tiny decoder learns that here, on scenes
of the split "tower": where a picture's tokens will stand, it is given the mean of the embeddings of the words that tell
each patch (`patch_words`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from rewardmark.baselines.vlm.corpus import instructions
from rewardmark.baselines.vlm.dialogues import Dialogue, batch_of
from rewardmark.baselines.vlm.grid import SPLIT, patch_words
from rewardmark.baselines.vlm.learn import Lesson, Log, learn
from rewardmark.baselines.vlm.models import Vlm
from rewardmark.baselines.vlm.stages import Order, part_of
from rewardmark.tasks.programs.pictures import ScenePictures
from rewardmark.tasks.scenes.scene import make_scene
from rewardmark.tasks.vlm.scenes import maker_of
from torch import Tensor

__all__ = ["read_scenes", "read_texts"]


def read_scenes(
    vlm: Vlm,
    like: ScenePictures,
    count: int,
    lesson: Lesson,
) -> Log:
    """A lesson's batches of questions, captions and web texts about `count` scenes like these, in place; the loss is
    on the answers. Only the decoder learns."""
    scenes = ScenePictures(SPLIT, like.side, count, like.seed, like.difficulty)
    maker = maker_of(scenes)
    web = [Dialogue(k, (("", maker.web(k, scenes.facts(k))),)) for k in range(count)]
    dialogues = [*instructions(scenes, lesson.seed), *web]
    patch = int(vlm.model.config.vision_config.patch_size)
    image_token = int(vlm.model.config.image_token_id)
    embed = vlm.model.get_input_embeddings()
    order = Order(dialogues, lesson.batch_size, lesson.seed)
    told: dict[int, tuple[Any, list[list[int]]]] = {}

    def words(k: int) -> tuple[Any, list[list[int]]]:
        if k not in told:
            scene = make_scene(like.seed, k, like.side, like.difficulty, SPLIT)
            texts = [f" {text}" for text in patch_words(scene, patch)]
            told[k] = scene.image, vlm.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return told[k]

    def step_loss(number: int) -> tuple[Tensor, dict[str, float]]:
        rows = [dialogues[k] for k in order.batch(number)]
        batch = batch_of(vlm, rows, [words(row.picture)[0] for row in rows])
        bags = [torch.tensor(bag) for row in rows for bag in words(row.picture)[1]]
        told_by = F.embedding_bag(
            torch.cat(bags).to(vlm.device), embed.weight,
            torch.tensor([0, *np.cumsum([len(bag) for bag in bags[:-1]])], device=vlm.device), mode="mean",
        )  # fmt: skip
        ids = batch["input_ids"]
        states = embed(ids).masked_scatter((ids == image_token)[..., None], told_by)
        loss: Tensor = vlm.model(
            inputs_embeds=states, attention_mask=batch["attention_mask"], labels=batch["labels"], use_cache=False
        ).loss
        return loss, {"tokens": float(batch["attention_mask"].sum())}

    return learn(
        vlm.model, decoder_of(vlm), step_loss, lesson.steps, lesson.workdir, name="reading",
        learning_rate=lesson.learning_rate, device=str(vlm.device), progress=lesson.progress,
    )  # fmt: skip


def read_texts(
    vlm: Vlm,
    texts: list[str],
    lesson: Lesson,
) -> Log:
    """A lesson's batches of `texts` by themselves, each ended: the manner of the data set, where its pictures are no
    scenes."""
    tokenizer = vlm.tokenizer
    rows = [tokenizer.encode(f"<assistant>{text}</s>", add_special_tokens=False) for text in dict.fromkeys(texts)]

    def step_loss(number: int) -> tuple[Tensor, dict[str, float]]:
        chosen = np.random.default_rng([lesson.seed, 6, number]).integers(0, len(rows), lesson.batch_size)
        batch = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(rows[k]) for k in chosen], batch_first=True, padding_value=tokenizer.pad_token_id
        ).to(vlm.device)
        logits = vlm.model(input_ids=batch, use_cache=False).logits[:, :-1]
        loss = F.cross_entropy(
            logits.flatten(0, 1).float(), batch[:, 1:].flatten(), ignore_index=tokenizer.pad_token_id
        )
        return loss, {"tokens": float((batch != tokenizer.pad_token_id).sum())}

    return learn(
        vlm.model, decoder_of(vlm), step_loss, lesson.steps, lesson.workdir, name="text",
        learning_rate=lesson.learning_rate, device=str(vlm.device), progress=lesson.progress,
    )  # fmt: skip


def decoder_of(vlm: Vlm) -> list[torch.nn.Parameter]:
    """The parameters of the language model."""
    return [parameter for name, parameter in vlm.model.named_parameters() if part_of(name) == "text"]
