"""`rewardmark audit FILE.py:FUNCTION`: anyone's reward function, unmodified, on generated samples or its own rows."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rewardmark.leaderboard.audit.material import scenes_material
from rewardmark.leaderboard.audit.store import AuditStore, slug
from rewardmark.rewards.audit.foreign.audit import audit_calls
from rewardmark.rewards.audit.foreign.calls import ChildCaller
from rewardmark.rewards.audit.foreign.dataset import read_rows
from rewardmark.rewards.audit.foreign.formats import FORMATS
from rewardmark.rewards.audit.foreign.hints import hints_of
from rewardmark.rewards.audit.foreign.kinds import variant_of
from rewardmark.rewards.audit.foreign.lifted import as_reward, material_of
from rewardmark.rewards.audit.foreign.repro import with_script
from rewardmark.rewards.audit.foreign.rows import BOX_TASKS, TEXT_TASKS, rows_of
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.cache import write_atomically

if TYPE_CHECKING:
    from rewardmark.leaderboard.progress import Reporter
    from rewardmark.rewards.audit.foreign.fit import Fit
    from rewardmark.rewards.audit.material import Material
    from rewardmark.rewards.audit.result import AuditResult, Finding

__all__ = ["audit_function", "split_target"]

#: Samples of generated material, rows of a data set, and stages that the progress bar counts.
SAMPLES, MOST_ROWS, STAGES = 32, 200, 6
#: Findings of each sort that are printed; all are in the files.
SHOWN = 12
FRAMES = ("pixel", "unit", "thousand")


def split_target(target: str) -> tuple[Path, str]:
    """FILE.py:FUNCTION as its two parts. Raises RewardmarkError when it is not of that form or there is no file.

    >>> split_target("rewards.py")
    Traceback (most recent call last):
    rewardmark.rewards.errors.RewardmarkError: rewards.py: write FILE.py:FUNCTION, with the function after a colon
    """
    file, colon, function = target.rpartition(":")
    if not colon or not function or not file.endswith(".py"):
        raise RewardmarkError(f"{target}: write FILE.py:FUNCTION, with the function after a colon")
    if not Path(file).is_file():
        raise RewardmarkError(f"{file}: no such file")
    return Path(file), function


def audit_function(
    target: str,
    out: Path | None = None,
    *,
    task: str | None = None,
    format: str = "auto",
    frame: str = "pixel",
    dataset: Path | None = None,
    samples: int | None = None,
    seed: int = 0,
    search: float = 0.0,
    adversary: int = 0,
    show: Reporter | None = None,
) -> AuditResult:
    """Audit `FILE.py:FUNCTION`; the result goes to OUT/rewards, scripts that show its findings to OUT/repro.

    task: one whose answers are text (None: detection where the source names boxes, else vqa); format: how its answers
    are written ("auto": found out); frame: of coordinates; dataset: JSON or JSONL rows instead of generated samples;
    search: seconds for a search beyond the lists; adversary: steps of a policy tuned on the function alone (both on
    generated samples only). Raises RewardmarkError for what the user can mend.
    """
    file, function = split_target(target)
    _checked(task, format, frame)
    say = show.line if show is not None else (lambda text: None)
    with ChildCaller(file, function) as caller:
        kind = task or ("detection" if hints_of(caller.source, function).box_keys else "vqa")
        if task is None:
            say(f"{target}: taken for {kind}; --task says otherwise")
        path = os.path.abspath(file) if out is not None else ""
        material: Material | None = None
        if dataset is not None:
            rows = read_rows(Path(dataset), kind, frame, samples or MOST_ROWS)  # type: ignore[arg-type]
            source = f"{dataset}, {len(rows)} rows"
        else:
            material = scenes_material(kind, samples or SAMPLES, seed, variant_of(kind, caller.source, function))
            rows, source = rows_of(material), material.source
        stages = iter(range(1, STAGES))

        def told(text: str) -> None:
            say(f"{target}: {text}") if text.startswith("called as") else None
            if show is not None:
                show.stage(f"{target}: {text}", next(stages, STAGES), STAGES, {})

        result, found, scripts = audit_calls(
            caller,
            kind,
            rows,
            format=format,
            frame=frame,  # type: ignore[arg-type]
            source=source,
            seed=seed,
            path=path,
            material=material,
            progress=told,
        )
        for note in found.notes:
            say(f"{target}: note: {note}")
        if search > 0 and material is not None:
            told("searching")
            result = _searched(result, caller, found, material, search, seed)
        if adversary > 0 and material is not None:
            told("training an adversary")
            result = _opposed(result, caller, found, material, adversary, seed)
        if path:  # what search and adversary add has no script yet
            result = replace(
                result,
                findings=[
                    f if f.repro else with_script(f, found.reading, rows, (path, caller), scripts)
                    for f in result.findings
                ],
            )
    if out is not None:
        AuditStore(out).write(result)
        folder = out / "repro"
        for stale in folder.glob(f"{slug(result.reward)}--*.py"):
            stale.unlink()
        for name, text in scripts.items():
            write_atomically(folder / name, text.encode())
    shown = [f for f in result.findings if f.kind != "false-fail"][:SHOWN] + _false_fails(result)
    for finding in shown:
        where = f" ({out / finding.repro})" if out is not None and finding.repro else ""
        say(f"{result.reward}: {finding.kind}: {finding.name}: {finding.description}{where}")
    return result


def _false_fails(result: AuditResult) -> list[Finding]:
    return [f for f in result.findings if f.kind == "false-fail"][:SHOWN]


def _checked(task: str | None, format: str, frame: str) -> None:
    known = {
        "--task": (task, (*BOX_TASKS, *TEXT_TASKS)),
        "--frame": (frame, FRAMES),
        "--format": (format, tuple(FORMATS)),
    }
    for option, (value, choices) in known.items():
        if value is not None and value not in choices:
            raise RewardmarkError(f"{option} {value}: for a function of your own it is one of {', '.join(choices)}")


def _searched(
    result: AuditResult, caller: ChildCaller, found: Fit, material: Material, seconds: float, seed: int
) -> AuditResult:
    """What the search for unlisted exploits adds."""
    from rewardmark.leaderboard.audit.find import search_reward

    rows = rows_of(material)
    part = material_of(material, rows)
    section, more = search_reward(as_reward(caller, found.reading, part, rows), part, seconds=seconds, seed=seed)
    return replace(result, sections={**result.sections, "search": section}, findings=[*result.findings, *more])


def _opposed(
    result: AuditResult, caller: ChildCaller, found: Fit, material: Material, steps: int, seed: int
) -> AuditResult:
    """What a policy finds that is tuned on the function alone."""
    from rewardmark.leaderboard.audit.adversary import train_adversary

    rows = rows_of(material)
    part = material_of(material, rows)
    reward = as_reward(caller, found.reading, part, rows)
    section, curve, more = train_adversary(reward, part, steps=steps, seed=seed)
    return replace(
        result,
        sections={**result.sections, "adversary": section},
        findings=[*result.findings, *more],
        curves={**result.curves, "adversary": curve},
    )
