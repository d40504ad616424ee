"""Methods that write programs, on scenes with the small model that ships: what is kept, resumed, learned, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rewardmark.baselines import Decoding, FitJob, get_method
from rewardmark.baselines.llm.arena import Arena, Attempt, PerceptionSettings, gather, units_of
from rewardmark.baselines.llm.rounds import choose, read_round
from rewardmark.baselines.llm.writer import load_writer
from rewardmark.baselines.llm.wrong_reason import wrong_programs
from rewardmark.rewards import get_reward
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks import get_task
from rewardmark.tasks.dataset_spec import DatasetSpec

START = Path(__file__).parents[2] / "baselines" / "checkpoints" / "llm-1x"
REWARDS = {"vqa": "vqa/exact", "phrases": "detection/f1", "matching": "matching/pair"}


def split_of(task: str, n: int = 3, seed: int = 5) -> Any:
    return get_task(task).open(DatasetSpec(size=64, n=n, seed=seed))


def job(task: str, workdir: Path, method: str = "self-training", **given: Any) -> FitJob:
    split = split_of(task, 8).head(16)
    return FitJob(
        task=get_task(task), train=split, val=split_of(task, 4, 6).head(8), start=START, workdir=workdir,
        reward=get_reward(REWARDS[task]), **{"steps": 1, "batch_size": 16, **given},
    )  # fmt: skip


@pytest.mark.parametrize("task", ["vqa", "phrases", "matching"])
def test_true_programs_earn_the_reward_and_failures_earn_nothing(task: str) -> None:
    split = split_of(task, 6).head(24)
    attempts = [Attempt(unit, split[unit.sample].programs[unit.text]) for unit in units_of(split)]
    broken = [Attempt(unit, "def execute_command(image):\n    return nothing") for unit in units_of(split)]
    with Arena(get_task(task), PerceptionSettings(), get_reward(REWARDS[task])) as arena:  # type: ignore[arg-type]
        arena.attempt(split, [*attempts, *broken])
    assert {attempt.reward for attempt in attempts} == {1.0}
    assert {attempt.reward for attempt in broken} == {0.0}
    assert {attempt.outcome for attempt in broken} == {"runtime"}


def test_an_answer_by_heart_is_right_for_the_wrong_reason() -> None:
    split = split_of("vqa", 30).head(30)
    units = units_of(split)
    true = [Attempt(unit, split[unit.sample].programs[0]) for unit in units]
    by_heart = [
        Attempt(unit, f"def execute_command(image):\n    return {split[unit.sample].answer!r}") for unit in units
    ]
    with Arena(get_task("vqa"), PerceptionSettings(), get_reward("vqa/exact")) as arena:  # type: ignore[arg-type]
        arena.attempt(split, by_heart)
        assert {attempt.reward for attempt in by_heart} == {1.0}
        assert not any(wrong_programs(arena, split, true, range(30), [0]).values())
        found = wrong_programs(arena, split, by_heart, range(30), [0])
    assert len(found) > 15 and np.mean(list(found.values())) > 0.6


def test_a_broken_off_self_training_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    options = {"samples": 3, "epochs": 1, "checked": 4}
    whole = get_method("self-training").fit(job("vqa", tmp_path / "whole", steps=2, options=options))

    class Killed(Exception):
        pass

    def kill_when_improving_the_second_time(step: int, total: int, values: dict[str, float]) -> None:
        if "part/round 2: improve" in values:
            raise Killed

    broken = tmp_path / "broken"
    with pytest.raises(Killed):
        get_method("self-training").fit(
            job("vqa", broken, steps=2, options=options, progress=kill_when_improving_the_second_time)
        )
    again = get_method("self-training").fit(job("vqa", broken, steps=2, options=options))
    same = [[row for row in result.curves if not row["name"].startswith("seconds")] for result in (whole, again)]
    assert same[0] == same[1]
    states = [load_writer(result.checkpoint).model.model.state_dict() for result in (whole, again)]  # type: ignore[union-attr]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    rows = read_round(again.checkpoint / "rounds" / "round-01.parquet")
    assert sum(row["copies"] for row in rows) == 16 * 3
    assert all((row["reward"] == 1.0 and row["outcome"] == "ok") == row["kept"] for row in rows)
    names = {row["name"] for row in again.curves}
    assert {"val/accuracy", "reward", "kept", "solved", "wrong_reason", "best_round"} <= names


def test_reinforce_on_text_moves_the_model_and_predicts(tmp_path: Path) -> None:
    made = get_method("reinforce-text").fit(
        job("phrases", tmp_path, steps=2, batch_size=4, options={"samples": 3, "learning_rate": 1e-2})
    )
    assert {"reward", "entropy", "val/F1", "ok"} <= {row["name"] for row in made.curves}
    start = get_method("few-shot").fit(job("phrases", tmp_path / "start", steps=0))
    first, second = (load_writer(result.checkpoint).model.model.state_dict() for result in (start, made))  # type: ignore[union-attr]
    assert any(not torch.equal(first[name], second[name]) for name in first)
    split = split_of("phrases").head(5)
    predictions = get_method("few-shot").predict(made.checkpoint, get_task("phrases"), split, np.arange(5), Decoding())
    assert len(predictions) == 5


def test_kinds_weigh_alike_and_a_question_gives_few_programs() -> None:
    def row(kind: str, sample: str, program: str, copies: int = 1) -> dict[str, Any]:
        written = {"program": program, "copies": copies, "kind": kind, "query": "q"}
        return {"kept": True, "sample_id": sample, "text": 0, **written}

    head = "def execute_command(image):"
    rows = [row("easy", str(k), f"{head}\n    return {k}") for k in range(9)]
    rows += [row("hard", "h", f"{head}\n    return 'a'"), row("hard", "h", f"{head}\n    return 'b'", 5)]
    found = choose(rows, head, 1, [("c", f"{head}\n    return 1")], 2.0)
    assert [example.body for example in found if "'" in example.body] == ["\n    return 'b'\n\n"]
    weights = [example.weight for example in found]
    assert sum(weights[:9]) == pytest.approx(weights[9]) and weights[10] == pytest.approx(2 * np.mean(weights[:10]))


def test_equal_programs_in_another_layout_are_one() -> None:
    unit = units_of(split_of("vqa", 1))[0]
    found = gather([unit], [["def f(x):\n    return  1", "def f(x):\n    return 1", "def f(x:", "def f(x:"]])
    assert [attempt.copies for attempt in found] == [2, 2]


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    with pytest.raises(RewardmarkError, match="steps = 0"):
        get_method("few-shot").fit(job("vqa", tmp_path, steps=3))
    with pytest.raises(RewardmarkError, match="steps = 1"):
        get_method("rejection").fit(job("vqa", tmp_path, steps=2))
    with pytest.raises(RewardmarkError, match="did you mean 'samples'"):
        get_method("self-training").check_options({"sample": 3})
    with pytest.raises(RewardmarkError, match="not answered by programs"):
        get_method("few-shot").fit(
            FitJob(task=get_task("captioning"), train=None, steps=0, workdir=tmp_path, start=START)  # type: ignore[arg-type]
        )
    with pytest.raises(RewardmarkError, match="endpoint_model"):
        get_method("few-shot").fit(job("vqa", tmp_path, steps=0, options={"endpoint": "http://127.0.0.1:9"}))
    frozen = {"endpoint": "http://127.0.0.1:9", "endpoint_model": "m"}
    with pytest.raises(RewardmarkError, match="frozen"):
        get_method("self-training").fit(job("vqa", tmp_path, options=frozen))
