"""The page in a real Chromium, opened from disk. Needs playwright and a system browser; without them it is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

MINUS = "\N{MINUS SIGN}"
TASKS = ("detection", "panoptic", "colorization", "captioning")


class Opened:
    """A page and what it complained about or asked for."""

    def __init__(self, browser: Any, site: Path, **context: Any) -> None:
        self.page = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context}).new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(site.joinpath("index.html").as_uri())

    def gallery(self, task: str) -> Any:
        """The task's gallery, scrolled to and drawn."""
        gallery = self.page.locator(f"#{task} .gallery")
        gallery.scroll_into_view_if_needed()
        gallery.locator(".sample").first.wait_for()
        return gallery

    def everything(self) -> None:
        """Scroll to every chart and gallery, so that all that is lazy has happened."""
        for task in TASKS:
            self.page.locator(f"#{task} .charts").scroll_into_view_if_needed()
            self.page.locator(f"#{task} .panel svg").first.wait_for()
            self.gallery(task)


@pytest.fixture
def open_site(browser: Any) -> Iterator[Any]:
    opened: list[Opened] = []

    def open_site(site: Path, **context: Any) -> Opened:
        opened.append(Opened(browser, site, **context))
        return opened[-1]

    yield open_site
    for one in opened:
        one.page.context.close()


@pytest.fixture
def opened(open_site: Any, board_site: Path) -> Opened:
    return open_site(board_site)


def test_from_disk_nothing_is_asked_of_a_network_and_nothing_complains(opened: Opened):
    opened.everything()
    assert opened.requests and all(url.startswith(("file:", "data:")) for url in opened.requests)
    assert opened.complaints == []


@pytest.mark.parametrize("task", TASKS)
def test_each_task_shows_truth_start_and_tuned_side_by_side(opened: Opened, task: str):
    gallery = opened.gallery(task)
    samples = gallery.locator(".sample")
    assert samples.count() == 6
    titles = samples.first.locator("h5").all_text_contents()
    truth = "References" if task == "captioning" else "Truth"
    assert [t for t in titles if t not in ("Input", "Picture")] == [truth, "Start", "Tuned"]
    loaded = "images => images.every(i => i.complete && i.naturalWidth > 0)"
    pictures = samples.first.locator("img")
    opened.page.wait_for_function("() => true")
    assert pictures.count() >= 1 and pictures.evaluate_all(loaded)
    drawn = {"detection": "rect.box", "panoptic": "path.edge", "captioning": "mark.hit", "colorization": ".tuned img"}
    assert gallery.locator(drawn[task]).count() > 0
    gallery.get_by_role("button", name="Show all 24").click()
    assert samples.count() == 24


def test_the_gallery_can_be_ordered_by_improvement_and_changes_entry(opened: Opened):
    gallery = opened.gallery("detection")
    gallery.get_by_label("Show").select_option("up")
    opened.page.wait_for_function(
        "() => document.querySelector('#detection .status').textContent.includes('biggest improvement')"
    )
    gallery.get_by_role("button", name="Show all 24").click()
    shown = gallery.locator(".tuned .result span:first-child .diff").all_text_contents()
    diffs = [float(text.replace(MINUS, "-")) for text in shown]
    assert diffs == sorted(diffs, reverse=True)
    gallery.get_by_label("Entry").select_option(label="reinforce · detection/f1")
    assert gallery.get_by_label("Seed").locator("option").all_text_contents() == ["0", "1"]


def test_less_sure_boxes_can_be_hidden(opened: Opened):
    gallery = opened.gallery("detection")
    before = gallery.locator(".tuned rect.box").count()
    gallery.get_by_role("slider").fill("1")
    opened.page.wait_for_function("() => !document.querySelector('#detection .tuned rect.box')")
    gallery.get_by_role("slider").fill("0")
    opened.page.wait_for_function(
        "(n) => document.querySelectorAll('#detection .tuned rect.box').length >= n", arg=before
    )


def test_a_sample_opens_large_and_closes_by_keyboard(opened: Opened):
    gallery = opened.gallery("panoptic")
    gallery.get_by_role("button", name="Enlarge sample 1", exact=True).press("Enter")
    dialog = opened.page.get_by_role("dialog")
    assert dialog.is_visible() and dialog.locator(".pic").count() == 3
    opened.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


def test_columns_sort_both_ways_by_their_numbers(opened: Opened):
    table = opened.page.locator("#detection table.results")
    header = table.get_by_role("columnheader").nth(2)
    for order, reverse in (("descending", True), ("ascending", False)):
        header.get_by_role("button").click()
        assert header.get_attribute("aria-sort") == order
        values = table.locator("tbody tr td:nth-child(3)").evaluate_all(
            "cells => cells.map(c => Number(c.dataset.value))"
        )
        assert values == sorted(values, reverse=reverse) and len(values) == 3
    change = table.get_by_role("columnheader").nth(3)
    change.get_by_role("button").click()
    first = table.locator("tbody tr").first.locator("td:nth-child(4)")
    assert first.get_attribute("data-value") != ""  # what has no value stays last


def test_filters_hide_tasks_rows_runs_and_lines(opened: Opened):
    page, form = opened.page, opened.page.locator("#filters")
    form.get_by_label("Task").select_option("detection")
    form.get_by_label("Reward").select_option("detection/f1")
    assert page.locator("section.task:visible").count() == 1
    assert page.locator("#detection tr[data-entry]:visible").count() == 1
    assert page.locator("details.run:visible").count() == 2
    assert page.locator("#filter-count").text_content() == "1 entry shown"
    page.locator("#detection .charts").scroll_into_view_if_needed()
    page.locator("#detection .panel svg").first.wait_for()
    form.get_by_role("button", name="Clear").click()
    page.wait_for_function("() => document.querySelectorAll('section.task:not([hidden])').length === 4")


def test_all_official_metrics_can_be_shown(opened: Opened):
    table = opened.page.locator("#detection table.results")
    assert not table.get_by_role("button", name="AR100").is_visible()
    opened.page.locator("#detection .all-metrics").check()
    assert table.get_by_role("button", name="AR100").is_visible()


def test_charts_read_values_by_pointer_and_by_keyboard(opened: Opened):
    opened.page.locator("#captioning .charts").scroll_into_view_if_needed()
    panel = opened.page.locator("#captioning .panel").first
    panel.locator("svg").wait_for()
    panel.locator("svg").hover()
    assert "step" in panel.locator(".tip").text_content()
    panel.locator("svg").focus()
    opened.page.keyboard.press("Home")
    first = panel.locator(".tip").text_content()
    opened.page.keyboard.press("ArrowRight")
    assert panel.locator(".tip").text_content() != first


@pytest.mark.parametrize("width", [360, 375, 768])
def test_no_page_is_wider_than_a_phone(open_site: Any, board_site: Path, width: int):
    opened = open_site(board_site, viewport={"width": width, "height": 800})
    opened.everything()
    opened.page.locator("details.run summary").first.click()
    for box in opened.page.locator(".all-metrics").all():
        box.check()  # with columns far to the right, one of them with an undefined metric
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
    assert opened.complaints == []


def test_dark_follows_the_system_and_the_button_overrules_it(open_site: Any, board_site: Path):
    page = open_site(board_site, color_scheme="dark").page
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.get_by_role("button", name="Change between light and dark").click()
    light = page.evaluate(colour)
    assert sum(map(int, dark[4:-1].split(","))) < 150 < 700 < sum(map(int, light[4:-1].split(",")))
    page.reload()
    assert page.evaluate(colour) == light


def test_everything_has_a_name_for_screen_readers(opened: Opened):
    opened.everything()
    page = opened.page
    assert page.evaluate("[...document.images].every(i => i.hasAttribute('alt'))")
    named = """e => (e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent).trim() !== ''"""
    nameless = page.locator("button, select, input, a, svg[role=img]").evaluate_all(
        f"all => all.filter(e => !({named})(e)).map(e => e.outerHTML.slice(0, 200))"
    )
    assert nameless == []
    ids = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))
    levels = page.locator("h1, h2, h3, h4, h5").evaluate_all("all => all.map(e => Number(e.tagName[1]))")
    assert levels.count(1) == 1 and all(later - now <= 1 for now, later in pairwise(levels))


def test_a_link_to_a_run_opens_it(opened: Opened):
    opened.page.locator("#detection table.results tbody a").nth(1).click()
    run = opened.page.locator("details.run[open]")
    run.wait_for()
    assert "Specification" in run.text_content()


def test_injected_markup_is_inert(open_site: Any, board_fixture: Any, tmp_path: Path):
    import json

    from rewardmark.leaderboard.board import build_board

    evil = "</script><img src=x onerror=\"alert('run')\"><b>bold</b>"
    runs = board_fixture.write_runs(tmp_path / "runs", only=("captioning",))
    for file in runs.glob("*/run.json"):
        run = json.loads(file.read_text())
        if "spec" in run:
            run["name"] = run["suite"] = run["spec"]["reward"] = evil
            file.write_text(json.dumps(run))
    opened = open_site(build_board(runs, tmp_path / "site").index.parent)
    opened.gallery("captioning")
    assert opened.complaints == [] and opened.page.locator("main b", has_text="bold").count() == 0
    assert opened.page.locator("h1").text_content() == evil
