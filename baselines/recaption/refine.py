"""What can be mended in a caption before the filters look at it: a sentence that was said before is cut."""

from __future__ import annotations

import re

__all__ = ["cut_repeats"]

_END = re.compile(r"(?<=[.!?])\s+")


def cut_repeats(caption: str) -> str:
    """The caption without sentences that it has already said, word for word but for case and blanks.

    A sentence that repeats within itself stays: that is a loop, and for the filters to reject.

    >>> cut_repeats("there is a ball . There is a ball . the ball is red .")
    'there is a ball . the ball is red .'
    """
    said: dict[str, str] = {}
    for sentence in _END.split(caption.strip()):
        said.setdefault(" ".join(sentence.lower().split()), sentence)
    return " ".join(said.values())
