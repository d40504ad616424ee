"""Reward functions in the shape that TRL, verl and verifiers call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rewardmark.rewards.adapters.parsers import Parser
from rewardmark.rewards.adapters.scoring import Adapter, Outcome, text_of
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


def to_verl(reward: Reward, parser: Parser, *, unparsed: float, unscored: float) -> Callable[..., dict[str, float]]:
    """`reward` as verl's ``compute_score(data_source, solution_str, ground_truth, extra_info)``.

    verl knows no "no score": what unparsed completions and unscored or failed samples are worth must be said. Returns
    {"score", "unparsed", "unscored", "failed"}, which verl logs. `ground_truth` is the row of columns that the parser
    reads (a dict), or the `answer` alone; `extra_info` adds to it.

    >>> from rewardmark.rewards import get_reward
    >>> from rewardmark.rewards.adapters import AnswerParser
    >>> compute_score = to_verl(get_reward("vqa/exact"), AnswerParser(), unparsed=0.0, unscored=0.0)
    >>> compute_score("gqa", "<answer>red</answer>", "red")["score"]
    1.0
    """
    adapter = Adapter(reward, parser)

    def compute_score(
        data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **_: Any
    ) -> dict[str, float]:
        outcome = adapter.outcomes([solution_str], [_row(ground_truth, extra_info)])[0]
        states = {state: float(outcome.state == state) for state in ("unparsed", "unscored", "failed")}
        return {"score": _number(outcome, unparsed, unscored), **states}

    return compute_score


def to_verifiers(reward: Reward, parser: Parser, *, unparsed: float, unscored: float) -> Callable[..., float]:
    """`reward` as a function for a verifiers ``Rubric(funcs=[...])``: (completion, answer, info) -> float.

    As `to_verl` for what has no score; `info` (a dict) adds columns to `answer`.
    """
    adapter = Adapter(reward, parser)

    def reward_function(completion: Any, answer: Any = None, info: Any = None, **_: Any) -> float:
        return _number(adapter.outcomes([text_of(completion)], [_row(answer, info)])[0], unparsed, unscored)

    reward_function.__name__ = reward.name  # verifiers reports each function under its name
    return reward_function


def _row(truth: Any, extra: Any) -> dict[str, Any]:
    row = dict(extra) if isinstance(extra, Mapping) else {}
    row.update(truth if isinstance(truth, Mapping) else {"answer": truth})
    return row


def _number(outcome: Outcome, unparsed: float, unscored: float) -> float:
    if outcome.state == "unparsed":
        return unparsed
    return unscored if outcome.value is None else outcome.value
