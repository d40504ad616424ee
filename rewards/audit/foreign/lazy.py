"""The lazy policy: the best fixed answer, one that never sees the picture."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rewardmark.rewards.audit.foreign.judge import Case, Judge
from rewardmark.rewards.audit.foreign.rows import Box
from rewardmark.rewards.audit.result import Finding
from rewardmark.rewards.audit.statistics import EQUAL

__all__ = ["lazy_policy"]

#: A fixed answer that earns this share of gold is an exploit: nothing is left to learn.
PAID = 0.95
MOST_ANSWERS = 8


def lazy_policy(judge: Judge) -> dict[str, Any]:
    """What the best fixed answer earns over all rows: answer, mean_reward, gold_mean, normalized, and all answers."""
    reading, rows = judge.reading, judge.rows
    if reading.style is None:
        common = [a for a, _ in Counter(row.answers[0] for row in rows).most_common(MOST_ANSWERS)]
        fixed = {
            answer: [reading.wrapper.wrap(answer)] * len(rows) for answer in dict.fromkeys([*common, "yes", "no", "0"])
        }
    else:
        label = Counter(box.label for row in rows for box in row.boxes).most_common(1)[0][0]
        shares = {
            "the whole picture": (0, 0, 1, 1),
            "the middle": (0.25, 0.25, 0.75, 0.75),
            "left half": (0, 0, 0.5, 1),
        }
        shares |= {"lower half": (0, 0.5, 1, 1), "the inner three quarters": (0.125, 0.125, 0.875, 0.875)}
        fixed = {}
        for name, (a, b, c, d) in shares.items():
            texts = [
                reading.boxes([Box((a * r.width, b * r.height, c * r.width, d * r.height), label)], r) for r in rows
            ]
            fixed[f"{name} as {label}" if reading.style.has_labels else name] = texts
    earned = {name: judge.score("lazy policy", texts).mean or 0.0 for name, texts in fixed.items()}
    gold, control = judge.means(range(len(rows)))
    best = max(earned, key=lambda name: earned[name])
    reach = gold - control
    section = {
        "answer": best,
        "mean_reward": earned[best],
        "gold_mean": gold,
        "control_mean": control,
        "answers": earned,
    }
    section["normalized"] = (earned[best] - control) / reach if reach > EQUAL else None
    varied = len({row.answers[0].lower() for row in rows}) > 1 if reading.style is None else True
    if varied and reach > EQUAL and earned[best] >= control + PAID * reach:
        text = fixed[best][0]
        worst = next((i for i, row in enumerate(rows) if best.lower() not in [a.lower() for a in row.answers]), 0)
        text = fixed[best][worst]
        finding = Finding(
            "exploit",
            "lazy policy",
            "variants",
            f"the same answer for every picture ({best}) earns {earned[best]:.3g}, the right ones {gold:.3g}",
            earned[best],
            gold,
            None,
            None,
            1,
            [judge.sample(worst, text, earned[best])],
        )
        judge.cases.append(Case(finding, rows[worst], text, "bad", PAID))
    return section
