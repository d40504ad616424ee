"""The benchmarks by name: what each asks, and which of the caller's files it takes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

from rewardmark.baselines.answering.choices import mmbench, scienceqa, seed
from rewardmark.baselines.answering.free import captioning, chair, llava_w, mm_vet, refcoco
from rewardmark.baselines.answering.mmmu import mmmu
from rewardmark.baselines.answering.sheet import Request, Sheet
from rewardmark.baselines.answering.short import docvqa, textvqa, vizwiz, vqa
from rewardmark.baselines.answering.yes_no import mme, pope, vsr
from rewardmark.rewards.errors import DataError, RewardmarkError

__all__ = ["BENCHMARKS", "open_sheet", "sheet_hash"]

BENCHMARKS: dict[str, Callable[[Request], Sheet]] = {
    "pope": pope,
    "mme": mme,
    "vsr": vsr,
    "vqa": vqa,
    "textvqa": textvqa,
    "vizwiz": vizwiz,
    "docvqa": docvqa,
    "mmbench": mmbench,
    "seed": seed,
    "scienceqa": scienceqa,
    "mmmu": mmmu,
    "captioning": captioning,
    "chair": chair,
    "refcoco": refcoco,
    "llava-w": llava_w,
    "mm-vet": mm_vet,
}
_ONLY = {
    "splits": ("scienceqa",),
    "split": ("scienceqa", "mmmu", "refcoco"),
    "instances": ("refcoco",),
    "ocr": ("textvqa",),
    "circular": ("mmbench",),
}


def open_sheet(benchmark: str, request: Request) -> Sheet:
    """The questions of a benchmark. Raises RewardmarkError (DataError naming file and record) for what cannot be asked:
    a picture that is not there, a record without its question, two of one id."""
    if benchmark not in BENCHMARKS:
        raise RewardmarkError(f"answer: unknown benchmark {benchmark!r}; known: {', '.join(BENCHMARKS)}")
    for key, takers in _ONLY.items():
        if getattr(request, key) is not None and benchmark not in takers:
            raise RewardmarkError(f"answer: --{key} means nothing for {benchmark}; leave it out")
    if request.images is not None and not request.images.is_dir():
        raise DataError(request.images, "there is no such folder; --images is the folder of the pictures")
    sheet = BENCHMARKS[benchmark](request)
    if not sheet.asks:
        raise DataError(request.questions, "there are no questions in it")
    name, count = Counter(ask.id for ask in sheet.asks).most_common(1)[0]
    if count > 1:
        again = [ask for ask in sheet.asks if ask.id == name][1]
        raise again.fail(f"question {name} stands there {count} times")
    return sheet


def sheet_hash(sheet: Sheet) -> str:
    """What tells these questions, as they are put, from any others (the pictures are told by their names)."""
    digest = hashlib.sha256()
    for ask in sheet.asks:
        digest.update(repr((ask.id, ask.prompt, len(ask.pictures))).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
