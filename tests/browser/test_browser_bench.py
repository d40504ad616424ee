"""The page of the benchmarks in a real Chromium, opened from disk. Skipped without playwright and a system browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rewardmark.leaderboard.bench import write_page
from rewardmark.leaderboard.bench.measure import tidy


def figures() -> dict[str, Any]:
    """What pytest-benchmark would write of one compared case and one that grows, as the bench keeps it."""
    compared = {"work": "512 <captions>", "ratio:a peer": 10.0, "spread:a peer": [9.0, 11.0], "seconds:a peer": 0.2}
    compared |= {"memory:ours": 1.5, "memory:a peer": 12.25}
    grown = {"slope:images": 1.02, "sizes:images": {"10": 0.1, "100": 1.05}}
    stats = {"median": 0.02, "rounds": 5}
    machine = {"system": "Linux", "release": "6", "python_version": "3.11", "cpu": {"brand_raw": "C", "count": 2}}
    cases = [("cider", compared), ("growth[cider]", grown)]
    benchmarks = [
        {"group": "captions", "name": f"test_bench_{name}", "stats": stats, "extra_info": extra}
        for name, extra in cases
    ]
    return tidy({"machine_info": machine, "benchmarks": benchmarks}, quick=False)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_opens_from_disk_without_a_complaint_and_changes_its_theme(
    browser: Any, width: int, tmp_path: Path
) -> None:
    page_file = write_page(figures(), tmp_path, board=False)
    complaints: list[str] = []
    requests: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(page_file.as_uri())
    theme = page.evaluate("document.documentElement.dataset.theme")
    page.click("#theme")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") != theme or theme == "dark"
    assert "a peer" in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
    assert complaints == []
    assert all(url.startswith("file:") for url in requests)
