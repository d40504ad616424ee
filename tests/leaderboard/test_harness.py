"""The harness on a task, a method, a model and rewards that a plug-in file brings."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from rewardmark.baselines import FitJob, FitResult, Method, get_method
from rewardmark.leaderboard.bootstrap import REPLICATES
from rewardmark.leaderboard.cell import Context
from rewardmark.leaderboard.changes import paired_change
from rewardmark.leaderboard.harness import describe, run_plan, select
from rewardmark.leaderboard.progress import Silent
from rewardmark.rewards.errors import RewardmarkError

Contexts = Callable[..., Context]

TOY = '[[cell]]\ntask = "brightness"\nmethod = "toy"\n'
PAIR = TOY + 'label = "first"\nsteps = 3\n' + TOY + 'label = "second"\nstart = "cell:first"\nsteps = 30\n'


def runs(context: Context) -> list[dict[str, Any]]:
    return [context.store.read(cell.run_id) for cell in context.plan.cells]


def results(run: dict[str, Any]) -> dict[str, Any]:
    return {key: run[key] for key in ("id", "metrics", "reward", "failures", "spec", "start_run")}


def test_a_run_folder_holds_what_it_should(context: Contexts) -> None:
    made = context(PAIR)
    outcomes = run_plan(made)
    assert [outcome.state for outcome in outcomes] == ["finished", "finished"]
    first, second = runs(made)
    assert second["start_run"] == first["id"]
    assert second["spec"]["start_name"] == "cell:first"
    assert len(second["spec"]["start"]) == 64
    assert first["spec"]["start"] is None
    metric = second["metrics"]["closeness"]
    assert metric["primary"]
    assert metric["low"] <= metric["value"] <= metric["high"]
    undefined = second["metrics"]["undefined"]
    assert (undefined["value"], undefined["low"], undefined["high"], undefined["primary"]) == (-1.0, None, None, False)
    assert second["reward"]["name"] == "brightness/closeness"
    assert second["reward"]["bounds"] == [None, 1.0]
    assert second["provenance"]["packages"]["torch"]
    assert second["cost"]["images"] == 30
    folder = made.store.path(second["id"])
    assert (folder / "checkpoint" / "level.json").is_file()
    samples = parquet.read_table(folder / "samples.parquet").to_pylist()
    assert len(samples) == 10
    assert samples[0]["image_png"].startswith(b"\x89PNG")
    assert json.loads(samples[0]["truth"])["brightness"] == pytest.approx(samples[0]["score"], abs=1)
    assert [row["outcome"] for row in samples] == ["ok"] * 10
    curves = parquet.read_table(folder / "curves.parquet").to_pylist()
    assert [row["step"] for row in curves] == list(range(1, 31))
    replicates = parquet.read_table(folder / "replicates.parquet")
    assert replicates.num_rows == 3 * REPLICATES
    change = paired_change(made.store, second, "reward")
    assert change is not None
    assert change["low"] is not None
    assert change["low"] > 0
    assert sorted(path.name for path in made.store.root.iterdir()) == sorted([".locks", first["id"], second["id"]])


def test_the_same_suite_twice_gives_the_same_numbers(context: Contexts) -> None:
    one, two = context(PAIR, "one"), context(PAIR, "two")
    run_plan(one)
    run_plan(two)
    assert [results(run) for run in runs(one)] == [results(run) for run in runs(two)]
    for cell in one.plan.cells:
        for table in ("samples", "curves", "replicates"):
            tables = [parquet.read_table(c.store.path(cell.run_id) / f"{table}.parquet") for c in (one, two)]
            assert tables[0].equals(tables[1])


def test_finished_cells_are_kept_and_new_ones_added(context: Contexts) -> None:
    run_plan(context(PAIR))
    more = context(PAIR + TOY + "steps = 5\n")
    assert sorted(outcome.state for outcome in run_plan(more)) == ["finished", "kept", "kept"]


def test_a_part_of_a_training_is_shown_by_its_name(context: Contexts, monkeypatch: pytest.MonkeyPatch) -> None:
    class Told(Silent):
        def __init__(self) -> None:
            self.stages: list[tuple[str, int, int]] = []

        def stage(self, name: str, done: int, total: int, values: dict[str, float]) -> None:
            self.stages.append((name, done, total))

    made = replace(context(TOY + "steps = 1\n"), reporter=Told())
    toy = type(get_method("toy"))
    fit = toy.fit

    def counted(self: Method, job: FitJob) -> FitResult:
        job.part("captions")(3, 8)
        return fit(self, job)

    monkeypatch.setattr(toy, "fit", counted)
    run_plan(made)
    assert ("toy brightness: captions", 3, 8) in made.reporter.stages


def test_only_takes_whole_words_and_runs_what_a_cell_needs(context: Contexts) -> None:
    made = context(
        TOY + 'label = "first"\nsteps = 1\nseed = [1, 10]\n' + TOY + 'start = "cell:first"\nsteps = 2\nseed = [1, 10]\n'
    )
    assert select(made.plan, ["seed=1"]) == [0, 2]
    assert select(made.plan, ["toy*seed=10"]) == [3]
    assert select(made.plan, ["toy*seed=10", "seed=1"]) == [0, 2, 3]
    assert select(made.plan, []) == [0, 1, 2, 3]
    assert select(made.plan, [made.plan.cells[1].run_id]) == [1]
    assert [outcome.cell for outcome in run_plan(made, select(made.plan, ["toy*seed=10"]))] == [1, 3]
    with pytest.raises(
        RewardmarkError, match=r"--only 'nothing' matches no cell .* its cells: first brightness seed=1"
    ):
        select(made.plan, ["seed=1", "nothing"])


def test_cells_that_differ_in_decoding_share_the_training(
    context: Contexts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    made = context(TOY + 'steps = 4\ndecoding = [{ mode = "greedy" }, { mode = "sample", seed = 3 }]\n')
    run_plan(made)
    assert (tmp_path / "log").read_text() == "fit from 0\n"
    greedy, sampled = runs(made)
    assert sampled["fit"] == {"key": greedy["fit"]["key"], "taken_from": greedy["id"]}
    assert sampled["metrics"] != greedy["metrics"]
    shutil.rmtree(made.store.path(greedy["id"]))
    assert (made.store.path(sampled["id"]) / "checkpoint" / "level.json").is_file()


def test_a_full_disk_is_named_and_is_the_users_to_mend(context: Contexts, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rewardmark.leaderboard.harness.run_cell", full)
    made = context(TOY + "steps = 1\n")
    (outcome,) = run_plan(made)
    assert (outcome.state, outcome.mendable) == ("failed", True) and "No space left on device" in outcome.error
    partial = made.store.partial(made.plan.cells[0].run_id).folder
    shutil.rmtree(partial)
    partial.write_text("")  # not even the traceback can be written
    (outcome,) = run_plan(made)
    assert (outcome.state, outcome.log) == ("failed", None) and "could not be written" in outcome.error


def test_a_crash_in_one_cell_costs_no_other_but_those_that_start_from_it(context: Contexts) -> None:
    made = context(
        TOY + 'label = "broken"\nsteps = 9\noptions = { crash_at = 4 }\n'
        + TOY + 'label = "after"\nstart = "cell:broken"\nsteps = 1\n'
        + TOY + 'label = "well"\nsteps = 2\n'
        + TOY + 'label = "wrong"\nsteps = 2\noptions = { wrong_at = 0 }\n'
    )  # fmt: skip
    broken, after, well, wrong = sorted(run_plan(made), key=lambda outcome: outcome.cell)
    assert (broken.state, broken.mendable) == ("failed", False)
    assert broken.error == "ZeroDivisionError: the toy broke"
    assert broken.log is not None
    assert "toy_plugin.py" in broken.log.read_text()
    assert after.state == "blocked"
    assert well.state == "finished"
    assert (wrong.state, wrong.error, wrong.mendable) == ("failed", "the toy was told nonsense", True)
    assert not made.store.is_finished(made.plan.cells[0].run_id)
    assert made.store.partial(made.plan.cells[0].run_id).read("progress.json") is not None


@pytest.mark.parametrize(
    ("fault", "outcome", "message"),
    [
        ("raise", "failed", "ValueError: cannot see in the dark"),
        ("bounds", "failed", "7 is above the upper bound 1"),
        ("infinite", "failed", "the value is inf"),
        ("abstain", "unscored", ""),
    ],
)
def test_a_reward_that_goes_wrong_on_a_sample_is_counted_and_named(
    context: Contexts, fault: str, outcome: str, message: str
) -> None:
    made = context(TOY + f'steps = 1\nreward = "brightness/faulty"\nreward_parameters = {{ fault = "{fault}" }}\n')
    finished = run_plan(made)[0]
    assert finished.state == "finished"
    said = describe(finished, made.plan, made.store)
    run = runs(made)[0]
    rows = parquet.read_table(made.store.path(run["id"]) / "samples.parquet").to_pylist()
    bad = [row for row in rows if row["outcome"] != "ok"]
    assert 0 < len(bad) < len(rows)
    assert {row["outcome"] for row in bad} == {outcome}
    assert {row["reward"] for row in bad} == {None}
    assert run["reward"]["mean"] == 0.5
    assert run["reward"]["failures"] == (len(bad) if outcome == "failed" else 0)
    assert run["reward"]["unscored"] == (len(bad) if outcome == "unscored" else 0)
    assert [failure["sample_id"] for failure in run["failures"]] == [
        row["sample_id"] for row in bad if outcome == "failed"
    ]
    named = f"{len(bad)} reward failures (the first: brightness/faulty on sample {bad[0]['sample_id']}"
    assert (named in said and message in said) == (outcome == "failed")
    for failure in run["failures"]:
        assert failure["reward"] == "brightness/faulty"
        assert message in failure["message"]


def test_a_reward_of_the_wrong_shape_fails_everywhere_and_has_no_mean(context: Contexts) -> None:
    made = context(TOY + 'steps = 1\nreward = "brightness/faulty"\nreward_parameters = { fault = "shape" }\n')
    assert run_plan(made)[0].state == "finished"
    reward = runs(made)[0]["reward"]
    assert (reward["mean"], reward["low"], reward["failures"]) == (None, None, 10)


def test_runs_judged_by_other_rewards_or_on_other_images_are_not_compared(context: Contexts) -> None:
    made = context(PAIR + "reward_parameters = { weight = 0.5 }\n")
    run_plan(made)
    second = runs(made)[1]
    assert paired_change(made.store, second, "reward") is None
    assert paired_change(made.store, second, "closeness") is not None
    assert paired_change(made.store, runs(made)[0], "closeness") is None


def test_a_plugin_that_changes_gets_other_runs(plugin: Path, write: Callable[..., Path], tmp_path: Path) -> None:
    from rewardmark.leaderboard.plan import _outside

    assert _outside({"task": dict}) == {"task": "builtins"}
    file = tmp_path / "changing_plugin.py"
    hashes = []
    for number in (1, 2):
        file.write_text(f"def reward():\n    return {number}\n")
        scope: dict[str, Any] = {"__name__": "changing_plugin"}
        exec(compile(file.read_text(), str(file), "exec"), scope)
        hashes.append(_outside({"reward": scope["reward"]})["reward"])
    assert hashes[0] != hashes[1]


def test_broken_off_after_the_training_it_does_not_train_again(
    context: Contexts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    made = context(TOY + "steps = 4\n")
    with monkeypatch.context() as broken:
        broken.setattr("rewardmark.leaderboard.cell.judge", lambda *_: 1 / 0)
        assert run_plan(made)[0].error == "ZeroDivisionError: division by zero"
    assert not made.store.is_finished(made.plan.cells[0].run_id)
    assert run_plan(made)[0].state == "finished"
    assert (tmp_path / "log").read_text() == "fit from 0\n"
    assert runs(made)[0]["cost"]["images"] == 4


def test_a_run_that_goes_on_keeps_the_number_of_threads_it_began_with(context: Contexts) -> None:
    made = context(TOY + "steps = 4\noptions = { crash_at = 2 }\n")
    run_plan(made)
    made.threads = 2
    run_plan(made)
    assert made.store.partial(made.plan.cells[0].run_id).read("threads.json") == {"threads": 1}
