"""Pictures for the gallery: stored PNGs checked and read, panoptic maps turned into colours, outlines and names."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PALETTE", "Painter", "data_uri", "decode_png", "outlines", "size_of"]

PALETTE = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#6f93ff", "#f4f4f4", "#9bdc3c", "#b98cf0",
    "#00c8d7", "#b5793f", "#ff9fb0", "#9aa5b1", "#7d9a1e", "#c9b37e",
)  # fmt: skip
"""Okabe and Ito's colours for colour-blind readers first, then more that differ in lightness; names are drawn as well,
since no sixteen colours can be told apart by everyone."""

_NATURAL = {
    "sky": "#87c4f0",
    "water": "#2f78b8",
    "grass": "#6eb450",
    "sand": "#e3c98f",
    "tree": "#1f6b3a",
    "road": "#77777f",
}
"""Stuff keeps the colour that a reader expects it to have."""

SMALLEST_NAMED = 0.012
"""Share of the picture below which a segment is too small to carry its name."""


def decode_png(text: Any) -> bytes:
    """The bytes of a base64 PNG; raises ValueError when it is no such thing."""
    if not isinstance(text, str):
        raise ValueError("its png is no base64 text")
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"its png is no base64 text ({error})") from error
    size_of(content)
    return content


def size_of(png: bytes) -> tuple[int, int]:
    """(width, height) from a PNG's header; raises ValueError when it is no PNG."""
    if len(png) < 24 or png[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("its picture is no PNG")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


@dataclass
class Painter:
    """Gives every category name of a task one colour, in the order in which the names are asked for."""

    colours: dict[str, str]

    @classmethod
    def over(cls, names: set[str], natural: bool) -> Painter:
        """Colours for `names`; natural: stuff and trees in their own (for areas; for lines contrast matters)."""
        known = _NATURAL if natural else {}
        rest = sorted(names - set(known))
        given = {name: PALETTE[k % len(PALETTE)] for k, name in enumerate(rest)}
        return cls({name: known.get(name) or given[name] for name in sorted(names)})

    def panoptic(self, content: dict[str, Any]) -> dict[str, Any]:
        """A stored panoptic map as what the page draws: `fill` (a PNG of flat colours, void transparent), `lines` (an
        SVG path along the edges of pixels), `names` ([x, y, name] inside the larger segments), `list` ([name, share]).

        Raises ValueError when the map is not as the store's contract has it.
        """
        import numpy as np
        from PIL import Image

        rgb = np.asarray(Image.open(io.BytesIO(decode_png(content["png"]))).convert("RGB")).astype(np.int64)
        ids = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
        indexed = np.zeros(ids.shape, dtype=np.uint8)
        colours = sorted(set(self.colours.values()))
        shares: dict[str, float] = {}
        names = []
        for segment in content["segments"]:
            name = str(segment["name"])
            mask = ids == int(segment["id"])
            if not mask.any():
                continue
            indexed[mask] = 1 + colours.index(self.colours[name])
            share = float(mask.mean())
            shares[name] = shares.get(name, 0.0) + share
            if share >= SMALLEST_NAMED:
                names.append([*_inside(mask), name])
        picture = Image.fromarray(indexed, "P")
        flat = [0, 0, 0] + [int(colour[k : k + 2], 16) for colour in colours for k in (1, 3, 5)]
        picture.putpalette(flat)
        out = io.BytesIO()
        picture.save(out, "PNG", optimize=True, transparency=0)
        listed = [[name, round(share, 4)] for name, share in sorted(shares.items(), key=lambda item: -item[1])]
        return {"fill": data_uri(out.getvalue()), "lines": outlines(ids), "names": names, "list": listed}


def outlines(ids: NDArray[Any]) -> str:
    """An SVG path along the pixel edges between different ids [H, W], straight pieces joined.

    >>> import numpy as np
    >>> outlines(np.array([[1, 2], [1, 2]]))
    'M1 0V2'
    """
    return "".join(f"M{x} {y0}V{y1}" for x, y0, y1 in _edges(ids)) + "".join(
        f"M{x0} {y}H{x1}" for y, x0, x1 in _edges(ids.T)
    )


def _edges(ids: NDArray[Any]) -> list[tuple[int, int, int]]:
    """(column, first row, last row + 1) of the unbroken edges between neighbouring columns."""
    import numpy as np

    differ = np.zeros((ids.shape[0] + 2, max(ids.shape[1] - 1, 0)), dtype=np.int8)
    differ[1:-1] = ids[:, 1:] != ids[:, :-1]
    steps = np.diff(differ, axis=0).T  # [W - 1, H + 1]: +1 where an edge begins, -1 where it ends
    begins, ends = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return [(int(x) + 1, int(y0), int(y1)) for (x, y0), (_, y1) in zip(begins, ends, strict=True)]


def _inside(mask: NDArray[Any]) -> tuple[float, float]:
    """(x, y) of the pixel that is farthest from the edge of the mask: where a name fits best."""
    import numpy as np
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(x) + 0.5, float(y) + 0.5
