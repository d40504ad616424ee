"""How fast something is beside its peers: timed in turns in one process on one core, told as ratios of medians."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Peer", "compare", "growth", "megabytes", "one_core", "slope"]


@dataclass(frozen=True)
class Peer:
    """Somebody else's way to do the same work. `share`: which part of it `call` does, where all would take minutes;
    its seconds are divided by that, which is fair where the cost is linear."""

    call: Callable[[], Any]
    share: float = 1.0


def compare(
    benchmark: Any, ours: Callable[[], Any], peers: Mapping[str, Callable[[], Any] | Peer], work: str, rounds: int = 7
) -> dict[str, float]:
    """Time `ours` and all peers in turns, `rounds` times, after one call each that does not count.

    `work` says what one call does ("1,024 images of 20 x 100 boxes"). Returns peer -> how many times as fast we are
    (ratio of the medians) and leaves in `benchmark.extra_info`: `work`, and for each peer `ratio:PEER`,
    `spread:PEER` (the quartiles of the ratios of single rounds) and `seconds:PEER` (median), and the memory that one
    call takes (`memory:PEER`, `memory:ours`, see `megabytes`). Where benchmarks are switched off everything runs once,
    and nothing comes back. REWARDMARK_BENCH_ROUNDS in the environment is the most rounds that are timed.
    """
    rounds = min(rounds, int(os.environ.get("REWARDMARK_BENCH_ROUNDS", rounds)))
    others = {name: peer if isinstance(peer, Peer) else Peer(peer) for name, peer in peers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in others}

    def take_turns() -> None:
        for name, peer in others.items():
            seconds[name].append(_seconds(peer.call) / peer.share)
        ours()  # the peers have emptied the caches

    with one_core():
        for peer in others.values():
            peer.call()
        benchmark.pedantic(ours, setup=take_turns, rounds=rounds, iterations=1, warmup_rounds=0)
    benchmark.extra_info["work"] = work
    if benchmark.disabled:
        return {}
    for name, call in {"ours": ours, **{name: peer.call for name, peer in others.items()}}.items():
        taken = megabytes(call)
        if taken is not None:
            benchmark.extra_info[f"memory:{name}"] = taken
    own = list(benchmark.stats.stats.data)
    ratios = {}
    for name, times in seconds.items():
        single = sorted(theirs / mine for theirs, mine in zip(times, own, strict=True))
        ratios[name] = statistics.median(times) / statistics.median(own)
        quartiles = statistics.quantiles(single, n=4, method="inclusive") if len(single) > 1 else [single[0]] * 3
        benchmark.extra_info[f"ratio:{name}"] = ratios[name]
        benchmark.extra_info[f"spread:{name}"] = [quartiles[0], quartiles[2]]
        benchmark.extra_info[f"seconds:{name}"] = statistics.median(times)
    return ratios


def growth(
    benchmark: Any, make: Callable[[int], Callable[[], Any]], sizes: Sequence[int], what: str, rounds: int = 5
) -> float:
    """How the cost grows with `what` ("images"): the log-log slope over `sizes`, 1 where it is linear.

    `make(size)` gives the call to time. Leaves `slope:WHAT` and `sizes:WHAT` (size -> median seconds) in
    `benchmark.extra_info`; the benchmark's own time is that of the largest size.
    """
    calls = {size: make(size) for size in sizes}
    seconds: dict[int, list[float]] = {size: [] for size in sizes}

    def take_turns() -> None:
        for size, call in calls.items():
            seconds[size].append(_seconds(call))

    with one_core():
        for call in calls.values():
            call()
        benchmark.pedantic(calls[sizes[-1]], setup=take_turns, rounds=rounds, iterations=1, warmup_rounds=0)
    medians = {size: statistics.median(times) for size, times in seconds.items()}
    found = slope(list(medians), list(medians.values()))
    benchmark.extra_info[f"slope:{what}"] = found
    benchmark.extra_info[f"sizes:{what}"] = {str(size): value for size, value in medians.items()}
    return found


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The exponent of the power law that fits best: least squares through the logarithms."""
    return statistics.linear_regression([math.log(s) for s in sizes], [math.log(s) for s in seconds]).slope


def megabytes(call: Callable[[], Any]) -> float | None:
    """By how many megabytes this process grows at most during `call` (Linux; None where that cannot be asked).

    What the processes that a call starts take is not in it.
    """
    status, refs = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)  # so that memory given back earlier does not hide what is taken now
        refs.write_text("5")  # the peak counts from now
        before = _kilobytes(status, "VmRSS")
    except (OSError, AttributeError):
        return None
    call()
    return round(max(0, _kilobytes(status, "VmHWM") - before) / 1024, 3)


def _kilobytes(status: Path, what: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(f"{what}:"))


@contextmanager
def one_core() -> Iterator[None]:
    """Every thread of this process, and those that start meanwhile, on one core (where the system can do that)."""
    import torch

    threads = torch.get_num_threads()
    before: dict[int, set[int]] = {}
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        for task in map(int, os.listdir("/proc/self/task")):
            before[task] = os.sched_getaffinity(task)
            os.sched_setaffinity(task, {cores[os.getpid() % len(cores)]})
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for task in map(int, os.listdir("/proc/self/task")) if before else ():
            os.sched_setaffinity(task, before.get(task, set(cores)))


def _seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
