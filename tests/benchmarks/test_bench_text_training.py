"""REINFORCE on text beside TRL's trainer: the same model, prompts, samples, reward, optimiser and estimator.

TRL's RLOOTrainer takes the same step (leave-one-out baseline, sum of log-probabilities, no KL). What differs is that
it reads the prompt, examples and all, again for every sample, in sampling and in the update.
"""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from counting_programs import EXAMPLES, PREFIX, QUERIES
from ratios import compare, one_core
from rewardmark.baselines.llm.finetune import Tuner
from rewardmark.baselines.llm.models import SHAPES, LanguageModel, new_llm
from rewardmark.baselines.llm.reinforce_text import policy_step
from rewardmark.baselines.llm.sampling import Sampling
from rewardmark.baselines.llm.tokenizer import train_tokenizer

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

pytestmark = [pytest.mark.slow, pytest.mark.benchmark(group="text training")]

SAMPLES, TOKENS, RATE = 8, 48, 3e-3


def start(seed: int) -> LanguageModel:
    return new_llm(train_tokenizer(EXAMPLES * 3, 400), SHAPES["llm-1x"], seed)


def reward(text: str) -> float:
    """The share of letters: dense, so that a few steps show a curve."""
    return sum(sign.isalpha() for sign in text) / max(1, len(text))


def ours(seed: int, steps: int) -> Callable[[], list[float]]:
    language = start(seed)

    def train() -> list[float]:
        tuner = Tuner(copy.deepcopy(language), 0, 1, RATE)
        generator = torch.Generator().manual_seed(seed)
        how = Sampling(max_new_tokens=TOKENS)

        def score(drawn: list[list[Any]]) -> torch.Tensor:
            return torch.tensor([[reward(completion.text) for completion in row] for row in drawn])

        return [policy_step(tuner, PREFIX, QUERIES, SAMPLES, how, generator, score)["reward"] for _ in range(steps)]

    return train


def theirs(seed: int, steps: int, folder: Path) -> Callable[[], list[float]]:
    language = start(seed)
    rows = datasets.Dataset.from_list([{"prompt": PREFIX + query} for query in QUERIES])
    arguments = trl.RLOOConfig(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=len(QUERIES) * SAMPLES,
        num_generations=SAMPLES,
        max_completion_length=TOKENS,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        optim="adamw_torch",
        adam_beta2=0.98,
        beta=0.0,
        normalize_advantages=False,
        gradient_checkpointing=False,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
        seed=seed,
    )

    def train() -> list[float]:
        trainer = trl.RLOOTrainer(
            model=copy.deepcopy(language.model),
            processing_class=language.tokenizer,
            reward_funcs=lambda completions, **_: [reward(text.partition("\n\n")[0]) for text in completions],
            args=arguments,
            train_dataset=rows,
        )
        trainer.train()
        return [float(entry["reward"]) for entry in trainer.state.log_history if "reward" in entry]

    return train


def test_bench_reinforce_on_text(benchmark: Any, tmp_path: Path) -> None:
    """Six updates; the building of each trainer is in the clock of both."""
    work = f"6 updates on {len(QUERIES)} prompts of about 250 tokens, {SAMPLES} samples of {TOKENS} tokens each"
    ratios = compare(benchmark, ours(0, 6), {"trl RLOOTrainer": theirs(0, 6, tmp_path)}, work, rounds=3)
    if ratios:
        assert ratios["trl RLOOTrainer"] >= 1.5


def test_the_learning_curves_are_the_same_within_noise(tmp_path: Path) -> None:
    """Mean reward of the last five of 20 steps, over three seeds each: apart by no more than three standard errors."""
    with one_core():
        mine = [statistics.mean(ours(seed, 20)()[-5:]) for seed in range(3)]
        other = [statistics.mean(theirs(seed, 20, tmp_path)()[-5:]) for seed in range(3)]
        before = statistics.mean(ours(0, 1)())
    noise = (statistics.variance(mine) / 3 + statistics.variance(other) / 3) ** 0.5
    gain = statistics.mean(mine) - before
    assert gain > 0.05
    assert abs(statistics.mean(mine) - statistics.mean(other)) <= max(3 * noise, 0.1 * gain)
