"""Asking a model all questions of a sheet: in batches, each on the disk before the next, so that a kill costs one."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rewardmark.baselines.answering.sheet import Ask, Sheet
from rewardmark.baselines.build import whole_folder
from rewardmark.baselines.recaption.job import claim, like_batches, out_of_memory
from rewardmark.baselines.recaption.journal import Journal
from rewardmark.baselines.vlm.generate import Written, generate
from rewardmark.baselines.vlm.models import Vlm
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.cache import write_atomically
from rewardmark.tasks.vlm.files import decode, size_of

__all__ = ["FORMAT", "Outcome", "answer_sheet", "work_folder"]

FORMAT = "rewardmark-answers-1"
Progress = Callable[[int, int, dict[str, float]], None]
"""(how many are answered, of how many, numbers worth showing)"""


@dataclass(frozen=True)
class Outcome:
    """questions: those asked for; made: answered by this call; cut: answers that were ended by `max_new_tokens`;
    seconds: of answering, over all calls of the job."""

    questions: int
    made: int
    cut: int
    seconds: float


def work_folder(out: Path) -> Path:
    """Where a job keeps what it has, until all of it is answered."""
    return out.with_name(out.name + ".part")


def answer_sheet(
    sheet: Sheet,
    job: dict[str, Any],
    out: Path,
    load: Callable[[], Vlm],
    *,
    batch_size: int = 32,
    max_new_tokens: int | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Answer the first `limit` questions (all without it) and write `out`; greedy decoding.

    job: what tells this job from any other (benchmark, questions' hash, model's hash); it stands in OUT.job.json.
    Answers lie in OUT.part until every question has one: a job that was killed, or had a limit, goes on there. An `out`
    that this job has completed is left as it is; raises RewardmarkError for one that is anything else.
    """
    asks = sheet.asks[:limit]
    most = max_new_tokens or sheet.max_new_tokens
    job = json.loads(json.dumps({"format": FORMAT, **job, "max_new_tokens": most, "of": len(sheet.asks)}))
    tell: Progress = progress or (lambda *_: None)
    record, work = out.with_name(out.name + ".job.json"), work_folder(out)
    kept = _finished(out, record, work, job)
    if kept is not None and kept["answered"] >= len(asks):
        return Outcome(kept["answered"], 0, kept["cut"], kept["seconds"])
    work.mkdir(parents=True, exist_ok=True)
    claim(work, job)
    with Journal(work / "journal.jsonl", "id") as journal:
        open_ = {ask.id for ask in asks if ask.id not in journal}
        done, made = len(asks) - len(open_), len(open_)
        if open_:
            tell(done, len(asks), {})
            vlm = load()
            for batch in _batches(asks, open_, batch_size):
                began = time.monotonic()
                written = _ask(vlm, batch, batch_size, most)
                rows = [
                    {"id": ask.id, "text": one.text, "tokens": len(one.tokens), "ended": one.ended}
                    for ask, one in zip(batch, written, strict=True)
                ]
                journal.append(rows, time.monotonic() - began)
                done += len(batch)
                tell(done, len(asks), {"questions/s": len(journal) / max(journal.seconds, 1e-9)})
        texts = {ask.id: str(journal[ask.id]["text"]) for ask in asks}
        cut = sum(not journal[ask.id]["ended"] for ask in asks)
        seconds = journal.seconds
    content = sheet.render([(ask, texts[ask.id]) for ask in asks])
    facts = {**job, "answered": len(asks), "cut": cut, "seconds": round(seconds, 3), "content": _digest(content)}
    write_atomically(record, (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())
    _write(out, content)
    if len(asks) == len(sheet.asks):
        shutil.rmtree(work)
    return Outcome(len(asks), made, cut, seconds)


def _finished(out: Path, record: Path, work: Path, job: dict[str, Any]) -> dict[str, Any] | None:
    """What OUT.job.json says of an `out` of this very job; None where it is still to be written."""
    if not out.exists():
        return None
    try:
        kept = json.loads(record.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        kept = None
    if not isinstance(kept, dict) or any(kept.get(key) != value for key, value in job.items() if key != "model"):
        what = "answers of another job" if kept else "a file that this command has not written"
        raise RewardmarkError(f"{out} is there already: {what}. It is not overwritten; give another --out")
    found = {f.name: f.read_bytes() for f in sorted(out.iterdir())} if out.is_dir() else out.read_bytes()
    if _digest(found) == kept["content"]:
        return kept
    if work.is_dir():  # killed between the record and the answers
        return None
    raise RewardmarkError(f"{out} was changed since it was written. It is not overwritten; give another --out")


def _digest(content: bytes | dict[str, bytes]) -> str:
    files = content if isinstance(content, dict) else {"": content}
    parts = (f"{name} {hashlib.sha256(files[name]).hexdigest()}\n" for name in sorted(files))
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _write(out: Path, content: bytes | dict[str, bytes]) -> None:
    if isinstance(content, bytes):
        write_atomically(out, content)
        return
    with whole_folder(out) as making:
        making.mkdir(parents=True, exist_ok=True)
        for name, part in content.items():
            (making / name).write_bytes(part)


def _batches(asks: Sequence[Ask], open_: set[str], size: int) -> Iterator[list[Ask]]:
    """The questions that are open, in batches of like pictures and prompts; how they are cut does not depend on what is
    done already."""
    for whole in like_batches(asks, size, _length):
        batch = [ask for ask in whole if ask.id in open_]
        if batch:
            yield batch


def _length(ask: Ask) -> tuple[int, int, int]:
    try:
        sizes = [size_of(picture.read()) for picture in ask.pictures]
    except (OSError, ValueError) as error:
        raise ask.fail(f"its picture cannot be read: {error}") from None
    return len(sizes), sum(height * width for height, width in sizes), len(ask.prompt)


def _ask(vlm: Vlm, batch: Sequence[Ask], batch_size: int, most: int) -> list[Written]:
    """One answer each. Raises RewardmarkError: no question may be left without one, so none is passed over."""
    images = [_decoded(ask) for ask in batch]
    try:
        return generate(
            vlm.model, vlm.processor, images, [ask.prompt for ask in batch], batch_size=batch_size, max_new_tokens=most
        )
    except torch.cuda.OutOfMemoryError as error:
        raise out_of_memory(error, batch_size) from error
    except (ValueError, RuntimeError) as error:
        if len(batch) == 1:
            raise batch[0].fail(f"the model refuses it: {' '.join(str(error).split())[:200]}") from error
    return [one for ask in batch for one in _ask(vlm, [ask], 1, most)]


def _decoded(ask: Ask) -> tuple[Any, ...]:
    try:
        return tuple(decode(picture.read()) for picture in ask.pictures)
    except (OSError, ValueError) as error:
        raise ask.fail(f"its picture cannot be read: {error}") from None
