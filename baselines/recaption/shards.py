"""WebDataset shards as they are written; `rewardmark.tasks.vlm.shards` reads them."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

__all__ = ["ShardWriter"]


class ShardWriter:
    """Writes samples into `folder/000000.tar`, `000001.tar`, ... of `size` samples each. The same samples give the same
    bytes: members carry no time and no owner. A context; leaving it closes the last shard."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size, self.samples, self.shards = folder, size, 0, 0
        self._tar: tarfile.TarFile | None = None

    def __enter__(self) -> ShardWriter:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def add(self, parts: Mapping[str, bytes]) -> str:
        """Append one sample, parts by suffix without the dot ("jpg", "txt", "json"); returns its key."""
        if self._tar is None or self.samples % self.size == 0:
            self._close()
            self._tar = tarfile.open(self.folder / f"{self.shards:06d}.tar", "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
            self.shards += 1
        key = f"{self.samples:09d}"
        for suffix, content in parts.items():
            member = tarfile.TarInfo(f"{key}.{suffix}")
            member.size, member.mode = len(content), 0o644
            self._tar.addfile(member, BytesIO(content))
        self.samples += 1
        return key

    def _close(self) -> None:
        if self._tar is not None:
            self._tar.close()
            self._tar = None
