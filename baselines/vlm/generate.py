"""Batched generation with any Hugging Face vision-language model: pictures and prompts in, texts out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from rewardmark.baselines.growing_cache import growing_cache
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["Written", "captions", "generate", "prompt_text"]


@dataclass(frozen=True)
class Written:
    """What a model wrote about one picture.

    text: without special tokens and outer blanks; tokens: ids, the end token left out; ended: whether the end token
    came before `max_new_tokens`; gap: the least distance of the two best logits over all tokens (NaN unless asked for):
    where it is tiny, another batch may rightly give another text.
    """

    text: str
    tokens: tuple[int, ...]
    ended: bool
    gap: float = float("nan")


def prompt_text(processor: Any, prompt: str, pictures: int = 1) -> str:
    """A question about pictures as the model reads it: by its chat template, or after the pictures' tokens."""
    if getattr(processor, "chat_template", None):
        content = [{"type": "image"}] * pictures + [{"type": "text", "text": prompt}]
        text: str = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        return text
    token = getattr(processor, "image_token", None)
    if token is None:
        raise RewardmarkError(f"{type(processor).__name__} has neither a chat template nor an image token")
    return f"{token}\n" * pictures + prompt


def captions(
    model: Any,
    processor: Any,
    images: Sequence[Any],
    prompts: Sequence[str] | str,
    *,
    batch_size: int = 32,
    max_new_tokens: int = 128,
    greedy: bool = True,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """One text for each picture; see `generate`."""
    written = generate(
        model, processor, images, prompts, batch_size=batch_size, max_new_tokens=max_new_tokens, greedy=greedy,
        temperature=temperature, top_p=top_p, seed=seed, progress=progress,
    )  # fmt: skip
    return [one.text for one in written]


@torch.inference_mode()
def generate(
    model: Any,
    processor: Any,
    images: Sequence[Any],
    prompts: Sequence[str] | str,
    *,
    batch_size: int = 32,
    max_new_tokens: int = 128,
    greedy: bool = True,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int = 0,
    gaps: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Written]:
    """One text for each picture, in the order given.

    model, processor: of any folder that AutoModelForImageTextToText and AutoProcessor read. images: `[H, W, 3]` uint8
    arrays or PIL pictures, or tuples of them where a prompt is about several or about none; prompts: one each, or one
    for all. Pictures of like size with prompts of like length go
    together, padded on the left; under greedy float32 decoding the texts are those of one-by-one generation. Draws
    (`greedy=False`) follow from `seed` and the batch's place, so they depend on the batch size.
    """
    asked = [prompts] * len(images) if isinstance(prompts, str) else list(prompts)
    if len(asked) != len(images):
        raise RewardmarkError(f"{len(asked)} prompts for {len(images)} images; one each is wanted, or one for all")
    if batch_size < 1 or max_new_tokens < 1:
        raise RewardmarkError("batch_size and max_new_tokens must be at least 1")
    shown = [tuple(image) if isinstance(image, list | tuple) else (image,) for image in images]
    keys = [(prompt, len(pictures)) for prompt, pictures in zip(asked, shown, strict=True)]
    texts = {key: prompt_text(processor, *key) for key in dict.fromkeys(keys)}
    lengths = {key: len(processor.tokenizer.encode(text, add_special_tokens=False)) for key, text in texts.items()}
    order = sorted(range(len(images)), key=lambda i: (len(shown[i]), sum(map(_area, shown[i])), lengths[keys[i]], i))
    out: list[Written | None] = [None] * len(images)
    was_training, side = model.training, processor.tokenizer.padding_side
    model.eval()
    processor.tokenizer.padding_side = "left"
    try:
        begin = 0
        for rows in _batches(order, [len(pictures) for pictures in shown], batch_size):
            if not greedy:
                torch.manual_seed(int(np.random.SeedSequence([seed, begin]).generate_state(1)[0]))
            how = {"do_sample": False} if greedy else {"do_sample": True, "temperature": temperature, "top_p": top_p}
            batch = [(shown[i], texts[keys[i]]) for i in rows]
            for i, one in zip(rows, _batch(model, processor, batch, max_new_tokens, how, gaps), strict=True):
                out[i] = one
            begin += len(rows)
            if progress:
                progress(begin, len(order))
    finally:
        model.train(was_training)
        processor.tokenizer.padding_side = side
    return [one for one in out if one is not None]


def _batches(order: Sequence[int], counts: Sequence[int], size: int) -> Iterator[list[int]]:
    """`order` in batches of at most `size`, each of prompts about equally many pictures."""
    for _, group in groupby(order, key=lambda i: counts[i]):
        alike = list(group)
        yield from (alike[begin : begin + size] for begin in range(0, len(alike), size))


def _area(image: Any) -> int:
    size = image.size
    return int(size[0] * size[1]) if isinstance(size, tuple) else int(np.asarray(image).size)


def _batch(
    model: Any, processor: Any, batch: Sequence[tuple[tuple[Any, ...], str]], most: int, how: dict[str, Any], gaps: bool
) -> list[Written]:
    pictures = [list(images) for images, _ in batch]
    some = {"images": pictures} if pictures[0] else {}
    inputs = processor(**some, text=[text for _, text in batch], padding=True, return_tensors="pt")
    inputs = inputs.to(model.device)
    if "pixel_values" in inputs:
        inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
    stops = _stops(model, processor)
    pad = processor.tokenizer.pad_token_id
    made = model.generate(
        **inputs, max_new_tokens=most, num_beams=1, eos_token_id=stops or None,
        pad_token_id=pad if pad is not None else stops[0] if stops else None,
        past_key_values=None if model.config.is_encoder_decoder else growing_cache(model.config),
        return_dict_in_generate=True, output_logits=gaps, **how,
    )  # fmt: skip
    new = made.sequences[:, inputs["input_ids"].shape[1] :].tolist()
    apart = None
    if gaps:
        best = torch.stack(made.logits, 1).float().topk(2, dim=-1).values  # [B, T, 2]
        apart = (best[..., 0] - best[..., 1]).tolist()
    out = []
    for k, row in enumerate(new):
        end = next((place for place, token in enumerate(row) if token in stops), None)
        tokens = tuple(row if end is None else row[:end])
        text = processor.tokenizer.decode(tokens, skip_special_tokens=True).strip()
        counted = len(row) if end is None else end + 1
        gap = min(apart[k][:counted]) if apart is not None and counted else float("nan")
        out.append(Written(text, tokens, end is not None, gap))
    return out


def _stops(model: Any, processor: Any) -> list[int]:
    """The ids that end a text: the generation config's, and the tokenizer's."""
    given = getattr(model.generation_config, "eos_token_id", None)
    stops = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
    own = processor.tokenizer.eos_token_id
    return stops if own is None or own in stops else [*stops, own]
