from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from rewardmark.leaderboard.board.pictures import Painter, decode_png, outlines


@given(hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.integers(0, 2)))
@settings(max_examples=60, deadline=None)
def test_outlines_are_exactly_the_edges_between_different_ids(ids):
    drawn = set()
    for x0, y0, way, end in re.findall(r"M(\d+) (\d+)([VH])(\d+)", outlines(ids)):
        start = int(y0) if way == "V" else int(x0)
        drawn |= {(way, int(x0), k) if way == "V" else (way, k, int(y0)) for k in range(start, int(end))}
    height, width = ids.shape
    expected = {("V", x, y) for y in range(height) for x in range(1, width) if ids[y, x] != ids[y, x - 1]}
    expected |= {("H", x, y) for y in range(1, height) for x in range(width) if ids[y, x] != ids[y - 1, x]}
    assert drawn == expected


def test_a_panoptic_map_becomes_flat_colours_with_void_transparent(board_fixture):
    content = json.loads(board_fixture.truth("panoptic", 0))
    names = {segment["name"] for segment in content["segments"]}
    painter = Painter.over(names, natural=True)
    void = content["segments"].pop()  # a segment that is not listed is void
    drawn = painter.panoptic(content)
    fill = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn["fill"].split(",")[1]))).convert("RGBA"))
    ids = np.asarray(Image.open(io.BytesIO(base64.b64decode(content["png"]))).convert("RGB")).astype(int) @ [
        1,
        256,
        65536,
    ]
    assert (fill[ids == void["id"]][:, 3] == 0).all()
    for segment in content["segments"]:
        colour = painter.colours[segment["name"]]
        mask = ids == segment["id"]
        assert (fill[mask][:, :3] == [int(colour[k : k + 2], 16) for k in (1, 3, 5)]).all()
        assert (fill[mask][:, 3] == 255).all()
    for x, y, name in drawn["names"]:
        inside = ids[int(y), int(x)]
        assert name == next(s["name"] for s in content["segments"] if s["id"] == inside)


def test_names_get_different_colours_until_the_palette_ends():
    colours = Painter.over({f"category {k}" for k in range(16)}, natural=False).colours
    assert len(set(colours.values())) == 16


@pytest.mark.parametrize("bad", [None, 3, "no base64!", base64.b64encode(b"GIF89a" * 9).decode()])
def test_what_is_no_png_is_refused(bad):
    with pytest.raises(ValueError, match=r"PNG|base64"):
        decode_png(bad)
