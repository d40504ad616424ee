"""Three auditors on the same reward functions and the same rows: what does each find?

Run: python tests/benchmarks/compare_audits.py --python PATH > table.md
PATH is the Python of an environment of its own: pip install falsepass==0.11.0 reward-doctor==0.2.0.
The table goes to standard output (docs/audit-comparison.md holds it). Exit code 1 when one of the two finds a fault of
a text reward that we do not tell.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rewardmark.leaderboard.audit.foreign import audit_function
from rewardmark.rewards.audit.foreign.rows import rows_of
from rewardmark.rewards.audit.synthetic import synthetic_material

HERE = Path(__file__).parent
OUTSIDE = HERE.parent / "rewards" / "foreign_functions"
TEXT = ("contains", "exact", "first_tag", "last_number", "format_and_answer", "overlap", "raises", "strict")
VISION = (
    ("trl_boxes.py", ("inverted_pays", "spam_is_free", "duplicates_pay", "mended")),
    ("vlm_r1.py", ("any_label", "same_label")),
    ("visual_rft.py", ("zero_confidence_pays", "mended")),
)
QUESTIONS = (
    ("Is there a dog in the picture? Answer yes or no.", "yes"),
    ("Is there a cat in the picture? Answer yes or no.", "no"),
    ("Is the car red or blue?", "red"),
    ("What stands beside the tree?", "bicycle"),
    ("How many dogs are there?", "3"),
    ("How many windows does the house have?", "12"),
)
#: Their names of faults -> ours that say the same (a prefix is enough).
SAME = {
    "shotgun": ("all answers", "hedged", "several", "both", "two answers", "answers side", "listing", "first of two"),
    "negation": ("negated", "refusal", "ruled out", "answer denied"),
    "empty": ("empty", "blank", "tags without", "label without", "reasoning without", "refusal", "nonsense"),
    "echo": ("prompt", "nonsense"),
    "contradiction": ("right only", "ruled out", "buried"),
    "padding": ("long wrong", "repeated wrong", "wrong answer"),
    "judge_injection": ("note to the grader", "forged"),
    "judge_bias": ("praise", "wrong answer"),
    "format_farming": ("form alone", "tags without", "nested", "wrong answer"),
    "refuses what is right": ("false-fail",),
    "crashes": ("error", "fragile"),
    "P1": ("false-fail",),
    "P2": ("false-fail",),
    "P3": ("empty", "blank", "nonsense", "error"),
    "P4": ("prompt", "nonsense", "error"),
    "P5": ("form alone", "all answers", "several", "both", "listing", "error"),
    "P6": ("wrong answer", "form alone"),
    "P7": ("wrong answer", "nonsense", "error"),
    "P9": ("buried", "first of two", "last of two", "error"),
    "P10": ("error", "fragile", "broken", "digits", "nonsense"),
    "P11": ("not deterministic",),
    "P13": ("form alone", "nan", "infinity", "a fraction"),
    "P14": ("false-fail: format named",),
    "P15": ("form alone", "answer denied", "negated", "false equation", "both", "two answers", "one of two"),
    "A1": ("form alone", "numbers to", "every letter", "yes, no", "no, yes", "prompt", "all answers", "lazy", "error"),
    "X1": ("form alone", "lazy policy"),
    "T7": ("error", "false-fail"),
}

DOCTOR = """
import json, sys
from reward_doctor.audit import audit
from reward_doctor.cli import load_target
result = audit(load_target(sys.argv[1]))
found = sorted(result.attacks_that_work)
found += ["refuses what is right"] if result.false_negatives else []
found += ["crashes"] if result.errors else []
print(json.dumps(found))
"""


def ours(target: str, task: str, dataset: Path) -> list[str]:
    """Names of our findings; what is told without being a finding; false fails as one."""
    result = audit_function(target, None, task=task, dataset=dataset)
    found = [f.name for f in result.findings if f.kind in ("exploit", "false-pass")]
    found += ["error"] if any(f.kind == "error" for f in result.findings) else []
    found += [f"false-fail: {f.name}" for f in result.findings if f.kind == "false-fail"]
    told = result.sections["variants"]
    found += [f"{name} (told)" for name, v in told.items() if v["rule"] == "told" and not v["holds"]]
    found += ["fragile (told)"] if result.sections["fragility"] else []
    return found


def doctor(python: str, target: str) -> list[str]:
    """The attacks of reward-doctor that work, or why it could not run."""
    done = subprocess.run([python, "-c", DOCTOR, target], capture_output=True, text=True, timeout=300)
    if done.returncode:
        return ["could not call it: " + done.stderr.strip().splitlines()[-1][:120]]
    return list(json.loads(done.stdout.splitlines()[-1]))


def falsepass(python: str, file: Path, function: str, dataset: Path) -> list[str]:
    """The probes of falsepass that failed, by name; its runner is called without uv, in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(python).parent / "falsepass"), "init", str(file), "--dataset", str(dataset)]
        init = subprocess.run([*command, "--func", function], cwd=folder, capture_output=True, text=True, timeout=300)
        audits = sorted(Path(folder, "audits").glob("*/env.toml")) if init.returncode == 0 else []
        if not audits:
            return ["could not call it: " + (init.stderr or init.stdout).strip().splitlines()[-1][:120]]
        run = [python, "-m", "falsepass.runner", str(audits[0].parent)]
        done = subprocess.run(run, cwd=folder, capture_output=True, text=True, timeout=600)
        results = audits[0].parent / "probe-results.json"
        if not results.is_file():
            if "no candidate format" in done.stderr + done.stdout:
                return ["could not run: in no format that it knows does the right answer earn anything"]
            return ["could not run: " + (done.stderr or done.stdout).strip().splitlines()[-1][:120]]
        data = json.loads(results.read_text())
    rows: list[dict[str, Any]] = data["results"] if isinstance(data, dict) else data
    failed = {f"{row['probe']} {row['name']}" for row in rows if not row["passed"]}
    return sorted(failed)


def missing(theirs: list[str], mine: list[str]) -> list[str]:
    """Faults of theirs for which nothing of ours says the same."""
    lost = []
    for fault in theirs:
        key = fault.split()[0] if fault.split()[0] in SAME else fault
        if key.startswith("could not") or fault.startswith("could not"):
            continue
        if not any(name.startswith(SAME.get(key, (key,))) for name in mine):
            lost.append(fault)
    return lost


def rows_for_vision(file: Path) -> None:
    """Synthetic pictures with the columns that the vision rewards read."""
    lines = []
    for row in rows_of(synthetic_material("detection", 8, 0)):
        boxes = [[int(v) for v in box.corners] for box in row.boxes]
        labels = [box.label for box in row.boxes]
        items = [{"bbox_2d": b, "label": n} for b, n in zip(boxes, labels, strict=True)]
        positions = [{"Position": b, "Confidence": 1} for b in boxes]
        solution = f"```json\n{json.dumps(items)}\n```" if file.stem == "vlm_r1" else f"<answer>{positions}</answer>"
        solution = solution if file.stem != "trl_boxes" else json.dumps(items)
        columns = {"boxes": boxes, "labels": labels} if file.stem == "trl_boxes" else {}
        line = {"prompt": row.prompt, "width": row.width, "height": row.height, **columns, "solution": solution}
        lines.append(json.dumps({**line, "image_path": [f"{row.id}.png"], "accu_reward_method": "default"}))
    file.write_text("\n".join(lines))


def _short(mine: list[str]) -> str:
    """The first names of each sort, and how many more there are."""
    told = [name.removesuffix(" (told)") for name in mine if name.endswith("(told)")]
    refused = [name.removeprefix("false-fail: ") for name in mine if name.startswith("false-fail")]
    paid = [name for name in mine if name not in told and not name.startswith("false-fail") and "(told)" not in name]
    parts = []
    for what, names in (("", paid), ("refuses ", refused), ("told: ", told)):
        if names:
            more = f" and {len(names) - 6} more" if len(names) > 6 else ""
            parts.append(f"{what}{', '.join(names[:6])}{more}")
    return "; ".join(parts) or "nothing"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--python", required=True, help="Python of the environment that has falsepass and reward-doctor"
    )
    python = parser.parse_args().python
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder, "words.jsonl")
        words.write_text("\n".join(json.dumps({"prompt": q, "answer": a}) for q, a in QUESTIONS))
        cases = [(HERE / "compared_rewards.py", name, "vqa", words) for name in TEXT]
        for file, names in VISION:
            data = Path(folder, f"{Path(file).stem}.jsonl")
            rows_for_vision(data)
            cases += [(OUTSIDE / file, name, "detection", data) for name in names]
        print(
            "| reward | rewardmark | falsepass | reward-doctor | found by them, not told by us |\n|---|---|---|---|---|"
        )
        for file, name, task, data in cases:
            mine = ours(f"{file}:{name}", task, data)
            other = falsepass(python, file, name, data)
            third = doctor(python, f"{file}:{name}")
            gone = missing([*other, *third], mine) if task == "vqa" else []
            lost += len(gone)
            cells = [_short(mine), *("; ".join(column) or "nothing" for column in (other, third))]
            label = f"{file.stem}.{name}"
            print(f"| {label} | {' | '.join(c.replace('|', '/') for c in cells)} | {'; '.join(gone) or '-'} |")
            sys.stdout.flush()
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
