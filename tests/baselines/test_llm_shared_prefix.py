"""A beginning that all rows share is attended to as if every row held a copy of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from rewardmark.baselines.llm import sampling, shared_prefix
from rewardmark.baselines.llm.models import LanguageModel
from rewardmark.baselines.llm.sampling import Sampling, draw
from rewardmark.baselines.llm.shared_prefix import can_share, sharing
from rewardmark.baselines.llm.tokenizer import train_tokenizer
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

WORDS = "how many red balls are there left of the small boat under a tree"
PREFIX = "# how many red balls are there\n    return 3\n\n# the small boat\n    return 1\n\n"
QUERIES = ["# how many boat\n", "# a tree\n", "# are there balls left of the red tree under the small boat\n"]
SIZES: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 48, "max_position_embeddings": 256,
}  # fmt: skip

Make = Callable[[int], PreTrainedConfig]
SHARING: dict[str, Make] = {
    "llama": lambda n: LlamaConfig(vocab_size=n, **SIZES),
    "llama, as many keys as queries": lambda n: LlamaConfig(vocab_size=n, **{**SIZES, "num_key_value_heads": 4}),
    "qwen2": lambda n: Qwen2Config(vocab_size=n, **SIZES),
    "qwen3": lambda n: Qwen3Config(vocab_size=n, head_dim=8, **SIZES),
}
COPYING: dict[str, Make] = {
    "gpt2": lambda n: GPT2Config(vocab_size=n, n_embd=32, n_layer=2, n_head=2, n_positions=256),
    "gemma2, scores capped": lambda n: Gemma2Config(vocab_size=n, head_dim=8, **SIZES),
    "mistral, a window": lambda n: MistralConfig(vocab_size=n, sliding_window=8, **SIZES),
    "qwen2, a window": lambda n: Qwen2Config(
        vocab_size=n, use_sliding_window=True, sliding_window=8, max_window_layers=1, **SIZES
    ),
    "llama, dropout": lambda n: LlamaConfig(vocab_size=n, attention_dropout=0.1, **SIZES),
}


def _language(make: Make) -> LanguageModel:
    tokenizer = train_tokenizer([WORDS, PREFIX], 300)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = AutoModelForCausalLM.from_config(make(len(tokenizer)))
    return LanguageModel(model.eval(), tokenizer)


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Turns sharing off: every row gets its copy."""

    def off() -> None:
        monkeypatch.setattr(sampling, "can_share", lambda language: False)

    return off


@pytest.mark.parametrize("kind", SHARING)
@pytest.mark.parametrize("rows", [3, 256])
def test_the_tokens_are_those_of_generate(kind: str, rows: int) -> None:
    language = _language(SHARING[kind])
    assert can_share(language)
    drawn = draw(language, PREFIX, QUERIES, 1, Sampling(temperature=0, max_new_tokens=20, rows=rows))
    for query, (completion,) in zip(QUERIES, drawn, strict=True):
        ids = torch.tensor([[*language.ids(PREFIX, begin=True), *language.ids(query)]])
        wanted = language.model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=20, eos_token_id=language.stops
        )
        assert list(completion.tokens) == wanted[0, ids.shape[1] :].tolist()


@pytest.mark.parametrize("kind", COPYING)
def test_other_models_keep_their_copies_and_their_tokens(kind: str) -> None:
    language = _language(COPYING[kind])
    assert not can_share(language)
    (first,) = draw(language, PREFIX, QUERIES[2:], 1, Sampling(temperature=0, max_new_tokens=8))
    ids = torch.tensor([[*language.ids(PREFIX, begin=True), *language.ids(QUERIES[2])]])
    wanted = language.model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8, eos_token_id=language.stops
    )
    assert list(first[0].tokens) == wanted[0, ids.shape[1] :].tolist()


@pytest.mark.parametrize("kind", SHARING)
def test_draws_are_those_of_copies(kind: str, copying: Callable[[], None]) -> None:
    language = _language(SHARING[kind])
    how = Sampling(temperature=1.0, top_p=0.9, max_new_tokens=16)
    shared = draw(language, PREFIX, QUERIES, 4, how, torch.Generator().manual_seed(1))
    copying()
    assert shared == draw(language, PREFIX, QUERIES, 4, how, torch.Generator().manual_seed(1))


def test_rows_in_turns_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    language = _language(SHARING["llama"])
    how = Sampling(temperature=0, max_new_tokens=12)
    whole = draw(language, PREFIX, QUERIES, 3, how)
    monkeypatch.setattr(shared_prefix, "LARGEST", 1000)
    assert whole == draw(language, PREFIX, QUERIES, 3, how)


@pytest.mark.parametrize("within", [nullcontext(), pytest.raises(RuntimeError, match="as it happens")])
def test_the_model_attends_as_before_afterwards(within: AbstractContextManager[Any]) -> None:
    language = _language(SHARING["llama"])
    config: Any = language.model.config
    before = config._attn_implementation
    with within, sharing(language):
        assert config._attn_implementation != before
        if not isinstance(within, nullcontext):
            raise RuntimeError("as it happens")
    assert config._attn_implementation == before
