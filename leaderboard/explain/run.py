"""A run's explanation: made from its predictions as they are stored, and kept beside them as explain.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.cache import write_atomically
from rewardmark.tasks.dataset_spec import DatasetSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rewardmark.leaderboard.data import Splits
    from rewardmark.leaderboard.store import Store
    from rewardmark.tasks.coco import CocoSplit

__all__ = ["EXPLAINED", "FILE", "explain", "explain_run", "read_explanation"]

FILE = "explain.json"
EXPLAINED = ("detection", "panoptic", "colorization", "captioning")


def explain(task: str, split: CocoSplit, predictions: Sequence[str]) -> dict[str, Any] | None:
    """Groups of numbers by name for one prediction (JSON, as in samples.parquet) an image of `split`, in its order;
    None for a task that nothing is known about. What the groups mean stands in the task's file beside this one."""
    if task not in EXPLAINED:
        return None
    from importlib import import_module

    found: dict[str, Any] = import_module(f"rewardmark.leaderboard.explain.{task}").explain(
        split, [json.loads(text) for text in predictions]
    )
    return found


def read_explanation(folder: Path) -> dict[str, Any] | None:
    """The explanation kept in a run's folder, or None where there is none. Raises DataError for a broken file."""
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(file, f"is not readable JSON ({error}); take it away and run `rewardmark explain`") from error
    if not isinstance(content, dict):
        raise DataError(file, "is not a JSON object; take it away and run `rewardmark explain`")
    return content


def explain_run(store: Store, run_id: str, splits: Splits) -> dict[str, Any]:
    """The explanation of a finished run, from its folder or made now and kept there; no model is needed.

    Raises RewardmarkError when the run's data cannot be opened, is not the data that it was judged on, or its task has
    no explanation.
    """
    from pyarrow import parquet

    run, folder = store.read(run_id), store.path(run_id)
    kept = read_explanation(folder)
    if kept is not None:
        return kept
    task = run["spec"]["task"]
    if task not in EXPLAINED:
        raise RewardmarkError(f"run {run_id}: nothing explains task {task!r}; there is {', '.join(EXPLAINED)}")
    data = {key: value for key, value in run["spec"]["eval_dataset"].items() if key != "folder"}
    split = splits.open(DatasetSpec.from_dict(data))
    if split.content_hash != run["evaluation_hash"]:
        raise RewardmarkError(f"run {run_id} was judged on other data than {split.name} is now; give its own by --data")
    rows = parquet.read_table(folder / "samples.parquet", columns=["prediction"]).column("prediction").to_pylist()
    found = explain(task, split, rows)
    assert found is not None  # the task is one of EXPLAINED
    write_atomically(folder / FILE, (json.dumps(found, indent=1, allow_nan=False) + "\n").encode())
    return found
