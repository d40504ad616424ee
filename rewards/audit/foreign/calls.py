"""Calling the user's function: in a child process that may hang or die, or (a live function of a test) here."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rewardmark.rewards.audit.foreign import worker
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["Caller", "ChildCaller", "DirectCaller", "Reply", "Signature"]

#: Requests on their way at once, and their bytes: both ways they must fit a pipe's buffer (64 KiB), or a function that
#: hangs would leave us waiting for it to read on.
WINDOW, WINDOW_BYTES = 64, 48_000
#: Seconds for one call, and for loading the file (which may import large libraries).
CALL_LIMIT, LOAD_LIMIT = 10.0, 180.0
#: A function that hangs or dies this often is not asked again.
MOST_DEATHS = 4


@dataclass(frozen=True)
class Signature:
    """A function's parameters as `worker.describe` gives them."""

    name: str
    parameters: list[dict[str, Any]]
    asynchronous: bool
    returns: str

    @property
    def names(self) -> list[str]:
        """Named parameters in order (no *args, no **kwargs)."""
        return [p["name"] for p in self.parameters if not p["kind"].startswith("VAR_")]

    @property
    def required(self) -> list[str]:
        """Named parameters without a default."""
        return [p["name"] for p in self.parameters if not p["kind"].startswith("VAR_") and not p["default"]]

    @property
    def takes_any(self) -> bool:
        """Whether it has **kwargs."""
        return any(p["kind"] == "VAR_KEYWORD" for p in self.parameters)


@dataclass(frozen=True)
class Reply:
    """What one call gave: values (None where the function says "no score"), or an error and its line.

    kind: the exception's type, "timeout", "died" or "value" (not finite).
    """

    values: list[float | None] | None
    error: str = ""
    where: str = ""
    kind: str = ""


class Caller(Protocol):
    """Whatever can call the function: `signature`, the source text, and `call` for many requests."""

    signature: Signature
    source: str
    target: str

    def call(self, requests: Sequence[dict[str, Any]]) -> list[Reply]:
        """One reply a request: {"args" or "kwargs", "batched", "count"}."""


class DirectCaller:
    """A live function, called in this process (a test's own; a hang is the test's)."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.target = function, getattr(function, "__qualname__", repr(function))
        self.signature = _signature(getattr(function, "__name__", "function"), worker.describe(function))
        self.source = _source_of(function)

    def call(self, requests: Sequence[dict[str, Any]]) -> list[Reply]:
        """See Caller."""
        return [_reply(worker.reply(self.function, request)) for request in requests]


class ChildCaller:
    """`FILE:FUNCTION` in a child process with a time limit a call. Use as a context manager.

    Raises RewardmarkError when the file cannot be loaded or has no such function: that is the user's to mend.
    """

    def __init__(self, file: str | Path, function: str, limit: float = CALL_LIMIT) -> None:
        self.file, self.function, self.limit = Path(file).resolve(), function, limit
        self.target = f"{self.file.name}:{function}"
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed in close()
        self.deaths = 0
        if not self.file.is_file():
            raise RewardmarkError(f"{file}: no such file; write FILE.py:FUNCTION")
        self.source = _with_neighbours(self.file)
        self._start()
        described = self._ask([{"describe": True, "count": 1, "batched": False}])[0]
        if not isinstance(described, dict) or "parameters" not in described:
            self.close()
            raise RewardmarkError(f"{self.target}: not a function whose parameters can be read")
        self.signature = _signature(function, described)

    def __enter__(self) -> ChildCaller:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._log.close()

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None

    def call(self, requests: Sequence[dict[str, Any]]) -> list[Reply]:
        """See Caller. A call that hangs or ends the child is a reply of its own; the rest is asked of a new child."""
        return [_reply(answer) for answer in self._ask(requests)]

    def _start(self) -> None:
        command = [sys.executable, str(Path(worker.__file__).resolve()), str(self.file), self.function]
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8:replace"}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            env=environment,
        )
        self._buffer = b""
        first = self._read(LOAD_LIMIT)
        if first is None or "ready" not in first:
            self.close()
            fault = (first or {}).get("fatal", {"error": f"no answer within {LOAD_LIMIT:.0f} s", "where": ""})
            where = f"{fault['where']}: " if fault["where"] else ""
            raise RewardmarkError(f"{self.target}: could not be loaded: {where}{fault['error']}")

    def _ask(self, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        while len(answers) < len(requests):
            if self.deaths >= MOST_DEATHS:
                rest = {"values": None, "error": "not asked: the function hung or died too often", "kind": "skipped"}
                return answers + [rest] * (len(requests) - len(answers))
            if self._process is None:
                self._start()
            assert self._process is not None and self._process.stdin is not None
            part = _window([json.dumps(r) for r in requests[len(answers) : len(answers) + WINDOW]])
            with contextlib.suppress(BrokenPipeError):  # it died while being written to; reading says where
                _write(self._process.stdin.fileno(), "".join(line + "\n" for line in part).encode())
            for _ in part:
                answer = self._read(self.limit)
                answers.append(answer if answer is not None else self._dead())
                if answer is None:
                    break
        return answers

    def _read(self, limit: float) -> dict[str, Any] | None:
        """The next line of the child; None when it takes longer than `limit` seconds or there is no more."""
        assert self._process is not None and self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        end = time.monotonic() + limit
        while b"\n" not in self._buffer:
            if not select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            part = os.read(pipe, 1 << 16)
            if not part:
                self._process.wait()
                return None
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return dict(json.loads(line))

    def _dead(self) -> dict[str, Any]:
        assert self._process is not None
        self.deaths += 1
        code = self._process.poll()
        self.close()
        if code is None:
            return {"values": None, "error": f"took more than {self.limit:g} s", "kind": "timeout"}
        return {"values": None, "error": f"ended the process (exit code {code})", "kind": "died"}


def _window(lines: list[str]) -> list[str]:
    """As many of the lines, from the first, as fit together; at least one."""
    size, count = 0, 0
    while count < len(lines) and (count == 0 or size + len(lines[count]) < WINDOW_BYTES):
        size += len(lines[count]) + 1
        count += 1
    return lines[:count]


def _write(pipe: int, data: bytes) -> None:
    while data:
        data = data[os.write(pipe, data) :]


def _reply(answer: dict[str, Any]) -> Reply:
    return Reply(answer.get("values"), answer.get("error", ""), answer.get("where", ""), answer.get("kind", "value"))


def _signature(name: str, described: dict[str, Any]) -> Signature:
    return Signature(name, described["parameters"], described["asynchronous"], described["returns"])


def _source_of(function: Callable[..., Any]) -> str:
    """The text of the file that a live function stands in, "" where there is none (a builtin, a prompt)."""
    try:
        file = inspect.getsourcefile(inspect.unwrap(function))
        return _with_neighbours(Path(file)) if file else ""
    except (OSError, TypeError):
        return ""


def _with_neighbours(file: Path) -> str:
    """The text of a file and of the files beside it that it imports: where the names of columns and keys stand."""
    text = file.read_text(encoding="utf-8", errors="replace")
    names = set(re.findall(r"^\s*(?:from|import)\s+\.?(\w+)", text, re.MULTILINE))
    beside = [file.parent / f"{name}.py" for name in sorted(names)]
    return "\n".join([text, *(p.read_text(encoding="utf-8", errors="replace") for p in beside if p.is_file())])
