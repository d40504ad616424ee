"""What the small language models have read before they are asked anything: questions with programs, many of them wrong.

A frozen code LLM is wrong about this API often, and in its own ways: for some kinds of question nearly always, and with
the same mistake each time. So the corpus is written by authors who make mistakes:

- Each kind of text (a task, and the form of its true program: calls, comparisons and their order, whatever the nouns)
  has an error rate, and a code LLM's are not spread evenly: what it knows how to say in this API it nearly always gets
  right, and what it has misunderstood it gets wrong nearly every time. So some kinds are *sound* (8% wrong); the others
  are *habits*, wrong at rates spread evenly over 50% .. 95%; and `rate` / 8 of the texts, of rare kinds, are
  *persistent*: 99.5% wrong. There are so many habits that the mean over the texts of a task is `rate` (0.4 as
  documented; the suites run 0.2 and 0.8 too). A hash of the kind decides which is which. Greedy, a model makes the
  mistake of nearly every habit; drawn from often enough, it gets it right now and then, but for the persistent ones.
- Of the wrong programs of a kind, 80% have that kind's own mistake; the rest any other that fits (see `mistakes`).
- A document is a handful of questions by one author: careful (0.6 times the error rates), ordinary, or careless (1.4
  times; never above 99.5%). Right examples in a prompt are therefore evidence of a careful author, and a model that
  learns from its context writes better programs after them: that is what makes few-shot prompting work, and what the
  larger of two models can be better at.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.baselines.llm.mistakes import Words, canonical_program, slips, words_of
from rewardmark.baselines.llm.prompts import written
from rewardmark.baselines.llm.tokenizer import END

if TYPE_CHECKING:
    from rewardmark.tasks.programs import ProgramSplit

__all__ = [
    "CARE", "DOCUMENTED_RATE", "STANDINGS", "Corpus", "Exercise", "error_rates", "exercises_of", "form_of", "standing",
]  # fmt: skip

DOCUMENTED_RATE = 0.4
CARE = (0.6, 1.0, 1.4)
"""How often careful, ordinary and careless authors err, as multiples of a kind's rate."""
OWN_SHARE = 0.8
SOUND_RATE = 0.08
HABIT_RATES = (0.5, 0.95)
PERSISTENT_RATE = 0.995
PERSISTENT_SHARE = 1 / 8
"""Of the documented rate: so many of the texts are of persistent kinds."""
COMMON = 0.05
"""Kinds of a larger share of their task's texts are never persistent."""


STANDINGS = ("sound", "habit", "persistent")


@dataclass(frozen=True)
class Exercise:
    """A text with its true program. kind: what decides how often, and how, it is got wrong."""

    query: str
    kind: str
    program: str


def exercises_of(task: str, split: ProgramSplit[Any]) -> list[Exercise]:
    """Every text of a split whose true program is known; its kind is the task with the form of that program."""
    forms: dict[str, str] = {}
    found = []
    for sample in split:
        for text, program in zip(sample.texts, sample.programs, strict=True):
            if program is not None:
                kind = f"{task}: {forms.setdefault(program, form_of(program))}"
                found.append(Exercise(text, kind, program))
    return found


def form_of(program: str) -> str:
    """What a program does, without its nouns and attributes: the names, operators and numbers of its tree, in order.

    >>> form_of("def execute_command(image):\\n    return str(len(ImagePatch(image).find('ball')))")
    'str len find ImagePatch'
    """
    words = []
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Call):
            words.append(node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))
            if words[-1] == "simple_query" and node.args and isinstance(node.args[0], ast.Constant):
                words.append("-".join(str(node.args[0].value).split()[:2]).lower())
        elif isinstance(node, ast.Attribute) and node.attr.endswith("_center"):
            words.append(node.attr)
        elif isinstance(node, ast.cmpop | ast.boolop | ast.Not):
            words.append(type(node).__name__)
    return " ".join(words)


@dataclass
class Corpus:
    """Documents of `size` exercises each; document k follows from (seed, k) alone.

    rates: error rate by kind; written: how many programs were written of each (kind, mistake's kind or "right").
    """

    exercises: Sequence[Exercise]
    rate: float = DOCUMENTED_RATE
    seed: int = 0
    size: int = 4
    rates: dict[str, float] = field(init=False)
    written: Counter[tuple[str, str]] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        self.rates = error_rates([exercise.kind for exercise in self.exercises], self.rate)
        self._tasks: dict[str, list[Exercise]] = {}
        for exercise in self.exercises:
            self._tasks.setdefault(_task(exercise.kind), []).append(exercise)
        self.words: Words = words_of({exercise.program for exercise in self.exercises})
        self._right: dict[str, str] = {}

    def document(self, k: int) -> str:
        """The text of document k. Each of its exercises is of any task with the same chance."""
        rng = np.random.default_rng([self.seed, 7, k])
        care = CARE[int(rng.integers(len(CARE)))]
        tasks = sorted(self._tasks)
        parts = []
        for _ in range(self.size):
            choices = self._tasks[tasks[int(rng.integers(len(tasks)))]]
            exercise = choices[int(rng.integers(len(choices)))]
            parts.append(written(exercise.query, self.program(exercise, care, rng)))
        return END.join([*parts, ""])

    def documents(self, first: int, count: int) -> Iterator[str]:
        return (self.document(k) for k in range(first, first + count))

    def program(self, exercise: Exercise, care: float, rng: np.random.Generator) -> str:
        """The program that an author of this care writes for an exercise."""
        rate = self.rates[exercise.kind]
        if rate < PERSISTENT_RATE:
            rate = min(rate * care, PERSISTENT_RATE)
        if exercise.program not in self._right:
            self._right[exercise.program] = canonical_program(exercise.program)
        right = self._right[exercise.program]
        if rng.random() < rate:
            found = slips(right, self.words)
            names = list(dict.fromkeys(name for _, name, _ in found))
            if names:
                # Models take another noun or attribute by chance, not by habit.
                habits = [name for name in names if not name.startswith("another ")] or names
                own = min(habits, key=lambda name: _hash(exercise.kind, name))
                others = [name for name in names if name != own]
                name = own if rng.random() < OWN_SHARE or not others else others[int(rng.integers(len(others)))]
                fitting = [(kind, text) for kind, slip, text in found if slip == name]
                kind, text = fitting[int(rng.integers(len(fitting)))]
                self.written[exercise.kind, kind] += 1
                return text()
        self.written[exercise.kind, "right"] += 1
        return right


def error_rates(kinds: Sequence[str], rate: float) -> dict[str, float]:
    """Error rate by kind, one of `kinds` a text: sound, habit or persistent, with the mean `rate` over a task's texts.

    >>> rates = error_rates([f"vqa: {k}" for k in range(1000)], 0.4)
    >>> round(sum(rates.values()) / 1000, 2), sum(value == PERSISTENT_RATE for value in rates.values())
    (0.4, 50)
    """
    persistent = rate * PERSISTENT_SHARE
    sound = min(SOUND_RATE, rate / 2)
    low, high = HABIT_RATES
    habits = (rate - persistent * PERSISTENT_RATE - (1 - persistent) * sound) / ((low + high) / 2 - sound)
    if habits > 1 - persistent:  # nothing is sound, and that is not enough: the mildest habits are worse
        habits = 1 - persistent
        low = min(high, 2 * (rate - persistent * PERSISTENT_RATE) / habits - high)
    rates: dict[str, float] = {}
    counts = Counter(kinds)
    for task in sorted({_task(kind) for kind in counts}):
        order = sorted((kind for kind in counts if _task(kind) == task), key=lambda kind: _hash("rate", kind))
        total, passed = sum(counts[kind] for kind in order), 0
        for kind in order:
            middle, passed = (passed + counts[kind] / 2) / total, passed + counts[kind]
            place = (middle - (1 - persistent - habits)) / habits if habits > 0 else -1.0
            rates[kind] = sound if place < 0 else low + (high - low) * min(1.0, place)
            if middle > 1 - persistent and counts[kind] <= COMMON * total:
                rates[kind] = PERSISTENT_RATE
        _come_closer(rates, order, counts, rate, sound, (low + high) / 2)
    return rates


def standing(rate: float) -> str:
    """Which of STANDINGS a kind with this error rate has.

    >>> standing(0.08), standing(0.5), standing(PERSISTENT_RATE)
    ('sound', 'habit', 'persistent')
    """
    return STANDINGS[0] if rate <= SOUND_RATE else STANDINGS[2] if rate >= PERSISTENT_RATE else STANDINGS[1]


def _come_closer(
    rates: dict[str, float], order: Sequence[str], counts: Counter[str], rate: float, sound: float, habit: float
) -> None:
    """Make sound kinds habits, those next to the others first, while that brings the texts' mean closer to `rate`:
    where kinds are few, one that is left on the wrong side of the line is much."""
    total = sum(counts[kind] for kind in order)
    mean = sum(counts[kind] * rates[kind] for kind in order) / total
    for kind in reversed(order):
        more = counts[kind] / total * (habit - rates[kind])
        if rates[kind] == sound and abs(mean + more - rate) < abs(mean - rate):
            rates[kind], mean = habit, mean + more


def _task(kind: str) -> str:
    return kind.partition(":")[0]


def _hash(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")
