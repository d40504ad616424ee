"""The examples of docs/audit.md do what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
COMMAND = "import sys; from rewardmark.leaderboard.cli import main; sys.exit(main())"


@pytest.mark.slow
def test_the_examples_of_the_page_run(tmp_path: Path) -> None:
    text = PAGE.read_text()
    for name, content in re.findall(r"```python (\S+)\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(content)
    command = re.findall(r"```sh\nrewardmark (.*?)\n```", text)[0].split()
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *command, "--fail-on", "exploits>0"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "called as TRL: reward(completions, solution, **columns)" in done.stderr
    assert "exploit: trailing spam" in done.stderr
    script = next((tmp_path / "audits" / "repro").glob("*exploit_trailing_spam.py"))
    shown = subprocess.run([sys.executable, "-I", "-S", str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert shown.returncode == 1 and "right answer" in shown.stdout
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_reward.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout


def test_the_pages_rules_name_every_format() -> None:
    from rewardmark.rewards.audit.foreign.formats import FORMATS

    assert all(f"`{name}`" in PAGE.read_text() for name in FORMATS)
