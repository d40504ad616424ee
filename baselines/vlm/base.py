"""The parts of a tiny VLM before they meet: tokenizer, vision tower and decoder, each taught on its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from rewardmark.baselines.loop import set_learning_rate
from rewardmark.baselines.method import FitJob, FitResult
from rewardmark.baselines.options import at_least, read_options
from rewardmark.baselines.vlm.corpus import corpus_texts, pictures_of, web_of
from rewardmark.baselines.vlm.method import VlmMethod, VlmOptions, check_task, instructed
from rewardmark.baselines.vlm.models import SHAPES, Vlm, new_vlm, save_vlm, train_tokenizer
from rewardmark.baselines.vlm.stages import Log, learning_share
from rewardmark.baselines.vlm.tower import train_tower
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.programs.pictures import ScenePictures
from torch import nn

__all__ = ["BaseOptions", "VlmBase"]


@dataclass(frozen=True)
class BaseOptions(VlmOptions):
    """Besides what all take: tower_images: scenes that the tower is taught on; tower_rate; text_steps, text_rate: of
    the decoder, on texts without pictures; vocabulary: tokens at most."""

    tower_images: int = at_least(1, 2000)
    tower_rate: float = at_least(0.0, 1e-3)
    text_steps: int = at_least(0, 200)
    text_rate: float = at_least(0.0, 2e-3)
    vocabulary: int = at_least(300, 640)


class VlmBase(VlmMethod):
    """`steps` batches for the vision tower, then `text_steps` for the decoder: what pretrained parts are to published
    VLMs. The model is vlm-small or vlm-tiny. The decoder knows nothing of pictures yet: its answers are guesses. On
    files the tower is taught on generated scenes too, of the data set's `size`: it needs to be told what lies where."""

    name: ClassVar[str] = "vlm-base"
    options_type: ClassVar[type[VlmOptions]] = BaseOptions

    def fit(self, job: FitJob) -> FitResult:
        options = read_options(BaseOptions, self.name, job.options)
        check_task(job.task, self.name)
        if job.model not in SHAPES:
            raise RewardmarkError(f"model {job.model!r} is no vision-language model; use {', '.join(SHAPES)}")
        samples = web_of(self.name, job.train)
        texts = list(corpus_texts(samples, instructed(job, options, self.name, 0).dialogues))
        pictures, side = pictures_of(job.train), job.train.size
        like = pictures if isinstance(pictures, ScenePictures) else ScenePictures("", side, 0, job.seed, "standard")
        vlm = new_vlm(train_tokenizer(texts, options.vocabulary), SHAPES[job.model], side, job.seed)
        torch.nn.Module.to(vlm.model, torch.device(job.device))
        total = job.steps + options.text_steps
        began = time.monotonic()
        log = train_tower(
            vlm, like, options.tower_images, job.steps, job.workdir / "tower",
            learning_rate=options.tower_rate, batch_size=job.batch_size or 32, seed=job.seed,
            progress=lambda step, _, values: job.progress(step, total, values),
        )  # fmt: skip
        _read(vlm, texts, options, job, log)
        log.add("fit_seconds", time.monotonic() - began)
        folder = job.workdir / "checkpoint"
        save_vlm(vlm, folder)
        return FitResult(folder, log.curves, log.usage)


def _read(vlm: Vlm, texts: list[str], options: BaseOptions, job: FitJob, log: Log) -> None:
    """The decoder learns to write such texts, each ended, without pictures. So short that it is done again when
    killed."""
    tokenizer, decoder = vlm.tokenizer, vlm.model
    learning = [p for name, p in decoder.named_parameters() if "language_model" in name or "lm_head" in name]
    optimizer = torch.optim.AdamW(learning, lr=options.text_rate, betas=(0.9, 0.98), weight_decay=0.0)
    rows = [tokenizer.encode(f"<assistant>{text}</s>", add_special_tokens=False) for text in dict.fromkeys(texts)]
    size, losses = job.batch_size or 32, list[float]()
    decoder.train()
    for step in range(options.text_steps):
        chosen = np.random.default_rng([job.seed, 5, step]).integers(0, len(rows), size)
        batch: Any = nn.utils.rnn.pad_sequence(
            [torch.tensor(rows[k]) for k in chosen], batch_first=True, padding_value=tokenizer.pad_token_id
        ).to(vlm.device)
        logits = decoder(input_ids=batch, use_cache=False).logits[:, :-1]
        loss = F.cross_entropy(
            logits.flatten(0, 1).float(), batch[:, 1:].flatten(), ignore_index=tokenizer.pad_token_id
        )
        set_learning_rate(optimizer, options.text_rate * learning_share(step, options.text_steps))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        log.add("tokens", float((batch != tokenizer.pad_token_id).sum()))
        job.progress(job.steps + step + 1, job.steps + options.text_steps, {"text/loss": losses[-1]})
    every = max(1, options.text_steps // 20)
    for begin in range(0, len(losses), every):
        value = float(np.mean(losses[begin : begin + every]))
        log.curves.append({"step": job.steps + min(begin + every, len(losses)), "name": "text/loss", "value": value})
    decoder.eval()
