"""panopticapi's core on maps in memory, for `test_bench_panoptic`: run by the Python of an environment that has it.

    python panopticapi_worker.py MAPS.npz

Maps are what panopticapi has after decoding and joining colours, which are left out here. Every line read is answered
with the PQ of each image, once all are computed.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from types import SimpleNamespace

import numpy as np
from panopticapi import evaluation

data = np.load(sys.argv[1])
truths, predictions = data["truths"].astype(np.uint32), data["predictions"].astype(np.uint32)
maps = {f"{side}/{i}": image for side, images in (("t", truths), ("p", predictions)) for i, image in enumerate(images)}
evaluation.Image = SimpleNamespace(open=maps.__getitem__)
evaluation.rgb2id = lambda image: image
categories = {int(c): {"id": int(c), "isthing": 1} for c in np.unique(data["categories"])}


def annotation(side: str, i: int) -> dict[str, object]:
    present = np.unique(maps[f"{side}/{i}"])
    infos = [
        {
            "id": int(s),
            "category_id": int(data["categories"][i][s - 1]),
            "iscrowd": 0,
            "area": int((maps[f"{side}/{i}"] == s).sum()),
        }
        for s in present
        if s
    ]
    return {"image_id": i, "file_name": str(i), "segments_info": infos}


pairs = [(annotation("t", i), annotation("p", i)) for i in range(len(truths))]
for _ in sys.stdin:
    found = []
    with contextlib.redirect_stdout(io.StringIO()):
        for pair in pairs:
            counts = evaluation.pq_compute_single_core(0, [pair], "t", "p", categories)
            found.append(counts.pq_average(categories, None)[0]["pq"])
    print(json.dumps(found), flush=True)
