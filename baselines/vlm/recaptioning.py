"""A VLM writes about its own pretraining pictures, in chunks that survive a kill."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rewardmark.baselines.recaption.combine import Combine, combined
from rewardmark.baselines.recaption.filters import judge_caption
from rewardmark.baselines.recaption.refine import cut_repeats
from rewardmark.baselines.vlm.generate import Written, generate
from rewardmark.baselines.vlm.learn import Log
from rewardmark.baselines.vlm.models import Vlm
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.scenes.turns import CAPTION_PROMPTS
from rewardmark.tasks.vlm.sample import VlmSample

__all__ = ["FILE", "Recaption", "read_captions", "recaption", "write_chunks", "write_table"]

FILE = "captions.parquet"
CHUNK = 256
"""Pictures whose texts are stored at once: what a kill may cost."""


@dataclass(frozen=True)
class Recaption:
    """One picture of the pretraining: the text that came with it, what a model wrote (None: nothing was asked of it) to
    which prompt, why that was rejected (None: it was not), and the text that is trained on, refined."""

    id: str
    original: str
    caption: str | None
    prompt: str | None
    reason: str | None
    text: str


def recaption(
    vlm: Vlm,
    samples: Sequence[VlmSample],
    image: Callable[[int], Any],
    folder: Path,
    log: Log,
    *,
    how: Combine,
    p: float,
    share: float,
    refine: bool,
    seed: int,
    batch_size: int,
    max_new_tokens: int,
    progress: Callable[[int, int], None],
) -> list[Recaption]:
    """A new caption for a share of the pictures, filtered and combined with the text that came with each.

    Prompts are mixed: each picture gets one of CAPTION_PROMPTS, drawn from `seed` and its place, as is whether it
    belongs to the share. Decoding is greedy. refine: sentences that a caption repeats are cut before the filters look
    at it. What is rejected stays in the table with its reason; its picture keeps the text that came with it.
    """
    rng = np.random.default_rng([seed, 41])
    asked = [CAPTION_PROMPTS[k] for k in rng.integers(0, len(CAPTION_PROMPTS), len(samples))]
    chosen = [k for k, u in enumerate(rng.random(len(samples))) if u < share]
    written = write_chunks(
        vlm, [samples[k].picture for k in chosen], image, [asked[k] for k in chosen], folder, log,
        batch_size=batch_size, max_new_tokens=max_new_tokens, progress=progress,
    )  # fmt: skip
    rows: list[Recaption] = []
    made = dict(zip(chosen, written, strict=True))
    for k, sample in enumerate(samples):
        original = sample.answers[0]
        if k not in made:
            rows.append(Recaption(sample.id, original, None, None, None, original))
            continue
        caption = made[k].text
        fit = cut_repeats(caption) if refine else caption
        reason = judge_caption(original, fit, asked[k], ended=made[k].ended)
        text = combined(original, None if reason else fit, how, p, sample.id, seed) or original
        rows.append(Recaption(sample.id, original, caption, asked[k], reason, text))
    return rows


def write_chunks(
    vlm: Vlm,
    pictures: Sequence[int],
    image: Callable[[int], Any],
    prompts: Sequence[str],
    folder: Path,
    log: Log,
    *,
    batch_size: int,
    max_new_tokens: int,
    progress: Callable[[int, int], None],
    temperature: float | None = None,
    seed: int = 0,
) -> list[Written]:
    """One text for each of `pictures`, greedy or drawn at a temperature; chunks that are in the folder are not made
    again, and only the pictures of one chunk are in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    out: list[Written] = []
    for number, begin in enumerate(range(0, len(pictures), CHUNK)):
        file = folder / f"{number:05d}.json"
        if not file.is_file():
            began = time.monotonic()

            def tell(done: int, _: int, before: int = begin) -> None:
                progress(before + done, len(pictures))

            made = generate(
                vlm.model, vlm.processor, [image(k) for k in pictures[begin : begin + CHUNK]],
                prompts[begin : begin + CHUNK], batch_size=batch_size, max_new_tokens=max_new_tokens,
                greedy=temperature is None, temperature=temperature or 1.0, seed=seed + 7919 * number, progress=tell,
            )  # fmt: skip
            rows = {"seconds": time.monotonic() - began, "texts": [[one.text, one.tokens, one.ended] for one in made]}
            aside = file.with_suffix(".tmp")
            aside.write_text(json.dumps(rows))
            aside.replace(file)
        kept = json.loads(file.read_text())
        out += [Written(text, tuple(tokens), ended) for text, tokens, ended in kept["texts"]]
        log.add("recaption_seconds", kept["seconds"])
        log.add("recaptioned", float(len(kept["texts"])))
    return out


def write_table(rows: Sequence[Any], file: Path) -> Path:
    """Dataclasses of one kind as Parquet."""
    import pyarrow
    from pyarrow import parquet

    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist([asdict(row) for row in rows]), file)
    return file


def read_captions(file: Path, samples: Sequence[VlmSample]) -> list[str]:
    """The texts that a checkpoint was pretrained on, in the order of the samples.

    Raises DataError where there are none, or they are about other pictures.
    """
    from pyarrow import parquet

    if not file.is_file():
        raise DataError(file, "the start does not say what captions it was trained on; take the cell of a round")
    rows = {row["id"]: row["text"] for row in parquet.read_table(file, columns=["id", "text"]).to_pylist()}
    lacking = next((sample.id for sample in samples if sample.id not in rows), None)
    if lacking is not None or len(rows) != len(samples):
        raise DataError(file, f"these are the captions of {len(rows)} other pictures; use the start's own data set")
    return [rows[sample.id] for sample in samples]


def summary(rows: Sequence[Recaption]) -> dict[str, float]:
    """Shares of what was asked for: rejected, by reason; and the mean length of what is trained on, in words."""
    asked = [row for row in rows if row.caption is not None]
    reasons = Counter(row.reason for row in asked if row.reason)
    return {
        "words": float(np.mean([len(row.text.split()) for row in rows])),
        "rejected": sum(reasons.values()) / max(1, len(asked)),
        **{f"rejected/{reason}": count / len(asked) for reason, count in sorted(reasons.items())},
    }
