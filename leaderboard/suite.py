"""Suite files: TOML in, checked cells out. A mistake is named with its file, line and key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError
from rewardmark.leaderboard.crossing import CROSSED, cross, distinguish, name_of
from rewardmark.leaderboard.spec import CellSpec, Place, canonical
from rewardmark.leaderboard.toml_lines import line_of
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.plugins import load_plugin
from rewardmark.tasks.base import get_task
from rewardmark.tasks.dataset_spec import DatasetSpec

__all__ = ["Suite", "find_suite", "load_suite", "shipped_suites"]

EVALUATION_IMAGES = 256
"""How many held-out scenes a cell is judged on when its suite does not say."""

Table = dict[StrictStr, Any]
Count = Annotated[StrictInt, Field(ge=0, lt=2**63)]


class _Cell(BaseModel):
    """The keys of one cell after crossing."""

    model_config = ConfigDict(extra="forbid")

    task: StrictStr
    dataset: Table
    method: StrictStr
    steps: Count
    label: StrictStr | None = None
    evaluation: Table | None = None
    validation: Table | None = None
    model: StrictStr = "small"
    start: StrictStr | None = None
    options: Table = {}
    reward: StrictStr | None = None
    reward_parameters: Table = {}
    seed: Count = 0
    batch_size: Annotated[StrictInt, Field(ge=1)] | None = None
    decoding: Table = {}
    sources: list[StrictStr] = []
    also: dict[Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9_.-]+$")], Table] = {}


class _File(BaseModel):
    """The keys of a suite file."""

    model_config = ConfigDict(extra="forbid")

    name: StrictStr
    description: StrictStr = ""
    plugins: list[StrictStr] = []
    jobs: Annotated[StrictInt, Field(ge=1)] = 1
    threads: Annotated[StrictInt, Field(ge=1)] | None = None
    defaults: Table = {}
    cell: list[Table]


_LEAVES_OPEN = ("dataset", "evaluation", "validation")


@dataclass(frozen=True)
class Suite:
    """A suite that has been read: its cells in the order of the file, crossed, each with its name and place; plugins:
    the Python files that it names, relative to its own, to be loaded before it is planned; jobs, threads: cells at a
    time and CPU threads of each (None: no matter) when the command line does not say."""

    name: str
    description: str
    file: Path
    cells: tuple[CellSpec, ...]
    plugins: tuple[Path, ...] = ()
    jobs: int = 1
    threads: int | None = None


def shipped_suites() -> dict[str, Path]:
    """The suites that come with the package, by name."""
    folder = Path(str(resources.files("rewardmark.leaderboard"))) / "suites"
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def find_suite(suite: str | Path) -> Path:
    """The file of a suite: a path, or the name of a shipped one. Raises RewardmarkError naming the shipped ones."""
    path = Path(suite)
    if path.suffix == ".toml" or len(path.parts) > 1:
        if not path.is_file():
            raise RewardmarkError(f"suite {path}: no such file")
        return path
    shipped = shipped_suites()
    if str(suite) in shipped:
        return shipped[str(suite)]
    near = get_close_matches(str(suite), shipped, n=1)
    hint = (
        f"did you mean {near[0]}?"
        if near
        else f"shipped suites: {', '.join(shipped)}; or give the path of a .toml file"
    )
    raise RewardmarkError(f"no suite is called {str(suite)!r}; {hint}")


def load_suite(suite: str | Path, *, plugins: bool = False) -> Suite:
    """Read and check a suite, by name or path, without opening any data.

    plugins: load the plug-in files that it names before its cells are checked, since they may bring its tasks.

    Raises: RewardmarkError with file, line and key for anything wrong in it: TOML that does not parse, an unknown key
    (with the nearest known one), a wrong type or value, an unknown task, two equal cells, a plug-in that fails.
    """
    file = find_suite(suite)
    try:
        text = file.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise RewardmarkError(f"suite {file}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RewardmarkError(f"suite {file}: not TOML: {error}") from error
    reader = _Reader(str(file), text)
    reader.known_keys(data, _File.model_fields, ())
    top = reader.validate(_File, data, ())
    reader.known_keys(top.defaults, _Cell.model_fields, ("defaults",))
    if not top.cell:
        raise RewardmarkError(f"{file}: there is no [[cell]] in it")
    files = tuple(file.parent / name for name in top.plugins)
    for plugin in files if plugins else ():
        load_plugin(plugin)
    specs, tables = [], []
    for k, table in enumerate(top.cell):
        reader.known_keys(table, _Cell.model_fields, ("cell", k))
        merged = {**top.defaults, **table}
        for key, value in merged.items():
            if isinstance(value, list) and key != "sources" and (key not in CROSSED or not value):
                what = "may not be a list" if value else "is an empty list: there would be no cell"
                raise reader.error(("cell", k, key), f"{key} {what}")
        for cell in cross(merged):
            specs.append(reader.cell(cell, merged, k, top.defaults))
            tables.append(cell)
    names = distinguish([spec.name for spec in specs], tables)
    cells = tuple(replace(spec, name=name) for spec, name in zip(specs, names, strict=True))
    _refuse_twins(cells)
    return Suite(top.name, top.description, file, cells, files, top.jobs, top.threads)


def _refuse_twins(cells: tuple[CellSpec, ...]) -> None:
    seen: dict[str, CellSpec] = {}
    for cell in cells:
        twin = seen.setdefault(canonical(cell.as_dict()), cell)
        if twin is not cell:
            raise cell.place.error(
                f"{cell.name!r} is the same as {twin.name!r} of [[cell]] {twin.place.number}; leave one out"
            )


class _Reader:
    """Checks the parts of one file; every error knows its line."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text = file, text

    def error(self, path: tuple[str | int, ...], what: str) -> RewardmarkError:
        number = f"[[cell]] {int(path[1]) + 1}: " if len(path) > 1 and path[0] == "cell" else ""
        return RewardmarkError(f"{self.file}:{line_of(self.text, path)}: {number}{what}")

    def known_keys(self, table: Mapping[str, Any], known: Mapping[str, Any], path: tuple[str | int, ...]) -> None:
        for key in table:
            if key not in known:
                near = get_close_matches(key, known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
                raise self.error((*path, key), f"unknown key {key!r}; {hint}")

    def validate(self, kind: type[Any], data: Mapping[str, Any], path: tuple[str | int, ...]) -> Any:
        try:
            return kind.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = tuple(part for part in first["loc"] if isinstance(part, str | int))
            key = ".".join(map(str, where))
            if first["type"] == "missing":
                raise self.error(path, f"{key!r} is missing") from None
            raise self.error((*path, *where), f"{key} = {first['input']!r}: {first['msg'].lower()}") from None

    def cell(self, cell: dict[str, Any], table: Mapping[str, Any], k: int, defaults: Mapping[str, Any]) -> CellSpec:
        """One crossed cell, checked."""
        path: tuple[str | int, ...] = ("cell", k)
        for key in ("start", "label"):
            if isinstance(cell.get(key), str):
                cell[key] = (
                    cell[key].replace("{task}", str(cell.get("task"))).replace("{seed}", str(cell.get("seed", 0)))
                )
        checked: _Cell = self.validate(_Cell, cell, path)
        data = {}
        for key in _LEAVES_OPEN:
            given = getattr(checked, key)
            data[key] = None if given is None else self.dataset(given, (*path, key), defaults)
        train = data["dataset"]
        assert train is not None  # the key is not optional
        place = Place(self.file, line_of(self.text, path), k + 1)
        try:
            task = get_task(checked.task)
            canonical([checked.options, checked.reward_parameters, checked.decoding, checked.also])
        except RewardmarkError as error:
            raise self.error((*path, "task"), str(error)) from None
        except (TypeError, ValueError) as error:
            raise place.error(f"options, reward_parameters, decoding, also take plain values only: {error}") from None
        return CellSpec(
            task=checked.task,
            dataset=train,
            evaluation=data["evaluation"] or self.held_out(train, path),
            validation=data["validation"],
            method=checked.method,
            reward=checked.reward or task.default_reward,
            steps=checked.steps,
            place=place,
            name=name_of({**cell, "label": checked.label}, table),
            label=checked.label,
            model=checked.model,
            start=checked.start,
            options=checked.options,
            reward_parameters=checked.reward_parameters,
            seed=checked.seed,
            batch_size=checked.batch_size,
            decoding=checked.decoding,
            also=checked.also,
            sources=tuple(checked.sources),
        )

    def dataset(self, table: dict[str, Any], path: tuple[str | int, ...], defaults: Mapping[str, Any]) -> DatasetSpec:
        """A data set's table; a relative root is looked for beside the suite file first."""
        key = str(path[-1])
        if key in defaults and line_of(self.text, path) == line_of(self.text, path[:2]):
            path = ("defaults", key)
        self.known_keys(table, DatasetSpec.__dataclass_fields__, path)
        root = table.get("root")
        if isinstance(root, str) and (beside := Path(self.file).parent / Path(root).expanduser()).is_dir():
            table = {**table, "root": str(beside)}
        try:
            return DatasetSpec.from_dict(table)
        except RewardmarkError as error:
            raise self.error(path, f"{key}: {str(error).removeprefix('dataset: ')}") from None

    def held_out(self, train: DatasetSpec, path: tuple[str | int, ...]) -> DatasetSpec:
        """Where no evaluation is named: other scenes of the same world; for real data it must be named."""
        if train.name != "scenes":
            raise self.error(path, "'evaluation' is missing: name the held-out split of the data, as in dataset")
        return replace(train, split="val" if train.split == "test" else "test", n=EVALUATION_IMAGES)
