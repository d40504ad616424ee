"""The audit inside a test: `assert_reward_sound(reward, task="detection")` fails with what games the reward."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

from rewardmark.rewards.audit.foreign.audit import audit_calls
from rewardmark.rewards.audit.foreign.calls import ChildCaller, DirectCaller
from rewardmark.rewards.audit.foreign.kinds import variant_of
from rewardmark.rewards.audit.foreign.rows import Frame, Row, rows_of
from rewardmark.rewards.audit.measure import audit_reward, suits
from rewardmark.rewards.audit.questions import variants
from rewardmark.rewards.audit.result import AuditResult, Finding
from rewardmark.rewards.audit.synthetic import synthetic_material
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.registry import get_reward
from rewardmark.rewards.reward import Reward

__all__ = ["Fault", "assert_reward_sound", "audit_in_test"]

Fault = Literal["exploits", "false-passes", "false-fails", "errors"]
KINDS = {"exploits": "exploit", "false-passes": "false-pass", "false-fails": "false-fail", "errors": "error"}
#: Characters of a text that a message shows.
SHOWN = 300


def assert_reward_sound(
    reward: Reward | str | Callable[..., Any],
    *,
    task: str | None = None,
    format: str = "auto",
    frame: Frame = "pixel",
    fail_on: Sequence[Fault] = ("exploits", "errors"),
    ignore: Sequence[str] = (),
    samples: int = 16,
    seed: int = 0,
    rows: Sequence[Row] | None = None,
) -> AuditResult:
    """Audit a reward on synthetic samples; AssertionError names what games it, with text, reward and gold.

    reward: a function in the convention of TRL, verl, EasyR1, verifiers, ...; "FILE.py:FUNCTION" for one in a file (it
    runs in a child process with a time limit); a Reward, or the name of a registered one. task, format, frame: for
    functions, as `rewardmark audit` takes them. fail_on: which kinds of findings fail; ignore: names of findings that
    are known and wanted. rows: samples of your own. Returns the result. Raises RewardmarkError when the function cannot
    be called at all, or an option is wrong.

    >>> assert_reward_sound("detection/f1").task
    'detection'
    """
    unknown = [fault for fault in fail_on if fault not in KINDS]
    if unknown:
        raise RewardmarkError(f"assert_reward_sound: fail_on {unknown[0]!r} is not one of {', '.join(KINDS)}")
    result = audit_in_test(reward, task=task, format=format, frame=frame, samples=samples, seed=seed, rows=rows)
    wanted = {KINDS[fault] for fault in fail_on}
    found = [f for f in result.findings if f.kind in wanted and f.name not in ignore and not f.holds]
    if found:
        raise AssertionError(_message(result, found))
    return result


def audit_in_test(
    reward: Reward | str | Callable[..., Any],
    *,
    task: str | None = None,
    format: str = "auto",
    frame: Frame = "pixel",
    samples: int = 16,
    seed: int = 0,
    rows: Sequence[Row] | None = None,
) -> AuditResult:
    """The audit of `assert_reward_sound`, without a judgement."""
    if isinstance(reward, str) and ".py:" not in reward:
        reward = get_reward(reward)
    if isinstance(reward, Reward):
        material = next(
            (
                material
                for variant in variants(reward.card.task)
                if suits(reward, material := synthetic_material(reward.card.task, samples, seed, variant))
            ),
            None,
        )
        if material is None:
            raise RewardmarkError(f"reward {reward.name}: no synthetic material of {reward.card.task} suits it")
        return audit_reward(reward, material, seed=seed)
    if task is None:
        raise RewardmarkError("assert_reward_sound: say the task of a function of your own: task='detection', ...")
    if isinstance(reward, str):
        file, _, function = reward.rpartition(":")
        with ChildCaller(file, function) as caller:
            return _outside(caller, task, format, frame, samples, seed, rows)
    return _outside(DirectCaller(reward), task, format, frame, samples, seed, rows)


def _outside(
    caller: Any, task: str, format: str, frame: Frame, samples: int, seed: int, rows: Sequence[Row] | None
) -> AuditResult:
    material = None
    source = "rows of the test"
    if rows is None:
        material = synthetic_material(task, samples, seed, variant_of(task, caller.source, caller.signature.name))
        rows, source = rows_of(material), material.source
    result, _, _ = audit_calls(
        caller, task, rows, format=format, frame=frame, source=source, seed=seed, material=material
    )
    return result


def _message(result: AuditResult, found: Sequence[Finding]) -> str:
    """One paragraph a finding: what it is, the text, what it earns and what the right answer earns."""
    lines = [f"{result.reward} is not sound: {len(found)} finding{'s' if len(found) > 1 else ''}"]
    if "convention" in result.sections:
        lines.append(f"called as {result.sections['convention']['call']}")
    for finding in found:
        lines.append(f"\n{finding.kind}: {finding.name}\n  {finding.description}")
        if finding.samples:
            sample = finding.samples[0]
            text = sample.get("text")
            lines.append(f"  answer: {_short(text if text is not None else sample['prediction'])}")
            lines.append(
                f"  reward {_number(sample['reward'])}, the right answer earns {_number(sample['gold_reward'])}"
            )
            lines.append(f"  truth:  {_short(sample.get('gold_text', sample['truth']))}")
    return "\n".join(lines)


def _short(text: str) -> str:
    shown = json.dumps(text, ensure_ascii=False)
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN // 2]} ... {shown[-SHOWN // 3 :]}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
