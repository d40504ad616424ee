"""What a user writes after --fail-on and --set."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rewardmark.rewards.audit.result import AuditResult
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["Rule", "broken_rules", "parse_parameters", "parse_rules"]

KINDS = {"exploits": "exploit", "errors": "error", "false-passes": "false-pass", "false-fails": "false-fail"}


@dataclass(frozen=True)
class Rule:
    """Fails where a reward has more findings of a kind than `most`."""

    what: str
    most: int

    def __str__(self) -> str:
        return f"{self.what}>{self.most}"


def parse_rules(texts: Sequence[str]) -> list[Rule]:
    """'exploits>0', 'errors>=1' and the like; RewardmarkError for anything else.

    >>> [str(rule) for rule in parse_rules(["exploits>0", "false-fails >= 3"])]
    ['exploits>0', 'false-fails>2']
    """
    rules = []
    for text in texts:
        found = re.fullmatch(r"\s*([a-z-]+)\s*(>=?)\s*(\d+)\s*", text)
        if found is None or found[1] not in KINDS:
            raise RewardmarkError(f"--fail-on {text!r}: write it as 'exploits>0', with one of {', '.join(KINDS)}")
        rules.append(Rule(found[1], int(found[3]) - (found[2] == ">=")))
    return rules


def broken_rules(rules: Sequence[Rule], results: Sequence[AuditResult], missing: Sequence[str] = ()) -> list[str]:
    """One line for each reward and rule that it breaks. A reward that could not be audited is one error."""
    lines = []
    for rule in rules:
        for result in results:
            found = [f for f in result.findings if f.kind == KINDS[rule.what] and not f.holds]
            if len(found) > rule.most:
                names = ", ".join(f.name for f in found[:3]) + (", ..." if len(found) > 3 else "")
                lines.append(f"{result.reward}: {len(found)} {rule.what} ({names}), --fail-on '{rule}'")
        if rule.what == "errors" and rule.most < 1:
            lines += [f"{name}: could not be audited, --fail-on '{rule}'" for name in missing]
    return lines


def parse_parameters(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """'NAME.PARAMETER=VALUE', the value as JSON or else as text, to {name: {parameter: value}}.

    >>> parse_parameters(["detection/recall.normalize=true", "captioning/clip-score.model=clip/base"])
    {'detection/recall': {'normalize': True}, 'captioning/clip-score': {'model': 'clip/base'}}
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        place, equals, value = text.partition("=")
        name, dot, parameter = place.rpartition(".")
        if not (equals and dot and name and parameter):
            raise RewardmarkError(f"--set {text!r}: write it as NAME.PARAMETER=VALUE")
        try:
            read = json.loads(value)
        except ValueError:  # plain text needs no quotes
            read = value
        found.setdefault(name, {})[parameter] = read
    return found
