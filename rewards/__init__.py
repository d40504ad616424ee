"""What is good? Prediction types, the registry of rewards, and the rewards themselves.

A name is imported when it is first asked for: `rewardmark --help` needs one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.rewards._lazy import lazy_names

if TYPE_CHECKING:
    from rewardmark.rewards.adapters import AnswerParser, BoxParser, CaptionParser, to_trl, to_verifiers, to_verl
    from rewardmark.rewards.card import RewardCard
    from rewardmark.rewards.compose import gate, product, weighted_sum
    from rewardmark.rewards.errors import DataError, RewardFailure, RewardmarkError
    from rewardmark.rewards.plugins import load_plugin
    from rewardmark.rewards.registry import get_reward, list_rewards, register_reward
    from rewardmark.rewards.reward import Reward, Scored
    from rewardmark.rewards.tasknames import register_task_name, task_names
    from rewardmark.rewards.types import (
        Answers,
        Boxes,
        Captions,
        DocumentFrequency,
        Grounded,
        ImageBoxes,
        Images,
        ImageSegments,
        PairScores,
        References,
        Segments,
    )

__all__ = [
    "AnswerParser",
    "Answers",
    "BoxParser",
    "Boxes",
    "CaptionParser",
    "Captions",
    "DataError",
    "DocumentFrequency",
    "Grounded",
    "ImageBoxes",
    "ImageSegments",
    "Images",
    "PairScores",
    "References",
    "Reward",
    "RewardCard",
    "RewardFailure",
    "RewardmarkError",
    "Scored",
    "Segments",
    "gate",
    "get_reward",
    "list_rewards",
    "load_plugin",
    "product",
    "register_reward",
    "register_task_name",
    "task_names",
    "to_trl",
    "to_verifiers",
    "to_verl",
    "weighted_sum",
]

_HOMES = {
    "adapters": ("AnswerParser", "BoxParser", "CaptionParser", "to_trl", "to_verifiers", "to_verl"),
    "card": ("RewardCard",),
    "compose": ("gate", "product", "weighted_sum"),
    "errors": ("DataError", "RewardFailure", "RewardmarkError"),
    "plugins": ("load_plugin",),
    "registry": ("get_reward", "list_rewards", "register_reward"),
    "reward": ("Reward", "Scored"),
    "tasknames": ("register_task_name", "task_names"),
    "types": (
        "Answers", "Boxes", "Captions", "DocumentFrequency", "Grounded", "ImageBoxes", "ImageSegments", "Images",
        "PairScores", "References", "Segments",
    ),
}  # fmt: skip
if not TYPE_CHECKING:
    # Not for type checkers: a module with __getattr__ has every name for them, misspelt ones too.
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
