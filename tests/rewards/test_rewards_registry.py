"""The registry, the checked call, composition and plug-ins: every mistake gives one clear line."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rewardmark.rewards import (
    Boxes,
    RewardFailure,
    RewardmarkError,
    gate,
    get_reward,
    list_rewards,
    load_plugin,
    plugins,
    product,
    register_reward,
    registry,
    weighted_sum,
)

BOXES = Boxes.from_lists([[[0, 0, 4, 4]], [], [[0, 0, 2, 2], [1, 1, 5, 5]]], [[1], [], [1, 2]])


@pytest.fixture(autouse=True)
def _fresh_registry() -> Iterator[None]:
    list_rewards()
    before = registry._snapshot()
    yield
    registry._restore(before)


def register(function: Any, name: str = "detection/mine", bounds: Any = (0.0, 1.0), **card: Any) -> None:
    register_reward(name, task=card.pop("task", "detection"), bounds=bounds, **card)(function)


def test_listing_rewards_imports_neither_torch_nor_other_heavy_packages() -> None:
    code = (
        "import sys; from rewardmark.rewards import list_rewards; assert list_rewards();"
        "heavy = {'torch', 'numpy', 'numba', 'scipy', 'pandas', 'transformers'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_card_names_its_source_and_its_twin_names_it_back() -> None:
    list_rewards()  # loads them
    ours = {name for name, entry in registry._snapshot().items() if entry.function.__module__.startswith("rewardmark.")}
    cards = {card.name: card for card in list_rewards() if card.name in ours}  # other tests bring plug-ins
    for card in cards.values():
        assert (card.source is None) != (card.after is None), card.name
        assert card.summary, card.name
        assert (card.defect is not None) == card.name.endswith("-as-published"), card.name
        if card.twin is not None and card.name != "captioning/cider-d-eos":
            assert cards[card.twin].twin == card.name
        for name in card.parameters:
            assert name in (get_reward(card.name).parameters)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "detection/recall"}, "already registered by"),
        ({"task": "cooking"}, "unknown task 'cooking'; known tasks: detection"),
        ({"name": "mine"}, "write it as 'task/name'"),
        ({"bounds": (1.0, 0.0)}, "lower bound 1.0 is not below"),
        ({"bounds": None}, "bounds must be a pair"),
        ({"status": "fine"}, "status 'fine' is not one of"),
    ],
)
def test_a_bad_card_is_refused_with_one_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RewardmarkError, match=message) as error:
        register(lambda p, t: p, **change)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda p: p, r"must take \(predictions, targets, \*, parameters\), not \(p\)"),
        (lambda p, t, k: p, "must take"),
        (lambda *p: p, r"must not have \*p"),
        (lambda p, t, **k: p, "name each parameter"),
        (lambda p, t, *, k: p, "parameter k needs a default"),
    ],
)
def test_a_bad_signature_is_refused(function: Any, message: str) -> None:
    with pytest.raises(RewardmarkError, match=message):
        register(function)


def test_unknown_names_and_parameters_are_answered_with_known_ones() -> None:
    with pytest.raises(RewardmarkError, match="did you mean detection/recall"):
        get_reward("detection/recal")
    with pytest.raises(RewardmarkError, match="no parameter weight; its parameters: duplicate_weight"):
        get_reward("detection/recall", weight=1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.tensor([0.5, math.nan, 0.5]), "the value is NaN, and this reward may not abstain"),
        (torch.tensor([0.5, math.inf, 0.5]), "the value is inf"),
        (torch.tensor([0.5, 1.5, 0.5]), "1.5 is above the upper bound 1"),
        (torch.tensor([0.5, -0.1, 0.5]), "-0.1 is below the lower bound 0"),
    ],
)
def test_a_value_that_breaks_the_card_fails_alone(value: torch.Tensor, message: str) -> None:
    register(lambda p, t: value)
    scored = get_reward("detection/mine").score(BOXES, BOXES, ["a", "b", "c"])
    assert [(f.sample_id, f.message) for f in scored.failures] == [("b", message)]
    assert scored.values[0] == scored.values[2] == 0.5
    assert torch.isnan(scored.values[1])
    with pytest.raises(RewardFailure, match=r"reward detection/mine failed on sample 1"):
        get_reward("detection/mine")(BOXES, BOXES)


def test_nan_is_unscored_and_no_failure_where_the_card_may_abstain() -> None:
    register(lambda p, t: torch.tensor([0.5, math.nan, 0.5]), may_abstain=True)
    scored = get_reward("detection/mine").score(BOXES, BOXES)
    assert torch.isnan(scored.values).tolist() == [False, True, False]
    assert scored.failures == []


@pytest.mark.parametrize("bad", [torch.zeros(3, dtype=torch.float64), torch.zeros(2), [0.0, 0.0, 0.0], None])
def test_a_wrong_shape_or_type_fails_every_sample(bad: Any) -> None:
    register(lambda p, t: bad)
    scored = get_reward("detection/mine").score(BOXES, BOXES)
    assert len(scored.failures) == 3
    assert torch.isnan(scored.values).all()


def test_one_sample_that_raises_costs_no_other_its_value() -> None:
    def brittle(p: Boxes, t: Boxes) -> torch.Tensor:
        if not p.mask.any(1).all():
            raise ZeroDivisionError("no\nboxes")
        return p.mask.sum(1).to(torch.float32) / 2

    register(brittle)
    scored = get_reward("detection/mine").score(BOXES, BOXES, [7, 8, 9])
    assert [str(f) for f in scored.failures] == [
        "reward detection/mine failed on sample 8: ZeroDivisionError: no boxes"
    ]
    assert scored.values[[0, 2]].tolist() == [0.5, 1.0]


def test_a_per_sample_reward_gets_one_image_without_padding() -> None:
    register(lambda p, t, *, scale=2.0: len(p) / scale, batched=False)
    assert get_reward("detection/mine")(BOXES, BOXES).tolist() == [0.5, 0.0, 1.0]
    assert get_reward("detection/mine", scale=4.0).parameters == {"scale": 4.0}
    register(lambda p, t: "good", name="detection/words", batched=False)
    assert "must return a number, not str" in get_reward("detection/words").score(BOXES, BOXES).failures[0].message


@pytest.mark.parametrize("value", [np.float32(0.25), np.float64(0.25), np.array(0.25), torch.tensor(0.25)])
def test_a_per_sample_reward_may_return_any_kind_of_number(value: Any) -> None:
    register(lambda p, t: value, batched=False)
    assert get_reward("detection/mine")(BOXES, BOXES).tolist() == [0.25] * 3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "must return a number, not NoneType"),
        ("0.5", "must return a number, not str"),
        ([0.5], "must return a number, not list"),
        (np.array([0.1, 0.2]), "must return a number, not ndarray"),
        (torch.tensor([0.1, 0.2]), "must return one number, not shape"),
        (1j, "must return a number, not complex"),
        (1e300, "the value is inf"),
        (-math.inf, "the value is -inf"),
        (7, "7 is above the upper bound 1"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_a_per_sample_reward_that_returns_no_number_fails_where_it_does(value: Any, message: str) -> None:
    def brittle(p: Any, t: Any) -> Any:
        if len(p):
            return 0.5
        if isinstance(value, Exception):
            raise value
        return value

    register(brittle, batched=False)
    reward = get_reward("detection/mine")
    scored = reward.score(BOXES, BOXES, ["a", "b", "c"])
    assert [failure.sample_id for failure in scored.failures] == ["b"]
    assert message in scored.failures[0].message
    assert torch.isnan(scored.values).tolist() == [False, True, False]
    with pytest.raises(RewardFailure, match=r"reward detection/mine failed on sample 1: "):
        reward(BOXES, BOXES)


def test_a_batched_reward_that_raises_names_the_sample_when_called() -> None:
    def brittle(p: Boxes, t: Boxes) -> torch.Tensor:
        if not p.mask.any(1).all():
            raise ZeroDivisionError
        return torch.zeros(len(p))

    register(brittle)
    with pytest.raises(RewardFailure, match="reward detection/mine failed on sample 1: ZeroDivisionError"):
        get_reward("detection/mine")(BOXES, BOXES)


def test_rounding_of_a_large_bound_is_no_failure() -> None:
    register(lambda p, t: torch.full((3,), 1.0000001), bounds=(0.0, 1.0))
    total = weighted_sum({"detection/mine": 3000.0})
    assert total.score(BOXES, BOXES).failures == []


def test_predictions_and_targets_of_different_length_are_named() -> None:
    with pytest.raises(RewardFailure, match="3 predictions but 2 targets"):
        get_reward("detection/recall")(BOXES, BOXES[:2])


def test_components_of_a_composed_reward_add_up() -> None:
    total = weighted_sum({"detection/f1": 0.25, get_reward("detection/recall", normalize=True): 0.75})
    value = total(BOXES, BOXES)
    parts = total.components
    assert set(parts) == {
        "detection/f1",
        "detection/recall",
        "detection/recall:matched",
        "detection/recall:duplicates",
    }
    torch.testing.assert_close(value, 0.25 * parts["detection/f1"] + 0.75 * parts["detection/recall"])
    both = product(["detection/f1", "detection/od"])
    assert both.card.bounds == (0.0, 1.0)
    torch.testing.assert_close(both(BOXES, BOXES), torch.ones(3))
    gated = gate("detection/f1", "detection/od", above=0.5, closed=-1.0)
    other = Boxes.from_lists([[[9, 9, 10, 10]], [], []], [[1], [], []])
    assert gated(other, BOXES).tolist() == [-1.0, 1.0, -1.0]


def test_composition_refuses_parts_that_do_not_belong_together() -> None:
    with pytest.raises(RewardmarkError, match="different tasks: colorization, detection"):
        product(["detection/f1", "colorization/vivid"])
    with pytest.raises(RewardmarkError, match="named twice"):
        product(["detection/f1", "detection/f1"])


PLUGIN = """
from rewardmark.rewards import register_reward

@register_reward("detection/count", task="detection", bounds=(0.0, None), batched=False)
def count(p, t):
    return float(len(p))
"""


def test_a_plugin_file_registers_its_reward_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN)
    load_plugin(file)
    load_plugin(file)
    assert get_reward("detection/count")(BOXES, BOXES).tolist() == [1.0, 0.0, 2.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import no_such_module_here", r"mine.py:1: ModuleNotFoundError"),
        ("x = 1\ndef broken(:\n", r"mine.py:2: SyntaxError"),
        (PLUGIN.replace("detection/count", "detection/recall"), r"mine.py:4: .*already registered"),
        (PLUGIN + "\n1 / 0\n", r"mine.py:8: ZeroDivisionError"),
        (None, r"mine.py: No such file"),
    ],
)
def test_a_broken_plugin_names_file_and_line_and_leaves_nothing(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "mine.py"
    if text is not None:
        file.write_text(text)
    before = registry._snapshot()
    with pytest.raises(RewardmarkError, match=message):
        load_plugin(file)
    assert registry._snapshot() == before


class _Entry:
    """Stands for an installed package's entry point."""

    dist = None

    def __init__(self, name: str, load: Any) -> None:
        self.name, self.load = name, load


def test_entry_points_are_loaded_and_a_broken_one_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def brings() -> None:
        register(lambda p, t: torch.ones(len(p)), name="detection/brought")

    def broken() -> None:
        raise ImportError("no module named nowhere")

    found = [_Entry("good", brings), _Entry("bad", broken)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: found if group == "rewardmark.rewards" else [])
    assert plugins.load_entry_points("rewardmark.rewards") == ["good"]
    assert get_reward("detection/brought")(BOXES, BOXES).tolist() == [1.0, 1.0, 1.0]
    assert "bad" in caplog.text and "no module named nowhere" in caplog.text


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({"duplicate_weight": "x"}, "duplicate_weight must be a number, not 'x'"),
        ({"duplicate_weight": True}, "must be a number, not True"),
        ({"duplicate_weight": None}, "must be a number, not None"),
        ({"normalize": 1}, "normalize must be true or false, not 1"),
    ],
)
def test_a_parameter_of_another_kind_is_refused_before_anything_runs(parameters: dict, what: str) -> None:
    with pytest.raises(RewardmarkError, match=what):
        get_reward("detection/recall", **parameters)
    assert (
        get_reward("detection/recall", duplicate_weight=1, class_weights={1: 2.0}).parameters["duplicate_weight"] == 1
    )
