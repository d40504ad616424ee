"""Recompute expected.json with panopticapi (or panopticapi-lite) and say whether anything differs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from panopticapi.evaluation import pq_compute_single_core

FOLDER = Path(__file__).parent
GROUPS = {"All": None, "Things": True, "Stuff": False}


def main() -> int:
    truth, predicted, expected = (
        json.loads((FOLDER / name).read_text()) for name in ("gt.json", "pred.json", "expected.json")
    )
    categories = {category["id"]: category for category in truth["categories"]}
    by_image = {annotation["image_id"]: annotation for annotation in predicted["annotations"]}
    pairs = [(annotation, by_image[annotation["image_id"]]) for annotation in truth["annotations"]]

    def numbers(pairs: list) -> dict:
        stat = pq_compute_single_core(0, pairs, str(FOLDER / "gt"), str(FOLDER / "pred"), categories)
        out = {"counts": {str(c): {k: getattr(stat[c], k) for k in ("iou", "tp", "fp", "fn")} for c in categories}}
        for group, things in GROUPS.items():
            try:
                out[group] = stat.pq_average(categories, isthing=things)[0]
            except ZeroDivisionError:
                out[group] = None
        return out

    def differs(found: dict, wanted: dict | None) -> bool:
        if wanted is None:
            return found["All"] is not None
        return any(found[key] != wanted[key] for key in ("counts", *GROUPS))

    wrong = [
        str(pair[0]["image_id"])
        for pair in pairs
        if differs(numbers([pair]), expected["per_image"][str(pair[0]["image_id"])])
    ]
    if differs(numbers(pairs), expected["whole_set"]):
        wrong.insert(0, "whole set")
    print("differs: " + ", ".join(wrong) if wrong else "all values confirmed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
