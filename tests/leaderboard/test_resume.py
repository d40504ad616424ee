"""Killed in the middle, started again: the same numbers as a run that was never broken off."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rewardmark.leaderboard.store import Store

PLUGIN = Path(__file__).parent / "toy_plugin.py"

PATIENCE = 300
"""Seconds, for any wait: a run takes a few alone on a machine, minutes on one that is full; a longer one hangs."""

SLOW = '[[cell]]\nlabel = "slow"\ntask = "brightness"\nmethod = "toy"\nsteps = 40\noptions = { pause = 0.05 }\n'
AFTER = '[[cell]]\ntask = "brightness"\nmethod = "toy"\nstart = "cell:slow"\nsteps = 3\n'


def start(suite: Path, out: Path, *more: str, log: Path | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rewardmark.leaderboard.cli", "run", str(suite), "--plugin", str(PLUGIN)]
    return subprocess.Popen(
        [*command, "--out", str(out), "--device", "cpu", *more],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TOY_LOG": str(log or out.with_suffix(".log"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_interruptible,
    )


def _interruptible() -> None:
    """Ctrl-C reaches the run even where the tests themselves were started in a shell's background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.read()


def wait_for_step(process: subprocess.Popen[str], out: Path, step: int) -> None:
    """Until the run has saved that step. A run that ends before says why at once; one that hangs is killed."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for state in out.glob("*.partial/work/state.json"):
            if json.loads(state.read_text())["step"] >= step:
                return
        if process.poll() is not None:
            raise AssertionError(f"the run ended with {process.returncode} before step {step}:\n{_said(process)}")
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"the run did not come to step {step} in {PATIENCE} s:\n{_said(process)}")


def results(out: Path) -> list[dict[str, Any]]:
    store = Store(out)
    return [{k: store.read(i)[k] for k in ("id", "metrics", "reward", "start_run")} for i in store.run_ids()]


@pytest.fixture(scope="module")
def unbroken(
    cache: Path, lasting_suite: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("unbroken")
    process = start(lasting_suite(SLOW + AFTER), folder / "runs")
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return results(folder / "runs")


def test_killed_and_started_again_gives_the_numbers_of_an_unbroken_run(
    unbroken: list[dict[str, Any]], write: Callable[..., Path], tmp_path: Path
) -> None:
    suite, out = write(SLOW + AFTER), tmp_path / "killed"
    process = start(suite, out)
    wait_for_step(process, out, 5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert results(out) == []
    again = start(suite, out)
    _, said = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, said
    assert results(out) == unbroken
    begun = [int(line.split()[-1]) for line in out.with_suffix(".log").read_text().splitlines()]
    assert begun[0] == 0
    assert begun[1] >= 5  # it went on where it was, instead of from the beginning
    assert sorted(p.name for p in out.iterdir() if p.name != ".locks") == sorted(run["id"] for run in unbroken)


def test_ctrl_c_stops_cleanly_and_can_go_on(cache: Path, write: Callable[..., Path], tmp_path: Path) -> None:
    suite, out = write(SLOW), tmp_path / "runs"
    process = start(suite, out)
    wait_for_step(process, out, 3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
    assert list((out / ".locks").iterdir()) == []


def test_two_processes_share_a_suite_and_run_no_cell_twice(
    unbroken: list[dict[str, Any]], write: Callable[..., Path], tmp_path: Path
) -> None:
    suite, out = write(SLOW + AFTER), tmp_path / "shared"
    both = [start(suite, out, log=tmp_path / "both.log") for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
    assert (tmp_path / "both.log").read_text().count("fit from") == 2
    assert results(out) == unbroken


def test_jobs_run_cells_in_other_processes_with_the_same_numbers(
    unbroken: list[dict[str, Any]], write: Callable[..., Path], tmp_path: Path
) -> None:
    process = start(write(SLOW + AFTER), tmp_path / "jobs", "--jobs", "2")
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert results(tmp_path / "jobs") == unbroken


def test_jobs_and_threads_are_the_suites_where_the_command_says_none(
    unbroken: list[dict[str, Any]], write: Callable[..., Path], tmp_path: Path
) -> None:
    suite = write(SLOW + AFTER)
    suite.write_text("jobs = 2\nthreads = 3\n" + suite.read_text())
    for out, more, at_a_time, threads in (
        ("suite", [], True, 3),
        ("command", ["--jobs", "1", "--threads", "2"], False, 2),
    ):
        process = start(suite, tmp_path / out, *more)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
        assert ("2 at a time" in said) is at_a_time
        store = Store(tmp_path / out)
        assert {store.read(i)["provenance"]["hardware"]["threads"] for i in store.run_ids()} == {threads}
        assert results(tmp_path / out) == unbroken


MANY = SLOW.replace("steps = 40", "steps = 12").replace("0.05", "0.2") + "seed = [0, 1, 2, 3, 4, 5]\n"


def pids_of(file: Path, count: int) -> list[int]:
    """The processes of the first `count` cells to begin, one a cell."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        lines = file.read_text().splitlines() if file.is_file() else []
        if len(lines) >= count:
            return [int(line) for line in lines]
        time.sleep(0.02)
    raise AssertionError(f"fewer than {count} cells began in {PATIENCE} s")


def test_a_job_that_is_killed_costs_the_cell_that_it_was_running(
    cache: Path, write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_PIDS", str(tmp_path / "pids"))
    process = start(write(MANY), tmp_path / "runs", "--jobs", "2")
    os.kill(pids_of(tmp_path / "pids", 3)[-1], signal.SIGKILL)  # the third cell to begin has just begun
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert said.count("its process died with exit code -9") == 2, said  # when it happened, and at the end
    assert len(results(tmp_path / "runs")) == 5
    processes = set(pids_of(tmp_path / "pids", 6))
    assert len(processes) == 3  # two for six cells, and one in place of the one that was lost
    assert process.pid not in processes
    again = start(write(MANY), tmp_path / "runs", "--jobs", "2")
    _, said = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, said
    assert len(results(tmp_path / "runs")) == 6


def test_ctrl_c_stops_all_jobs_cleanly(
    cache: Path, write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal's Ctrl-C reaches the jobs as well as the command that started them."""
    monkeypatch.setenv("TOY_PIDS", str(tmp_path / "pids"))
    process = start(write(MANY.replace("steps = 12", "steps = 400")), tmp_path / "runs", "--jobs", "2")
    pids = pids_of(tmp_path / "pids", 2)
    for pid in [process.pid, *pids]:
        os.kill(pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "the same command goes on from here" in said
    assert "Traceback" not in said, said
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_jobs_end_with_the_command_that_is_killed(
    cache: Path,
    write: Callable[..., Path],
    gone: Callable[[list[int]], bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: signal.Signals,
) -> None:
    monkeypatch.setenv("TOY_PIDS", str(tmp_path / "pids"))
    process = start(write(MANY.replace("steps = 12", "steps = 2000")), tmp_path / "runs", "--jobs", "2")
    pids = pids_of(tmp_path / "pids", 2)
    process.send_signal(how)
    process.communicate(timeout=PATIENCE)  # until the jobs, too, have closed what they write to
    assert gone(pids)
    assert results(tmp_path / "runs") == []


def test_a_job_that_died_while_it_waited_is_replaced() -> None:
    from rewardmark.leaderboard import parallel

    spawn = multiprocessing.get_context("spawn")
    workers = []
    for _ in range(2):
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=time.sleep, args=(0,))
        process.start()
        process.join()
        theirs.close()
        workers.append(parallel._Worker(process, ours))
    assert parallel._handed(3, workers) is None
    assert workers == []
