"""Any registered reward as a reward function of TRL, verl or verifiers, and the parsers that read completions."""

from __future__ import annotations

from rewardmark.rewards.adapters.libraries import to_trl, to_verifiers, to_verl
from rewardmark.rewards.adapters.parsers import AnswerParser, BoxParser, CaptionParser, Parser
from rewardmark.rewards.adapters.scoring import Adapter, Outcome

__all__ = [
    "Adapter",
    "AnswerParser",
    "BoxParser",
    "CaptionParser",
    "Outcome",
    "Parser",
    "to_trl",
    "to_verifiers",
    "to_verl",
]
