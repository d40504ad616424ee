"""Auditing registered rewards one after another; what is finished is not done again."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardmark.leaderboard.audit.store import AuditStore
from rewardmark.rewards import registry
from rewardmark.rewards.audit.result import AuditResult
from rewardmark.rewards.card import RewardCard
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.registry import get_reward, list_rewards

if TYPE_CHECKING:
    from rewardmark.leaderboard.progress import Reporter
    from rewardmark.rewards.audit.prepare import Prepared
    from rewardmark.rewards.reward import Reward

__all__ = ["Audited", "Options", "Skipped", "audit_rewards", "fingerprint_of", "is_built_in", "select_rewards"]

log = logging.getLogger(__name__)

#: Folders whose code can change a number of an audit.
CODE = ("rewards", "tasks", "leaderboard/audit")


@dataclass(frozen=True)
class Options:
    """samples: of each task, None for the usual number; search: seconds of search a reward; adversary: training steps;
    parameters: reward name -> parameters in place of its defaults."""

    samples: int | None = None
    seed: int = 0
    search: float = 0.0
    adversary: int = 0
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Skipped:
    """A reward that could not be audited, and why."""

    reward: str
    reason: str


@dataclass(frozen=True)
class Audited:
    """results: in order of name; kept: how many of them were found finished; skipped: those without a result."""

    results: list[AuditResult]
    kept: int
    skipped: list[Skipped]


def select_rewards(patterns: Sequence[str]) -> list[RewardCard]:
    """The registered rewards whose names match any of the names or globs; all of them without any.

    Raises RewardmarkError for a pattern that matches nothing, naming the nearest names for a plain one.
    """
    cards = list_rewards()
    if not patterns:
        return cards
    chosen: set[str] = set()
    for pattern in patterns:
        found = [card.name for card in cards if fnmatchcase(card.name, pattern)]
        if not found:
            if not any(c in pattern for c in "*?["):
                get_reward(pattern)  # says what is near
            raise RewardmarkError(f"no reward matches {pattern!r}; see `rewardmark list rewards`")
        chosen.update(found)
    return [card for card in cards if card.name in chosen]


def is_built_in(name: str) -> bool:
    """Whether a registered reward comes with this package, and not from a plug-in.

    >>> is_built_in("detection/f1")
    True
    """
    list_rewards()
    return registry._snapshot()[name].function.__module__.startswith("rewardmark.rewards.")


def audit_rewards(
    cards: Sequence[RewardCard],
    out: Path,
    options: Options,
    show: Reporter,
    materials: _Materials | None = None,
) -> Audited:
    """Audit each reward and keep its result in `out` at once; one with the same fingerprint there is taken as it is.

    A reward that no material suits is skipped with its reason and costs no other. Tables and pages are not written.
    """
    store, held = AuditStore(out), materials or _Materials(options)
    results: list[AuditResult] = []
    skipped: list[Skipped] = []
    kept = 0
    for done, card in enumerate(cards):
        fingerprint = fingerprint_of(card, options)
        finished = store.finished(card.name, fingerprint)
        if finished is not None:
            results.append(finished)
            kept += 1
            continue
        show.stage("rewards audited", done, len(cards), {})
        try:
            result = _audit_one(card, options, held, fingerprint, show)
        except RewardmarkError as error:
            skipped.append(Skipped(card.name, str(error)))
            show.line(f"{card.name}: skipped: {error}")
            continue
        store.write(result)
        results.append(result)
        show.line(_said(result, f"{done + 1}/{len(cards)}"))
    return Audited(results, kept, skipped)


class _Materials:
    """Material of each task and kind, with all predictions made from it; the last two tasks' are kept."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._held: dict[tuple[str, str], Prepared] = {}

    def prepared(self, task: str, variant: str) -> Prepared:
        from rewardmark.leaderboard.audit.material import scenes_material
        from rewardmark.rewards.audit.prepare import Prepared

        key = (task, variant)
        if key not in self._held:
            for old in [k for k in self._held if k[0] != task]:
                del self._held[old]
            material = scenes_material(task, self._options.samples, self._options.seed, variant)
            self._held[key] = Prepared(material, self._options.seed)
        return self._held[key]

    def fitting(self, card: RewardCard) -> tuple[Reward, Prepared]:
        """The reward with what it needs, and the first kind of material that suits it and its twin.

        Raises RewardmarkError, with the reward's own words, when it scores nothing of any kind.
        """
        from rewardmark.rewards.audit.measure import suits
        from rewardmark.rewards.audit.questions import variants

        scored: tuple[Reward, Prepared] | None = None
        reason = ""
        twins = [name for name in (card.twin,) if name and any(c.name == name for c in list_rewards(card.task))]
        for variant in variants(card.task):
            prepared = self.prepared(card.task, variant)
            material = prepared.material
            given = {**material.parameters.get(card.name, {}), **self._options.parameters.get(card.name, {})}
            reward = get_reward(card.name, **given)
            if suits(reward, material) and all(
                suits(get_reward(twin, **material.parameters.get(twin, {})), material) for twin in twins
            ):
                return reward, prepared
            first = reward.score(material.gold, material.targets, material.sample_ids)
            if scored is None and not bool(first.values.isnan().all()):
                scored = (reward, prepared)
            elif first.failures and not reason:
                reason = first.failures[0].message
        if scored is not None:
            return scored
        raise RewardmarkError(reason or "it scores no gold prediction of any kind")


def _audit_one(card: RewardCard, options: Options, held: _Materials, fingerprint: str, show: Reporter) -> AuditResult:
    from rewardmark.rewards.audit.measure import audit_reward

    reward, prepared = held.fitting(card)

    def told(section: str, done: int, total: int) -> None:
        show.stage(f"{card.name}: {section}" if section else card.name, done, total, {})

    result = audit_reward(
        reward, prepared.material, seed=options.seed, progress=told, prepared=prepared, fingerprint=fingerprint
    )
    if options.search > 0:
        result = _searched(result, reward, prepared, options, show)
    if options.adversary > 0:
        result = _opposed(result, reward, prepared, options, show)
    return result


def _searched(result: AuditResult, reward: Reward, prepared: Prepared, options: Options, show: Reporter) -> AuditResult:
    from rewardmark.leaderboard.audit.find import search_reward

    def told(what: str, share: float) -> None:
        show.stage(f"{reward.name}: {what}", int(100 * share), 100, {})

    section, found = search_reward(reward, prepared.material, seconds=options.search, seed=options.seed, progress=told)
    return replace(result, findings=[*result.findings, *found], sections={**result.sections, "search": section})


def _opposed(result: AuditResult, reward: Reward, prepared: Prepared, options: Options, show: Reporter) -> AuditResult:
    from rewardmark.leaderboard.audit.adversary import train_adversary

    def told(what: str, share: float) -> None:
        show.stage(f"{reward.name}: {what}", int(100 * share), 100, {})

    section, curve, found = train_adversary(
        reward, prepared.material, steps=options.adversary, seed=options.seed, progress=told
    )
    return replace(
        result,
        findings=[*result.findings, *found],
        sections={**result.sections, "adversary": section},
        curves={**result.curves, "adversary": curve} if curve else result.curves,
    )


def _said(result: AuditResult, place: str) -> str:
    exploits = result.exploits()
    cheapest = f", the cheapest: {exploits[0].name}" if exploits else ""
    errors = sum(finding.kind == "error" for finding in result.findings)
    gamed = f"{len(exploits)} exploit{'' if len(exploits) == 1 else 's'}{cheapest}" if exploits else "holds"
    return f"[{place}] {result.reward}: {gamed}{f', {errors} errors' if errors else ''} ({result.seconds:.1f} s)"


def fingerprint_of(card: RewardCard, options: Options) -> str:
    """A hash of all that can change the audit: the card, the reward's own file, our code, the options."""
    entry = registry._snapshot()[card.name]
    known = {
        "card": card.as_dict(),
        "source": _source_hash(inspect.getsourcefile(inspect.unwrap(entry.function)) or ""),
        "code": _code_hash(),
        "samples": options.samples,
        "seed": options.seed,
        "search": options.search,
        "adversary": options.adversary,
        "parameters": options.parameters.get(card.name, {}),
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True, default=repr).encode()).hexdigest()


@lru_cache(maxsize=256)
def _source_hash(file: str) -> str:
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:  # made in a shell: nothing to hash, and nothing to resume either
        return ""


@lru_cache(maxsize=1)
def _code_hash() -> str:
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for folder in CODE:
        for file in sorted((root / folder).rglob("*.py")):
            digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
