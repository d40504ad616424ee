"""A user's own rows: JSON or JSONL with columns such as image, problem, solution. The truth is read from them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rewardmark.rewards.audit.foreign.conventions import BOXES, LABELS, PROMPTS, TRUTHS
from rewardmark.rewards.audit.foreign.hints import BOX_KEYS, LABEL_KEYS
from rewardmark.rewards.audit.foreign.rows import BOX_TASKS, Box, Frame, Row
from rewardmark.rewards.errors import DataError

__all__ = ["read_rows"]

SIDE = 1000
#: A worked solution ends in its answer.
ENDS = (
    re.compile(r"\\boxed\{([^{}]*)\}"),
    re.compile(r"####\s*(.+)"),
    re.compile(r"<answer>(.*?)</answer>", re.DOTALL),
)


def read_rows(file: Path, task: str, frame: Frame = "pixel", limit: int = 1000) -> list[Row]:
    """The rows of a JSON list or JSONL file, at most `limit`; their columns reach the function as they are.

    The truth is looked for in solution, ground_truth, answer, ... (text, JSON, Python quotes, in tags or a fence), or
    in columns of boxes and labels; nested `reward_model` (verl) and `conversations` (VLM-R1) are read too. Width and
    height are columns, else the picture's, else 1000 in thousandths. Raises DataError naming the row that has no truth.
    """
    items = _items(file)[:limit]
    rows = [_row(file, k, item, task, frame) for k, item in enumerate(items)]
    labels = tuple(sorted({box.label for row in rows for box in row.boxes})) or ("object",)
    return [replace(row, labels=labels) for row in rows]


def _items(file: Path) -> list[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(file, f"cannot be read: {error}") from error
    try:
        data = json.loads(text)
        data = data.get("data", [data]) if isinstance(data, dict) else data
    except ValueError:
        data = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    data.append(json.loads(line))
                except ValueError as error:
                    raise DataError(file, f"not JSON: {error}", f"line {number}") from error
    if not isinstance(data, list) or not data or not all(isinstance(item, dict) for item in data):
        raise DataError(file, "a list of objects is wanted, one for each question (JSON or JSONL)")
    return data


def _row(file: Path, k: int, item: dict[str, Any], task: str, frame: Frame) -> Row:
    columns = dict(item)
    turns = item.get("conversations")
    if isinstance(turns, list) and len(turns) > 1 and "solution" not in columns:
        columns.setdefault("problem", str(turns[0].get("value", "")).replace("<image>", ""))
        columns["solution"] = f"<answer> {turns[1].get('value', '')} </answer>"
    model = item.get("reward_model")
    if isinstance(model, Mapping) and "ground_truth" not in columns:
        columns["ground_truth"] = model.get("ground_truth")
    prompt = next((columns[n] for n in PROMPTS if n in columns), "What is in the picture?")
    width, height = _size(file, columns, frame)
    truth = next((columns[n] for n in TRUTHS if columns.get(n) is not None), None)
    boxes: tuple[Box, ...] = ()
    answers: tuple[str, ...] = ()
    if task in BOX_TASKS:
        given = next((columns[n] for n in BOXES if columns.get(n) is not None), None)
        names = next((columns[n] for n in LABELS if columns.get(n) is not None), None)
        boxes = _boxes(given if given is not None else truth, names, (width, height), frame)
    elif truth is not None:
        found = truth if isinstance(truth, list) else [truth]
        answers = tuple(dict.fromkeys(_final(str(a)) for a in found))
    if not boxes and not any(answers):
        known = ", ".join((*BOXES[:2], *TRUTHS[:4]) if task in BOX_TASKS else TRUTHS[:6])
        raise DataError(file, f"no truth of {task} is found in {', '.join(columns)}; known: {known}", f"row {k + 1}")
    shown = prompt if isinstance(prompt, str) else _said(prompt)
    return Row(str(item.get("id", k)), shown, width, height, boxes, answers, columns=columns)


def _said(messages: Any) -> str:
    """The text of a prompt that is a list of messages."""
    parts = [m.get("content", "") if isinstance(m, Mapping) else str(m) for m in messages or []]
    return "\n".join(p if isinstance(p, str) else " ".join(str(x.get("text", "")) for x in p) for p in parts)


def _size(file: Path, columns: Mapping[str, Any], frame: Frame) -> tuple[int, int]:
    if "width" in columns and "height" in columns:
        return int(columns["width"]), int(columns["height"])
    size = columns.get("image_size") or columns.get("img_size")
    if isinstance(size, Sequence) and len(size) == 2:
        return int(size[0]), int(size[1])
    name = columns.get("image") or columns.get("image_path")
    name = name[0] if isinstance(name, list) and name else name
    if isinstance(name, str) and (file.parent / name).is_file():
        from PIL import Image

        with Image.open(file.parent / name) as picture:
            return int(picture.width), int(picture.height)
    return SIDE, SIDE


def _final(text: str) -> str:
    """The answer that a worked solution ends in."""
    for pattern in ENDS:
        found = pattern.findall(text)
        if found:
            return str(found[-1]).strip()
    return text.strip()


def _boxes(value: Any, names: Any, size: tuple[int, int], frame: Frame) -> tuple[Box, ...]:
    """Boxes of a truth in any of the shapes that `truths` writes, in pixels."""
    value = _parsed(value) if isinstance(value, str) else value
    found: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        corners = next((value[k] for k in BOX_KEYS if k in value), None)
        labels = next((value[k] for k in LABEL_KEYS if k in value), None)
        if corners is None:  # class -> boxes
            found = [(box, name) for name, boxes in value.items() if isinstance(boxes, list) for box in _many(boxes)]
        elif _is_box(corners):
            found = [(corners, labels)]
        else:
            found = list(zip(corners, labels if isinstance(labels, list) else [labels] * len(corners), strict=False))
    elif _is_box(value):
        found = [(value, names[0] if isinstance(names, list) and names else names)]
    elif isinstance(value, list):
        for k, entry in enumerate(value):
            if isinstance(entry, Mapping):
                corners = next((entry[key] for key in BOX_KEYS if key in entry), None)
                found.append((corners, next((entry[key] for key in LABEL_KEYS if key in entry), None)))
            else:
                found.append((entry, names[k] if isinstance(names, list) and k < len(names) else names))
    x, y = (
        (size[0], size[1]) if frame == "unit" else (size[0] / 1000, size[1] / 1000) if frame == "thousand" else (1, 1)
    )
    boxes = []
    for corners, label in found:
        if _is_box(corners):
            a, b, c, d = (float(v) for v in corners)
            boxes.append(Box((a * x, b * y, c * x, d * y), "object" if label is None else str(label)))
    return tuple(boxes)


def _many(boxes: list[Any]) -> list[Any]:
    return [boxes] if _is_box(boxes) else boxes


def _is_box(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 4 and all(isinstance(v, (int, float)) for v in value)


def _parsed(text: str) -> Any:
    """JSON or Python data in a text, with or without tags and a fence; "1,2,3,4" as four numbers."""
    for pattern in (r"<answer>(.*?)</answer>", r"```(?:json)?(.*?)```"):
        found = re.findall(pattern, text, re.DOTALL)
        text = found[-1] if found else text
    text = text.strip()
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
            return list(value) if isinstance(value, tuple) else value
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None
