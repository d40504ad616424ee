"""Vision-language models as folders, batches of dialogues, stages that resume, generation in batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rewardmark.baselines.state import StateFile
from rewardmark.baselines.vlm.dialogues import IGNORED, Dialogue, batch_of
from rewardmark.baselines.vlm.generate import captions, generate, prompt_text
from rewardmark.baselines.vlm.learn import Log
from rewardmark.baselines.vlm.models import SHAPES, Vlm, load_vlm, new_vlm, save_vlm, train_tokenizer
from rewardmark.baselines.vlm.stages import PARTS, Stage, part_of, run_stages, train_stage
from rewardmark.rewards.errors import DataError, RewardmarkError
from transformers import AutoModelForImageTextToText, AutoProcessor, LlavaForConditionalGeneration

TEXTS = ["a red ball on the grass", "Where is the ball? [12, 40, 30, 58]", "Describe this picture.", "a blue box"]
DIALOGUES = [Dialogue(k % 4, (("", TEXTS[0]), (TEXTS[2], TEXTS[3]))[k % 2 : k % 2 + 1 + k % 3]) for k in range(10)]


def tiny(seed: int = 0) -> Vlm:
    return new_vlm(train_tokenizer(TEXTS * 9, 300), SHAPES["vlm-tiny"], 48, seed)


def image(k: int) -> Any:
    return np.random.default_rng(k).integers(0, 255, (48, 48, 3), dtype=np.uint8)


def test_a_saved_folder_loads_by_the_auto_classes(tmp_path: Path) -> None:
    vlm = tiny()
    save_vlm(vlm, tmp_path / "m")
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "m")
    assert isinstance(model, LlavaForConditionalGeneration)
    assert AutoProcessor.from_pretrained(tmp_path / "m").chat_template == vlm.processor.chat_template
    again = load_vlm(tmp_path / "m")
    for name, value in vlm.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name
    with pytest.raises(DataError, match=r"config\.json"):
        load_vlm(tmp_path)
    with pytest.raises(RewardmarkError, match="patches"):
        new_vlm(vlm.tokenizer, SHAPES["vlm-tiny"], 50, 0)


def test_the_loss_is_on_answers_alone_and_pictures_are_whole() -> None:
    vlm = tiny()
    dialogue = Dialogue(0, ((TEXTS[2], TEXTS[0]), ("Where is the ball?", "[1, 2, 3, 4]")))
    batch = batch_of(vlm, [dialogue, Dialogue(1, (("", "a"),))], [image(0), image(1)])
    tokenizer = vlm.tokenizer
    learned = batch["labels"][0][batch["labels"][0] != IGNORED]
    assert tokenizer.decode(learned) == f"{TEXTS[0]}</s>[1, 2, 3, 4]</s>"
    whole = tokenizer.decode(batch["input_ids"][0][batch["attention_mask"][0].bool()])
    expected = f"{TEXTS[2]}<assistant>{TEXTS[0]}</s><user>Where is the ball?<assistant>[1, 2, 3, 4]</s>"
    assert whole == "<user>" + "<image>" * vlm.image_tokens + expected
    assert (batch["input_ids"] == tokenizer.convert_tokens_to_ids("<image>")).sum(1).tolist() == [vlm.image_tokens] * 2
    assert tokenizer.decode(batch["labels"][1][batch["labels"][1] != IGNORED]) == "a</s>"
    assert torch.isfinite(vlm.model(**batch).loss)


def test_a_stage_changes_its_parts_alone(tmp_path: Path) -> None:
    for k, parts in enumerate((("projector",), ("projector", "text"), PARTS)):
        vlm = tiny()
        before = {name: value.clone() for name, value in vlm.model.named_parameters()}
        train_stage(vlm, Stage("s", DIALOGUES, parts, 2, 1e-2), image, tmp_path / str(k), seed=0, batch_size=4)
        moved = {part_of(name) for name, value in vlm.model.named_parameters() if not torch.equal(value, before[name])}
        assert moved == set(parts)


def test_stages_learn_and_a_killed_training_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_vlm(tiny(), tmp_path / "base")
    stages = [Stage("a", DIALOGUES, ("projector",), 3, 1e-2), Stage("b", DIALOGUES, PARTS, 9, 1e-2)]
    monkeypatch.setattr(StateFile, "due", lambda self: True)

    def run(folder: Path, stop_at: int = 99) -> tuple[Path, Log]:
        log = Log()

        def progress(step: int, total: int, values: dict[str, float]) -> None:
            if step == stop_at:
                raise KeyboardInterrupt

        done = run_stages(
            tmp_path / "base", stages, image, folder, log, seed=3, batch_size=4, device="cpu", progress=progress
        )
        return done, log

    whole, log = run(tmp_path / "whole")
    for stop_at in (2, 7):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "broken", stop_at)
    broken, other = run(tmp_path / "broken")
    first, second = (load_vlm(folder).model.state_dict() for folder in (whole, broken))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert log.curves == other.curves
    assert log.usage["tokens"] == other.usage["tokens"]
    assert [row["step"] for row in log.curves] == list(range(1, 13))
    losses = [row["value"] for row in log.curves if row["name"] == "b/loss"]
    assert losses[-1] < losses[0]
    assert not (tmp_path / "whole" / "0-a" / "model").exists()


def test_batches_write_what_single_pictures_get() -> None:
    vlm = tiny(1)
    images = [image(k) for k in range(9)]
    prompts = [TEXTS[2] + " ball" * (k % 4) for k in range(9)]
    alone = generate(vlm.model, vlm.processor, images, prompts, batch_size=1, max_new_tokens=8, gaps=True)
    for size in (4, 9):
        together = generate(vlm.model, vlm.processor, images, prompts, batch_size=size, max_new_tokens=8)
        for one, other in zip(alone, together, strict=True):
            assert one.tokens == other.tokens or one.gap < 1e-4
    assert [one.text for one in alone] == captions(
        vlm.model, vlm.processor, images, prompts, batch_size=3, max_new_tokens=8
    )
    assert vlm.tokenizer.padding_side == "left"


def test_prompts_about_no_picture_and_about_several_go_in_batches_too() -> None:
    vlm = tiny(1)
    shown: list[Any] = [(), image(0), (image(1), image(2)), (), (image(3),), (image(4), image(5)), image(6)]
    prompts = [TEXTS[2] + " ball" * (k % 3) for k in range(len(shown))]
    assert prompt_text(vlm.processor, "Why?", 2) == "<user><image><image>Why?<assistant>"
    alone = [
        generate(vlm.model, vlm.processor, [s], [p], max_new_tokens=6, gaps=True)[0]
        for s, p in zip(shown, prompts, strict=True)
    ]
    together = generate(vlm.model, vlm.processor, shown, prompts, batch_size=4, max_new_tokens=6)
    for one, other in zip(alone, together, strict=True):
        assert one.tokens == other.tokens or one.gap < 1e-4


def test_draws_follow_from_the_seed() -> None:
    vlm = tiny(1)
    images = [image(k) for k in range(4)]

    def drawn(seed: int) -> list[str]:
        return captions(
            vlm.model, vlm.processor, images, TEXTS[2], batch_size=2, max_new_tokens=6, greedy=False, seed=seed
        )

    assert drawn(1) == drawn(1) != drawn(2)


def test_prompts_have_their_place() -> None:
    vlm = tiny()
    assert prompt_text(vlm.processor, "Why?") == "<user><image>Why?<assistant>"
    with pytest.raises(RewardmarkError, match="one each"):
        captions(vlm.model, vlm.processor, [image(0)], ["a", "b"])


def test_weights_are_stored_in_half_and_loaded_in_full(tmp_path: Path) -> None:
    vlm = tiny()
    save_vlm(vlm, tmp_path / "half", torch.float16)
    loaded = load_vlm(tmp_path / "half")
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "float32"
    for name, weight in vlm.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], weight.half().float()), name
    assert next(vlm.model.parameters()).dtype == torch.float32
