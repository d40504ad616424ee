"""From rewards of probes to findings: one place for the rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rewardmark.rewards.audit.foreign.calls import Caller, Reply
from rewardmark.rewards.audit.foreign.probes import Probe
from rewardmark.rewards.audit.foreign.reading import Reading, Scores, score
from rewardmark.rewards.audit.foreign.rows import Row
from rewardmark.rewards.audit.foreign.wrong import elsewhere, wrong_answer
from rewardmark.rewards.audit.result import SHOWN, Finding, Kind
from rewardmark.rewards.audit.statistics import EQUAL

__all__ = ["Case", "Judge", "honest_mistake", "truth_json"]

NONSENSE = "I do not know."
#: A known-good variant is refused when it loses more than this share of what gold earns above an honest mistake.
REFUSED = 0.1


@dataclass(frozen=True)
class Case:
    """A finding with what a script needs to show it: the row, the texts, and the rule that they break."""

    finding: Finding
    row: Row
    text: str
    rule: str
    share: float = 0.0


@dataclass
class Judge:
    """Scores probes on the rows and keeps what they gave.

    gold, control, nonsense: rewards a row of the right answer, of an honest mistake (boxes elsewhere, a wrong answer)
    and of words that answer nothing. variants: the section of the card; cases: the findings.
    """

    caller: Caller
    reading: Reading
    rows: Sequence[Row]
    floor: float = 0.0
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    fragility: dict[str, str] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    failures: dict[tuple[str, str], list[tuple[str, Row, str, Reply]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gold = self.score("gold", [self.reading.gold(row) for row in self.rows])
        mistakes = [honest_mistake(self.reading, row, self.rows) for row in self.rows]
        self.control = self.score("honest mistake", mistakes)
        self.nonsense = self.score("nonsense", [NONSENSE] * len(self.rows))

    def score(self, name: str, texts: Sequence[str], rows: Sequence[Row] | None = None, frail: bool = False) -> Scores:
        """Score texts for rows (all unless given), and keep the errors under the probe's name."""
        rows = self.rows if rows is None else rows
        scores = score(self.caller, self.reading, rows, texts)
        for row, text, reply in zip(rows, texts, scores.errors, strict=True):
            if reply is not None and reply.kind != "skipped":
                if frail:
                    self.fragility[name] = reply.error
                else:
                    self.failures.setdefault((reply.kind, reply.where), []).append((name, row, text, reply))
        return scores

    def run(self, probes: Sequence[Probe]) -> None:
        """Score every probe on the rows that lend themselves to it, and judge it."""
        for probe in probes:
            rows = self.rows[:1] if probe.rule == "frail" else self.rows
            found = [(i, probe.write(self.reading, row, self.rows)) for i, row in enumerate(rows)]
            used = [
                (i, t)
                for i, t in found
                if t is not None and (probe.rule == "good" or t != self.reading.gold(self.rows[i]))
            ]
            if used:
                rows = [self.rows[i] for i, _ in used]
                texts = [t for _, t in used if t is not None]
                scores = self.score(probe.name, texts, rows, probe.rule == "frail")
                self._judge(probe, [i for i, _ in used], texts, scores)

    def means(self, index: Sequence[int]) -> tuple[float, float]:
        """Mean of gold and of honest mistakes over some rows."""
        gold = [self.gold.values[i] or 0.0 for i in index]
        control = [self.control.values[i] or 0.0 for i in index]
        return sum(gold) / len(gold), sum(control) / len(control)

    def _judge(self, probe: Probe, index: Sequence[int], texts: Sequence[str], scores: Scores) -> None:
        gold, control = self.means(index)
        mean = scores.mean
        at_gold = [(scores.values[k] or 0.0) >= (self.gold.values[i] or 0.0) - EQUAL for k, i in enumerate(index)]
        share = sum(at_gold) / len(at_gold)
        holds = mean is None or not _broken(probe, mean, gold, control)
        self.variants[probe.name] = {
            "rule": probe.rule,
            "what": probe.description,
            "mean_reward": mean,
            "gold_mean": gold,
            "normalized": None if mean is None or gold <= control + EQUAL else (mean - control) / (gold - control),
            "share_at_or_above_gold": share,
            "errors": len(scores.failed),
            "n": len(index),
            "holds": holds,
        }
        if holds or probe.rule in ("frail", "told"):
            return
        assert mean is not None
        order = sorted(
            range(len(index)), key=lambda k: self._loss(probe, index[k], scores.values[k] or 0.0), reverse=True
        )
        samples = [self.sample(index[k], texts[k], scores.values[k]) for k in order[:SHOWN]]
        kind: Kind = "exploit" if probe.rule == "odd" else probe.kind
        finding = Finding(
            kind, probe.name, "variants", f"{probe.description}: earns {mean:.3g}, the right answer {gold:.3g}, "
            f"an honest mistake {control:.3g}", mean, gold, None, share, probe.cost, samples,
        )  # fmt: skip
        worst = order[0]
        self.cases.append(Case(finding, self.rows[index[worst]], texts[worst], probe.rule, probe.share))

    def _loss(self, probe: Probe, row: int, value: float) -> float:
        """How far a sample shows the fault: what it earns too much, or (good variants) too little."""
        gold = self.gold.values[row] or 0.0
        return gold - value if probe.rule == "good" else value - gold

    def sample(self, index: int, text: str, value: float | None) -> dict[str, Any]:
        """One sample of a finding."""
        row = self.rows[index]
        return {
            "sample_id": row.id,
            "reward": value,
            "gold_reward": self.gold.values[index],
            "official": None,
            "prediction": json.dumps({"text": text[:4000]}, ensure_ascii=True),
            "truth": truth_json(self.reading, row),
            "text": text[:4000],
            "gold_text": self.reading.gold(row),
        }

    def error_cases(self) -> list[Case]:
        """One finding for each place in the user's code where something was raised, and each hang or death."""
        cases = []
        for (kind, where), failures in self.failures.items():
            name, row, text, reply = failures[0]
            names = list(dict.fromkeys(f[0] for f in failures))
            others = f" (also: {', '.join(names[1:6])})" if len(names) > 1 else ""
            place = f" at {where}" if where else ""
            index = next((i for i, r in enumerate(self.rows) if r.id == row.id), 0)
            finding = Finding(
                "error", f"{kind}{place}", "variants", f"{name}: {reply.error}{place}{others}", None,
                self.means([index])[0], None, None, 1, [self.sample(index, text, None)],
            )  # fmt: skip
            cases.append(Case(finding, row, text, "error"))
        return cases


def _broken(probe: Probe, mean: float, gold: float, control: float) -> bool:
    """Whether the rule of a probe is broken by its mean reward."""
    reach = gold - control
    if probe.rule in ("free", "told"):
        return mean >= gold - EQUAL
    if probe.rule == "cap":
        return mean > gold + EQUAL
    if probe.rule == "good":
        return reach > EQUAL and mean < gold - REFUSED * reach
    if probe.rule == "odd" and probe.share >= 1.0:
        return False
    if reach <= EQUAL:  # it does not even tell gold from an honest mistake: that is the fault, told once
        return probe.name in ("boxes elsewhere", "wrong answer") and mean >= gold - EQUAL
    return mean >= control + probe.share * reach - EQUAL


def honest_mistake(reading: Reading, row: Row, rows: Sequence[Row]) -> str:
    """What a policy that fails honestly writes: the right form, and a wrong answer."""
    if reading.style is None:
        return reading.wrapper.wrap(wrong_answer(row, rows))
    return reading.boxes(elsewhere(row), row)


def truth_json(reading: Reading, row: Row) -> str:
    """The truth as JSON, for cards."""
    if reading.style is None:
        return json.dumps({"texts": list(row.answers)}, ensure_ascii=True)
    boxes = [list(box.corners) for box in row.boxes]
    return json.dumps({"boxes": boxes, "labels": [b.label for b in row.boxes], "size": [row.width, row.height]})
