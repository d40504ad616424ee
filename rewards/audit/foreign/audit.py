"""The audit of a function that knows nothing of us: what it reads, how it is gamed, what it refuses, where it fails."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rewardmark.rewards.audit.foreign.calls import Caller
from rewardmark.rewards.audit.foreign.fit import Fit, fit
from rewardmark.rewards.audit.foreign.judge import Case, Judge, honest_mistake
from rewardmark.rewards.audit.foreign.lazy import lazy_policy
from rewardmark.rewards.audit.foreign.lifted import as_reward, material_of, text_of
from rewardmark.rewards.audit.foreign.probes import Probe
from rewardmark.rewards.audit.foreign.probes_boxes import box_probes
from rewardmark.rewards.audit.foreign.probes_boxes_json import frail_probes
from rewardmark.rewards.audit.foreign.probes_texts import text_probes
from rewardmark.rewards.audit.foreign.probes_texts_forms import frail_texts
from rewardmark.rewards.audit.foreign.reading import score
from rewardmark.rewards.audit.foreign.repro import repro_name, repro_script
from rewardmark.rewards.audit.foreign.rows import BOX_TASKS, Frame, Row
from rewardmark.rewards.audit.foreign.sweeps import sweep_iou, sweep_size
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.measure import audit_reward
from rewardmark.rewards.audit.prepare import Prepared
from rewardmark.rewards.audit.result import SHOWN, AuditResult, Finding, Kind
from rewardmark.rewards.audit.statistics import EQUAL

__all__ = ["VERSION", "audit_calls"]

#: Part of the fingerprint: higher when probes or rules change.
VERSION = "1"
#: Rows that every probe is tried on.
PROBED = 24
REPEATS = 5
#: What of the way from nonsense to gold the form alone may be paid.
FORM = 0.25
#: Battery entries for answers in words that hold the right one beside others.
LENIENT = ("duplicates", "repeated sentences", "leading spam", "trailing spam")
ORDER = {"exploit": 0, "false-pass": 1, "error": 2, "false-fail": 3}


def audit_calls(
    caller: Caller,
    task: str,
    rows: Sequence[Row],
    *,
    format: str = "auto",
    frame: Frame = "pixel",
    source: str = "rows of the caller",
    seed: int = 0,
    path: str = "",
    material: Material | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[AuditResult, Fit, dict[str, str]]:
    """Audit a function on rows with truths: the result, what was found out, and the scripts by file name.

    path: the user's file, for the scripts (none without it). material: where the rows come from, for the statistics
    (none without it). progress: told what is being done. Raises RewardmarkError
    when the function cannot be called, or pays no right answer in any way of writing it.
    """
    tell = progress or (lambda text: None)
    start = time.monotonic()
    tell("finding out how it is called")
    found = fit(caller, task, rows, format, frame)
    tell(f"called as {found.reading.convention.describe(caller.signature)}; {found.reading.name()}")
    judge = Judge(caller, found.reading, list(rows)[:PROBED])
    probes = box_probes(found.reading, task) if task in BOX_TASKS else text_probes(found.reading, task)
    tell(f"trying {len(probes)} probes on {len(judge.rows)} samples")
    judge.run(probes)
    judge.run(_frail(task))
    _form(judge)
    sections: dict[str, dict[str, Any]] = {}
    if task in BOX_TASKS and not found.reading.truth.given:
        tell("sweeping IoU and picture size")
        sections["iou_sweep"], sections["size_sweep"] = sweep_iou(judge), sweep_size(judge)
    sections["lazy"] = lazy_policy(judge)
    curves: dict[str, Any] = {}
    if material is not None:
        tell("measuring")
        curves = _measured(judge, material, list(rows), seed, sections)
    sections["determinism"] = {**sections.get("determinism", {}), **_determinism(judge)}
    cases = [*_merged(judge.cases), *judge.error_cases()]
    cases.sort(key=lambda c: (ORDER[c.finding.kind], c.finding.cost, c.finding.name))
    scripts: dict[str, str] = {}
    findings = [_with_script(case, judge, caller, path, scripts) for case in cases]
    gold, control = judge.means(range(len(judge.rows)))
    sections["gold"] = {**sections.get("gold", {}), "gold_mean": gold, "honest_mistake": control}
    sections["gold"]["nonsense"] = judge.nonsense.mean
    sections["convention"] = _convention(caller, found)
    sections["variants"] = judge.variants
    sections["fragility"] = dict(judge.fragility)
    result = AuditResult(
        reward=caller.target,
        task=task,
        card=_card(caller, task, findings, found),
        fingerprint=_fingerprint(caller, task, format, frame, rows, seed),
        material=source,
        samples=len(rows),
        seed=seed,
        sections=sections,
        findings=findings,
        seconds=time.monotonic() - start,
        curves=curves,
    )
    return result, found, scripts


def _measured(
    judge: Judge, material: Material, rows: list[Row], seed: int, sections: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The sections and curves of `audit_reward`; its battery's exploits become cases, once each."""
    part = material_of(material, rows)
    reward = as_reward(judge.caller, judge.reading, part, rows)
    prepared = Prepared(part, seed)
    measured = audit_reward(reward, part, seed=seed, prepared=prepared)
    sections.update(measured.sections)
    known = {sample["text"] for case in judge.cases for sample in case.finding.samples}
    # An entry with a base of its own is told in the battery's table and is no finding: it is not compared with gold,
    # and a function that divides by the longer list pays a list filled up to the truth's length by design.
    labelled = judge.reading.style is not None and judge.reading.style.has_labels and part.task == "detection"
    entries = {
        entry.name: predictions
        for entry, predictions, base in prepared.battery
        if base is None and (labelled or not any(word in entry.name for word in ("label", "class")))
    }
    for finding in measured.findings:
        if finding.kind != "exploit" or finding.name not in entries:
            continue  # what it raises on odd boxes is told by our own texts
        shown = []
        for sample in finding.samples:
            k = part.sample_ids.index(sample["sample_id"])
            text = text_of(judge.reading, part, entries[finding.name], k, rows[k])
            if text != judge.reading.gold(rows[k]):  # what the format cannot say is no exploit
                shown.append({**sample, "text": text[:4000], "gold_text": judge.reading.gold(rows[k])})
        if shown and not {sample["text"] for sample in shown} & known:
            k = part.sample_ids.index(shown[0]["sample_id"])
            text = text_of(judge.reading, part, entries[finding.name], k, rows[k])
            # The right words among others: a lenient reader's choice as often as a fault.
            kind: Kind = "false-pass" if judge.reading.style is None and finding.name in LENIENT else finding.kind
            judge.cases.append(Case(replace(finding, samples=shown, kind=kind), rows[k], text, "free"))
    return measured.curves


def _merged(cases: Sequence[Case]) -> list[Case]:
    """The findings, with all broken texts that are paid as one."""
    broken = [case for case in cases if case.rule == "odd"]
    if len(broken) < 2:
        return list(cases)
    names = ", ".join(case.finding.name for case in broken)
    first = max(broken, key=lambda case: case.finding.mean_reward or 0.0)
    finding = replace(first.finding, name="broken answers", description=f"{first.finding.description}. All: {names}")
    return [*(case for case in cases if case.rule != "odd"), replace(first, finding=finding)]


def _form(judge: Judge) -> None:
    """A wrong answer in the right form must earn little more than words in no form."""
    gold, mistake = judge.means(range(len(judge.rows)))
    nonsense = judge.nonsense.mean or 0.0
    if gold - nonsense <= EQUAL or mistake - nonsense < FORM * (gold - nonsense) - EQUAL:
        return
    texts = [honest_mistake(judge.reading, row, judge.rows) for row in judge.rows]
    finding = Finding(
        "false-pass",
        "form alone",
        "variants",
        f"a wrong answer in the right form earns {mistake:.3g}, words in no form "
        f"{nonsense:.3g}, the right answer {gold:.3g}",
        mistake,
        gold,
        None,
        None,
        1,
        [judge.sample(k, texts[k], judge.control.values[k]) for k in range(min(SHOWN, len(texts)))],
    )
    judge.cases.append(Case(finding, judge.rows[0], texts[0], "form", FORM))


def _frail(task: str) -> list[Probe]:
    return frail_probes() if task in BOX_TASKS else frail_texts()


def _determinism(judge: Judge) -> dict[str, Any]:
    """The same calls again, and alone; a reward that changes from call to call is a finding."""
    texts = [judge.reading.gold(row) for row in judge.rows]
    runs = [judge.gold.values, *(judge.score("again", texts).values for _ in range(REPEATS - 1))]
    changed = [i for i in range(len(texts)) if len({run[i] for run in runs}) > 1]
    section: dict[str, Any] = {"runs": REPEATS, "changed": len(changed)}
    if judge.reading.convention.batched:
        alone = [
            score(judge.caller, judge.reading, [row], [text]).values[0]
            for row, text in zip(judge.rows, texts, strict=True)
        ]
        section["changed_alone"] = sum(a != b for a, b in zip(alone, judge.gold.values, strict=True))
    if changed:
        values = [run[changed[0]] for run in runs]
        finding = Finding(
            "error",
            "not deterministic",
            "variants",
            f"the same call gave {', '.join(map(str, values))}",
            None,
            None,
            None,
            None,
            0,
            [judge.sample(changed[0], texts[changed[0]], values[0])],
        )
        judge.cases.append(Case(finding, judge.rows[changed[0]], texts[changed[0]], "again"))
    return section


def _with_script(case: Case, judge: Judge, caller: Caller, path: str, scripts: dict[str, str]) -> Finding:
    if not path:
        return case.finding
    slug = "".join(c if c.isalnum() or c in "-_." else "-" for c in caller.target)
    name = f"{slug}--{repro_name(case)}"
    stem, number = name, 1
    while name in scripts:
        number += 1
        name = f"{stem.removesuffix('.py')}_{number}.py"
    scripts[name] = repro_script(case, judge.reading, (path, caller.signature.name), list(judge.rows), name)
    return replace(case.finding, repro=f"repro/{name}")


def _convention(caller: Caller, found: Fit) -> dict[str, Any]:
    reading = found.reading
    return {
        "call": reading.convention.describe(caller.signature),
        "library": reading.convention.kind,
        "answers": reading.style.name if reading.style else "words",
        "wrapper": reading.wrapper.name,
        "truth": reading.truth.name,
        "frame": reading.frame,
        "tried": found.tried,
        "notes": list(found.notes),
    }


def _card(caller: Caller, task: str, findings: Sequence[Finding], found: Fit) -> dict[str, Any]:
    """The fields of a RewardCard, for pages that show both kinds."""
    gamed = [f.name for f in findings if f.kind in ("exploit", "false-pass")]
    return {
        "name": caller.target,
        "task": task,
        "bounds": [None, None],
        "gold": None,
        "source": caller.target,
        "after": None,
        "version": hashlib.sha256(caller.source.encode("utf-8", "replace")).hexdigest()[:12],
        "parameters": {},
        "status": "outside",
        "may_abstain": True,
        "needs_python": True,
        "summary": found.reading.convention.describe(caller.signature),
        "twin": None,
        "defect": None,
        "gamed_by": gamed,
    }


def _fingerprint(caller: Caller, task: str, format: str, frame: str, rows: Sequence[Row], seed: int) -> str:
    parts = [VERSION, caller.target, caller.source, task, format, frame, seed, [repr(row) for row in rows]]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]
