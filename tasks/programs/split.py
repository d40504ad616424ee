"""A split that holds questions instead of images: samples, each about one or more pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from rewardmark.tasks.programs.pictures import Pictures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rewardmark.tasks.scenes.scene_json import SceneFacts

__all__ = ["OneProgram", "ProgramSplit", "Sample"]


class Sample(Protocol):
    """What the samples of all tasks have in common.

    id: unique in the split; pictures: which pictures (places in the split's `pictures`) its programs run on, each of
    them alone; texts: what a program is to be written for, one program each (a question, a phrase, each caption);
    programs: the true functional program of each text, None where it is not known; kind: the question type.
    """

    @property
    def id(self) -> str: ...
    @property
    def pictures(self) -> tuple[int, ...]: ...
    @property
    def texts(self) -> tuple[str, ...]: ...
    @property
    def programs(self) -> tuple[str | None, ...]: ...
    @property
    def kind(self) -> str: ...


class OneProgram:
    """What a sample with one picture, one text and one program says of itself as a `Sample`."""

    picture: int
    text: str
    program: str | None

    @property
    def pictures(self) -> tuple[int, ...]:
        return (self.picture,)

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text,)

    @property
    def programs(self) -> tuple[str | None, ...]:
        return (self.program,)


S = TypeVar("S", bound=Sample)


class ProgramSplit(Generic[S]):
    """Samples and their pictures; index i is a sample's place. `name` says where it comes from ("scenes", "gqa", ...).

    What the harness asks of any split is here as well: `sample_ids`, `image_ids`, `file_names`, `sizes`, `image(i)`
    (all of sample i's first picture) and `content_hash`.
    """

    def __init__(
        self, name: str, split: str, samples: Sequence[S], pictures: Pictures, size: int, root: Path | None = None
    ) -> None:
        self.name, self.split, self.size = name, split, size
        self.samples: tuple[S, ...] = tuple(samples)
        self.pictures = pictures
        self.root = root if root is not None else Path(name)

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[S]:
        return iter(self.samples)

    def __getitem__(self, i: int) -> S:
        return self.samples[i]

    def __repr__(self) -> str:
        return f"ProgramSplit({self.name!r}, split={self.split!r}, {len(self)} samples)"

    @cached_property
    def sample_ids(self) -> list[str]:
        return [sample.id for sample in self.samples]

    @cached_property
    def image_ids(self) -> list[int]:
        """1 + the place of each sample's first picture: what tells pictures apart in a table."""
        return [sample.pictures[0] + 1 for sample in self.samples]

    @cached_property
    def file_names(self) -> list[str]:
        return [self.pictures.names[sample.pictures[0]] for sample in self.samples]

    @cached_property
    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of each sample's first picture."""
        return [self.pictures.size(sample.pictures[0]) for sample in self.samples]

    def image(self, i: int, which: int = 0) -> NDArray[np.uint8]:
        """A picture of sample i, `[H, W, 3]` uint8 RGB."""
        return self.pictures.image(self.samples[i].pictures[which])

    def facts(self, i: int) -> tuple[SceneFacts, ...]:
        """What is in each picture of sample i; RewardmarkError where the pictures are no generated scenes."""
        return tuple(self.pictures.facts(k) for k in self.samples[i].pictures)

    def head(self, n: int) -> ProgramSplit[S]:
        """The first n samples (all, if there are fewer)."""
        return self.select(range(min(n, len(self))))

    def select(self, indices: Sequence[int] | NDArray[Any]) -> ProgramSplit[S]:
        """Some of the samples, in the order given; pictures stay shared."""
        samples = [self.samples[int(i)] for i in indices]
        return ProgramSplit(self.name, self.split, samples, self.pictures, self.size, self.root)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over the samples (all that is known of them, in order) and the pictures that they are about."""
        digest = hashlib.sha256()
        for sample in self.samples:
            digest.update(repr(sample).encode())
        used = sorted({k for sample in self.samples for k in sample.pictures})
        digest.update(self.pictures.identity(used).encode())
        return digest.hexdigest()
