"""Reading what a language model wrote: the answer between tags, a JSON list of boxes."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["LARGEST", "box_of", "json_boxes", "tagged"]

#: A coordinate or a score beyond it cannot be kept as float32.
LARGEST = 1e38
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_BOX_KEYS = ("bbox_2d", "bbox", "box", "Position")


def tagged(text: str, tag: str = "answer") -> str | None:
    """The text between the only pair of <tag> and </tag>; None when there is none, or more than one of either.

    >>> tagged("<think>so</think><answer> red </answer>"), tagged("<answer>a</answer><answer>b</answer>")
    ('red', None)
    """
    opening, closing = f"<{tag}>", f"</{tag}>"
    if text.count(opening) != 1 or text.count(closing) != 1:
        return None
    start, end = text.index(opening) + len(opening), text.index(closing)
    return text[start:end].strip() if start <= end else None


def json_boxes(text: str) -> list[dict[str, Any]] | None:
    """The JSON list of boxes that `text` is or holds in its only ``` fence; None where it is no such list.

    Each entry must be an object with four finite numbers under bbox_2d, bbox, box or Position.

    >>> json_boxes('[{"bbox_2d": [0, 0, 4, 4], "label": "cat"}]')
    [{'bbox_2d': [0, 0, 4, 4], 'label': 'cat'}]
    >>> json_boxes("a cat at the left") is None
    True
    """
    fenced = _FENCE.findall(text)
    if len(fenced) > 1:
        return None
    try:
        value = json.loads(fenced[0] if fenced else text.strip())
    except (ValueError, RecursionError):  # not JSON: an unparsed completion, which is a state of its own
        return None
    value = [value] if isinstance(value, dict) else value
    if not isinstance(value, list) or not all(isinstance(item, dict) and box_of(item) is not None for item in value):
        return None
    return value


def box_of(item: dict[str, Any]) -> list[float] | None:
    """The four coordinates of one JSON entry, None where it has none."""
    for key in _BOX_KEYS:
        box = item.get(key)
        if isinstance(box, list) and len(box) == 4 and all(_is_number(v) for v in box):
            return [float(v) for v in box]
    return None


def _is_number(value: Any) -> bool:
    """Whether it is a number that a coordinate can be (JSON has integers of any length)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST
