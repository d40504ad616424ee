"""The audit of rewards of which everything is known: a constant, the metric itself, one that pays for every box."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from rewardmark.rewards import Boxes, Captions, get_reward, list_rewards, register_reward, registry
from rewardmark.rewards.audit.exploits import exploits, exploits_for
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.measure import SECTIONS, audit_reward, suits
from rewardmark.rewards.audit.prepare import Prepared
from rewardmark.rewards.audit.questions import variants
from rewardmark.rewards.audit.render import as_json
from rewardmark.rewards.audit.result import AuditResult, Finding
from rewardmark.rewards.audit.synthetic import synthetic_material
from rewardmark.rewards.audit.verdict import with_truth
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.tasknames import task_names

SLOW = 0.0


@pytest.fixture(scope="module")
def boxes() -> Prepared:
    return Prepared(synthetic_material("detection", 16, seed=3), 3)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Timing is no part of these tests; what they register goes again."""
    monkeypatch.setattr("rewardmark.rewards.audit.timing.SECONDS", SLOW)
    before = registry._snapshot()
    yield
    registry._restore(before)


def audited(function: Any, prepared: Prepared, **card: Any) -> AuditResult:
    name = f"{prepared.material.task}/{function.__name__}"
    options = {"bounds": (None, None), "gold": "detection/AP", "source": "this test", **card}
    register_reward(name, task=prepared.material.task, **options)(function)
    return audit_reward(get_reward(name), prepared.material, seed=prepared.seed, prepared=prepared)


def constant(predictions: Boxes, targets: Boxes) -> torch.Tensor:
    """The same for everything."""
    return torch.full((len(predictions),), 0.5)


def each_box(predictions: Boxes, targets: Boxes) -> torch.Tensor:
    """A tenth for every box."""
    return 0.1 * predictions.mask.sum(1).float()


def test_a_constant_reward_has_no_signal_no_tau_no_separation_and_holds_against_nothing(boxes: Prepared) -> None:
    result = audited(constant, boxes, bounds=(0.0, 1.0))
    s = result.sections
    assert s["signal"] == {"variance": 0, "std": 0, "between": 0, "silent": 1}
    assert s["monotonicity"]["mean"] == 0
    assert all(found["all"] == 0.5 for found in s["pairwise"].values())
    assert math.isnan(s["rank"]["spearman"])
    assert s["gold"]["separation"] == 0
    assert s["best_of_n"]["hackability"] == pytest.approx(0, abs=1e-9)
    assert not any(entry["holds"] for entry in s["battery"].values())
    assert {f.name for f in result.exploits()} == set(s["battery"])
    assert result.exploits()[0].name == "empty answer"  # it costs nothing to write
    assert all(value == 0 for value in s["invariance"].values())
    assert s["floor"]["lead"] == 0


def test_a_reward_equal_to_the_metric_has_parity_full_rank_agreement_and_no_hackability(boxes: Prepared) -> None:
    reward = get_reward("detection/coco-ap")
    s = audit_reward(reward, boxes.material, prepared=boxes).sections
    assert s["parity"]["claims"] == "detection/AP"
    assert (s["parity"]["max"], s["parity"]["unscored_apart"]) == (0, 0)
    assert s["rank"]["spearman"] == pytest.approx(1)
    assert s["best_of_n"]["hackability"] == pytest.approx(0, abs=1e-6)
    assert s["gold"]["gold_mean"] == s["gold"]["share_at_upper_bound"] == 1


def test_a_reward_of_a_tenth_for_each_box_has_exactly_that_junk_gain(boxes: Prepared) -> None:
    s = audited(each_box, boxes).sections
    assert len(s["junk"]) == 8  # spam and duplicates, in front and behind, on gold and on half-right answers
    for found in s["junk"].values():
        assert found["per_piece"] == pytest.approx(0.1, abs=1e-6)
        assert found["share_not_worse"] == 1
    assert not s["battery"]["trailing spam"]["holds"]
    assert s["battery"]["trailing spam"]["mean_reward"] - s["gold"]["gold_mean"] == pytest.approx(0.5, abs=1e-6)
    assert s["battery"]["empty answer"]["holds"]


def test_a_reward_that_looks_at_the_order_or_the_batch_is_found_out(boxes: Prepared) -> None:
    def first_box(predictions: Boxes, targets: Boxes) -> torch.Tensor:
        """The left edge of the first box."""
        return predictions.boxes[:, 0, 0] / 100 if predictions.boxes.shape[1] else torch.zeros(len(predictions))

    def of_the_batch(predictions: Boxes, targets: Boxes) -> torch.Tensor:
        """A hundredth for every sample in the batch."""
        return torch.full((len(predictions),), len(predictions) / 100)

    invariance = audited(first_box, boxes).sections["invariance"]
    assert invariance["order of the boxes, gold"] > 0.05
    assert invariance["order of the truths, gold"] == invariance["padding, gold"] == 0
    assert invariance["frame unit, gold"] < 1e-4
    determinism = audited(of_the_batch, boxes).sections["determinism"]
    assert determinism["rerun"] == 0
    assert determinism["one_by_one"] == pytest.approx(0.15)
    assert determinism["halves"] == pytest.approx(0.08)


def test_a_reward_that_raises_and_one_out_of_bounds_are_counted_and_found(boxes: Prepared) -> None:
    def picky(predictions: Boxes, targets: Boxes) -> torch.Tensor:
        """Refuses long lists, and is too large for high scores."""
        if predictions.mask.sum(1).max() > 100:
            raise ValueError("too many boxes")
        return predictions.scores.sum(1) * predictions.mask.any(1)

    result = audited(picky, boxes, bounds=(0.0, 100.0))
    validity = result.sections["validity"]
    assert validity["exceptions"] == 8  # each of the samples that "hundreds of boxes" is tried on
    assert validity["out_of_bounds"] == 16  # negative scores, and a million each
    assert validity["non_finite"] == 0
    messages = [f.description for f in result.findings if f.kind == "error"]
    assert any("too many boxes" in message for message in messages)
    assert any("lower bound" in message for message in messages)


def test_the_floor_names_the_answer_that_pays_without_looking() -> None:
    prepared = Prepared(synthetic_material("vqa", 16, variant="yes-no"), 0)
    s = audit_reward(get_reward("vqa/exact"), prepared.material, prepared=prepared).sections
    share = max(prepared.material.gold.texts.count(word) for word in ("yes", "no")) / 16
    assert s["floor"]["reward"] == share
    assert s["floor"]["best"] in ("the commonest answer", *s["floor"]["all"])
    assert s["gold"]["gold_mean"] == 1


def test_a_reward_that_scores_no_gold_is_refused_with_its_own_words(boxes: Prepared) -> None:
    with pytest.raises(RewardmarkError, match=r"vqa/exact scores none of the 16 gold predictions: .*text"):
        audit_reward(get_reward("vqa/exact"), boxes.material, prepared=boxes)
    assert not suits(get_reward("vqa/exact"), boxes.material)


def test_every_section_is_there_and_the_result_survives_json(boxes: Prepared) -> None:
    result = audit_reward(get_reward("detection/od-as-published"), boxes.material, prepared=boxes)
    assert list(result.sections) == list(SECTIONS)
    text = json.dumps(result.to_json(), allow_nan=False)
    again = AuditResult.from_json(json.loads(text))
    assert json.dumps(again.to_json(), allow_nan=False) == text
    sample = result.exploits()[0].samples[0]
    assert set(sample) == {"sample_id", "reward", "gold_reward", "official", "prediction", "truth"}
    assert set(json.loads(sample["prediction"])) == {"boxes", "labels", "scores"}
    with pytest.raises(RewardmarkError, match="schema 7"):
        AuditResult.from_json({**json.loads(text), "schema": 7})
    with pytest.raises(RewardmarkError, match="no kind"):
        Finding("hack", "x", "battery", "")  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_audit(boxes: Prepared) -> None:
    def stable(result: AuditResult) -> dict[str, Any]:
        data = result.to_json()
        return {**data, "seconds": 0, "sections": {k: v for k, v in data["sections"].items() if k != "speed"}}

    reward = get_reward("detection/f1")
    again = Prepared(synthetic_material("detection", 16, seed=3), 3)
    first = audit_reward(reward, boxes.material, seed=3, prepared=boxes)
    assert stable(first) == stable(audit_reward(reward, again.material, seed=3, prepared=again))


TASKS = [(task, variant) for task in task_names() if task in
         ("detection", "panoptic", "colorization", "captioning", "grounding", "vqa", "counting", "matching", "format")
         for variant in variants(task)]  # fmt: skip


@pytest.mark.parametrize(("task", "variant"), TASKS)
def test_every_task_has_material_whose_gold_is_best_and_whose_battery_differs_from_it(task: str, variant: str) -> None:
    material = synthetic_material(task, 8, seed=1, variant=variant)
    assert with_truth(material).all() and len(material) == 8
    prepared = Prepared(material, 1)
    names = [entry.name for entry, _, _ in prepared.battery]
    assert len(set(names)) == len(names) >= 7
    for entry, predictions, base in prepared.battery:
        assert type(predictions) is type(material.gold) and len(predictions) == 8
        compared = material.gold if base is None else base
        different = sum(as_json(predictions, k) != as_json(compared, k) for k in range(8))
        assert different >= 4, entry.name
    for name, graded in prepared.corrupted.items():
        assert [as_json(graded[0], k) for k in range(8)] == [as_json(material.gold, k) for k in range(8)], name
        assert any(as_json(graded[-1], k) != as_json(material.gold, k) for k in range(8)), name
    if material.official is not None:
        gold = material.official(material.gold, material.targets)
        worst = material.official(prepared.battery[0][1], material.targets)
        assert (gold >= worst).all() and gold.mean() > worst.mean()


ISSUE = {
    "detection": {"empty answer", "inverted boxes", "huge boxes", "zero area", "negative boxes", "trailing spam",
                  "wrong at zero confidence", "leading spam", "duplicates", "unknown labels", "one shared coordinate",
                  "all classes at each box"},
    "panoptic": {"empty answer", "one huge segment", "zero area", "trailing spam", "leading spam", "duplicates",
                 "unknown labels", "all classes in strips"},
    "colorization": {"empty answer", "saturated rainbow", "one shared colour", "trailing spam", "leading spam"},
    "captioning": {"empty answer", "prompt echo", "repeated sentences", "listing all classes", "trailing spam",
                   "leading spam", "duplicates"},
    "grounding": {"empty answer", "inverted boxes", "huge boxes", "zero area", "negative boxes", "trailing spam",
                  "leading spam", "duplicates", "one shared coordinate"},
    "vqa": {"empty answer", "substring answer", "listing all classes", "repeated sentences", "prompt echo",
            "trailing spam", "leading spam", "duplicates"},
    "counting": {"empty answer", "substring answer", "repeated sentences", "prompt echo", "trailing spam"},
    "matching": {"no score", "every score the same"},
    "format": {"empty answer", "repeated sentences", "prompt echo", "duplicates"},
}  # fmt: skip


@pytest.mark.parametrize("task", ISSUE)
def test_the_first_battery_has_every_entry_that_makes_sense_for_a_task(task: str) -> None:
    assert ISSUE[task] <= {entry.name for entry in exploits(task)}


def test_material_of_an_unknown_type_is_refused() -> None:
    material = synthetic_material("detection", 2)
    odd = Material("detection", [1, 2], None, None, "", 0.0, ["0", "1"], "x")
    with pytest.raises(RewardmarkError, match="no battery for predictions of type list"):
        exploits_for(odd)
    with pytest.raises(RewardmarkError, match="no synthetic material"):
        synthetic_material("tennis", 2)
    assert len(material.rows([1])) == 1 and material.rows([1]).sample_ids == ["1"]


def test_a_reward_that_looks_at_the_picture_is_audited_with_a_scorer() -> None:
    def brightness(captions: list[str], rgb: torch.Tensor) -> torch.Tensor:
        return torch.tensor([len(text) / 1000 for text in captions])

    material = synthetic_material("captioning", 8, variant="images")
    s = audit_reward(get_reward("captioning/clip-score", scorer=brightness), material).sections
    assert not s["battery"]["trailing spam"]["holds"]  # this scorer likes long captions
    assert s["rank"]["spearman"] is None


@pytest.mark.parametrize("card", [c for c in list_rewards() if c.status == "mended"], ids=lambda card: card.name)
def test_no_mended_reward_pays_for_the_battery_on_synthetic_material(card: Any) -> None:
    for variant in variants(card.task):
        material = synthetic_material(card.task, 16, seed=5, variant=variant)
        reward = get_reward(card.name, **material.parameters.get(card.name, {}))
        if suits(reward, material):
            result = audit_reward(reward, material, seed=5)
            assert [f.name for f in result.findings] == []
            return
    raise AssertionError("no material suits it")


def test_captions_prepared_once_serve_rewards_of_several_metrics() -> None:
    prepared = Prepared(synthetic_material("captioning", 6), 0)
    for name in ("captioning/bleu4", "captioning/rouge-l"):
        s = audit_reward(get_reward(name), prepared.material, prepared=prepared).sections
        assert s["rank"]["official"] == get_reward(name).card.gold
        assert s["rank"]["spearman"] == pytest.approx(1)
    assert isinstance(prepared.material.gold, Captions)
