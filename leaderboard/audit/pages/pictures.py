"""Pictures of findings: the sample with the truth and with the exploit, side by side."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from typing import Any

from rewardmark.leaderboard.board.pictures import data_uri, decode_png
from rewardmark.rewards.audit.result import AuditResult

__all__ = ["Drawing", "Pictures", "Side"]

_SCENES = re.compile(r"^scenes, standard, (\d+) px, n = (\d+), seed (\d+)(?: \((.+)\))?$")
MOST_BOXES = 60


@dataclass(frozen=True)
class Side:
    """Truth or exploit: boxes [x, y, width, height, words, is it inverted or empty], points, a picture, texts."""

    title: str
    boxes: list[list[Any]]
    points: list[list[float]]
    picture: str | None
    texts: list[str]
    more: str


@dataclass(frozen=True)
class Drawing:
    """One sample of a finding. width, height: of the frame that boxes are drawn in; background: the sample's picture
    as a data URI, where it is known; drawn: whether there is anything but text.
    """

    sample_id: str
    width: float
    height: float
    background: str | None
    sides: list[Side]
    reward: float | None
    gold: float | None
    official: float | None

    @property
    def drawn(self) -> bool:
        return any(side.boxes or side.points or side.picture for side in self.sides) or (
            self.background is not None and not any(side.texts for side in self.sides)
        )


class Pictures:
    """Draws findings; the generated pictures of a material are made once and kept."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], dict[str, str]] = {}

    def drawing(self, result: AuditResult, sample: dict[str, Any]) -> Drawing:
        """A sample of a finding, as `Finding.samples` holds it."""
        identity = str(sample.get("sample_id", ""))
        background = self._background(result, identity)
        sides = [_side("Truth", sample.get("truth")), _side("Exploit", sample.get("prediction"))]
        width, height = _frame(result.material, sides)
        known = {name: _finite(sample.get(name)) for name in ("reward", "gold_reward", "official")}
        return Drawing(
            identity, width, height, background, sides, known["reward"], known["gold_reward"], known["official"]
        )

    def _background(self, result: AuditResult, identity: str) -> str | None:
        key = (result.task, result.material)
        if key not in self._held:
            self._held[key] = _scene_pictures(result)
        return self._held[key].get(identity)


def _scene_pictures(result: AuditResult) -> dict[str, str]:
    """Sample id -> data URI of the generated picture; none for material that is not from the Scenes world."""
    from PIL import Image
    from rewardmark.leaderboard.audit.material import scenes_material

    found = _SCENES.match(result.material)
    if found is None:
        return {}
    material = scenes_material(result.task, int(found[2]), int(found[3]), found[4] or "")
    if material.images is None or material.source != result.material:
        return {}
    pictures = {}
    for identity, image in zip(material.sample_ids, material.images, strict=True):
        held = io.BytesIO()
        Image.fromarray(image).save(held, "PNG")
        pictures[identity] = data_uri(held.getvalue())
    return pictures


def _frame(material: str, sides: list[Side]) -> tuple[float, float]:
    found = _SCENES.match(material)
    if found is not None:
        return float(found[1]), float(found[1])
    ends = [(x + w, y + h) for side in sides for x, y, w, h, *_ in side.boxes if abs(x + w) < 1e4 and abs(y + h) < 1e4]
    return max([16.0, *(x for x, _ in ends)]), max([16.0, *(y for _, y in ends)])


def _side(title: str, text: Any) -> Side:
    """A prediction of `rewards.audit.render.as_json`; what cannot be read is shown as it stands."""
    try:
        content = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return Side(title, [], [], None, [str(text)], "")
    if not isinstance(content, dict):
        return Side(title, [], [], None, [] if content is None else [str(content)], "")
    try:
        return _read(title, content)
    except (TypeError, ValueError, KeyError):
        return Side(title, [], [], None, [json.dumps(content, ensure_ascii=False)[:2000]], "")


def _read(title: str, content: dict[str, Any]) -> Side:
    boxes: list[list[Any]] = []
    more = ""
    if "boxes" in content:
        rows = list(zip(content["boxes"], content["labels"], content["scores"], strict=True))
        boxes = [
            _box(corners, f"{label}" if score in (1, None) else f"{label} {score:.2g}")
            for corners, label, score in rows
        ]
        more = f"{len(rows)} box{'' if len(rows) == 1 else 'es'}"
        more += f", {MOST_BOXES} drawn" if len(rows) > MOST_BOXES else ""
    elif isinstance(content.get("box"), list) and all(v is not None for v in content["box"]):
        boxes = [_box(content["box"], "")]
    points = [[float(x), float(y)] for x, y in content.get("points", []) if x is not None and y is not None]
    picture = data_uri(decode_png(content["png"])) if "png" in content else None
    if "segments" in content:
        more = f"{len(content['segments'])} segments: " + ", ".join(
            dict.fromkeys(str(one["name"]) for one in content["segments"])
        )
    texts = [str(text) for text in content.get("texts", [content["text"]] if "text" in content else [])]
    if "scores" in content and "boxes" not in content:
        texts = [json.dumps(content["scores"])]
    return Side(title, boxes[:MOST_BOXES], points, picture, texts, more)


def _box(corners: list[Any], words: str) -> list[Any]:
    x0, y0, x1, y1 = (max(-1e5, min(1e5, float(v))) if v is not None else 0.0 for v in corners)
    odd = x1 <= x0 or y1 <= y0
    return [min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0), words.strip(), odd]


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
