"""All benchmarks of the VLM task at once: their published rules on each answer, and one mean over the benchmarks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rewardmark.rewards.chair import mentions, phrases
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.tokenize import tokenize_all
from rewardmark.rewards.vqa import similarity
from rewardmark.tasks.base import Metric, Statistics, check_weights
from rewardmark.tasks.captioning.evaluate import CaptioningStatistics
from rewardmark.tasks.captioning.evaluate import evaluate as evaluate_captions
from rewardmark.tasks.scenes.said import KINDS, Judged, judge_caption_facts
from rewardmark.tasks.scenes.turns import read_box
from rewardmark.tasks.scenes.world import THINGS
from rewardmark.tasks.vlm.pope import says_no
from rewardmark.tasks.vlm.refcoco import accuracy_at_half
from rewardmark.tasks.vlm.sample import BENCHMARKS, VlmSample
from rewardmark.tasks.vlm.textvqa import textvqa_accuracy
from rewardmark.tasks.vlm.vsr import said_true

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METRICS", "VlmStatistics"]

SPLITS = ("random", "popular", "adversarial")
MEAN_OF = {
    "caption": "caption_F1", "vqa": "VQA", "spatial": "spatial", "grounding": "acc@0.5", "ocr": "ANLS",
    "existence": "POPE",
}  # fmt: skip
"""Which number of each benchmark counts in the mean."""

METRICS = (
    Metric(
        "mean",
        unit="0..1",
        note="over the benchmarks asked: " + ", ".join(MEAN_OF.values()) + "; captions of pictures whose facts are not "
        "known count by a tenth of their CIDEr",
    ),
    Metric("CIDEr", unit="0..10", note="captions against the true ones; frequencies of these images"),
    Metric("caption_F1", unit="0..1", note="of the facts that captions state, mean over captions"),
    Metric("precision", unit="0..1", note="true claims / claims, over all captions"),
    Metric("recall", unit="0..1", note="facts of the scene that its caption gives, over all captions"),
    *(Metric(f"precision_{kind}", unit="0..1") for kind in KINDS),
    *(Metric(f"recall_{kind}", unit="0..1") for kind in KINDS if kind != "relation"),
    Metric("CHAIR_i", higher_is_better=False, unit="0..1"),
    Metric("CHAIR_s", higher_is_better=False, unit="0..1"),
    Metric("words", unit="", note="a caption"),
    Metric("VQA", unit="0..1", note="TextVQA's rule; one true answer stands for ten that agree"),
    Metric("spatial", unit="0..1", note="VSR's rule: yes or no, anything else is wrong"),
    Metric("acc@0.5", unit="0..1", note="RefCOCO's rule; an answer without a box is wrong"),
    Metric("ANLS", unit="0..1", note="the competition's rule"),
    Metric("OCR_accuracy", unit="0..1", note="TextVQA's rule; one true answer stands for ten that agree"),
    Metric("POPE", unit="0..1", note="accuracy, mean over the three splits"),
    *(Metric(f"POPE_{name}", unit="0..1", note="accuracy") for name in SPLITS),
    Metric("POPE_F1", unit="0..1", note="of yes, over all three splits"),
    Metric("POPE_yes", unit="0..1", note="share of answers that are yes; half of the truths are"),
)
_NAMES = {name: list[str]() for name in THINGS}


class VlmStatistics(Statistics):
    """The answers to n samples, each judged by its benchmark's rule."""

    def __init__(self, samples: Sequence[VlmSample], answers: Sequence[str]) -> None:
        if len(samples) != len(answers):
            raise RewardmarkError(f"vlm: {len(answers)} answers for {len(samples)} samples; one each is wanted")
        odd = next((s for s in samples if s.skill not in BENCHMARKS), None)
        if odd is not None:
            raise RewardmarkError(f"vlm: sample {odd.id} ({odd.skill}) is learned from, not judged")
        self.n = len(samples)
        self.skill = np.array([sample.skill for sample in samples], dtype=object)
        self.subtask = np.array([sample.subtask for sample in samples], dtype=object)
        self.score = np.full(self.n, np.nan)
        self.unknown = np.array([s.skill == "caption" and s.facts is None for s in samples], dtype=bool)
        self.columns: dict[str, NDArray[np.float64]] = {}
        self.captioning: CaptioningStatistics | None = None
        for skill, judge in _RULES.items():
            rows = self._of(skill)
            if rows:
                self.score[rows] = judge([samples[k] for k in rows], [answers[k] for k in rows])
        self._captions(samples, answers)
        self._exact(samples, answers)

    def __len__(self) -> int:
        return self.n

    def _of(self, skill: str) -> list[int]:
        rows: list[int] = np.flatnonzero(self.skill == skill).tolist()
        return rows

    def _column(self, name: str) -> NDArray[np.float64]:
        return self.columns.setdefault(name, np.zeros(self.n))

    def _captions(self, samples: Sequence[VlmSample], answers: Sequence[str]) -> None:
        self.rows = self._of("caption")
        if not self.rows:
            return
        texts = [answers[k] for k in self.rows]
        self.captioning = evaluate_captions([samples[k].answers for k in self.rows], texts, meteor=False)
        cider = self.captioning.per_sample()["score"]
        names = phrases(_NAMES)
        tokenize_all(texts)  # at most one start of Java
        for place, (k, text) in enumerate(zip(self.rows, texts, strict=True)):
            self._column("words")[k] = len(text.split())
            facts = samples[k].facts
            if facts is None:
                self.score[k] = cider[place] / 10
                continue
            judged = judge_caption_facts(text, facts)
            self.score[k] = judged.f1
            self._count(k, judged)
            present = {thing.category for thing in facts.objects}
            said = mentions(text, names)
            self._column("mentions")[k] = len(said)
            self._column("invented")[k] = sum(name not in present for name in said)
            self._column("liar")[k] = any(name not in present for name in said)

    def _count(self, k: int, judged: Judged) -> None:
        for name, group in (
            ("true", judged.true),
            ("false", judged.false),
            ("there", judged.there),
            ("found", judged.found),
        ):
            for kind in KINDS:
                self._column(f"{name} {kind}")[k] = sum(claim[0] == kind for claim in group)

    def _exact(self, samples: Sequence[VlmSample], answers: Sequence[str]) -> None:
        for k in self._of("ocr"):
            self._column("ocr exact")[k] = _soft(answers[k], samples[k].answers)
        for k in self._of("existence"):
            yes, truth = not says_no(answers[k]), samples[k].answers[0] == "yes"
            self._column("yes")[k], self._column("hit")[k] = yes, yes and truth
            self._column("label")[k] = truth

    def metrics(self, weights: NDArray[Any] | None = None) -> dict[str, float]:
        """METRICS by name, NaN where nothing was asked. With weights, sample k stands weights[k] times."""
        counts = np.ones(self.n) if weights is None else check_weights(weights, self.n).astype(np.float64)

        def total(name: str) -> float:
            return float(counts @ self.columns[name]) if name in self.columns else 0.0

        def claims(name: str) -> float:
            return sum(total(f"{name} {kind}") for kind in KINDS)

        out = dict.fromkeys((metric.name for metric in METRICS), math.nan)
        for skill in ("caption", "vqa", "spatial", "grounding", "ocr"):
            out[MEAN_OF[skill]] = self._mean((self.skill == skill) & ~self.unknown, counts)
        for name in SPLITS:
            out[f"POPE_{name}"] = self._mean((self.skill == "existence") & (self.subtask == name), counts)
        out["POPE"] = _mean_of([out[f"POPE_{name}"] for name in SPLITS])
        if self.captioning is not None:
            said = self.captioning.metrics(None if weights is None else counts[self.rows].astype(np.int64))
            out["CIDEr"] = said["CIDEr"]
        out["precision"] = _ratio(claims("true"), claims("true") + claims("false"))
        out["recall"] = _ratio(claims("found"), claims("there"))
        for kind in KINDS:
            true = total(f"true {kind}")
            out[f"precision_{kind}"] = _ratio(true, true + total(f"false {kind}"))
            if kind != "relation":
                out[f"recall_{kind}"] = _ratio(total(f"found {kind}"), total(f"there {kind}"))
        captions = float(counts[self.rows].sum())
        known = float(counts[(self.skill == "caption") & ~self.unknown].sum())
        out["CHAIR_i"] = _ratio(total("invented"), total("mentions"))
        out["CHAIR_s"] = _ratio(total("liar"), known) if "liar" in self.columns else math.nan
        out["words"] = _ratio(total("words"), captions)
        out["OCR_accuracy"] = _ratio(total("ocr exact"), float(counts[self.skill == "ocr"].sum()))
        hits, asked = total("hit"), float(counts[self.skill == "existence"].sum())
        out["POPE_F1"] = _ratio(2 * hits, total("yes") + total("label"))
        out["POPE_yes"] = _ratio(total("yes"), asked)
        out["mean"] = _mean_of([*(out[name] for name in MEAN_OF.values()), self._mean(self.unknown, counts)])
        return out

    def _mean(self, part: NDArray[np.bool_], counts: NDArray[np.float64]) -> float:
        part = part & ~np.isnan(self.score)
        return _ratio(float(counts[part] @ self.score[part]), float(counts[part].sum()))

    def per_sample(self) -> dict[str, NDArray[Any]]:
        """score: what the sample's own benchmark gives it, 0..1 (a caption: F1 of its facts; a tenth of its CIDEr where
        the facts are not known)."""
        return {"score": self.score}


def _soft(answer: str, truths: tuple[str, ...]) -> float:
    """TextVQA's accuracy; one true answer stands for ten annotators who agree."""
    return textvqa_accuracy(answer, truths * 10 if len(truths) == 1 else truths)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _mean_of(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _grounding(samples: Sequence[VlmSample], answers: Sequence[str]) -> list[float]:
    for sample in samples:
        if sample.box is None:
            raise RewardmarkError(f"vlm: grounding sample {sample.id} has no true box")
    said = [read_box(text, sample.size[1], sample.size[0]) for sample, text in zip(samples, answers, strict=True)]
    return accuracy_at_half(said, [sample.box for sample in samples if sample.box is not None])


def _each(rule: Callable[[str, tuple[str, ...]], float]) -> Callable[[Sequence[VlmSample], Sequence[str]], list[float]]:
    return lambda samples, answers: [rule(text, one.answers) for one, text in zip(samples, answers, strict=True)]


_RULES: dict[str, Callable[[Sequence[VlmSample], Sequence[str]], list[float]]] = {
    "vqa": _each(lambda text, truths: _soft(text, truths)),
    "spatial": _each(lambda text, truths: float(said_true(text) == (truths[0] == "yes"))),
    "grounding": _grounding,
    "ocr": _each(lambda text, truths: similarity(text, truths, competition=True)),
    "existence": _each(lambda text, truths: float(says_no(text) == (truths[0] == "no"))),
}
