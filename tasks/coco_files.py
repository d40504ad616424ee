"""Where the files of a COCO data set lie: its own layout, the flat one, or paths that are given one by one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.dataset_spec import DatasetSpec

__all__ = ["KINDS", "CocoFiles"]

KINDS = ("instances", "panoptic", "captions")


@dataclass(frozen=True)
class CocoFiles:
    """Where the parts of a split lie; a kind of annotation that is not there is None."""

    root: Path
    split: str
    images: Path
    instances: Path | None
    panoptic: Path | None
    panoptic_folder: Path | None
    captions: Path | None

    @classmethod
    def locate(cls, spec: DatasetSpec, data: Path | None = None) -> CocoFiles:
        """The files of `spec`: COCO's layout, or `KIND_SPLIT.json` beside `images/`, or the paths that the spec gives.

        `data` stands for a root that the spec leaves open, and is where a relative root is looked for.
        """
        root = Path(spec.root).expanduser() if spec.root else None
        if data is not None:
            root = Path(data) if root is None else Path(data) / root
        if root is None and spec.images is None:
            raise RewardmarkError(
                "dataset: coco data need a root; give it in the suite (root = ...) or with --data PATH"
            )
        root = root or Path()
        if not root.is_dir():
            raise DataError(root, "there is no such folder; a COCO root is wanted")
        found: dict[str, Path | None] = {}
        for kind in KINDS:
            given = getattr(spec, kind)
            name = f"{kind}_{spec.split}.json"
            places = [root / given] if given else [root / "annotations" / name, root / name]
            found[kind] = next((p for p in places if p.is_file()), None)
            if given and found[kind] is None:
                raise DataError(places[0], "there is no such file")
        if not any(found.values()):
            have = sorted(p.name for folder in (root / "annotations", root) for p in folder.glob("*.json"))
            listed = f"; there is {', '.join(have[:8])}" if have else ""
            raise DataError(
                root,
                f"no annotations of split {spec.split!r} (annotations/instances_{spec.split}.json or the like){listed}",
            )
        folders = (
            [root / spec.images] if spec.images else [root / spec.split, root / "images" / spec.split, root / "images"]
        )
        images = next((p for p in folders if p.is_dir()), None)
        if images is None:
            raise DataError(root, f"no folder of images: looked for {', '.join(str(p) for p in folders)}")
        panoptic = found["panoptic"]
        folder = root / spec.panoptic_folder if spec.panoptic_folder else panoptic and panoptic.with_suffix("")
        return cls(root, spec.split, images, found["instances"], panoptic, folder, found["captions"])

    def file(self, kind: str) -> Path:
        """The JSON file of a kind; DataError, with what is missing, when there is none."""
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r} is none of {', '.join(KINDS)}")
        path: Path | None = getattr(self, kind)
        if path is None:
            raise DataError(self.root, f"split {self.split!r} has no {kind} annotations ({kind}_{self.split}.json)")
        return path
