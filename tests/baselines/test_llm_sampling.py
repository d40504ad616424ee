"""The sampler writes what Hugging Face's `generate` writes, keeps to the model's distribution, and is scored alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from rewardmark.baselines.llm import sampling
from rewardmark.baselines.llm.finetune import Example, finetune
from rewardmark.baselines.llm.likelihood import log_likelihood
from rewardmark.baselines.llm.models import SHAPES, LanguageModel, load_llm, new_llm, save_llm
from rewardmark.baselines.llm.sampling import Sampling, draw
from rewardmark.baselines.llm.tokenizer import END, train_tokenizer
from rewardmark.rewards.errors import DataError

PROGRAM = (
    "def execute_command(image):\n    image_patch = ImagePatch(image)\n    return str(len(image_patch.find({!r})))"
)
NOUNS = ("ball", "boat", "tree", "a very long noun", "fish")
QUERIES = [f"# How many {noun}s are there?\ndef execute_command(image):" for noun in NOUNS]
PREFIX = f"# How many boxes are there?\n{PROGRAM.format('box')}{END}"


@pytest.fixture(scope="module")
def language() -> LanguageModel:
    texts = [f"# How many {noun}s are there?\n{PROGRAM.format(noun)}{END}" for noun in NOUNS]
    return new_llm(train_tokenizer(texts, 320), SHAPES["llm-tiny"], seed=3)


def test_greedy_equals_generate(language: LanguageModel) -> None:
    drawn = draw(language, PREFIX, QUERIES, 1, Sampling(temperature=0, max_new_tokens=24, rows=3))
    for query, (completion,) in zip(QUERIES, drawn, strict=True):
        ids = torch.tensor([[*language.ids(PREFIX, begin=True), *language.ids(query)]])
        wanted = language.model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=24, eos_token_id=language.stops
        )
        assert list(completion.tokens) == wanted[0, ids.shape[1] :].tolist()


def test_samples_follow_the_distribution_whatever_the_batch(language: LanguageModel) -> None:
    """The first token's frequencies are its probabilities, within four standard errors."""
    n = 4000
    generator = torch.Generator().manual_seed(0)
    drawn = draw(language, PREFIX, QUERIES[:2], n, Sampling(max_new_tokens=1, rows=8000), generator)
    ids = torch.tensor([[*language.ids(PREFIX, begin=True), *language.ids(QUERIES[0])]])
    probs = torch.softmax(language.model(ids).logits[0, -1], -1)
    counts = torch.bincount(torch.tensor([c.tokens[0] for c in drawn[0]]), minlength=len(probs)) / n
    assert ((counts - probs).abs() <= 4 * (probs * (1 - probs) / n).sqrt() + 1e-3).all()


def test_top_p_keeps_the_likeliest(language: LanguageModel) -> None:
    drawn = draw(
        language, PREFIX, QUERIES[:1], 200, Sampling(top_p=0.05, max_new_tokens=1), torch.Generator().manual_seed(0)
    )
    ids = torch.tensor([[*language.ids(PREFIX, begin=True), *language.ids(QUERIES[0])]])
    ordered, places = torch.softmax(language.model(ids).logits[0, -1], -1).sort(descending=True)
    kept = int((ordered.cumsum(0) < 0.05).sum()) + 1
    assert {c.tokens[0] for c in drawn[0]} <= set(places[:kept].tolist())


@pytest.mark.parametrize("top_p", [0.05, 0.6, 0.97, 0.9999])
def test_top_p_among_the_likeliest_is_top_p_among_all(monkeypatch: pytest.MonkeyPatch, top_p: float) -> None:
    """Whether the likeliest few are enough (peaked, small top_p) or not (flat, large)."""
    logits = torch.randn(64, 300, generator=torch.Generator().manual_seed(2)) * torch.linspace(0.1, 9, 64)[:, None]
    how = Sampling(top_p=top_p)
    few = sampling._choose(logits, how, torch.Generator().manual_seed(1))
    monkeypatch.setattr(sampling, "LIKELIEST", 300)
    assert torch.equal(few, sampling._choose(logits, how, torch.Generator().manual_seed(1)))


def test_likelihood_with_a_shared_prefix_is_that_of_the_whole_text(language: LanguageModel) -> None:
    queries = [language.ids(query) for query in QUERIES]
    bodies = [language.ids(PROGRAM.format(noun)[27:] + END) for noun in NOUNS]
    start = language.ids(PREFIX, begin=True)
    scored = log_likelihood(language, start, queries, bodies)
    for k, (query, body) in enumerate(zip(queries, bodies, strict=True)):
        ids = torch.tensor([[*start, *query, *body]])
        logits = torch.log_softmax(language.model(ids).logits[0, :-1], -1)
        each = logits.gather(1, ids[0, 1:, None])[-len(body) :, 0]
        assert torch.allclose(scored.log_probs[k][scored.mask[k]], each, atol=1e-4)


def test_fine_tuning_teaches_and_the_folder_keeps_it(language: LanguageModel, tmp_path: Path) -> None:
    """All weights first, from random ones; then a LoRA adapter, folded in, learns another answer."""
    examples = [Example(q, PROGRAM.format(n)[27:] + END) for q, n in zip(QUERIES, NOUNS, strict=True)]
    save_llm(language, tmp_path / "start")
    start = load_llm(tmp_path / "start")
    how = {"batch_size": 8, "alpha": 16.0, "seed": 0}
    learned, loss = finetune(start, PREFIX, examples, epochs=60, learning_rate=2e-2, rank=0, **how)  # type: ignore[arg-type]
    assert loss < 0.4
    other = [Example(example.query, "\n    return 'many'" + END) for example in examples]
    tuned, loss = finetune(learned, PREFIX, other, epochs=60, learning_rate=2e-2, rank=8, **how)  # type: ignore[arg-type]
    assert loss < 2.0  # from above 5; the embeddings, which an adapter leaves alone, are few
    save_llm(tuned, tmp_path / "tuned")
    again = load_llm(tmp_path / "tuned")
    for name, value in tuned.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name])
    assert all(parameter.requires_grad for parameter in again.model.parameters())


def test_a_folder_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"config\.json"):
        load_llm(tmp_path)
