"""The recaption job: every picture captioned once, whatever happens on the way."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from rewardmark.baselines.recaption.filters import Rules, judge_caption
from rewardmark.baselines.recaption.journal import Journal, Row
from rewardmark.baselines.recaption.pictures import Picture, scan
from rewardmark.baselines.recaption.scorer import Scorer
from rewardmark.baselines.vlm.generate import Written, generate
from rewardmark.baselines.vlm.models import Vlm
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.cache import FileHashes, write_atomically
from rewardmark.tasks.vlm.files import decode
from rewardmark.tasks.vlm.sources import Item

__all__ = ["Decoding", "Job", "Outcome", "Progress", "claim", "folder_hash", "like_batches", "out_of_memory", "run_job"]

FORMAT = "rewardmark-recaption-1"
T = TypeVar("T")
WINDOW = 16
"""Batches within which pictures are sorted by length: enough to put like with like, little enough to begin at once."""

Progress = Callable[[str, int, int, dict[str, float]], None]
"""(what is being done, how many are done, of how many, numbers worth showing)"""


@dataclass(frozen=True)
class Decoding:
    """How captions are drawn; greedy takes the likeliest token, and then temperature, top_p and seed do not matter."""

    max_new_tokens: int = 256
    greedy: bool = True
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Job:
    """All that decides what is written about a picture. A job goes on only as the job that it was.

    model: a name for people; model_hash: of the folder's content; prompts: each picture takes one, drawn by its content
    (a prompt may quote the picture's own caption as {original}); scorer: content hash of the scorer's folder; dtype: of
    the model's weights.
    """

    model: str
    model_hash: str
    prompts: tuple[str, ...] = ("Describe the image in detail.",)
    decoding: Decoding = field(default_factory=Decoding)
    scorer: str | None = None
    dtype: str = "float32"

    def as_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self), "prompts": list(self.prompts)}

    def prompt(self, image: str, original: str | None) -> str:
        """What the model is asked about the picture of this content hash."""
        return self.prompts[int(image[:8], 16) % len(self.prompts)].replace("{original}", original or "")


@dataclass
class Outcome:
    """pairs: each item with its picture; pictures: different ones that have a caption; made: captioned by this call;
    seconds, images_per_second: of all calls of the job together (0 where nothing was captioned); rejected: by reason,
    over pictures; unreadable: name and why."""

    pairs: list[tuple[Item, Picture]]
    pictures: int
    made: int
    seconds: float
    images_per_second: float
    rejected: Counter[str]
    unreadable: list[tuple[str, str]]


def run_job(
    items: Iterable[Item],
    job: Job,
    folder: Path,
    load: Callable[[], Vlm],
    *,
    batch_size: int = 32,
    scorer: Scorer | None = None,
    rules: Rules | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Caption every picture that `folder` has no caption of yet; what is done stays done.

    Pictures are told apart by content, so one that lies under two names is captioned once. Each batch is on the disk
    before the next begins: a kill costs one batch at most, and since batches are cut the same way every time, the
    journal of a job that was killed equals that of one that was not. load: called only where there is something to do.
    Rejected captions stay in the journal; `rules` decide anew at every call. Raises RewardmarkError where `folder`
    belongs to another job.
    """
    folder.mkdir(parents=True, exist_ok=True)
    claim(folder, job.as_json())
    tell: Progress = progress or (lambda *_: None)
    pairs = scan(items, folder / "pictures.jsonl", lambda done, total: tell("reading", done, total, {}))
    unique: dict[str, tuple[Item, Picture]] = {}
    for item, picture in pairs:
        if picture.error is None and (picture.image not in unique or unique[picture.image][0].original is None):
            unique[picture.image] = (item, picture)
    rejected: Counter[str] = Counter()
    rules = rules or Rules()

    def judge(row: Row) -> None:
        reason = judged(row, unique[row["image"]][0].original, rules)
        if reason is not None:
            rejected[reason] += 1

    with Journal(folder / "journal.jsonl") as journal:
        for image in unique:
            if image in journal:
                judge(journal[image])
        batches = [b for b in ([i for i in b if i not in journal] for b in _plan(unique, job, batch_size)) if b]
        made = through = 0
        todo = sum(map(len, batches))
        if batches:
            vlm = load()
            tell("captions", len(unique) - todo, len(unique), {})
            began = start = time.monotonic()
            for batch in _read_ahead(batches, unique):
                rows = _caption(batch, unique, job, vlm, scorer, batch_size, anything=len(journal) > 0)
                now = time.monotonic()
                journal.append(rows, now - start)
                start = now
                made += sum("error" not in row for row in rows)
                through += len(rows)
                for row in rows:
                    judge(row)
                shown = {"images/s": made / (now - began), "rejected": float(sum(rejected.values()))}
                tell("captions", len(unique) - todo + through, len(unique), shown)
        broken = {row["image"]: row["error"] for row in map(journal.__getitem__, unique) if "error" in row}
        seconds, pace = journal.seconds, len(journal) / journal.seconds if journal.seconds > 0 else 0.0
    unreadable = [(item.name, p.error or broken.get(p.image)) for item, p in pairs]
    named = [(name, why) for name, why in unreadable if why]
    return Outcome(pairs, len(unique) - len(broken), made, seconds, pace, rejected, named)


def judged(row: Mapping[str, Any], original: str | None, rules: Rules) -> str | None:
    """Why the caption of a journal's row is rejected; None for a good one, and for a picture that has none."""
    if "error" in row:
        return None
    score = row.get("score")
    scorer = None if score is None else (lambda _: float(score))
    return judge_caption(original, row["caption"], row["prompt"], scorer, rules=rules, ended=row["ended"])


def folder_hash(folder: Path) -> str:
    """Content hash of a model's folder: names and bytes of its files, hidden ones left out. Raises DataError."""
    if not folder.is_dir():
        raise DataError(folder, "there is no such folder")
    files = sorted(
        f for f in folder.rglob("*") if f.is_file() and not any(p[0] == "." for p in f.relative_to(folder).parts)
    )
    digests = FileHashes(f"{folder.resolve()}\nmodel").all(files)
    named = "".join(f"{f.relative_to(folder).as_posix()}\0{digest}\n" for f, digest in zip(files, digests, strict=True))
    return hashlib.sha256(named.encode()).hexdigest()


def claim(folder: Path, job: Mapping[str, Any]) -> None:
    """Claim the folder for this job, or find that it is this job's. Raises RewardmarkError where it is another's."""
    file, wanted = folder / "job.json", json.loads(json.dumps(job))
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        write_atomically(file, (json.dumps(wanted, indent=1, ensure_ascii=False) + "\n").encode())
        return
    except ValueError as error:
        raise DataError(file, f"not JSON ({error}); it says which job this folder holds") from None
    other = [key for key, value in wanted.items() if not isinstance(found, dict) or found.get(key) != value]
    if other and other != ["model"]:
        raise RewardmarkError(
            f"{folder} holds a job with another {', '.join(k for k in other if k != 'model')}: what it has written "
            "would be mixed with others. Give the settings that it began with (see job.json), or another --out"
        )


def _plan(unique: Mapping[str, tuple[Item, Picture]], job: Job, batch_size: int) -> Iterator[list[str]]:
    """Batches of images, of like size and prompt length. It depends on the pictures alone, not on what is done."""

    def length(image: str) -> tuple[int, int, str]:
        item, picture = unique[image]
        return picture.width * picture.height, len(job.prompt(image, item.original)), image

    yield from like_batches(list(unique), batch_size, length)


def like_batches(items: Sequence[T], size: int, key: Callable[[T], Any]) -> Iterator[list[T]]:
    """Batches of `size`, sorted by `key` within windows of WINDOW batches; RewardmarkError for a size under 1."""
    if size < 1:
        raise RewardmarkError("the batch size must be at least 1")
    for begin in range(0, len(items), size * WINDOW):
        window = sorted(items[begin : begin + size * WINDOW], key=key)
        yield from (window[k : k + size] for k in range(0, len(window), size))


def out_of_memory(error: BaseException, batch_size: int) -> RewardmarkError:
    """What a job says when a batch does not fit on the GPU."""
    return RewardmarkError(
        f"the GPU's memory is too small for batches of {batch_size}; call again with a smaller --batch-size, and "
        f"the job goes on where it stopped ({' '.join(str(error).split())[:120]})"
    )


Decoded = list[tuple[str, Any]]
"""(image, its pixels, or why there are none)"""


def _read_ahead(batches: Sequence[list[str]], unique: Mapping[str, tuple[Item, Picture]]) -> Iterator[Decoded]:
    """Each batch's pixels; the next batch is read while this one is captioned."""

    def read(batch: Sequence[str]) -> Decoded:
        return [(image, _pixels(image, unique[image][0])) for image in batch]

    with ThreadPoolExecutor(1) as pool:
        ahead: Future[Decoded] = pool.submit(read, batches[0])
        for k in range(len(batches)):
            now = ahead.result()
            if k + 1 < len(batches):
                ahead = pool.submit(read, batches[k + 1])
            yield now


def _pixels(image: str, item: Item) -> Any:
    try:
        content = item.place.read()
        if hashlib.sha256(content).hexdigest() != image:
            return "the file was changed while the job was under way"
        return decode(content)
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)


def _caption(
    batch: Decoded,
    unique: Mapping[str, tuple[Item, Picture]],
    job: Job,
    vlm: Vlm,
    scorer: Scorer | None,
    batch_size: int,
    anything: bool,
) -> list[Row]:
    rows: list[Row] = [{"image": image, "error": pixels} for image, pixels in batch if isinstance(pixels, str)]
    read = [(image, pixels) for image, pixels in batch if not isinstance(pixels, str)]
    prompts = [job.prompt(image, unique[image][0].original) for image, _ in read]
    written = _write(vlm, [pixels for _, pixels in read], prompts, job, [image for image, _ in read], batch_size)
    if read and not anything and all(isinstance(one, str) for one in written):
        raise RewardmarkError(f"the model can write about none of the first pictures: {written[0]}")
    done: list[tuple[Row, Any]] = []
    for (image, pixels), prompt, one in zip(read, prompts, written, strict=True):
        if isinstance(one, str):
            rows.append({"image": image, "error": one})
            continue
        row = {"image": image, "prompt": prompt, "caption": one.text, "tokens": len(one.tokens), "ended": one.ended}
        done.append((row, pixels))
    if scorer is not None and done:
        scores = scorer([pixels for _, pixels in done], [row["caption"] for row, _ in done])
        for (row, _), score in zip(done, scores, strict=True):
            row["score"] = score
    return rows + [row for row, _ in done]


def _write(
    vlm: Vlm, pictures: Sequence[Any], prompts: Sequence[str], job: Job, images: Sequence[str], batch_size: int
) -> list[Written | str]:
    """What the model writes about each; for a picture that its processor refuses, the reason as text."""
    if not pictures:
        return []
    how = asdict(job.decoding)
    # Draws follow from the seed and from what is in the batch, never from when it was made.
    how["seed"] = int(np.random.SeedSequence([job.decoding.seed, int(images[0][:16], 16)]).generate_state(1)[0])
    try:
        return list(generate(vlm.model, vlm.processor, pictures, prompts, batch_size=batch_size, **how))
    except torch.cuda.OutOfMemoryError as error:
        raise out_of_memory(error, batch_size) from error
    except (ValueError, RuntimeError) as error:
        if len(pictures) == 1:
            return [f"the model refuses it: {' '.join(str(error).split())[:200]}"]
    one_by_one = zip(pictures, prompts, images, strict=True)
    return [one for p, prompt, i in one_by_one for one in _write(vlm, [p], [prompt], job, [i], 1)]
