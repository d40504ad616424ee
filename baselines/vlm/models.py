"""Vision-language models by folder: tiny ones made here, anyone's loaded, both saved as Hugging Face folders."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from rewardmark.baselines.build import quiet, whole_folder
from rewardmark.rewards.errors import DataError, RewardmarkError
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

__all__ = ["SHAPES", "Vlm", "load_vlm", "new_vlm", "save_vlm", "train_tokenizer"]

SPECIAL = ("<pad>", "</s>", "<image>", "<user>", "<assistant>")
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<user>' if message['role'] == 'user' else '<assistant>' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else part['text'] }}"
    "{% endfor %}{% endif %}"
    "{{ '</s>' if message['role'] == 'assistant' else '' }}"
    "{% endfor %}{{ '<assistant>' if add_generation_prompt else '' }}"
)
"""A turn is <user>question<assistant>answer</s>; the first question begins with the picture."""


@dataclass(frozen=True)
class Shape:
    """Widths and depths of a tiny VLM; patch: pixels a side of what becomes one image token."""

    vision: int
    vision_layers: int
    text: int
    text_layers: int
    heads: int
    patch: int


SHAPES: Mapping[str, Shape] = {
    "vlm-tiny": Shape(32, 1, 32, 1, 2, 16),
    "vlm-small": Shape(128, 3, 128, 4, 4, 8),
}
"""vlm-tiny is for tests; vlm-small has 1.6 million parameters and reads 48 px as 36 image tokens."""


@dataclass
class Vlm:
    """A model with its processor."""

    model: Any
    processor: Any

    @property
    def tokenizer(self) -> Any:
        return self.processor.tokenizer

    @property
    def device(self) -> torch.device:
        device: torch.device = self.model.device
        return device

    @property
    def image_tokens(self) -> int:
        """Tokens that one picture becomes; known only of models whose pictures all have one size."""
        vision = self.model.config.vision_config
        return int((vision.image_size // vision.patch_size) ** 2)


def train_tokenizer(texts: Iterable[str], vocab_size: int = 640) -> PreTrainedTokenizerFast:
    """A byte-level BPE of at most `vocab_size` tokens over `texts`: words with their blank, numbers of two digits.

    >>> tokenizer = train_tokenizer(["a red ball at [12, 40, 30, 58]"] * 9, 300)
    >>> tokenizer.decode(tokenizer("a red \\u00e9")["input_ids"])
    'a red \\u00e9'
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?[A-Za-z]+| ?\d{1,2}| ?[^\sA-Za-z0-9]+|\s+"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        additional_special_tokens=["<image>", "<user>", "<assistant>"],
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def new_vlm(tokenizer: PreTrainedTokenizerFast, shape: Shape, size: int, seed: int) -> Vlm:
    """A LLaVA of this shape for pictures of `size` px a side, weights drawn from `seed`."""
    if size % shape.patch:
        raise RewardmarkError(f"pictures of {size} px are no whole number of patches of {shape.patch} px")
    image = int(tokenizer.get_vocab()["<image>"])
    vision = CLIPVisionConfig(
        hidden_size=shape.vision,
        intermediate_size=3 * shape.vision,
        num_hidden_layers=shape.vision_layers,
        num_attention_heads=shape.heads,
        image_size=size,
        patch_size=shape.patch,
        projection_dim=shape.vision,
        hidden_act="gelu",
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.text,
        intermediate_size=3 * shape.text,
        num_hidden_layers=shape.text_layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=image,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        image_seq_length=(size // shape.patch) ** 2,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlavaForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    sides = {"height": size, "width": size}
    # By its own name where there is one: by the other, transformers without torchvision says at length that it takes
    # this one instead.
    image_processor = getattr(transformers, "CLIPImageProcessorPil", None) or transformers.CLIPImageProcessor
    with quiet():
        processor = LlavaProcessor(
            image_processor(size=sides, crop_size=sides, do_center_crop=False, resample=3),
            tokenizer,
            patch_size=shape.patch,
            vision_feature_select_strategy="default",
            num_additional_image_tokens=1,
            chat_template=TEMPLATE,
        )
    return Vlm(model, processor)


def load_vlm(folder: Path, device: str = "cpu") -> Vlm:
    """Any folder that AutoModelForImageTextToText and AutoProcessor read, float32 on a CPU.

    Raises DataError for a folder that is none; never goes to the network.
    """
    if not (folder / "config.json").is_file():
        raise DataError(folder, "no config.json; a VLM is a folder that AutoModelForImageTextToText can read")
    dtype: Any = torch.float32 if device == "cpu" else "auto"
    with quiet():
        try:
            processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
            model = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise DataError(folder, f"not a vision-language model with a processor: {error}") from error
    torch.nn.Module.to(model, torch.device(device))
    return Vlm(model.eval(), processor)


def save_vlm(vlm: Vlm, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write model and processor as a folder, as a whole or not at all; dtype: in which the weights are stored, if
    another than the model's, which is what they are loaded as."""
    with whole_folder(folder) as temporary, quiet():
        stored = vlm.model if dtype is None else copy.deepcopy(vlm.model).to(dtype)
        stored.save_pretrained(temporary)
        config = copy.deepcopy(vlm.model.config)
        config.architectures, config.dtype = [type(vlm.model).__name__], vlm.model.dtype
        config.save_pretrained(temporary)
        vlm.processor.save_pretrained(temporary)
