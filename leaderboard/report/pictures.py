"""The same generated images as the start and the tuned model see them: one PNG a task. Never for real data."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardmark.leaderboard.board.entries import Section
from rewardmark.leaderboard.board.pictures import Painter, decode_png

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["before_and_after"]

IMAGES = 4
"""The first images of the held-out set, whatever they show: chosen before any result is known."""
SIDE = 144
LINE = 13
GENERATED = ("scenes",)


DRAWN = ("detection", "panoptic", "colorization", "captioning")
"""Tasks whose predictions can be drawn beside their picture; an answer or a score without its question says nothing."""


def before_and_after(section: Section, names: list[str], out: Path) -> tuple[str, str] | None:
    """Write `SECTION-before-after.png`: a row an image, columns image or truth, start, and each tuned entry's first
    seed. (caption, file), or None for data that was not generated, or without a tuned entry and its start."""
    data = section.entries[0].runs[0].spec.get("eval_dataset") or {}
    # What was tuned on a reward first; beside one start only what began with it.
    paired = sorted(
        ((entry, entry.starts[0]) for entry in section.tuned if entry.starts[0] is not None),
        key=lambda pair: pair[0].method == "mle",
    )
    if data.get("name") not in GENERATED or not paired or section.task not in DRAWN:
        return None
    start = paired[0][1]
    tuned = [entry for entry, own in paired if own.id == start.id]
    first = start.shown_samples()[:IMAGES]
    columns = [("truth", [row["truth"] for row in first])]
    columns.append(("start", [row["prediction"] for row in first]))
    columns += [
        (names[entry.index], [row["prediction"] for row in entry.runs[0].shown_samples()[:IMAGES]])
        for entry in tuned[:3]
    ]
    contents = [json.loads(text) for _, column in columns for text in column]
    painter = Painter.over(_names(section.task, contents), natural=section.task == "panoptic")
    sheet = _sheet(section.task, [row["image_png"] for row in first], columns, painter)
    file = f"{section.key}-before-after.png"
    sheet.save(out / file, "PNG", optimize=True)
    said = "; ".join(name for name, _ in columns)
    return f"The first {len(first)} held-out images. Columns: {said}.", file


def _names(task: str, contents: list[dict[str, Any]]) -> set[str]:
    if task == "panoptic":
        return {str(segment["name"]) for content in contents for segment in content["segments"]}
    return {str(label) for content in contents for label in content.get("labels", [])}


def _sheet(task: str, pngs: list[bytes], columns: list[tuple[str, list[str]]], painter: Painter) -> Image.Image:
    from PIL import Image, ImageDraw

    below = 4 * LINE if task == "captioning" else 0
    wide = 240 if task == "captioning" else SIDE
    sheet = Image.new("RGB", (len(columns) * (wide + 6) - 6, LINE + 4 + len(pngs) * (SIDE + 6 + below)), "white")
    pen = ImageDraw.Draw(sheet)
    for x, (name, predictions) in enumerate(columns):
        left = x * (wide + 6)
        pen.text((left, 1), _fit(pen, name, wide), fill="black")
        for y, (png, text) in enumerate(zip(pngs, predictions, strict=True)):
            top = LINE + 4 + y * (SIDE + 6 + below)
            picture = Image.open(io.BytesIO(png)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)
            content = json.loads(text)
            if task == "captioning":
                if x == 0:
                    sheet.paste(picture, (left, top))
                words = content["text"] if "text" in content else content["texts"][0]
                for k, line in enumerate(_lines(pen, words, wide)[:8]):
                    pen.text((left, top + (SIDE + 2 if x == 0 else 0) + k * LINE), line, fill="black")
            else:
                sheet.paste(_painted(task, picture, content, painter, Image.open(io.BytesIO(png)).size), (left, top))
    return sheet


def _painted(
    task: str, picture: Image.Image, content: dict[str, Any], painter: Painter, size: tuple[int, int]
) -> Image.Image:
    from PIL import Image, ImageDraw

    if task == "colorization":
        made = Image.open(io.BytesIO(decode_png(content["png"]))).convert("RGB")
        return made.resize((SIDE, SIDE), Image.Resampling.NEAREST)
    if task == "panoptic":
        flat = Image.open(io.BytesIO(painter.panoptic(content))).convert("RGBA")
        flat = flat.resize((SIDE, SIDE), Image.Resampling.NEAREST)
        return Image.alpha_composite(Image.new("RGBA", (SIDE, SIDE), "black"), flat).convert("RGB")
    pen = ImageDraw.Draw(picture)
    for box, label in zip(content["boxes"], content["labels"], strict=True):
        x0, y0, x1, y1 = (value * SIDE / size[k % 2] for k, value in enumerate(box))
        if x1 > x0 and y1 > y0:
            pen.rectangle((x0, y0, x1, y1), outline=painter.colours[label], width=2)
    return picture


def _lines(pen: Any, text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and pen.textlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _fit(pen: Any, text: str, width: int) -> str:
    while text and pen.textlength(text) > width:
        text = text[:-1]
    return text
