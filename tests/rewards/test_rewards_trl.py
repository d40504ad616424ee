"""A real trl.GRPOTrainer, a tiny model made on the spot, and rewards through the adapter: one step on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rewardmark.rewards import DocumentFrequency, get_reward
from rewardmark.rewards.adapters import BoxParser, CaptionParser, to_trl

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

WORDS = ["a", "dog", "cat", "on", "the", "grass", "box", "red", "blue", "[", "]", "{", "}", ",", ":", "0", "4", "8"]


def tiny_model() -> tuple[Any, Any]:
    """A two-layer GPT-2 over a dozen words, and its tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(["<pad>", "<eos>", "<unk>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    config = GPT2Config(
        vocab_size=len(vocabulary), n_positions=64, n_embd=16, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=1
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )
    return GPT2LMHeadModel(config), wrapped


def test_a_grpo_step_trains_with_a_caption_and_a_box_reward(tmp_path: Path) -> None:
    references = [["a dog on the grass", "the dog"], ["a cat on a box", "the cat"]]
    rows = {
        "prompt": ["a dog", "a cat"],
        "references": references,
        "boxes": [[[0, 0, 4, 4]], [[0, 0, 8, 8]]],
        "labels": [[1], [2]],
    }
    captions = to_trl(get_reward("captioning/cider-d"), CaptionParser(DocumentFrequency.from_references(references)))
    boxes = to_trl(get_reward("detection/f1"), BoxParser(frame="pixel", labels={"dog": 1, "cat": 2}), unparsed=0.0)
    model, tokenizer = tiny_model()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    arguments = trl.GRPOConfig(
        output_dir=str(tmp_path),
        max_steps=1,
        per_device_train_batch_size=4,
        num_generations=4,
        max_completion_length=8,
        learning_rate=1e-2,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        seed=1,
    )
    trainer = trl.GRPOTrainer(
        model=model,
        reward_funcs=[captions, boxes],
        args=arguments,
        train_dataset=datasets.Dataset.from_dict(rows),
        processing_class=tokenizer,
    )
    trainer.train()
    assert captions.adapter.counts["scored"] == 4
    assert sum(boxes.adapter.counts.values()) == 4
    assert any(key.startswith("rewards/captioning/cider-d") for row in trainer.state.log_history for key in row)
    moved = [name for name, value in model.named_parameters() if not (value == before[name]).all()]
    assert moved
