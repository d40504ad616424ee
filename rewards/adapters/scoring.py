"""The part that all adapters share: completions in, outcomes out, counted."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rewardmark.rewards.adapters.parsers import Parser
from rewardmark.rewards.reward import Reward

__all__ = ["Adapter", "Outcome", "text_of"]

log = logging.getLogger(__name__)

State = Literal["scored", "unscored", "failed", "unparsed"]


@dataclass(frozen=True)
class Outcome:
    """One completion's state, and its value where it is scored (else None)."""

    state: State
    value: float | None
    message: str = ""


class Adapter:
    """Reads completions with `parser`, scores what was read with `reward`, and counts the four states.

    An unparsed completion is not given to the reward. `counts` adds up over calls; `rates` are shares of all so far.
    """

    def __init__(self, reward: Reward, parser: Parser) -> None:
        self.reward, self.parser = reward, parser
        self.counts: Counter[str] = Counter()

    def outcomes(self, texts: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        """The outcome of each completion; `rows` holds the data set's columns of each."""
        predictions, read = self.parser.predictions(texts, rows)
        targets = self.parser.targets(rows)
        outcomes = [Outcome("unparsed", None, "the completion could not be read") for _ in texts]
        readable = [index for index, ok in enumerate(read) if ok]
        if readable:
            scored = self.reward.score(predictions[readable], targets[readable], readable)
            failed = {failure.sample_id: failure for failure in scored.failures}
            for index, value in zip(readable, scored.values.tolist(), strict=True):
                failure = failed.get(str(index))
                if failure is not None:
                    log.warning("%s", failure)
                    outcomes[index] = Outcome("failed", None, failure.message)
                elif math.isnan(value):
                    outcomes[index] = Outcome("unscored", None)
                else:
                    outcomes[index] = Outcome("scored", value)
        self.counts.update(outcome.state for outcome in outcomes)
        return outcomes

    def rates(self) -> dict[str, float]:
        """Share of scored, unscored, failed and unparsed completions so far (0 before the first)."""
        total = max(1, sum(self.counts.values()))
        return {state: self.counts[state] / total for state in ("scored", "unscored", "failed", "unparsed")}


def text_of(completion: Any) -> str:
    """The text of a completion: a string, or the last message of a conversation (text parts joined)."""
    if isinstance(completion, str):
        return completion
    content = completion[-1]["content"] if completion else ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
