"""Reward functions in the shape that TRL, verl and verifiers call them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from rewardmark.rewards.adapters.parsers import Parser
from rewardmark.rewards.adapters.scoring import Adapter, text_of
from rewardmark.rewards.errors import RewardFailure, RewardmarkError
from rewardmark.rewards.reward import Reward

__all__ = ["TrlReward", "to_trl", "to_verifiers", "to_verl"]


class TrlReward:
    """A TRL ``reward_funcs`` callable. `adapter` keeps the counts of scored, unscored, failed and unparsed samples."""

    def __init__(self, reward: Reward, parser: Parser, unparsed: float | None) -> None:
        self.adapter = Adapter(reward, parser)
        self.__name__ = reward.name  # TRL logs each reward under its function's name
        self._unparsed = unparsed

    def __call__(
        self, prompts: Any = None, completions: Any = None, completion_ids: Any = None, **columns: Any
    ) -> list[float | None]:
        """One value a completion, None where there is none: TRL then leaves the sample out of this reward."""
        texts = [text_of(completion) for completion in completions]
        # TRL passes the data set's columns as lists; what else it passes (trainer_state, log_metric) is not a column.
        lists = {name: v for name, v in columns.items() if isinstance(v, (list, tuple)) and len(v) == len(texts)}
        rows = [{name: values[i] for name, values in lists.items()} for i in range(len(texts))]
        outcomes = self.adapter.outcomes(texts, rows)
        return [self._unparsed if outcome.state == "unparsed" else outcome.value for outcome in outcomes]


def to_trl(reward: Reward, parser: Parser, *, unparsed: float | None = None) -> TrlReward:
    """`reward` for ``trl.GRPOTrainer(reward_funcs=...)``.

    Unscored and failed samples become None (TRL's "no score"). An unparsed completion becomes `unparsed`: None leaves
    it out, a number (the worst value, say) teaches the format.

    >>> from rewardmark.rewards import get_reward
    >>> from rewardmark.rewards.adapters import AnswerParser
    >>> score = to_trl(get_reward("vqa/exact"), AnswerParser(), unparsed=0.0)
    >>> score(prompts=["?", "?"], completions=["<answer>red</answer>", "red"], answer=["red", "red"])
    [1.0, 0.0]
    """
    return TrlReward(reward, parser, unparsed)


def to_verl(
    reward: Reward, parser: Parser, *, unparsed: float | None = None, unscored: float | None = None
) -> Callable[..., dict[str, float]]:
    """`reward` as verl's ``compute_score(data_source, solution_str, ground_truth, extra_info)``.

    verl knows no "no score". `unparsed` is what an unparsed completion is worth: the reward's lower bound unless given.
    `unscored` is what an unscored or failed sample is worth: without it such a sample raises RewardFailure, for a
    failure is no score. Returns {"score", "unparsed", "unscored", "failed"}, which verl logs. `ground_truth` is the row
    of columns that the parser reads (a dict), or the `answer` alone; `extra_info` adds to it.

    >>> from rewardmark.rewards import get_reward
    >>> from rewardmark.rewards.adapters import AnswerParser
    >>> compute_score = to_verl(get_reward("vqa/exact"), AnswerParser())
    >>> compute_score("gqa", "<answer>red</answer>", "red")["score"], compute_score("gqa", "red", "red")["unparsed"]
    (1.0, 1.0)
    """
    adapter = Adapter(reward, parser)
    worst = _worst(reward) if unparsed is None else unparsed

    def compute_score(
        data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **_: Any
    ) -> dict[str, float]:
        outcome = adapter.outcomes([solution_str], [_row(ground_truth, extra_info)])[0]
        states = {state: float(outcome.state == state) for state in ("unparsed", "unscored", "failed")}
        if outcome.state == "unparsed":
            return {"score": worst, **states}
        value = unscored if outcome.value is None else outcome.value
        if value is None:
            why = outcome.message or "the reward abstains; give to_verl unscored=NUMBER"
            raise RewardFailure(reward.name, data_source, why)
        return {"score": value, **states}

    return compute_score


def to_verifiers(
    reward: Reward, parser: Parser, *, unparsed: float | None = None, unscored: float = math.nan
) -> Callable[..., float]:
    """`reward` as a function for a verifiers ``Rubric(funcs=[...])``: (completion, answer, info, columns) -> float.

    `unparsed` as in `to_verl`. `unscored`: what an unscored or failed sample is worth, NaN unless given: verifiers
    takes an exception for 0.0, and a failure is no score. `info` (a dict) and the further columns add to `answer`.
    """
    adapter = Adapter(reward, parser)
    worst = _worst(reward) if unparsed is None else unparsed

    def reward_function(completion: Any, answer: Any = None, info: Any = None, **columns: Any) -> float:
        # verifiers gives the answer "" to rows that have none
        row = {**columns, **_row(info if answer in ("", None) and isinstance(info, Mapping) else answer, info)}
        outcome = adapter.outcomes([text_of(completion)], [row])[0]
        if outcome.state == "unparsed":
            return worst
        return unscored if outcome.value is None else outcome.value

    reward_function.__name__ = reward.name  # verifiers reports each function under its name
    return reward_function


def _row(truth: Any, extra: Any) -> dict[str, Any]:
    row = dict(extra) if isinstance(extra, Mapping) else {}
    row.update(truth if isinstance(truth, Mapping) else {"answer": truth})
    return row


def _worst(reward: Reward) -> float:
    low = reward.card.bounds[0]
    if low is None:
        raise RewardmarkError(
            f"reward {reward.name} has no lower bound: say what an unparsed completion is worth, unparsed=NUMBER"
        )
    return low
