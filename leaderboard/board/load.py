"""Runs as the board reads them: one folder a run, checked file by file, so that what is broken is named."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rewardmark.rewards.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Run", "RunFolder", "Unfinished", "read_runs"]

SCHEMA = 1
_PARTIAL = ".partial"
_ADVICE = "mend it, or move the run's folder away, and build the board again"


class MetricValue(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)
    value: float | None
    low: float | None = None
    high: float | None = None
    higher_is_better: bool = True
    primary: bool = False
    unit: str = ""
    note: str = ""


class RewardValue(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)
    name: str
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    failures: int = 0
    unscored: int = 0


class OtherDecoding(BaseModel):
    model_config = ConfigDict(extra="ignore")
    decoding: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, MetricValue]


class RunFile(BaseModel):
    """run.json, as far as the board needs it; the rest is shown as it stands. Metrics of a further decoding are among
    `metrics` as METRIC@DECODING, as they are among the replicates."""

    model_config = ConfigDict(extra="ignore")
    id: str
    name: str = ""
    suite: str | None = None
    spec: dict[str, Any]
    versions: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, MetricValue]
    reward: RewardValue | None = None
    also: dict[str, OtherDecoding] = Field(default_factory=dict)
    start_run: str | None = None
    evaluation_hash: str | None = None
    failures: list[dict[str, Any]] = Field(default_factory=list)
    provenance: dict[str, Any] = Field(default_factory=dict)
    cost: dict[str, Any] = Field(default_factory=dict)


@dataclass
class Run:
    """One finished run. The Parquet files are read when they are asked for."""

    folder: Path
    file: RunFile

    @property
    def id(self) -> str:
        return self.file.id

    @property
    def spec(self) -> dict[str, Any]:
        return self.file.spec

    @property
    def task(self) -> str:
        return str(self.spec["task"])

    @property
    def method(self) -> str:
        return str(self.spec["method"])

    @property
    def seed(self) -> Any:
        return self.spec.get("seed")

    @cached_property
    def sample_ids(self) -> list[str]:
        return [str(i) for i in self._table("samples", ["sample_id"]).column("sample_id").to_pylist()]

    @cached_property
    def replicates(self) -> dict[str, NDArray[Any]]:
        """Metric (and "reward") -> values float64 [R], in the order of the replicate's number; absent ones NaN."""
        import numpy as np

        table = self._table("replicates", ["metric", "replicate", "value"])
        if not len(table):
            return {}
        metrics = table.column("metric").combine_chunks().dictionary_encode()
        codes = metrics.indices.to_numpy(zero_copy_only=False)
        numbers = table.column("replicate").to_numpy()
        values = table.column("value").to_numpy().astype(np.float64)
        total = int(numbers.max()) + 1
        drawn = np.full((len(metrics.dictionary), total), np.nan)
        drawn[codes, numbers] = values
        return dict(zip(metrics.dictionary.to_pylist(), drawn, strict=True))

    @cached_property
    def explanation(self) -> dict[str, Any] | None:
        """What `rewardmark explain` kept with the run, or None."""
        from rewardmark.leaderboard.explain import read_explanation

        return read_explanation(self.folder)

    @cached_property
    def curves(self) -> dict[str, list[tuple[int, float]]]:
        """Name -> (step, value) by step; values that are not finite are left out."""
        table = self._table("curves", ["step", "name", "value"])
        curves: dict[str, list[tuple[int, float]]] = {}
        for step, name, value in zip(*(table.column(c).to_pylist() for c in ("step", "name", "value")), strict=True):
            if value is not None and math.isfinite(value):
                curves.setdefault(str(name), []).append((int(step), float(value)))
        return {name: sorted(points) for name, points in curves.items()}

    def shown_samples(self) -> list[dict[str, Any]]:
        """The rows of samples.parquet that carry a picture, in the file's order."""
        import pyarrow.parquet as parquet

        path = self.folder / "samples.parquet"
        self._table("samples", ["sample_id", "prediction", "score", "reward", "outcome", "image_png", "truth"], rows=0)
        rows: list[dict[str, Any]] = []
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=64):
            found = [row for row in batch.to_pylist() if row["image_png"]]
            rows += found
            if len(found) < len(batch):  # pictures are kept for the first samples only
                break
        return rows

    def _table(self, name: str, columns: list[str], rows: int | None = None) -> Any:
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        path = self.folder / f"{name}.parquet"
        if not path.is_file():
            raise DataError(path, f"is missing; {_ADVICE}")
        try:
            present = parquet.read_schema(path).names
            absent = [column for column in columns if column not in present]
            if absent:
                raise DataError(path, f"has no column {absent[0]!r}; {_ADVICE}")
            return parquet.read_table(path, columns=columns) if rows is None else None
        except (arrow.ArrowException, OSError) as error:
            raise DataError(path, f"cannot be read ({_one_line(error)}); {_ADVICE}") from error


@dataclass(frozen=True)
class Unfinished:
    """A run that was begun and has not finished: its folder's name and, if it says so, what it is."""

    id: str
    name: str


@dataclass
class RunFolder:
    """What a folder of runs holds."""

    path: Path
    runs: list[Run] = field(default_factory=list)
    unfinished: list[Unfinished] = field(default_factory=list)

    @cached_property
    def by_id(self) -> dict[str, Run]:
        return {run.id: run for run in self.runs}


def read_runs(path: Path) -> RunFolder:
    """Every finished run under `path`, in the order of the folders' names, and the names of the unfinished ones.

    A folder is a run when run.json lies in it; RUN_ID.partial is an unfinished run; other folders (audits/, bench/,
    external/, ...) are left alone. One broken run refuses the whole board: a page that
    silently lacks a run would be read as complete.

    Raises: DataError when there is no finished run, or naming the first file that cannot be used.
    """
    path = Path(path)
    if not path.is_dir():
        raise DataError(
            path, "is no folder; give the folder that `rewardmark run` wrote (runs/ unless --out said else)"
        )
    found = RunFolder(path)
    for folder in sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")):
        if folder.name.endswith(_PARTIAL):
            found.unfinished.append(_unfinished(folder))
        elif (folder / "run.json").exists():
            found.runs.append(Run(folder, _read_file(folder / "run.json")))
    if not found.runs:
        begun = f" ({len(found.unfinished)} unfinished)" if found.unfinished else ""
        raise DataError(path, f"holds no finished run{begun}; run a suite first: rewardmark run SUITE --out {path}")
    return found


def _read_file(path: Path) -> RunFile:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(path, f"is not readable JSON ({_one_line(error)}); {_ADVICE}") from error
    if not isinstance(content, dict):
        raise DataError(path, f"is not a JSON object; {_ADVICE}")
    schema = content.get("schema")
    if schema != SCHEMA:
        raise DataError(path, f"has schema {schema!r}, this version reads {SCHEMA}; use the rewardmark that wrote it")
    try:
        file = RunFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(path, f"{_one_line(first['msg'])}; {_ADVICE}", record=place) from error
    for name, other in file.also.items():
        how = ", ".join(f"{key} {value}" for key, value in other.decoding.items())
        for metric, measured in other.metrics.items():
            note = f"decoding {name}" + (f": {how}" if how else "")
            file.metrics[f"{metric}@{name}"] = measured.model_copy(update={"primary": False, "note": note})
    for key in ("task", "method"):
        if not isinstance(file.spec.get(key), str):
            raise DataError(path, f"is missing or no text; {_ADVICE}", record=f"spec.{key}")
    if file.id != path.parent.name or not re.fullmatch(r"[\w.\-]+", file.id):
        raise DataError(path, f"the id {file.id!r} is not its folder's name; {_ADVICE}", record="id")
    return file


def _unfinished(folder: Path) -> Unfinished:
    """The name is a courtesy: whatever a killed run left may be half written, so only good JSON is believed."""
    run_id = folder.name.removesuffix(_PARTIAL)
    for name in ("run.json", "spec.json"):
        try:
            content = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and isinstance(content.get("name"), str):
            return Unfinished(run_id, content["name"])
    return Unfinished(run_id, "")


def _one_line(what: object) -> str:
    return " ".join(str(what).split())
