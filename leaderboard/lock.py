"""One process at a time on one run: a lock file that says who holds it, and is found out when its holder has died."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["Holder", "RunLock"]

HEARTBEAT = 20.0
"""Seconds between two touches of a held lock."""
SILENT_FOR = 300.0
"""A lock of another machine that was not touched for so many seconds counts as left behind."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock."""

    pid: int
    host: str
    born: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class RunLock:
    """`acquire()` gives True, or False while another live process holds the file; use it as a context after that.

    A lock is left behind when its process is gone (same machine: by pid and the process' time of birth, so that a pid
    that was given out again is not taken for it) or when it has been silent for minutes (another machine).
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._stop = threading.Event()
        self._beat: threading.Thread | None = None

    def acquire(self) -> bool:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if self._create():
            return True
        if not self._left_behind():
            return False
        # Two processes may both see a dead lock; only the one that makes this second file may take it away.
        guard = self.file.with_suffix(".guard")
        try:
            os.close(os.open(guard, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            if time.time() - _modified(guard) > SILENT_FOR:
                guard.unlink(missing_ok=True)
            return False
        try:
            if self._left_behind():
                self.file.unlink(missing_ok=True)
            return self._create()
        finally:
            guard.unlink(missing_ok=True)

    def holder(self) -> Holder | None:
        """Who holds it; None when nobody does, or the file cannot be read just now."""
        try:
            return Holder(**json.loads(self.file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def held_by_another(self) -> Holder | None:
        """The live process that holds it, if there is one."""
        return self.holder() if self.file.exists() and not self._left_behind() else None

    def release(self) -> None:
        self._stop.set()
        if self._beat is not None:
            self._beat.join()
            self._beat = None
        self.file.unlink(missing_ok=True)

    def __enter__(self) -> RunLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _create(self) -> bool:
        # Written aside and linked into place: a lock file is never seen half written.
        aside = self.file.with_name(f".{self.file.name}.{os.getpid()}.{threading.get_ident()}")
        aside.write_text(json.dumps(vars(_me())))
        try:
            os.link(aside, self.file)
        except FileExistsError:
            return False
        finally:
            aside.unlink(missing_ok=True)
        self._stop.clear()
        self._beat = threading.Thread(target=self._touch, daemon=True)
        self._beat.start()
        return True

    def _touch(self) -> None:
        while not self._stop.wait(HEARTBEAT):
            if not self.file.exists():
                return
            os.utime(self.file)

    def _left_behind(self) -> bool:
        holder = self.holder()
        silent = time.time() - _modified(self.file)
        if holder is None:
            return silent > SILENT_FOR and self.file.exists()
        if holder.host != socket.gethostname():
            return silent > SILENT_FOR
        return not _alive(holder)


def _me() -> Holder:
    return Holder(os.getpid(), socket.gethostname(), _born(os.getpid()))


def _born(pid: int) -> str:
    """The process' time of birth as Linux tells it; "" where it cannot be had."""
    try:
        fields: list[Any] = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return str(fields[19])


def _alive(holder: Holder) -> bool:
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process: alive
    return not holder.born or _born(holder.pid) in ("", holder.born)


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return time.time()
