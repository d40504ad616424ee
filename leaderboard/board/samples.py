"""The gallery's data: for each run the predictions that the page draws, and for each section the pictures and truths.

Each run's predictions are one small script file, loaded when a reader chooses the run: a page opened from disk may not
read JSON files, but it may load scripts that lie beside it.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.board.entries import Section
from rewardmark.leaderboard.board.load import Run
from rewardmark.leaderboard.board.pictures import Painter, data_uri, decode_png, size_of
from rewardmark.rewards.errors import DataError

__all__ = ["script", "write_gallery"]

_WORDS = re.compile(r"\w+(?:['\u2019]\w+)*|\W+")
_UNMARKED = frozenset({"a", "an", "the"})
"""Articles match nearly every reference, so marking them would only be noise."""


def write_gallery(section: Section, assets: Path) -> dict[str, Any]:
    """Write the section's pictures and scripts under `assets`; returns what the page must know to load them.

    Raises: DataError naming the samples file and the sample whose prediction cannot be drawn.
    """
    loaded = [(run, run.shown_samples()) for entry in section.entries for run in entry.runs]
    parsed = {run.id: [_parse(run, row, "prediction") for row in rows] for run, rows in loaded}
    source, shown = max(loaded, key=lambda pair: len(pair[1]))
    truths = [_parse(source, row, "truth") for row in shown]
    names = _names(section.task, [*truths, *(content for contents in parsed.values() for content in contents)])
    painter = Painter.over(names, natural=section.task == "panoptic")
    references = {str(row["sample_id"]): truth for row, truth in zip(shown, truths, strict=True)}

    samples = [
        {"id": str(row["sample_id"]), **_pictures(source, row, section.task, assets)}
        | {"truth": _drawn(source, row, section.task, truth, painter, truth)}
        for row, truth in zip(shown, truths, strict=True)
    ]
    folder = assets / "samples"
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"section-{section.key}.js", f"section-{section.key}", samples)
    for run, rows in loaded:
        drawn = {
            str(row["sample_id"]): {
                "score": _finite(row["score"]),
                "reward": _finite(row["reward"]),
                "outcome": str(row["outcome"]),
                "drawn": _drawn(run, row, section.task, content, painter, references.get(str(row["sample_id"]), {})),
            }
            for row, content in zip(rows, parsed[run.id], strict=True)
        }
        _write(folder / f"run-{run.id}.js", f"run-{run.id}", drawn)
    return {"count": len(samples), "colours": painter.colours}


def script(name: str, content: Any) -> str:
    """A script that hands `content` to the page. JSON is JavaScript; `<` is written so that no tag can end it."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f"rewardmarkData({json.dumps(name)},{text});\n"


def _write(path: Path, name: str, content: Any) -> None:
    path.write_text(script(name, content), encoding="utf-8")


def _parse(run: Run, row: dict[str, Any], column: str) -> dict[str, Any]:
    try:
        content = json.loads(row[column])
        if not isinstance(content, dict):
            raise ValueError("it is no JSON object")
    except (TypeError, ValueError) as error:
        raise _unusable(run, row, column, error) from error
    return content


def _unusable(run: Run, row: dict[str, Any], column: str, error: Exception) -> DataError:
    what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
    return DataError(
        run.folder / "samples.parquet",
        f"the {column} cannot be drawn ({what}); run the cell again, or move the run's folder away",
        record=f"sample {row['sample_id']}",
    )


def _pictures(run: Run, row: dict[str, Any], task: str, assets: Path) -> dict[str, Any]:
    """The sample's picture as a file named by its content, so that runs share it; for colorization its grey twin."""
    png = bytes(row["image_png"])
    try:
        width, height = size_of(png)
    except ValueError as error:
        raise _unusable(run, row, "image_png", error) from error
    found = {"image": _keep(png, assets), "width": width, "height": height}
    if task == "colorization":
        from PIL import Image

        grey = io.BytesIO()
        Image.open(io.BytesIO(png)).convert("L").save(grey, "PNG")
        found["grey"] = _keep(grey.getvalue(), assets)
    return found


def _keep(png: bytes, assets: Path) -> str:
    name = hashlib.sha256(png).hexdigest()[:16] + ".png"
    (assets / "images").mkdir(parents=True, exist_ok=True)
    (assets / "images" / name).write_bytes(png)
    return f"assets/images/{name}"


def _names(task: str, contents: list[dict[str, Any]]) -> set[str]:
    """Every category name that occurs; what is malformed is left for `_drawn` to name."""
    if task == "detection":
        return {str(label) for content in contents for label in content.get("labels") or []}
    if task == "panoptic":
        return {
            str(s.get("name")) for content in contents for s in content.get("segments") or [] if isinstance(s, dict)
        }
    return set()


def _drawn(
    run: Run, row: dict[str, Any], task: str, content: dict[str, Any], painter: Painter, truth: dict[str, Any]
) -> dict[str, Any]:
    """A stored prediction (or truth) in the form that gallery.js draws."""
    column = "truth" if content is truth else "prediction"
    try:
        if task == "detection":
            return _boxes(content)
        if task == "panoptic":
            return painter.panoptic(content)
        if task == "colorization":
            return {"src": data_uri(decode_png(content["png"]))}
        if task == "captioning":
            if "texts" in content:
                return {"texts": [str(text) for text in content["texts"]]}
            return {"words": matched_words(str(content["text"]), [str(text) for text in truth.get("texts", [])])}
        return {"text": json.dumps(content, ensure_ascii=False, indent=1)}
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise _unusable(run, row, column, error) from error


def _boxes(content: dict[str, Any]) -> dict[str, Any]:
    rows = zip(content["boxes"], content["labels"], content["scores"], strict=True)
    boxes: list[tuple[list[float], str, float]] = []
    for corners, label, score in rows:
        boxes.append(([round(float(x), 2) for x in corners], str(label), round(float(score), 4)))
        if len(corners) != 4 or not all(map(math.isfinite, (*boxes[-1][0], boxes[-1][2]))):
            raise ValueError("a box is not four finite numbers and a finite score")
    return {"boxes": [[*corners, label, score] for corners, label, score in sorted(boxes, key=lambda box: -box[2])]}


def matched_words(text: str, references: list[str]) -> list[list[Any]]:
    """The caption in pieces [piece, mark]: 1 a word of some reference, -1 a word of none, 0 anything else.

    >>> matched_words("a red boat", ["one red ball"])
    [['a', 0], [' ', 0], ['red', 1], [' ', 0], ['boat', -1]]
    """
    known = {word.lower() for reference in references for word in _WORDS.findall(reference)}
    pieces: list[list[Any]] = []
    for piece in _WORDS.findall(text):
        word = piece.lower()
        mark = 0 if not word[0].isalnum() or word in _UNMARKED else 1 if word in known else -1
        pieces.append([piece, mark])
    return pieces


def _finite(value: Any) -> float | None:
    return round(float(value), 5) if value is not None and math.isfinite(value) else None
