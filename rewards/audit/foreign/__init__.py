"""Anyone's reward function, unmodified: how it is called, what it reads, and how it is gamed."""

from __future__ import annotations

from rewardmark.rewards.audit.foreign.audit import audit_calls
from rewardmark.rewards.audit.foreign.calls import ChildCaller, DirectCaller
from rewardmark.rewards.audit.foreign.formats import FORMATS

__all__ = ["FORMATS", "ChildCaller", "DirectCaller", "audit_calls"]
