"""Caption rewards, their tokeniser and sampling beside those who do the same work.

The scorers of others get their tokens ready-made; ours reads raw captions.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rewardmark.baselines
import torch
from ratios import Peer, compare, growth
from rewardmark.rewards import Captions, DocumentFrequency, References, get_reward, ptb_java, ptb_native, tokenize

pytestmark = [pytest.mark.slow, pytest.mark.benchmark(group="captions")]

IMAGES, REFERENCES, SAMPLES = 512, 5, 8
WORK = f"{IMAGES} captions of 8 to 13 words, {REFERENCES} references each"
VOCABULARY = """man woman dog cat group bus zebra pizza child kitchen street train bear surfer plate sign a the red big
small two people on of with in front near sitting standing holding white blue next to"""
WORDS = VOCABULARY.split()


def captions(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [f"A {' '.join(rng.choice(WORDS) for _ in range(rng.randint(7, 12)))}." for _ in range(count)]


def batch(images: int = IMAGES, references: int = REFERENCES) -> tuple[Captions, References]:
    """One caption an image, every other one near its first reference; document frequencies of all references."""
    truths = [captions(references, seed) for seed in range(images)]
    found = captions(images, -1)
    found[::2] = [texts[0].replace(" the ", " a ") for texts in truths[::2]]
    return Captions(found), References(truths, DocumentFrequency.from_references(truths))


def joined(texts: list[str]) -> list[str]:
    return [" ".join(tokens) for tokens in tokenize.tokenize_all(texts)]


@pytest.mark.parametrize("captions_are", ["known", "new"])
@pytest.mark.parametrize("name", ["cider-d", "cider-d-eos", "bleu4", "rouge-l"])
def test_bench_caption_reward(benchmark: Any, name: str, captions_are: str) -> None:
    """`known`: tokens of the captions are at hand, as those of others are. `new`: they are tokenised first."""
    predictions, targets = batch()
    texts, truths = joined(list(predictions.texts)), [joined(list(row)) for row in targets.texts]
    reward = get_reward(f"captioning/{name}")
    values = reward(predictions, targets).tolist()
    peers = {"pycocoevalcap": official(name, texts, truths, values)}
    if name == "cider-d":
        aac = pytest.importorskip("aac_metrics.functional.cider_d")
        peers["aac-metrics"] = lambda: aac.cider_d(texts, truths)
        found = aac.cider_d(texts, truths)[1]["cider_d"].tolist()
        assert values == pytest.approx(found, abs=1e-5)
    # A training step meets new captions, not new references.
    kept = {text: tokens for text, tokens in tokenize._known.items() if text not in set(predictions.texts)}

    def ours() -> Any:
        if captions_are == "new":
            tokenize._known.clear()
            tokenize._known.update(kept)
        return reward(predictions, targets)

    compare(benchmark, ours, peers, f"{WORK}; captions {captions_are}")


def official(name: str, texts: list[str], truths: list[list[str]], values: list[float]) -> Callable[[], Any]:
    """pycocoevalcap's scorer; first that it says what we say (it does not know the end token)."""
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer
    from pycocoevalcap.cider.cider_scorer import CiderScorer
    from pycocoevalcap.rouge.rouge import Rouge

    def run() -> Any:
        if name == "rouge-l":
            rouge = Rouge()
            return [rouge.calc_score([text], row) for text, row in zip(texts, truths, strict=True)]
        scorer = BleuScorer(n=4) if name == "bleu4" else CiderScorer(n=4, sigma=6.0)
        for text, row in zip(texts, truths, strict=True):
            scorer += (text, row)
        return scorer.compute_score(option="closest", verbose=0)[1][3] if name == "bleu4" else scorer.compute_score()[1]

    if name != "cider-d-eos":
        assert values == pytest.approx(list(run()), abs=1e-5)
    return run


def test_bench_tokenizer(benchmark: Any) -> None:
    """Beside Java, whose start is part of every call of it; `one start` has it spread over 100,000 captions."""
    texts = captions(2000, 0)
    many = texts * 50
    assert [ptb_native.native_tokens(text) for text in texts] == ptb_java.java_tokens(texts)

    def ours() -> Any:
        tokenize._known.clear()
        ptb_native._parts.cache_clear()
        return tokenize.tokenize_all(texts)

    compare(
        benchmark,
        ours,
        {
            "Java PTBTokenizer": lambda: ptb_java.java_lines(texts),
            "Java PTBTokenizer, one start": Peer(lambda: ptb_java.java_lines(many), share=50),
        },
        "2,000 captions, nothing known before",
        rounds=5,
    )


@pytest.mark.parametrize("what", ["images", "references"])
@pytest.mark.parametrize("name", ["cider-d", "bleu4", "rouge-l"])
def test_bench_growth_of_caption_rewards(benchmark: Any, name: str, what: str) -> None:
    sizes = {"images": [128, 512, 2048], "references": [1, 5, 20]}
    reward = get_reward(f"captioning/{name}")

    def make(size: int) -> Callable[[], Any]:
        predictions, targets = batch(**({"images": 128} | {what: size}))
        return lambda: reward(predictions, targets)

    growth(benchmark, make, sizes[what], what)


def with_generate(model: Any) -> Any:
    """The same weights behind Hugging Face's `generate` with its own cache of keys and values."""
    from rewardmark.baselines.model.layers import attend, merge_heads, split_heads
    from transformers import GenerationMixin, PreTrainedModel
    from transformers.modeling_outputs import CausalLMOutputWithPast

    class Generates(PreTrainedModel, GenerationMixin):
        config_class = type(model.config)
        main_input_name = "input_ids"

        def __init__(self) -> None:
            config = type(model.config).from_dict(model.config.to_dict())
            config.num_hidden_layers = config.decoder_layers
            super().__init__(config)
            self.inner = model

        def prepare_inputs_for_generation(self, input_ids: Any, past_key_values: Any, pixels: Any, **_: Any) -> Any:
            past = past_key_values.get_seq_length()
            return {"input_ids": input_ids[:, past:], "past_key_values": past_key_values, "pixels": pixels}

        def forward(self, input_ids: Any, past_key_values: Any, pixels: Any, **_: Any) -> Any:
            past, inner = past_key_values.get_seq_length(), self.inner
            if past == 0:
                self.encoded = inner.encode(pixels)
            x = inner.token_embedding(input_ids) + inner.positions(past + input_ids.shape[1])[past:]
            for number, (layer, memory) in enumerate(zip(inner.decoder, self.encoded.memory, strict=True)):
                q, k, v = (split_heads(t, layer.heads) for t in layer.qkv(layer.norm1(x)).chunk(3, dim=-1))
                k, v = past_key_values.update(k, v, number)
                x = x + layer.out(merge_heads(attend(q, k, v)))
                x = layer.attend_image(x, memory)
                x = x + layer.mlp(layer.norm3(x))
            logits = inner.logits(inner.decoder_norm(x), first=past)
            return CausalLMOutputWithPast(logits=logits, past_key_values=past_key_values)

    return Generates().eval()


@pytest.mark.benchmark(group="sampling")
@pytest.mark.parametrize("task", ["captioning", "detection", "panoptic"])
def test_bench_samples_of_an_image(benchmark: Any, task: str) -> None:
    """N samples an image from one encoder pass beside N calls of `generate`, on scenes that the model knows.

    Decoded greedily both write the same tokens, which is checked; timed is drawing, as in training, where both draw
    from the same distribution.
    """
    from rewardmark.baselines.build import load_model
    from rewardmark.baselines.model.sampling import sample
    from rewardmark.tasks.codec import BOS, EOS, PAD
    from rewardmark.tasks.scenes import make_scene

    model, _ = load_model(Path(rewardmark.baselines.__path__[0]) / "checkpoints" / task)
    model.eval()
    images = np.stack([make_scene(1, index, 48, "hard").image for index in range(16)])
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    other = with_generate(model)
    start = torch.full((len(pixels), 1), BOS)
    options = {"max_new_tokens": model.config.sequence_length, "eos_token_id": EOS, "pad_token_id": PAD}

    @torch.no_grad()
    def ours(greedy: bool = False) -> Any:
        draws = torch.Generator().manual_seed(0)
        return sample(model, model.encode(pixels), SAMPLES, greedy=greedy, generator=draws).tokens

    @torch.no_grad()
    def generate(greedy: bool = False) -> Any:
        drawing = {} if greedy else {"top_k": 0}
        return other.generate(start, pixels=pixels, do_sample=not greedy, bos_token_id=BOS, **drawing, **options)[:, 1:]

    mine, theirs = ours(greedy=True), generate(greedy=True)
    length = min(mine.shape[-1], theirs.shape[-1])
    assert (mine[:, :, :length] == theirs[:, None, :length]).all()
    assert (mine[:, :, length:] == PAD).all() and (theirs[:, length:] == PAD).all()
    work = f"{len(pixels)} images of 48 px, {SAMPLES} samples each, {length} tokens if greedy, shipped model of {task}"
    compare(benchmark, ours, {f"{SAMPLES} calls of generate": lambda: [generate() for _ in range(SAMPLES)]}, work, 5)
