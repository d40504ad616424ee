"""Functions that know nothing of us: planted faults are found, their mended twins have none, and scripts show them."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from rewardmark.rewards.audit.foreign.audit import audit_calls
from rewardmark.rewards.audit.foreign.calls import ChildCaller
from rewardmark.rewards.audit.foreign.rows import rows_of
from rewardmark.rewards.audit.result import AuditResult
from rewardmark.rewards.audit.synthetic import synthetic_material
from rewardmark.rewards.errors import RewardmarkError

FUNCTIONS = Path(__file__).parent / "foreign_functions"
#: file, function, task, variant, library, names of findings that must be there
PLANTED = [
    ("trl_boxes", "inverted_pays", "detection", "", "TRL", ["inverted boxes", "inverted picture"]),
    ("trl_boxes", "spam_is_free", "detection", "", "TRL", ["trailing spam", "leading spam", "duplicates"]),
    ("trl_boxes", "duplicates_pay", "detection", "", "TRL", ["duplicates"]),
    ("verl_boxes", "labels_ignored", "detection", "", "verl", ["other labels", "unknown labels"]),
    ("verl_boxes", "batch", "detection", "", "verl (batch)", ["other labels"]),
    ("verl_boxes", "empty_earns", "detection", "", "verl", ["empty completion", "empty list"]),
    ("verl_boxes", "collapsed_thresholds", "detection", "", "verl", ["uneven thresholds"]),
    ("easyr1", "substring_yes_no", "vqa", "yes-no", "EasyR1", ["answer inside a longer word", "both answers"]),
    ("easyr1", "near_in_pixels", "grounding", "", "EasyR1 (sequential)", ["thresholds in pixels"]),
    ("easyr1", "crashes", "counting", "", "EasyR1 (older)", ["ValueError at easyr1.py:79"]),
    ("verifiers_answers", "contains", "vqa", "", "verifiers", ["all answers", "negated answer", "several answers"]),
    ("verifiers_answers", "last_word_counts", "vqa", "", "verifiers", ["right only in the reasoning"]),
    ("vlm_r1", "any_label", "detection", "", "TRL", ["other labels"]),
    ("vlm_r1", "yes_no", "vqa", "yes-no", "TRL", ["answer inside a longer word"]),
    ("visual_rft", "zero_confidence_pays", "detection", "", "TRL", ["zero confidence"]),
]
MENDED = [
    ("trl_boxes", "mended", "detection", ""),
    ("verl_boxes", "mended", "detection", ""),
    ("easyr1", "mended_yes_no", "vqa", "yes-no"),
    ("easyr1", "near_for_its_size", "grounding", ""),
    ("easyr1", "counts", "counting", ""),
    ("verifiers_answers", "mended", "vqa", ""),
    ("vlm_r1", "same_label", "detection", ""),
    ("vlm_r1", "yes_no_mended", "vqa", "yes-no"),
    ("visual_rft", "mended", "detection", ""),
]


@cache
def audited(
    file: str, function: str, task: str, variant: str, measured: bool = False
) -> tuple[AuditResult, dict[str, str]]:
    path = FUNCTIONS / f"{file}.py"
    material = synthetic_material(task, 12, 0, variant)
    with ChildCaller(path, function) as caller:
        result, _, scripts = audit_calls(
            caller, task, rows_of(material), path=str(path), material=material if measured else None
        )
    return result, scripts


@pytest.mark.parametrize(("file", "function", "task", "variant", "library", "names"), PLANTED)
def test_planted_faults_are_found(
    file: str, function: str, task: str, variant: str, library: str, names: list[str]
) -> None:
    result, _ = audited(file, function, task, variant)
    assert result.sections["convention"]["library"] == library
    found = {finding.name for finding in result.findings}
    assert set(names) <= found


@pytest.mark.parametrize(("file", "function", "task", "variant"), MENDED)
def test_mended_twins_have_no_exploit_and_no_error(file: str, function: str, task: str, variant: str) -> None:
    result, _ = audited(file, function, task, variant)
    assert [f.name for f in result.findings if f.kind != "false-fail"] == []


@pytest.mark.slow
@pytest.mark.parametrize(("file", "function", "task", "variant"), MENDED)
def test_mended_twins_hold_against_the_battery_too(file: str, function: str, task: str, variant: str) -> None:
    result, _ = audited(file, function, task, variant, measured=True)
    assert [f.name for f in result.findings if f.kind != "false-fail"] == []


def test_scripts_show_the_fault_without_our_package(tmp_path: Path) -> None:
    for case in PLANTED:
        file, function, task, variant, _, names = case
        result, scripts = audited(file, function, task, variant)
        repro = next(f.repro for f in result.findings if f.name == names[0])
        assert repro is not None
        script = tmp_path / Path(repro).name
        script.write_text(scripts[script.name])
        assert "rewardmark" not in script.read_text().replace('"rewardmark"', "").replace("'rewardmark'", "")
        done = subprocess.run([sys.executable, "-I", "-S", str(script)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1, (function, done.stdout, done.stderr)
        assert "right answer" in done.stdout


def test_a_script_finds_nothing_in_the_mended_twin(tmp_path: Path) -> None:
    result, scripts = audited("verl_boxes", "labels_ignored", "detection", "")
    name = Path(next(f.repro for f in result.findings if f.name == "other labels") or "").name
    (tmp_path / name).write_text(scripts[name].replace("'labels_ignored'", "'mended'"))
    command = [sys.executable, "-I", "-S", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_a_hang_and_a_death_are_errors_of_the_function(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "import os, time\n"
        "def hangs(completion, answer):\n"
        "    if '🙂' in completion[-1]['content']:\n        time.sleep(60)\n"
        "    return float(answer == completion[-1]['content'])\n"
        "def dies(completion, answer):\n"
        "    if '--help' in completion[-1]['content']:\n        os._exit(3)\n"
        "    return float(answer == completion[-1]['content'])\n"
    )
    rows = rows_of(synthetic_material("vqa", 3, 0))
    for function, kind in (("hangs", "timeout"), ("dies", "died")):
        with ChildCaller(tmp_path / "bad.py", function, limit=0.3) as caller:
            result, _, _ = audit_calls(caller, "vqa", rows)
        assert kind in [f.name for f in result.findings if f.kind == "error"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(a): return 1.0", "no parameter looks like the completion"),
        ("def f(completion, answer, secret): return 1.0", "secret"),
        ("import no_such_package\n", "no_such_package"),
        ("def g(): pass", "f"),
        ("def f(completion, answer): return 0.0", "the right answer earns 0"),
        ("def f(completion, answer): raise KeyError('column')", "column"),
    ],
)
def test_what_the_user_must_mend_is_said_in_one_line(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "mine.py").write_text(source)
    rows = rows_of(synthetic_material("vqa", 4, 0))
    with pytest.raises(RewardmarkError, match=said), ChildCaller(tmp_path / "mine.py", "f") as caller:
        audit_calls(caller, "vqa", rows)


def test_what_the_function_prints_and_seeds_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "import random\n"
        "def f(completions, answer, **kwargs):\n"
        "    print('noise'); \n"
        "    return [random.random() if c == a else 0.0 for c, a in zip(completions, answer)]\n"
    )
    with ChildCaller(tmp_path / "loud.py", "f") as caller:
        result, _, _ = audit_calls(caller, "vqa", rows_of(synthetic_material("vqa", 4, 0)))
    assert "not deterministic" in [f.name for f in result.findings]
