"""METEOR's Java program, run so that it cannot hang, and the tokens of whole files of captions.

The jars and their data are those inside pycocoevalcap; its own wrappers leave processes behind, write into the
package's folder, and wait for ever when a line break in a caption makes the answers come out of step.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO

from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.ptb_java import PACE, PATIENCE, java_program, last_line, one_line, package_folder
from rewardmark.rewards.tokenize import tokenize_text

__all__ = ["Meteor", "tokenize_files"]


def tokenize_files(files: Sequence[Sequence[str]]) -> list[list[str]]:
    """Each caption's PTB tokens joined by spaces, lower-cased, without punctuation, each file being one text.

    Ordinary captions need no JVM; where a file has others one is started for it, all at once.
    Raises RewardmarkError when the tokeniser fails or answers with another number of lines.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(files))) as pool:
        return list(pool.map(tokenize_text, files))


class Meteor:
    """METEOR 1.5 for English on tokenised captions, in a process that ends with the `with` block whatever happens.

    The first answer takes seconds: its tables are read first.
    """

    def __init__(self, captions: int) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        folder = package_folder("meteor")
        command = [java_program(), "-jar", "-Xmx2G", "meteor-1.5.jar", "-", "-", "-stdio", "-l", "en", "-norm"]
        try:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            self._errors.close()
            raise RewardmarkError(f"Java could not be started: {error}") from None
        self._limit = PATIENCE + captions / PACE
        self._late = False
        self._watch = threading.Timer(self._limit, self._stop_waiting)
        self._watch.daemon = True
        self._watch.start()

    def __enter__(self) -> Meteor:
        return self

    def __exit__(self, *exception: object) -> None:
        self._watch.cancel()
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with _ignoring_broken_pipe():
                    pipe.close()
        self._process.wait()
        self._errors.close()

    def statistics(self, caption: str, references: Sequence[str]) -> str:
        """METEOR's counts for one caption against the reference that suits it best, as the program writes them."""
        return self._ask(" ||| ".join(["SCORE", *map(_segment, references), _segment(caption)]))

    def evaluate(self, statistics: Sequence[str]) -> tuple[float, list[float]]:
        """The corpus score of these segments (from summed counts, not a mean), and each segment's own score."""
        first = self._ask("EVAL ||| " + " ||| ".join(statistics))
        scores = [float(first)] + [float(self._answer()) for _ in statistics[1:]]
        return float(self._answer()), scores

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{one_line(line)}\n".encode("utf-8", errors="replace"))
            self._process.stdin.flush()
        except OSError:
            raise self._failure() from None
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode("utf-8", errors="replace").strip()
        if not line or line.startswith("Error"):
            raise self._failure(line)
        return line

    def _stop_waiting(self) -> None:
        self._late = True
        self._process.kill()

    def _failure(self, said: str = "") -> RewardmarkError:
        if self._late:
            return RewardmarkError(f"METEOR gave no answer within {self._limit:.0f} s")
        self._errors.seek(0)
        return RewardmarkError(f"METEOR failed: {said or last_line(self._errors.read())}")


def _segment(text: str) -> str:
    """`|||` parts the fields of a line: within a caption it would start another reference."""
    return text.replace("|||", "").replace("  ", " ")


@contextmanager
def _ignoring_broken_pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # closing flushes what a dead process will not read
        return
