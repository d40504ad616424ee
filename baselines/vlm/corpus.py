"""What VLMs are trained on, as dialogues: web texts, and instructions about scenes or from anybody's file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rewardmark.baselines.vlm.dialogues import Dialogue
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.programs.pictures import Pictures, ScenePictures
from rewardmark.tasks.scenes.turns import SKILLS
from rewardmark.tasks.vlm.files import ItemPictures
from rewardmark.tasks.vlm.sample import VlmSample
from rewardmark.tasks.vlm.scenes import maker_of
from rewardmark.tasks.vlm.sources import open_items

__all__ = [
    "InstructionSet",
    "captioned",
    "corpus_texts",
    "instruction_pictures",
    "instruction_set",
    "instructions",
    "instructions_hash",
    "oracle_captions",
    "pictures_of",
    "scenes_of",
    "web_of",
]

INSTRUCTION_SPLIT = "instruct"
"""Scenes of the instruction set are of a split of their own: none of them is pretrained on, none judged."""
TURNS = 3
"""Questions about one picture that are learned in one dialogue."""


def web_of(method: str, split: Any) -> list[VlmSample]:
    """The pretraining samples of a split: one a picture, in order; RewardmarkError for a split that has others."""
    samples = list(split)
    if not samples or any(getattr(sample, "skill", None) != "web" for sample in samples):
        raise RewardmarkError(
            f'method {method!r} pretrains on pictures with web texts: the data set needs kind = "web"'
        )
    return samples


def pictures_of(split: Any) -> Pictures:
    """The pictures that a split's samples are about."""
    pictures: Pictures = split.pictures
    return pictures


def scenes_of(method: str, split: Any, why: str) -> ScenePictures:
    """The scenes of a split; RewardmarkError, saying `why` they are wanted, where its pictures are files."""
    if not isinstance(split.pictures, ScenePictures):
        raise RewardmarkError(f"method {method!r}: these pictures are files, of which no facts are known: {why}")
    return split.pictures


@dataclass(frozen=True)
class InstructionSet:
    """What the last stage is tuned on: dialogues about numbered pictures."""

    pictures: Pictures
    dialogues: Sequence[Dialogue]


def instruction_set(method: str, split: Any, count: int, seed: int, file: str = "", folder: str = "") -> InstructionSet:
    """The clean instruction set: of `count` generated scenes like those of the split, or all of a LLaVA-style `file`
    (its pictures beside it, or in `folder`; records without a picture are left out)."""
    if not file:
        why = "give instruction_file, LLaVA-style JSON of conversations, in place of instructions about scenes"
        scenes = instruction_pictures(scenes_of(method, split, why), count)
        return InstructionSet(scenes, instructions(scenes, seed))
    pictures, dialogues = _read(method, file, folder)
    return InstructionSet(pictures, dialogues)


def instructions_hash(method: str, file: str, folder: str = "") -> str:
    """What tells the instructions of a file, and their pictures, from any others: hexadecimal digits."""
    pictures, dialogues = _read(method, file, folder)
    digest = hashlib.sha256(repr(dialogues).encode())
    digest.update(pictures.identity(range(len(pictures))).encode())
    return digest.hexdigest()


def _read(method: str, file: str, folder: str) -> tuple[ItemPictures, tuple[Dialogue, ...]]:
    source = Path(file).expanduser()
    if source.suffix not in (".json", ".jsonl"):
        raise RewardmarkError(f"method {method!r}: option instruction_file = {file!r} must be a .json or .jsonl file")
    changed = source.stat().st_mtime_ns if source.is_file() else 0
    return _read_once(source, Path(folder).expanduser() if folder else None, changed)


@lru_cache(maxsize=2)
def _read_once(source: Path, folder: Path | None, changed: int) -> tuple[ItemPictures, tuple[Dialogue, ...]]:
    """Every round of a suite reads the same file, of up to a million records; changed: when it was written."""
    pictures = ItemPictures(source, open_items(source, folder))
    pictures.check()
    bad = next((k for k, item in enumerate(pictures.items) if not item.turns), None)
    if bad is not None:
        raise pictures.fail(
            bad, "'conversations' must be turns of human and gpt one after another, none empty, about one picture"
        )
    return pictures, tuple(Dialogue(k, item.turns) for k, item in enumerate(pictures.items))


def instruction_pictures(pictures: ScenePictures, n: int) -> ScenePictures:
    """`n` scenes like these, of the split of instructions."""
    return ScenePictures(INSTRUCTION_SPLIT, pictures.side, n, pictures.seed, pictures.difficulty)


def captioned(samples: Sequence[VlmSample], texts: Sequence[str]) -> list[Dialogue]:
    """Each picture with a text right behind it, as pretraining has it."""
    return [Dialogue(sample.picture, (("", text),)) for sample, text in zip(samples, texts, strict=True)]


def oracle_captions(method: str, split: Any, samples: Sequence[VlmSample]) -> list[str]:
    """The true detailed caption of each picture; RewardmarkError where they are no scenes."""
    pictures = scenes_of(method, split, 'captions = "oracle" writes down what is in a scene')
    maker = maker_of(pictures)
    return [maker.detailed(sample.picture, pictures.facts(sample.picture)) for sample in samples]


def instructions(
    pictures: ScenePictures, seed: int, skills: Sequence[str] = SKILLS, per_skill: int = 2
) -> list[Dialogue]:
    """The clean instruction set of these scenes: captions by themselves, short questions three to a dialogue."""
    maker, found = maker_of(pictures), []
    for k in range(len(pictures)):
        facts, short = pictures.facts(k), list[tuple[str, str]]()
        for skill in skills:
            turns = [
                (turn.question, turn.answer)
                for turn in maker.ask(skill, k, facts, 1 if skill == "caption" else per_skill)
            ]
            if skill == "caption":
                found += [Dialogue(k, (turn,)) for turn in turns]
            else:
                short += turns
        order = np.random.default_rng([seed, 31, k]).permutation(len(short))
        found += [Dialogue(k, tuple(short[j] for j in order[at : at + TURNS])) for at in range(0, len(order), TURNS)]
    if not found:
        raise RewardmarkError(
            f"these {len(pictures)} scenes offer no question of {', '.join(skills)}; take more of them"
        )
    return found


def corpus_texts(samples: Sequence[VlmSample], instructed: Sequence[Dialogue]) -> Iterator[str]:
    """What the tokenizer is trained on, and what the decoder reads before it sees a picture: the web texts, and texts
    in the manner of the instructions."""
    for sample in samples:
        yield sample.answers[0]
    for dialogue in instructed:
        for question, answer in dialogue.turns:
            yield question
            yield answer
