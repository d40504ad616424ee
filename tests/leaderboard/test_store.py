"""The store of runs: finished as a whole or not at all, one process a run, locks of the dead found out."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rewardmark.leaderboard.lock import SILENT_FOR, RunLock
from rewardmark.leaderboard.store import Store, link_tree
from rewardmark.rewards.errors import DataError, RewardmarkError


def finished(store: Store, run_id: str) -> Path:
    partial = store.begin(run_id)
    made = partial.folder / "finished"
    (made / "checkpoint").mkdir(parents=True)
    (made / "run.json").write_text(json.dumps({"schema": 1, "id": run_id, "fit": {"key": "k"}}))
    return store.finish(run_id, made)


def test_a_run_appears_as_a_whole_and_its_partial_folder_goes(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    partial = store.begin("a-1")
    partial.write("progress.json", {"done": 3})
    assert not store.is_finished("a-1")
    assert list(store.run_ids()) == []
    finished(store, "a-1")
    assert store.is_finished("a-1")
    assert not partial.folder.exists()
    assert list(store.run_ids()) == ["a-1"]
    assert store.run_with_fit("k") == "a-1"
    assert store.run_with_fit("other") is None


def test_a_kill_between_the_rename_and_the_clearing_up_does_no_harm(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finished(store, "a-1")
    partial = store.begin("a-1")
    store.clean("a-1")
    assert not partial.folder.exists()
    assert store.is_finished("a-1")


def test_clearing_up_never_takes_an_unfinished_run(tmp_path: Path) -> None:
    store = Store(tmp_path)
    partial = store.begin("a-1")
    store.clean("a-1")
    assert partial.work.is_dir()


def test_a_folder_without_run_json_is_no_run_and_gives_way(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "a-1" / "checkpoint").mkdir(parents=True)
    assert not store.is_finished("a-1")
    finished(store, "a-1")
    assert store.read("a-1")["id"] == "a-1"


def test_a_run_of_another_schema_is_refused_by_name(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (finished(store, "a-1") / "run.json").write_text('{"schema": 99}')
    with pytest.raises(DataError, match=r"a-1/run.json: is not of schema 1"):
        store.read("a-1")
    (store.path("a-1") / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"a-1/run.json: cannot be read"):
        store.read("a-1")


def test_a_store_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RewardmarkError, match="file: cannot be written"):
        Store(tmp_path / "file").begin("a-1")


def test_linked_checkpoints_outlive_their_source(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "weights").write_text("1")
    link_tree(tmp_path / "a", tmp_path / "b")
    (tmp_path / "a" / "weights").unlink()
    assert (tmp_path / "b" / "weights").read_text() == "1"


def test_a_lock_is_held_by_one_and_free_again_after_release(tmp_path: Path) -> None:
    file = tmp_path / "locks" / "x.lock"
    first, second = RunLock(file), RunLock(file)
    assert first.acquire()
    assert not second.acquire()
    holder = second.held_by_another()
    assert holder is not None
    assert (holder.pid, holder.host) == (os.getpid(), socket.gethostname())
    first.release()
    assert second.acquire()
    with second:
        pass
    assert not file.exists()


def left_lock(file: Path, **changes: object) -> RunLock:
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "born": "", **changes}
    file.write_text(json.dumps(holder))
    return RunLock(file)


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock = left_lock(tmp_path / "x.lock", pid=gone.pid)
    assert lock.held_by_another() is None
    with lock:
        assert lock.acquire()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to tell when a process was born")
def test_a_pid_that_was_given_out_again_does_not_hold_the_lock(tmp_path: Path) -> None:
    lock = left_lock(tmp_path / "x.lock", born="1")
    with lock:
        assert lock.acquire()


def test_the_lock_of_another_machine_counts_until_it_falls_silent(tmp_path: Path) -> None:
    lock = left_lock(tmp_path / "x.lock", host="elsewhere", pid=1)
    assert not lock.acquire()
    long_ago = time.time() - SILENT_FOR - 1
    os.utime(lock.file, (long_ago, long_ago))
    with lock:
        assert lock.acquire()
