"""Not a test: a whole recaption job, to be run in a process of its own and killed.

Run by path with the globals FOLDER and MODEL; every batch that is begun leaves a line in FOLDER/begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rewardmark.baselines.recaption import job as jobs
from rewardmark.baselines.recaption.dataset import Export, write_dataset
from rewardmark.baselines.vlm.models import load_vlm
from rewardmark.tasks.vlm.sources import open_items


def main(folder: Path, model: Path) -> None:
    out = folder / "job"
    write = jobs._write

    def traced(vlm: Any, pictures: Any, prompts: Any, job: Any, images: Sequence[str], batch_size: int) -> Any:
        if images:
            with open(folder / "begun", "a") as stream:
                stream.write(" ".join(images) + "\n")
        return write(vlm, pictures, prompts, job, images, batch_size)

    jobs._write = traced
    decoding = jobs.Decoding(max_new_tokens=12)
    job = jobs.Job("tiny", jobs.folder_hash(model), ("Describe it.", "What is in the picture?"), decoding)
    outcome = jobs.run_job(open_items(folder.parent / "pictures"), job, out, lambda: load_vlm(model), batch_size=4)
    write_dataset(outcome, job, out, Export(shard_size=10))


if __name__ == "killed":
    main(Path(globals()["FOLDER"]), Path(globals()["MODEL"]))
