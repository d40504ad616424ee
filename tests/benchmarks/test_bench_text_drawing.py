"""Drawing programs after a few examples, beside Hugging Face's `generate`, and beside a copy of the examples a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from counting_programs import EXAMPLES, PREFIX, QUERIES
from ratios import compare
from rewardmark.baselines.llm import sampling
from rewardmark.baselines.llm.models import SHAPES, LanguageModel, new_llm
from rewardmark.baselines.llm.sampling import Sampling, draw
from rewardmark.baselines.llm.tokenizer import train_tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.benchmark(group="text drawing")]

SAMPLES, TOKENS = 8, 96


def _ours(language: LanguageModel, share: bool) -> Callable[[], Any]:
    def call() -> Any:
        with pytest.MonkeyPatch.context() as patch:
            if not share:
                patch.setattr(sampling, "can_share", lambda language: False)
            how = Sampling(max_new_tokens=TOKENS)
            return draw(language, PREFIX, QUERIES, SAMPLES, how, torch.Generator().manual_seed(0))

    return call


def _theirs(language: LanguageModel) -> Callable[[], Any]:
    tokenizer: Any = language.tokenizer
    tokenizer.padding_side = "left"
    read = tokenizer([PREFIX + query for query in QUERIES], return_tensors="pt", padding=True)

    def call() -> Any:
        torch.manual_seed(0)
        return language.model.generate(
            input_ids=read["input_ids"], attention_mask=read["attention_mask"], do_sample=True, top_k=0,
            num_return_sequences=SAMPLES, max_new_tokens=TOKENS, eos_token_id=language.stops, pad_token_id=language.pad,
        )  # fmt: skip

    return call


@pytest.mark.parametrize("shape", ["llm-1x", "llm-10x"])
def test_bench_drawing_programs(benchmark: Any, shape: str) -> None:
    """Random weights: few sequences end early, so that all three write about as many tokens."""
    language = new_llm(train_tokenizer(EXAMPLES * 3, 400), SHAPES[shape], 0)
    before = len(language.ids(PREFIX, begin=True))
    work = f"{len(QUERIES)} prompts after {before} tokens of examples, {SAMPLES} samples of {TOKENS} tokens each"
    peers = {"transformers generate": _theirs(language), "examples copied": _ours(language, share=False)}
    ratios = compare(benchmark, _ours(language, share=True), peers, work, rounds=5)
    if ratios:
        assert ratios["transformers generate"] > 1 and ratios["examples copied"] > 1
