"""Pretraining of the small language models: all that they know of programs, right and wrong, before any reward.

The corpus (see corpus.py) is made from the questions, phrases and captions of generated scenes with their true
programs. Document k is the same for every model that is trained with the same data, rate and seed, and none is seen
twice: models of different sizes read the same text.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from rewardmark.baselines.llm.corpus import DOCUMENTED_RATE, Corpus, exercises_of
from rewardmark.baselines.llm.method import ProgramMethod, ProgramOptions, prompt_of
from rewardmark.baselines.llm.models import SHAPES, LanguageModel, new_llm
from rewardmark.baselines.llm.tokenizer import train_tokenizer
from rewardmark.baselines.llm.writer import Writer, save_writer
from rewardmark.baselines.loop import parameter_groups, set_learning_rate
from rewardmark.baselines.method import FitJob, FitResult
from rewardmark.baselines.options import at_least, read_options
from rewardmark.baselines.state import StateFile
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks import get_task
from rewardmark.tasks.dataset_spec import DatasetSpec
from rewardmark.tasks.programs import ScenePictures
from torch import Tensor

__all__ = ["Pretraining", "PretrainingOptions"]

TASKS = ("vqa", "phrases", "matching")
HELD_OUT = 2**40
"""Documents from here on are never trained on."""
POINTS = 40


@dataclass(frozen=True)
class PretrainingOptions(ProgramOptions):
    """Besides what all methods take:

    rate: share of wrong programs in the corpus; the documented one is 0.4.
    vocabulary: tokens at most. learning_rate: peak; warms up over a twentieth, then falls to a fiftieth by a cosine.
    held_out: documents of the corpus that the validation loss is taken on.
    """

    rate: float = at_least(0.0, DOCUMENTED_RATE)
    vocabulary: int = at_least(300, 640)
    learning_rate: float = at_least(0.0, 3e-3)
    weight_decay: float = at_least(0.0, 0.05)
    held_out: int = at_least(1, 64)


class Pretraining(ProgramMethod):
    """`steps` batches of `batch_size` documents (16 without it), on scenes of the cell's data set. The model is one of
    llm-1x, llm-10x, llm-tiny."""

    name: ClassVar[str] = "pretrain-programs"
    version: ClassVar[str] = "2"  # the mixture of the corpus
    needs_reward: ClassVar[bool] = False
    options_type: ClassVar[type[ProgramOptions]] = PretrainingOptions

    def fit(self, job: FitJob) -> FitResult:
        options = read_options(PretrainingOptions, self.name, job.options)
        if job.model not in SHAPES:
            raise RewardmarkError(f"model {job.model!r} writes no programs; use {', '.join(SHAPES)}")
        corpus = Corpus(exercises(job.train), options.rate, job.seed)
        sample = [corpus.document(HELD_OUT + k) for k in range(1000)]
        language = new_llm(train_tokenizer(sample, options.vocabulary), SHAPES[job.model], job.seed)
        torch.nn.Module.to(language.model, torch.device(job.device))
        curves, usage = _train(job, options, corpus, language, sample[: options.held_out])
        folder = job.workdir / "checkpoint"
        save_writer(Writer(language, prompt_of(job, options)), folder, bare=True)
        return FitResult(folder, curves, usage)


def exercises(split: Any) -> list[Any]:
    """What can be learned from the scenes of a split: the texts of all three tasks about them, with true programs."""
    pictures = split.pictures
    if not isinstance(pictures, ScenePictures):
        raise RewardmarkError("method 'pretrain-programs' needs scenes: only their true programs are known")
    spec = DatasetSpec(
        split=pictures.split, size=pictures.side, n=len(pictures), seed=pictures.seed, difficulty=pictures.difficulty
    )
    return [exercise for name in TASKS for exercise in exercises_of(name, get_task(name).open(spec))]


def _train(
    job: FitJob, options: PretrainingOptions, corpus: Corpus, language: LanguageModel, held_out: list[str]
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    model = language.model
    optimizer = torch.optim.AdamW(
        parameter_groups(model, options.weight_decay), lr=options.learning_rate, betas=(0.9, 0.98)
    )
    state: dict[str, Any] = {"done": 0, "curves": [], "usage": {"tokens": 0.0, "fit_seconds": 0.0}}
    file = StateFile(job.workdir)
    kept = file.load(job.device)
    if kept is not None:
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        state = kept["state"]
    batch_size, curves, usage = job.batch_size or 16, state["curves"], state["usage"]
    every, pending = max(1, job.steps // POINTS), []
    while state["done"] < job.steps:
        began, k = time.monotonic(), state["done"]
        model.train()
        batch = _batch(language, list(corpus.documents(k * batch_size, batch_size)))
        set_learning_rate(optimizer, options.learning_rate * _schedule(k, job.steps))
        loss = _loss(model, batch)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        pending.append(float(loss.detach()))
        state["done"] = k + 1
        usage["tokens"] += float((batch != language.pad).sum())
        if state["done"] % every == 0 or state["done"] == job.steps:
            curves.append({"step": state["done"], "name": "loss", "value": float(np.mean(pending))})
            curves.append({"step": state["done"], "name": "val/loss", "value": _held_out(language, held_out)})
            curves.append({"step": state["done"], "name": "tokens", "value": usage["tokens"]})
            pending = []
        usage["fit_seconds"] += time.monotonic() - began
        job.progress(state["done"], job.steps, {"loss": float(loss.detach())})
        if file.due() and state["done"] < job.steps and not pending:
            file.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "state": state})
    return curves, usage


def _batch(language: LanguageModel, documents: list[str]) -> Tensor:
    """Token ids [B, T], padded on the right."""
    rows = [language.ids(text, begin=True) for text in documents]
    tokens = torch.full((len(rows), max(map(len, rows))), language.pad)
    for k, row in enumerate(rows):
        tokens[k, : len(row)] = torch.tensor(row)
    return tokens.to(language.device)


def _loss(model: Any, tokens: Tensor) -> Tensor:
    """Mean loss of a token, nats."""
    logits = model(input_ids=tokens, use_cache=False).logits[:, :-1]
    wanted = tokens[:, 1:]
    pad = int(model.config.pad_token_id)
    return F.cross_entropy(logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=pad)


@torch.no_grad()
def _held_out(language: LanguageModel, documents: list[str]) -> float:
    language.model.eval()
    losses = [
        float(_loss(language.model, _batch(language, documents[k : k + 16]))) for k in range(0, len(documents), 16)
    ]
    return float(np.mean(losses))


def _schedule(step: int, total: int) -> float:
    warm = max(1, total // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
