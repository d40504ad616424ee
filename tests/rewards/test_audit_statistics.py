"""Each statistic of the audit, on values for which the right answer is known in closed form."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from rewardmark.rewards.audit import statistics as st
from scipy import stats

NAN = math.nan


def test_parity_of_a_reward_that_is_a_constant_off() -> None:
    metric = np.linspace(0, 1, 11)
    assert st.parity(metric + 0.25, metric) == pytest.approx({"max": 0.25, "mean": 0.25, "n": 11, "unscored_apart": 0})
    assert st.parity([1.0, NAN, 1.0], [1.0, 0.5, NAN]) == {"max": 0.0, "mean": 0.0, "n": 1, "unscored_apart": 2}


def test_pairwise_accuracy_is_one_for_a_falling_reward_zero_for_a_rising_and_a_half_for_a_constant() -> None:
    severities = (0.0, 0.5, 1.0)
    falling = np.array([[1.0] * 4, [0.5] * 4, [0.0] * 4])
    assert st.pairwise_accuracy(falling, severities) == {"all": 1.0, "gaps": {"0.5": 1.0, "1": 1.0}}
    assert st.pairwise_accuracy(falling[::-1], severities)["all"] == 0.0
    assert st.pairwise_accuracy(falling * 0, severities) == {"all": 0.5, "gaps": {"0.5": 0.5, "1": 0.5}}
    assert math.isnan(st.pairwise_accuracy(falling * NAN, severities)["all"])


def test_kendall_tau_against_severity() -> None:
    severities = (0.0, 0.25, 0.5, 0.75, 1.0)
    falling = 1 - np.array(severities)[:, None] * np.ones((1, 3))
    assert st.kendall_tau(falling, severities) == 1
    assert st.kendall_tau(-falling, severities) == -1
    assert st.kendall_tau(falling * 0, severities) == 0
    step = (falling > 0.6).astype(float)  # notices one of the four steps: 2 levels against 3, 6 pairs of 10
    assert st.kendall_tau(step, severities) == pytest.approx(0.6)


def test_kendall_tau_equals_scipys_where_nothing_is_tied() -> None:
    values = np.random.default_rng(0).normal(size=(6, 5))
    severities = [0, 1, 2, 3, 4, 5]
    expected = np.mean([stats.kendalltau(column, [-s for s in severities]).statistic for column in values.T])
    assert st.kendall_tau(values, severities) == pytest.approx(expected)


def test_spearman_is_one_for_any_rising_function_of_the_metric_and_undefined_for_a_constant() -> None:
    metric = np.random.default_rng(1).normal(size=40)
    assert st.spearman(np.exp(metric), metric) == pytest.approx(1)
    assert st.spearman(-metric, metric) == pytest.approx(-1)
    assert math.isnan(st.spearman(metric * 0, metric))


def test_spearman_equals_scipys_with_ties() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 4, 60).astype(float), rng.integers(0, 4, 60).astype(float)
    assert st.spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)


def test_junk_gain_of_a_tenth_for_each_piece() -> None:
    pieces = np.array([1, 2, 5, 0])
    found = st.junk_gain(np.full(4, 0.3), 0.3 + 0.1 * pieces, pieces)
    assert found == pytest.approx({"total": 0.8 / 3, "per_piece": 0.1, "share_not_worse": 1.0})
    assert st.junk_gain([1.0], [0.5])["share_not_worse"] == 0


def test_share_at_or_above_gold_leaves_the_unscored_below() -> None:
    assert st.share_at_or_above([1.0, 0.99, NAN, 2.0], [1.0, 1.0, 1.0, 1.0]) == 0.5


def test_constant_policy_floor_of_a_reward_that_pays_the_most_frequent_answer() -> None:
    truth = np.array(["a"] * 7 + ["b"] * 3)
    fixed = {name: (truth == name).astype(float) for name in ("a", "b", "c")}
    found = st.constant_policy_floor(fixed, np.full(10, 1 / 3))
    assert (found["best"], found["reward"]) == ("a", 0.7)
    assert found["lead"] == pytest.approx(0.7 - 1 / 3)
    assert found["all"] == {"a": 0.7, "b": 0.3, "c": 0.0}


@pytest.mark.parametrize(("total", "n"), [(1, 1), (5, 1), (5, 2), (6, 4), (7, 7)])
def test_order_weights_are_the_share_of_subsets_in_which_each_rank_is_largest(total: int, n: int) -> None:
    subsets = list(itertools.combinations(range(total), n))
    expected = [sum(max(subset) == k for subset in subsets) / len(subsets) for k in range(total)]
    np.testing.assert_allclose(st.order_weights(total, n), expected)
    with pytest.raises(ValueError, match="n must be in"):
        st.order_weights(total, total + 1)


@given(some.lists(some.tuples(some.integers(0, 3), some.integers(0, 9)), min_size=3, max_size=7), some.integers(1, 3))
def test_best_of_n_is_the_mean_over_all_subsets_with_ties_averaged(pairs: list[tuple[int, int]], n: int) -> None:
    reward = np.array([float(r) for r, _ in pairs])
    metric = np.array([float(m) for _, m in pairs])
    rewards, metrics = [], []
    for subset in itertools.combinations(range(len(pairs)), n):
        top = reward[list(subset)].max()
        rewards.append(top)
        # any sample of that reward might have been drawn in the place of a tied one
        metrics.append(metric[reward == top].mean())
    found = st.best_of_n([reward], [metric], ns=(n,))
    assert found.reward[0] == pytest.approx(np.mean(rewards))
    assert found.metric[0] == pytest.approx(np.mean(metrics))


def test_best_of_n_of_uniform_rewards_is_n_over_n_plus_one() -> None:
    rng = np.random.default_rng(3)
    reward = rng.random((4000, 64))
    found = st.best_of_n(reward, reward, ns=(1, 4, 16, 64))
    np.testing.assert_allclose(found.reward, [1 / 2, 4 / 5, 16 / 17, 64 / 65], atol=0.005)


def test_a_reward_equal_to_the_metric_and_a_constant_reward_have_no_hackability() -> None:
    metric = np.random.default_rng(4).random((8, 64))
    assert st.hackability(st.best_of_n(metric, metric)) == 0
    assert st.hackability(st.best_of_n(metric * 0 + 0.5, metric)) == pytest.approx(0)


def test_a_reward_that_does_not_know_the_metric_is_hackable_by_all_that_it_gains() -> None:
    rng = np.random.default_rng(5)
    reward, metric = rng.random((2000, 64)), rng.random((2000, 64))
    assert st.hackability(st.best_of_n(reward, metric)) == pytest.approx(64 / 65 - 1 / 2, abs=0.01)
    # one that rewards what the metric punishes loses as much again
    assert st.hackability(st.best_of_n(reward, -reward)) == pytest.approx(2 * (64 / 65 - 1 / 2), abs=0.01)


def test_best_of_n_leaves_out_what_is_unscored_and_groups_that_are_too_small() -> None:
    reward, metric = [[0.0, 1.0, NAN], [1.0, 1.0, 1.0]], [[0.0, 1.0, 5.0], [2.0, NAN, NAN]]
    found = st.best_of_n(reward, metric, ns=(1, 2, 3))
    assert found.ns == (1, 2)
    assert found.reward == (pytest.approx((0.5 + 1) / 2), 1.0)
    assert found.metric == (pytest.approx((0.5 + 2) / 2), 1.0)


def test_signal_of_a_constant_reward_is_none_and_of_a_coin_a_quarter() -> None:
    silent = st.signal(np.full((5, 8), 0.7))
    assert silent == pytest.approx({"variance": 0, "std": 0, "between": 0, "silent": 1})
    coin = st.signal([[0.0, 1.0] * 4, [1.0] * 8])
    assert coin == pytest.approx({"variance": 0.125, "std": 0.25, "between": 0.0625, "silent": 0.5})
    assert math.isnan(st.signal([[NAN, NAN]])["silent"])


def test_largest_difference_is_infinite_where_only_one_is_scored() -> None:
    assert st.largest_difference([1.0, 2.0], [1.0, 2.5]) == 0.5
    assert st.largest_difference([NAN], [NAN]) == 0
    assert st.largest_difference([NAN], [1.0]) == math.inf
