"""The audit's pages as files: the ranking and its rule, cards with exploits, nothing a user wrote becomes markup."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rewardmark.leaderboard.audit.pages import build
from rewardmark.leaderboard.audit.pages.pictures import Pictures
from rewardmark.leaderboard.audit.pages.plots import make_plot
from rewardmark.leaderboard.audit.pages.ranking import make_tables
from rewardmark.rewards.errors import DataError

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def site(audit_fixture: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = audit_fixture.write(tmp_path_factory.mktemp("audit"))
    build(folder)
    return folder


def test_there_is_a_ranking_a_page_on_choosing_and_a_card_for_each_reward(site: Path, audit_fixture: ModuleType):
    index, choosing = (site / "index.html").read_text(), (site / "choosing.html").read_text()
    for result in audit_fixture.results():
        card = result.reward.replace("/", "-") + ".html"
        assert (site / card).is_file() and f'href="{card}"' in index and f'href="{card}"' in choosing
    assert "Rewards with fewer exploits stand first" in index and "Tune with it: no exploit" in choosing
    assert 'First choice: <a href="detection-good.html">' in choosing
    assert "No reward of this task passes every test" in choosing  # captioning


def test_the_ranking_and_the_advice_follow_from_the_numbers(audit_fixture: ModuleType):
    detection = next(table for table in make_tables(audit_fixture.results()) if table.task == "detection")
    assert [row.name for row in detection.rows] == [f"detection/{n}" for n in ("good", "silent", "raises", "gamed")]
    assert [row.verdict for row in detection.rows] == ["use", "care", "avoid", "avoid"]
    assert detection.choice is detection.rows[0]
    silent, gamed = detection.rows[1], detection.rows[3]
    assert "50% of groups silent" in silent.advice and "3 exploits, the cheapest: first" in gamed.advice
    assert gamed.cheapest is not None and gamed.cheapest.cost == 1
    assert gamed.junk == 0.02 and gamed.speed == 52_000 and gamed.hackability == 0.01 and gamed.lazy == 0.1


@pytest.mark.parametrize(
    ("numbers", "verdict", "words"),
    [
        ({"spearman": 0.49}, "care", "Spearman under 0.5"),
        ({"hackability": 0.26}, "care", "hackability above 0.25"),
        ({"lazy": 0.51}, "care", "a fixed answer earns more than 50% of gold"),
        ({"spearman": None}, "care", "unknown: agreement"),
        ({"spearman": 0.5, "hackability": 0.25, "lazy": 0.5, "silent": 0.5}, "use", "no exploit"),
    ],
)
def test_each_condition_of_the_rule_is_applied(
    audit_fixture: ModuleType, numbers: dict[str, Any], verdict: str, words: str
):
    (table,) = make_tables([audit_fixture.audit("detection/x", **numbers)])
    assert table.rows[0].verdict == verdict and words in table.rows[0].advice


def test_an_official_metric_that_is_gamed_may_still_judge(audit_fixture: ModuleType):
    found = audit_fixture.audit("detection/ap", findings=(audit_fixture.exploit("spam", 1),), status="metric")
    assert "it may judge" in make_tables([found])[0].rows[0].advice


def test_a_card_shows_the_cheapest_exploit_first_with_its_picture(site: Path):
    card = (site / "detection-gamed.html").read_text()
    assert card.index("does first") < card.index("does search") < card.index("does second")
    assert card.count('class="edge odd"') >= 1 and "data:image/png;base64," in card  # the scene behind the boxes
    assert "Battery" in card and "Pairwise accuracy" in card and "they part" in card
    assert "corners swapped" in card and "detection/AP" in card
    assert "a &lt;b&gt;d" in (site / "captioning-said.html").read_text()
    assert "No exploit found" in (site / "detection-good.html").read_text()
    assert "it raised ValueError" in (site / "detection-raises.html").read_text()


def test_no_page_names_a_network_address_and_links_lead_somewhere(site: Path):
    import re

    for page in site.glob("*.html"):
        text = page.read_text()
        assert "http:" not in text and "https:" not in text, page
        for target in re.findall(r'(?:href|src)="([^"#:]+)(?:#[^"]*)?"', text):
            assert (site / target).is_file(), (page, target)


def test_the_same_audits_give_the_same_bytes(site: Path, audit_fixture: ModuleType, tmp_path: Path):
    again = audit_fixture.write(tmp_path / "again")
    build(again)
    assert {p.name: p.read_bytes() for p in site.glob("*.html")} == {
        p.name: p.read_bytes() for p in again.glob("*.html")
    }


def test_what_users_wrote_is_never_markup(audit_fixture: ModuleType, tmp_path: Path):
    prediction = {"boxes": [[0, 0, 9, 9]], "labels": [EVIL], "scores": [1.0]}
    finding = audit_fixture.exploit(EVIL, 1, "battery", prediction, {"text": EVIL})
    held = audit_fixture.audit(EVIL, findings=(finding,), status=EVIL)
    held.sections[EVIL] = {EVIL: EVIL, "table": {EVIL: 1.0}}
    held.sections["battery"][EVIL] = {"holds": True, "description": EVIL}
    build(audit_fixture.write(tmp_path / "evil", [held]))
    pages = list((tmp_path / "evil").glob("*.html"))
    assert len(pages) == 3
    for page in pages:
        text = page.read_text()
        assert "<script>alert" not in text and "<img src=x" not in text and "&lt;script&gt;alert" in text


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"rewards": 3}', '{"rewards": [{"schema": 9}]}', '{"rewards": [{"schema": 1}]}', '{"rewards": [4]}'],
)
def test_a_broken_table_of_audits_is_named_in_one_line(tmp_path: Path, text: str):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(DataError) as error:
        build(tmp_path)
    assert str(tmp_path / "audit.json") in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(DataError, match="run `rewardmark audit` first"):
        build(tmp_path / "none")


@pytest.mark.parametrize(
    "prediction", ["{", "7", "null", '{"boxes": [[0, 0, 1]], "labels": ["a"], "scores": [1]}', '{"png": "x"}']
)
def test_a_prediction_that_cannot_be_drawn_is_shown_as_it_stands(audit_fixture: ModuleType, prediction: str):
    drawing = Pictures().drawing(audit_fixture.audit("detection/x"), {"sample_id": "0", "prediction": prediction})
    assert drawing.sides[1].boxes == [] and drawing.sides[1].picture is None


def test_a_plot_leaves_gaps_where_values_are_unknown():
    plot = make_plot("x", [0, 1, 2, 3], {"a": [0.0, None, 1.0, float("nan")]}, "step", mark=2)
    assert plot.lines[0].points == ["44.0,140.0", "220.0,12.0"] and plot.mark == 220.0
    assert [text for _, text in plot.y_ticks] == ["0", "1"] and "a from 0 to 1" in plot.words
    assert make_plot("x", [], {"a": []}, "step").lines[0].points == []


def test_the_board_holds_the_audit_and_links_each_reward(
    audit_fixture: ModuleType, board_fixture: ModuleType, tmp_path: Path
):
    from rewardmark.leaderboard.board import build_board

    runs = board_fixture.write_runs(tmp_path / "runs", only=("detection",))
    plain = build_board(runs, tmp_path / "plain").index
    assert "audit/" not in plain.read_text() and not (plain.parent / "audit").exists()
    audit_fixture.write(runs / "audits", [audit_fixture.audit("detection/recall"), audit_fixture.audit("detection/x")])
    site = build_board(runs, tmp_path / "site").index.parent
    index = (site / "index.html").read_text()
    assert 'href="audit/index.html"' in index and 'href="audit/choosing.html"' in index
    assert '<a href="audit/detection-recall.html">detection/recall</a>' in index
    assert (site / "audit/detection-recall.html").is_file() and (site / "audit/assets/board.css").is_file()
    assert json.loads((site / "audit/audit.json").read_text())["schema"] == 1
