"""`rewardmark audit`: what it writes, how it goes on, and when it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rewardmark.leaderboard.audit.driver import Options, audit_rewards, fingerprint_of, select_rewards
from rewardmark.leaderboard.audit.material import scenes_material
from rewardmark.leaderboard.audit.parallel import audit_parallel
from rewardmark.leaderboard.audit.rules import parse_parameters, parse_rules
from rewardmark.leaderboard.audit.store import AuditStore
from rewardmark.leaderboard.cli import app
from rewardmark.leaderboard.progress import Silent
from rewardmark.rewards import get_reward, list_rewards, registry
from rewardmark.rewards.errors import RewardmarkError
from typer.testing import CliRunner, Result

PLUGIN = '''
"""A reward of a user."""
import torch
from rewardmark.rewards import register_reward

@register_reward("detection/mine", task="detection", bounds=(None, None), gold="detection/AP", source="mine")
def mine(predictions, targets):
    """A tenth for each box."""
    return 0.1 * predictions.mask.sum(1).float()

@register_reward("detection/broken", task="detection", bounds=(0.0, 1.0), source="mine")
def broken(predictions, targets):
    """Never works."""
    raise RuntimeError("no such thing")
'''


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> Any:
    """No timing; plug-ins of these tests go again."""
    monkeypatch.setattr("rewardmark.rewards.audit.timing.SECONDS", 0.0)
    list_rewards()  # loads them: what is restored must have them
    before = registry._snapshot()
    yield
    registry._restore(before)


def audit(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments], catch_exceptions=True)


def test_one_command_writes_cards_a_file_of_all_and_a_table(tmp_path: Path) -> None:
    out = tmp_path / "audits"
    result = audit("detection/od*", "matching/*", "--out", str(out), "--samples", "12")
    assert result.exit_code == 0, result.output
    names = ["detection/od", "detection/od-as-published", "detection/od-length", "detection/od-length-as-published"]
    content = json.loads((out / "audit.json").read_text())
    assert [entry["reward"] for entry in content["rewards"]] == [*names, "matching/pair"]
    table = pd.read_parquet(out / "audit.parquet")
    assert list(table.columns) == ["reward", "task", "section", "name", "value"]
    gold = table[(table.reward == "detection/od") & (table.section == "gold") & (table.name == "gold_mean")]
    assert gold.value.tolist() == [1.0]
    held = table[(table.section == "battery") & (table.name == "trailing spam.holds")].set_index("reward").value
    assert (held["detection/od"], held["detection/od-as-published"]) == (1.0, 0.0)
    entry = json.loads((out / "rewards" / "detection-od-as-published.json").read_text())
    assert {"duplicates", "trailing spam"} <= {finding["name"] for finding in entry["findings"]}
    assert "detection/od-as-published" in result.output
    assert entry["samples"] == 12


def test_a_stopped_audit_goes_on_and_a_changed_one_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = select_rewards(["detection/f1", "detection/od", "detection/recall"])
    options = Options(samples=8)
    calls: list[str] = []
    from rewardmark.leaderboard.audit import driver

    real = driver._audit_one

    def counted(card: Any, *arguments: Any) -> Any:
        calls.append(card.name)
        if card.name == "detection/recall" and len(calls) == 3:
            raise KeyboardInterrupt
        return real(card, *arguments)

    monkeypatch.setattr(driver, "_audit_one", counted)
    with pytest.raises(KeyboardInterrupt):
        audit_rewards(cards, tmp_path, options, Silent())
    assert sorted(path.name for path in (tmp_path / "rewards").iterdir()) == ["detection-f1.json", "detection-od.json"]
    found = audit_rewards(cards, tmp_path, options, Silent())
    assert calls == ["detection/f1", "detection/od", "detection/recall", "detection/recall"]
    assert (found.kept, len(found.results)) == (2, 3)
    assert audit_rewards(cards, tmp_path, options, Silent()).kept == 3
    assert audit_rewards(cards[:1], tmp_path, Options(samples=8, seed=1), Silent()).kept == 0
    assert calls[-1] == "detection/f1"
    (tmp_path / "rewards" / "detection-od.json").write_text("{ cut off")
    assert audit_rewards(cards[1:2], tmp_path, options, Silent()).kept == 0


def test_the_fingerprint_changes_with_options_and_parameters() -> None:
    (card,) = select_rewards(["detection/recall"])
    plain = fingerprint_of(card, Options())
    assert plain == fingerprint_of(card, Options())
    others = [
        Options(seed=1),
        Options(samples=9),
        Options(search=1),
        Options(adversary=1),
        Options(parameters={"detection/recall": {"normalize": True}}),
    ]
    assert len({plain, *(fingerprint_of(card, options) for options in others)}) == 6
    assert fingerprint_of(card, Options(parameters={"detection/f1": {}})) == plain


def test_a_users_reward_gets_the_same_card_and_can_fail_a_build(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    arguments = ["detection/mine", "--plugin", str(plugin), "--out", str(tmp_path / "out"), "--samples", "8"]
    passed = audit(*arguments)
    assert passed.exit_code == 0, passed.output
    entry = json.loads((tmp_path / "out/rewards/detection-mine.json").read_text())
    ours = audit_rewards(select_rewards(["detection/f1"]), tmp_path / "f1", Options(samples=8), Silent()).results[0]
    assert list(entry["sections"]) == list(ours.to_json()["sections"])
    assert entry["sections"]["junk"]["spam behind, gold"]["per_piece"] == pytest.approx(0.1, abs=1e-6)
    failed = audit(*arguments, "--fail-on", "exploits>0", "--fail-on", "errors>0")
    assert failed.exit_code == 1
    assert "detection/mine:" in failed.output and "exploits>0" in failed.output
    lenient = audit(*arguments, "--fail-on", "exploits>99")
    assert lenient.exit_code == 0


def test_a_users_reward_that_never_works_is_skipped_with_its_words_and_is_an_error(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    arguments = ["detection/broken", "--plugin", str(plugin), "--out", str(tmp_path / "out"), "--samples", "4"]
    result = audit(*arguments)
    assert result.exit_code == 0
    assert "detection/broken: skipped" in result.output and "no such thing" in result.output
    assert audit(*arguments, "--fail-on", "errors>0").exit_code == 1


def test_clip_score_is_skipped_with_the_way_to_give_it_a_model(tmp_path: Path) -> None:
    result = audit("captioning/clip-score", "--out", str(tmp_path), "--samples", "4", "--fail-on", "errors>0")
    assert result.exit_code == 0
    assert "captioning/clip-score: skipped" in result.output and "model=FOLDER" in result.output


@pytest.mark.slow
def test_several_tasks_at_a_time_give_the_same_results(tmp_path: Path) -> None:
    cards = select_rewards(["matching/*", "counting/*"])
    one = audit_rewards(cards, tmp_path / "one", Options(samples=6), Silent())
    two = audit_parallel(cards, tmp_path / "two", Options(samples=6), Silent(), 2, [])
    assert [r.reward for r in two.results] == ["counting/error", "matching/pair"]
    for a, b in zip(one.results, two.results, strict=True):
        assert a.to_json()["sections"]["battery"] == b.to_json()["sections"]["battery"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["detection/f2"], "did you mean detection/f1"),
        (["nothing/*"], "no reward matches 'nothing/*'"),
        (["detection/f1", "--fail-on", "hacks>0"], "write it as 'exploits>0'"),
        (["detection/f1", "--set", "detection/f1"], "NAME.PARAMETER=VALUE"),
        (["detection/f1", "--set", "detection/f1.weight=1"], "has no parameter weight"),
        (["detection/f1", "--task", "detection"], "are for a target FILE.py:FUNCTION"),
        (["detection/f1", "--plugin", "missing.py"], "plug-in missing.py"),
    ],
)
def test_mistakes_of_the_user_are_named(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = audit(*arguments, "--out", str(tmp_path), "--samples", "4")
    text = result.output + str(result.exception or "")
    assert isinstance(result.exception, RewardmarkError)
    assert said in text


def test_rules_and_parameters_are_read() -> None:
    assert [str(rule) for rule in parse_rules(["exploits >= 2", "errors>0"])] == ["exploits>1", "errors>0"]
    assert parse_parameters(["a/b.c=[1, 2]", "a/b.d=x=y"]) == {"a/b": {"c": [1, 2], "d": "x=y"}}


def test_parameters_reach_the_reward(tmp_path: Path) -> None:
    result = audit(
        "detection/recall", "--set", "detection/recall.normalize=true", "--out", str(tmp_path), "--samples", "6"
    )
    assert result.exit_code == 0, result.output
    held = AuditStore(tmp_path).read("detection/recall")
    assert held is not None and held.card["parameters"]["normalize"] is True
    assert held.sections["gold"]["gold_mean"] == pytest.approx(1)


def test_help_shows_examples() -> None:
    result = audit("--help")
    assert result.exit_code == 0
    for example in ("rewardmark audit 'detection/*'", "--fail-on", "my_reward.py:reward"):
        assert example in result.output


@pytest.mark.parametrize("task", ["detection", "panoptic", "colorization", "captioning"])
def test_the_official_scores_of_scenes_equal_the_metric_rewards_on_corrupted_answers(task: str) -> None:
    from rewardmark.rewards.audit.prepare import Prepared

    prepared = Prepared(scenes_material(task, 6, seed=2), 2)
    material = prepared.material
    metric = {"detection": "detection/coco-ap", "panoptic": "panoptic/pq", "colorization": "colorization/hasler"}
    reward = get_reward(metric.get(task, "captioning/cider-d"))
    judged = material.judged_by(reward.card.gold)
    assert judged.official is not None and judged.official_name == reward.card.gold
    for name, graded in prepared.corrupted.items():
        official = judged.official(graded[2], judged.targets)
        values = reward(graded[2], judged.targets).double()
        tolerance = 0.2 if task == "colorization" else 1e-5  # pictures are judged in 8 bits
        assert (official - values).abs().max() < tolerance, name
    assert (judged.official(material.gold, material.targets) > prepared_floor(judged, prepared)).all()


def prepared_floor(judged: Any, prepared: Any) -> Any:
    return judged.official(prepared.battery[0][1], judged.targets)


ENDLESS = """
import os, time
from pathlib import Path
from rewardmark.rewards import register_reward

def endless(predictions, targets):
    with Path(os.environ["AUDIT_PIDS"]).open("a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(600)

for task in ("detection", "matching"):
    register_reward(f"{task}/endless", task=task, bounds=(0.0, 1.0), source="mine")(endless)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_jobs_end_with_the_audit_that_is_killed(
    tmp_path: Path, gone: Callable[[set[str]], bool], how: signal.Signals
) -> None:
    plugin, pids = tmp_path / "endless.py", tmp_path / "pids"
    plugin.write_text(ENDLESS)
    pids.touch()
    command = [sys.executable, "-m", "rewardmark.leaderboard.cli", "audit", "detection/endless", "matching/endless"]
    process = subprocess.Popen(
        [*command, "--plugin", str(plugin), "--out", str(tmp_path / "audits"), "--samples", "4", "--jobs", "2"],
        env={**os.environ, "AUDIT_PIDS": str(pids), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 120
    while len(found := set(pids.read_text().split())) < 2 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(how)
    _, said = process.communicate(timeout=120)  # until the jobs, too, have closed what they write to
    assert len(found) == 2, said
    assert str(process.pid) not in found
    assert gone(found)
