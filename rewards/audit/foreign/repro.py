"""A script that shows one finding: it needs the user's file and Python, and nothing of this package."""

from __future__ import annotations

import json
import pprint
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from rewardmark.rewards.audit.foreign.calls import Caller
from rewardmark.rewards.audit.foreign.judge import NONSENSE, Case, honest_mistake
from rewardmark.rewards.audit.foreign.reading import Reading
from rewardmark.rewards.audit.foreign.rows import Box, Row
from rewardmark.rewards.audit.foreign.sweeps import large_text, sweep_texts
from rewardmark.rewards.audit.result import Finding

__all__ = ["repro_name", "repro_script", "with_script"]

#: A found answer that earns this share of the way from an honest mistake to gold is shown as paid.
LEAST = 0.05

TEMPLATE = '''"""{title}

{description}

Run: python {name} [path of {file}]
It calls {function} the way it is called in training ({convention}) and prints the rewards.
Exit code 1: the fault is there. 0: it is not. 2: the function could not be called.
"""

import asyncio
import importlib.util
import inspect
import math
import os
import subprocess
import sys
from types import SimpleNamespace

FILE = {path!r}
FUNCTION = {function!r}
SECONDS = {seconds!r}


class Parser:
    """What a verifiers rubric hands over as `parser`."""

    def parse(self, text):
        def between(tag):
            if "<%s>" % tag not in text:
                return None
            return text.rsplit("<%s>" % tag, 1)[1].split("</%s>" % tag, 1)[0].strip()

        fields = {{tag: between(tag) for tag in ("think", "reasoning", "answer")}}
        return SimpleNamespace(text=text, **fields)

    def parse_answer(self, completion):
        text = completion if isinstance(completion, str) else completion[-1]["content"]
        return self.parse(text).answer if "<answer>" in text else text

    def get_assistant_messages(self, completion):
        return [message for message in completion if message.get("role") == "assistant"]


parser = Parser()
trainer_state = SimpleNamespace(global_step=0, epoch=0.0, max_steps=1, num_train_epochs=1, log_history=[])
nan, inf = math.nan, math.inf


def log(*_, **__):
    """What a trainer hands over as log_extra and log_metric."""


# The calls: {calls_are}.
CALLS = {calls}


def load(path):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("audited_reward", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["audited_reward"] = module
    spec.loader.exec_module(module)
    found = module
    for part in FUNCTION.split("."):
        found = getattr(found, part)
    return found


def number(value):
    if isinstance(value, (list, tuple)) and value:
        return number(value[0])
    if isinstance(value, dict):
        return number(next(value[key] for key in ("overall", "score", "reward", "value", "total") if key in value))
    return 0.0 if value is None else float(value)


def reward(function, name):
    result = function(*CALLS[name].get("args", ()), **CALLS[name].get("kwargs", {{}}))
    if inspect.isawaitable(result):
        async def wait():
            return await result

        result = asyncio.run(wait())
    value = number(result)
    print("%-16s %.6g" % (name, value))
    return value


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else FILE
    if "--inner" not in sys.argv:
        here = [sys.executable, os.path.abspath(__file__), os.path.abspath(path), "--inner"]
        try:
            code = subprocess.run(here, timeout=SECONDS).returncode
        except subprocess.TimeoutExpired:
            print("it took more than %g s" % SECONDS)
            return 1
        return code if code in (0, 1, 2) else 1
    try:
        function = load(path)
        gold = reward(function, "right answer")
    except Exception as error:
        print("could not be called: %s: %s" % (type(error).__name__, error))
        return 2
{check}


if __name__ == "__main__":
    sys.exit(main())
'''

CHECKS = {
    "bad": """    mistake = reward(function, "honest mistake")
    value = reward(function, "exploit")
    least = mistake + {share} * (gold - mistake) - 1e-6
    print("the exploit must earn less than %.6g" % least)
    return 1 if value >= least else 0""",
    "form": """    nonsense = reward(function, "nonsense")
    value = reward(function, "honest mistake")
    print("the form alone must earn less than %.6g" % (nonsense + {share} * (gold - nonsense)))
    return 1 if value >= nonsense + {share} * (gold - nonsense) - 1e-6 else 0""",
    "free": """    value = reward(function, "exploit")
    print("what is added must cost something: less than %.6g" % gold)
    return 1 if value >= gold - 1e-6 else 0""",
    "cap": """    value = reward(function, "exploit")
    print("no more than the right answer must be paid: %.6g" % gold)
    return 1 if value > gold + 1e-6 else 0""",
    "good": """    mistake = reward(function, "honest mistake")
    value = reward(function, "variant")
    print("as right as the right answer, it must earn that: %.6g" % gold)
    return 1 if value < gold - 0.1 * (gold - mistake) else 0""",
    "error": """    try:
        value = reward(function, "text")
    except Exception as error:
        print("it raised %s: %s" % (type(error).__name__, error))
        return 1
    return 0 if math.isfinite(value) else 1""",
    "again": """    values = {gold, *(reward(function, "right answer") for _ in range(20))}
    print("the same call must give the same reward")
    return 1 if len(values) > 1 else 0""",
    "steps": """    values = [reward(function, "IoU 0.%03d" % iou) for iou in range(405, 1000, 10)]
    steps = [b - a for a, b in zip(values, values[1:]) if abs(b - a) > 1e-6]
    print("heights of the steps: %s" % ", ".join("%.3g" % step for step in steps))
    return 1 if 4 <= len(steps) <= 20 and max(steps) >= 1.5 * min(steps) else 0""",
    "size": """    nonsense = reward(function, "nonsense")
    small, large = reward(function, "small picture"), reward(function, "large picture")
    print("the same miss must earn the same in both")
    return 1 if small - large > 0.2 * (gold - nonsense) else 0""",
}


def repro_name(case: Case) -> str:
    """A file name for the script of a case."""
    return re.sub(r"\W+", "_", f"{case.finding.kind}_{case.finding.name}").strip("_").lower()[:80] + ".py"


def repro_script(
    case: Case, reading: Reading, target: tuple[str, str], rows: list[Row], name: str, seconds: float = 20.0
) -> str:
    """The text of the script `name`.

    target: (path of the user's file, function); rows: those of the audit (a wrong answer is another row's right one).
    """
    path, function = target
    texts = _texts(case, reading, rows)
    calls = {}
    for call, (row, text) in texts.items():
        request = reading.requests([row], [text])[0]
        calls[call] = {key: request[key] for key in ("args", "kwargs") if key in request}
    check = CHECKS["bad" if case.rule == "odd" else case.rule].replace("{share}", f"{case.share:g}")
    title = f"{case.finding.kind} in {Path(path).name}: {case.finding.name}."
    return TEMPLATE.format(
        title=_plain(title),
        description=_plain(case.finding.description),
        name=name,
        file=Path(path).name,
        path=path,
        function=function,
        convention=reading.convention.kind,
        seconds=seconds,
        calls_are="name -> arguments",
        calls=_literal(calls),
        check=check,
    )


def with_script(
    finding: Finding, reading: Reading, rows: list[Row], target: tuple[str, Caller], scripts: dict[str, str]
) -> Finding:
    """A finding of the search or adversary with a script, which is added to `scripts`; as it is without a sample.

    target: (path of the user's file, its caller).
    """
    sample = finding.samples[0] if finding.samples else None
    row = next((r for r in rows if sample is not None and r.id == str(sample["sample_id"])), None)
    answer = json.loads(sample["prediction"]) if sample is not None else None
    if row is None or not isinstance(answer, dict):
        return finding
    if reading.style is None:
        text = reading.wrapper.wrap(str(answer.get("text", "")))
    else:
        named = zip(answer["boxes"], answer["labels"], answer["scores"], strict=True)
        whole = [(tuple(float(round(v or 0.0)) for v in corners), label, mark or 0.0) for corners, label, mark in named]
        text = reading.boxes([Box((c[0], c[1], c[2], c[3]), label, mark) for c, label, mark in whole], row)
    path, caller = target
    case = Case(finding, row, text, "bad", LEAST)
    slug = "".join(c if c.isalnum() or c in "-_." else "-" for c in caller.target)
    name = f"{slug}--{repro_name(case)}"
    while name in scripts:
        name = f"{name.removesuffix('.py')}_more.py"
    scripts[name] = repro_script(case, reading, (path, caller.signature.name), rows, name)
    return replace(finding, repro=f"repro/{name}")


def _texts(case: Case, reading: Reading, rows: list[Row]) -> dict[str, tuple[Row, str]]:
    row = case.row
    found = {"right answer": (row, reading.gold(row))}
    if case.rule in ("bad", "odd", "good"):
        found["honest mistake"] = (row, honest_mistake(reading, row, rows))
    if case.rule == "form":
        return found | {"nonsense": (row, NONSENSE), "honest mistake": (row, case.text)}
    if case.rule == "again":
        return found
    if case.rule == "steps":
        return found | {name: (row, text) for name, text in sweep_texts(reading, row).items()}
    if case.rule == "size":
        large, text = large_text(reading, row, case.finding.samples[0])
        return found | {"nonsense": (row, NONSENSE), "small picture": (row, case.text), "large picture": (large, text)}
    return found | {{"good": "variant", "error": "text"}.get(case.rule, "exploit"): (row, case.text)}


def _literal(calls: dict[str, Any]) -> str:
    """Python source of the calls, with the trainer's objects by name."""
    text = pprint.pformat(calls, width=120, sort_dicts=False)
    for name in ("trainer_state", "parser", "log"):
        text = text.replace(f"{{'__object__': '{name}'}}", name)
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _plain(text: str) -> str:
    """Safe inside a docstring."""
    return text.replace("\\", "/").replace('"""', "'''").encode("ascii", "replace").decode("ascii")
