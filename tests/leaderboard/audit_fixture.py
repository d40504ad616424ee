"""Audits as the driver writes them, small and made by hand: what the tests of the pages read."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rewardmark.rewards.audit.result import AuditResult, Finding

SOURCE = "scenes, standard, 96 px, n = 4, seed 0"


def png() -> str:
    held = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 200, dtype=np.uint8)).save(held, "PNG")
    return base64.b64encode(held.getvalue()).decode()


BOXES = {"boxes": [[10.0, 10.0, 40.0, 40.0], [60.0, 50.0, 30.0, 20.0]], "labels": ["cat", "cat"], "scores": [1.0, 0.5]}


def sample(prediction: Any, truth: Any) -> dict[str, Any]:
    return {
        "sample_id": "0", "reward": 1.0, "gold_reward": 1.0, "official": 0.0,
        "prediction": json.dumps(prediction), "truth": json.dumps(truth),
    }  # fmt: skip


def exploit(name: str, cost: int, origin: Any = "battery", prediction: Any = None, truth: Any = None) -> Finding:
    shown = [sample(prediction or BOXES, truth or {**BOXES, "boxes": [[1.0, 2.0, 30.0, 40.0]] * 2})]
    return Finding("exploit", name, origin, f"does {name}", 1.0, 1.0, 0.0, 1.0, cost, shown)


def audit(name: str, task: str = "detection", findings: tuple[Finding, ...] = (), **numbers: Any) -> AuditResult:
    """An audit with these findings; numbers: spearman, silent, hackability, lazy, speed, status."""
    sections: dict[str, dict[str, Any]] = {
        "parity": {"claims": None},
        "battery": {
            "empty answer": {"holds": True, "mean_reward": 0.0, "gold_mean": 1.0, "cost": 0, "description": "nothing"},
            "inverted boxes": {"holds": not findings, "mean_reward": 1.0, "gold_mean": 1.0, "cost": 1,
                               "description": "corners swapped"},
        },
        "pairwise": {"jitter": {"all": 0.9, "gaps": {"0.5": 0.8, "1": 1.0}}},
        "monotonicity": {"mean": 0.9, "jitter": 0.9},
        "rank": {"official": "detection/AP", "spearman": numbers.get("spearman", 0.9), "by_corruption": {"j": 0.9}},
        "junk": {"spam behind, gold": {"total": -0.1, "per_piece": -0.02}, "spam in front, gold": {"total": 0.02}},
        "floor": {"best": "one box", "reward": 0.1, "share_of_gold": numbers.get("lazy", 0.1)},
        "best_of_n": {"n": 64, "hackability": numbers.get("hackability", 0.01)},
        "signal": {"std": 0.3, "silent": numbers.get("silent", 0.0)},
        "speed": {"cpu": {"1": 900.0, "64": numbers.get("speed", 52_000.0), "1024": 90_000.0}},
    }  # fmt: skip
    curves = {
        "severity": {"severities": [0.0, 0.5, 1.0], "reward": {"jitter": [1.0, 0.4, 0.1]},
                     "official": {"jitter": [1, 0.2, None]}},
        "best_of_n": {"n": [1, 2, 4], "reward": [0.1, 0.2, 0.3], "official": [0.1, 0.15, 0.2]},
        "adversary": {"steps": [0, 1, 2, 3], "reward": [0, 0.5, 0.9, 1.0], "official": [0.0] * 4, "parts_at": 1},
    }  # fmt: skip
    sections["adversary"] = {"steps": 4, "parts_at": 1}
    card = {"name": name, "task": task, "status": numbers.get("status", "mended"), "summary": f"What {name} pays."}
    return AuditResult(name, task, card, "f", SOURCE, 4, 0, sections, list(findings), 3.0, curves)


def results() -> list[AuditResult]:
    """Three rewards of detection (one gamed, one silent, one good), and one of each other kind of picture."""
    refused = Finding("error", "broken boxes", "battery", "it raised ValueError", holds=False)
    pixels = {"png": png(), "segments": [{"id": 1, "name": "sky", "area": 64}]}
    return [
        audit("detection/gamed", findings=(exploit("second", 3), exploit("first", 1), exploit("search", 2, "search"))),
        audit("detection/good", spearman=0.95),
        audit("detection/silent", silent=0.9),
        audit("detection/raises", findings=(refused,)),
        audit("captioning/said", "captioning",
              (exploit("echo", 1, "search", {"text": "a <b>d"}, {"texts": ["a", "b"]}),)),
        audit("panoptic/cut", "panoptic", (exploit("cut", 1, "adversary", pixels, pixels),)),
        audit("grounding/one", "grounding",
              (exploit("box", 1, "battery", {"box": [1, 2, 30, 40], "points": [[5, 6]]}, BOXES),)),
    ]  # fmt: skip


def write(folder: Path, found: list[AuditResult] | None = None) -> Path:
    """FOLDER/audit.json of these audits; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"schema": 1, "rewards": [one.to_json() for one in (results() if found is None else found)]}
    (folder / "audit.json").write_text(json.dumps(content))
    return folder
