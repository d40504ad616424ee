"""Which kind of material a function is for, where a task has several: what its source names."""

from __future__ import annotations

from rewardmark.rewards.audit.foreign.hints import hints_of

__all__ = ["variant_of"]


def variant_of(task: str, source: str, function: str = "") -> str:
    """The name of the material's variant: "yes-no" for a vqa function that names both words, else the usual one ("").

    >>> variant_of("vqa", "re.search('(yes|no)', text)"), variant_of("vqa", "answer == truth")
    ('yes-no', '')
    """
    if task != "vqa":
        return ""
    strings = " ".join(hints_of(source, function).strings).lower()
    words = set("".join(c if c.isalnum() else " " for c in strings).split())
    return "yes-no" if {"yes", "no"} <= words else ""
