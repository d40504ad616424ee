"""Rewards on pixels, points, captions and answers, one sample at a time: official tools, or the formula as loops."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rewardmark.rewards import Answers, Captions, Grounded, Images, PairScores, References, Segments
from rewardmark.rewards.answers_normalize import normalize_answer
from rewardmark.rewards.tokenize import EOS, tokenize


# --- points ----------------------------------------------------------------------------------------------------------
def _truths(targets: Any, row: int) -> list[list[float]]:
    image = targets.sample(row)
    crowd = image.is_crowd.tolist() if image.is_crowd is not None else [False] * len(image)
    return [box for box, skip in zip(image.boxes.tolist(), crowd, strict=True) if not skip]


def point_in_box(p: Grounded, t: Any, row: int) -> float:
    points = [q for q in p.points[row].tolist() if all(map(math.isfinite, q))]
    truths = _truths(t, row)
    if not truths or not points:
        return float(not truths and not points)
    x0, y0, x1, y1 = truths[0]
    return float(x0 <= points[0][0] <= x1 and y0 <= points[0][1] <= y1) / len(points)


def _seg_zero(p: Grounded, t: Grounded, row: int) -> tuple[list[float], list[list[float]], list[float], float]:
    box, truth = p.box[row].tolist(), t.box[row].tolist()
    points = [q for q in p.points[row].tolist() if all(map(math.isfinite, q))]
    a, b = t.points[row, :2].tolist()
    if len(points) < 2 or not all(map(math.isfinite, box)):
        return box, points, truth, math.inf
    straight = math.dist(points[0], a) + math.dist(points[1], b)
    return box, points, truth, min(straight, math.dist(points[0], b) + math.dist(points[1], a)) / 2


def _inside(points: list[list[float]], box: list[float]) -> bool:
    return all(box[0] <= x <= box[2] and box[1] <= y <= box[3] for x, y in points[:2])


def seg_zero_as_published(p: Grounded, t: Grounded, row: int) -> float:
    p = Grounded(p.box, p.points.trunc())
    box, points, truth, apart = _seg_zero(p, t, row)
    if not all(map(math.isfinite, box)):
        return 0.0
    x0, y0, x1, y1 = max(box[0], truth[0]), max(box[1], truth[1]), min(box[2], truth[2]), min(box[3], truth[3])
    inter = (x1 - x0 + 1) * (y1 - y0 + 1) if x0 < x1 and y0 < y1 else 0
    area = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (box, truth)]
    overlap = inter / (sum(area) - inter) if sum(area) != inter else 0.0
    corners = sum(abs(a - b) for a, b in zip(box, truth, strict=True)) / 4
    return float(overlap > 0.5) + float(corners < 10) + float(apart < 100 and _inside(points, box))


def seg_zero(p: Grounded, t: Grounded, row: int) -> float:
    from plain_boxes import iou

    box, points, truth, apart = _seg_zero(p, t, row)
    if not iou(tuple(box), tuple(truth)) > 0.5:
        return 0.0
    d = math.hypot(truth[2] - truth[0], truth[3] - truth[1])
    corners = sum(abs(a - b) for a, b in zip(box, truth, strict=True)) / 4 < 0.1 * d
    return (1 + corners + (apart < 0.25 * d and _inside(points, box))) / 3 * 2 / max(2, len(points))


# --- pixels ----------------------------------------------------------------------------------------------------------
def _panoptic(p: Segments, t: Segments, row: int) -> tuple[dict[int, list[float]], float, int]:
    """panopticapi's loop: {category: [IoU, TP, FP, FN]}, the sum of IoU, the number of unmatched predictions."""
    found, truth = p.ids[row].numpy(), t.ids[row].numpy()
    kind = [0, *p.categories[row].tolist()], [0, *t.categories[row].tolist()]
    crowd = [False, *(t.is_crowd[row].tolist() if t.is_crowd is not None else [False] * len(kind[1][1:]))]
    areas = [
        0.0,
        *(t.areas[row].tolist() if t.areas is not None else [(truth == s).sum() for s in range(1, len(crowd))]),
    ]
    truths = [s for s in range(1, len(crowd)) if kind[1][s] and (t.areas is not None or areas[s])]
    named = [s for s in range(1, len(kind[0])) if kind[0][s] and (found == s).any()]
    counts: dict[int, list[float]] = {}
    matched_p, matched_t = set(), set()
    for s in named:
        for g in truths:
            if kind[0][s] != kind[1][g] or crowd[g]:
                continue
            inter = ((found == s) & (truth == g)).sum()
            union = (found == s).sum() + areas[g] - inter - ((found == s) & (truth == 0)).sum()
            if union > 0 and inter / union > 0.5:
                row_counts = counts.setdefault(kind[0][s], [0.0, 0, 0, 0])
                row_counts[0] += inter / union
                row_counts[1] += 1
                matched_p.add(s)
                matched_t.add(g)
    last_crowd = {kind[1][g]: g for g in truths if crowd[g]}
    for g in truths:
        if g not in matched_t and not crowd[g]:
            counts.setdefault(kind[1][g], [0.0, 0, 0, 0])[3] += 1
    extra = 0
    for s in named:
        if s in matched_p:
            continue
        excused = ((found == s) & (truth == 0)).sum()
        if kind[0][s] in last_crowd:
            excused += ((found == s) & (truth == last_crowd[kind[0][s]])).sum()
        if excused / (found == s).sum() > 0.5:
            continue
        counts.setdefault(kind[0][s], [0.0, 0, 0, 0])[2] += 1
        extra += 1
    return counts, sum(c[0] for c in counts.values()), extra


def pq(p: Segments, t: Segments, row: int) -> float:
    counts, _, _ = _panoptic(p, t, row)
    values = [total / (tp + fp / 2 + fn / 2) for total, tp, fp, fn in counts.values() if tp + fp + fn]
    return float(np.mean(values)) if values else math.nan


def matched_iou(p: Segments, t: Segments, row: int) -> float:
    _, total, extra = _panoptic(p, t, row)
    return total - 0.3 * extra


def vivid(p: Images, t: Any, row: int) -> float:
    from skimage.color import rgb2lab

    lab = rgb2lab(p.rgb[row].permute(1, 2, 0).double().numpy())
    hues, patches = [0] * 7, 0
    for y in range(0, lab.shape[0], 4):
        for x in range(0, lab.shape[1], 4):
            a, b = lab[y : y + 4, x : x + 4, 1], lab[y : y + 4, x : x + 4, 2]
            patches += 1
            if (a * a + b * b).mean() > 10:
                turn = math.atan2(b.mean(), a.mean()) / (2 * math.pi) + 0.5
                hues[min(6, int(turn * 7))] += 1
    total = sum(hues)
    return total / patches * sum(-n / total * math.log(n / total) for n in hues if n) / math.log(7) if total else 0.0


def chroma(p: Images, t: Images, row: int) -> float:
    from skimage.color import rgb2lab

    found, true = (rgb2lab(b.rgb[row].permute(1, 2, 0).double().numpy())[..., 1:] for b in (p, t))
    values = []
    for y in range(0, found.shape[0], 4):
        for x in range(0, found.shape[1], 4):
            u, v = (lab[y : y + 4, x : x + 4].reshape(-1, 2).mean(0) for lab in (found, true))
            values.append(max(0.0, (2 * u @ v + 10) / (u @ u + v @ v + 10)))
    return float(np.mean(values))


def hasler(p: Images, t: Any, row: int) -> float:
    red, green, blue = p.rgb[row].double().numpy().reshape(3, -1) * 255
    rg, yb = red - green, 0.5 * (red + green) - blue
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def psnr(p: Images, t: Images, row: int) -> float:
    from skimage.metrics import peak_signal_noise_ratio

    a, b = p.rgb[row].double().numpy(), t.rgb[row].double().numpy()
    return 50.0 if (a == b).all() else min(50.0, peak_signal_noise_ratio(b, a, data_range=1.0))


# --- captions --------------------------------------------------------------------------------------------------------
def _joined(texts: Sequence[str]) -> list[str]:
    return [" ".join(tokenize(text)) for text in texts]


def cider_d(p: Captions, t: References) -> list[float]:
    """pycocoevalcap on the batch: its document frequencies are the batch's own."""
    from pycocoevalcap.cider.cider_scorer import CiderScorer

    scorer = CiderScorer(n=4, sigma=6.0)
    for text, references in zip(_joined(p.texts), t.texts, strict=True):
        scorer += (text, _joined(references))
    return [float(value) for value in scorer.compute_score()[1]]


def _cider(p: Captions, t: References, row: int, eos: bool, clip: bool) -> float:
    """The formula: cosine of tf-idf vectors of n-grams, n by n; CIDEr-D clips and looks at lengths."""
    assert t.document_frequency is not None
    df, documents = t.document_frequency.counts, t.document_frequency.documents
    end = [EOS] if eos else []

    def vector(words: list[str], n: int) -> dict[tuple[str, ...], float]:
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        return {g: grams.count(g) * (math.log(documents) - math.log(max(1, df.get(g, 0)))) for g in set(grams)}

    norm = lambda v: math.sqrt(sum(w * w for w in v.values()))  # noqa: E731
    words, total = [*" ".join(tokenize(p.texts[row])).split(), *end], 0.0
    for reference in t.texts[row]:
        other = [*" ".join(tokenize(reference)).split(), *end]
        for n in range(1, 5):
            a, b = vector(words, n), vector(other, n)
            dot = sum((min(w, b[g]) if clip else w) * b[g] for g, w in a.items() if g in b)
            cosine = dot / (norm(a) * norm(b)) if norm(a) * norm(b) else 0.0
            gap = max(0, len(words) - 1) - max(0, len(other) - 1)
            total += cosine * (math.exp(-(gap**2) / 72) if clip else 1.0)
    return 10 * total / 4 / len(t.texts[row]) if t.texts[row] else 0.0


def bleu4(p: Captions, t: References, row: int) -> float:
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer

    scorer = BleuScorer(n=4)
    scorer += (_joined(p.texts)[row], _joined(t.texts[row]))
    return scorer.compute_score(option="closest", verbose=0)[1][3][0]


def rouge_l(p: Captions, t: References, row: int) -> float:
    from pycocoevalcap.rouge.rouge import Rouge

    text = " ".join(tokenize(p.texts[row]))
    return Rouge().calc_score([text], _joined(t.texts[row])) if text else 0.0


def chair(p: Captions, t: References, row: int) -> float:
    """One-word objects, plurals in -s."""
    words = {form: name for name in VOCABULARY for form in (name, name + "s")}
    said = [words[w] for w in tokenize(p.texts[row]) if w in words]
    there = {words[w] for text in t.texts[row] for w in tokenize(text) if w in words}
    return -sum(name not in there for name in said) / len(said) if said else 0.0


VOCABULARY: dict[str, list[str]] = {"dog": [], "cat": [], "ball": []}


def cosines(texts: Sequence[str], rgb: Any) -> Any:
    """Stands for CLIP: any number in -1..1 that depends on the text and the image."""
    return (rgb.flatten(1).mean(1) * 7 + rgb.new_tensor([len(text) for text in texts])).sin()


def clip_score(p: Captions, t: Images, row: int) -> float:
    cosine = float(cosines(["A photo depicts " + p.texts[row]], t.rgb[row : row + 1]))
    return 2.5 * max(0.0, cosine) if p.texts[row].strip() else 0.0


# --- answers ---------------------------------------------------------------------------------------------------------
def exact(p: Answers, t: Answers, row: int) -> float:
    return float(any(p.text(row).strip().lower() == truth.strip().lower() for truth in t.alternatives(row)))


def soft(p: Answers, t: Answers, row: int) -> float:
    """The official script's loop over the annotators."""
    answers = [a.replace("\n", " ").replace("\t", " ").strip() for a in t.alternatives(row)]
    answer = p.text(row).replace("\n", " ").replace("\t", " ").strip()
    if len(set(answers)) > 1:
        answers, answer = [normalize_answer(a) for a in answers], normalize_answer(answer)
    accuracies = []
    for left_out in range(len(answers)):
        others = answers[:left_out] + answers[left_out + 1 :]
        accuracies.append(min(1.0, len([a for a in others if a == answer]) / 3))
    return sum(accuracies) / len(accuracies)


def anls(p: Answers, t: Answers, row: int) -> float:
    def distance(a: str, b: str) -> int:
        table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
        table[:, 0], table[0, :] = range(len(a) + 1), range(len(b) + 1)
        for i, j in ((i, j) for i in range(1, len(a) + 1) for j in range(1, len(b) + 1)):
            change = table[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            table[i, j] = min(change, table[i - 1, j] + 1, table[i, j - 1] + 1)
        return int(table[-1, -1])

    answer, best = " ".join(p.text(row).lower().split()), 0.0
    for truth in (" ".join(truth.lower().split()) for truth in t.alternatives(row)):
        nl = distance(answer, truth) / max(len(answer), len(truth), 1)
        best = max(best, 1 - nl if nl < 0.5 else 0.0)
    return best


def yes_no(p: Answers, t: Answers, row: int) -> float:
    said = [word for word in re.sub(r"\W", " ", p.text(row).lower()).split() if word in ("yes", "no")]
    return float(said == [t.text(row)]) * min(1.0, 8 / max(1, len(p.text(row).split())))


def yes_no_as_published(p: Answers, t: Answers, row: int) -> float:
    text = p.text(row).lower()
    if "<answer>" in text and "</answer>" in text[text.index("<answer>") :]:
        text = text[text.index("<answer>") + 8 :]
        text = text[: text.index("</answer>")]
    places = {word: text.index(word) for word in ("yes", "no") if word in text}
    return float(min(places, key=places.__getitem__, default="") == t.text(row))


def counting(p: Answers, t: Answers, row: int) -> float:
    words = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
    said = {words.get(w, w) for w in re.findall(r"[a-z]+|-?\d+(?:\.\d+)?", p.text(row).lower())}
    numbers = {float(w) for w in said if isinstance(w, int) or w[-1].isdigit()}
    return -10.0 if len(numbers) != 1 else -min(10.0, abs(numbers.pop() - float(t.text(row))))


def pair(p: PairScores, t: None, row: int) -> float:
    (c0i0, c0i1), (c1i0, c1i1) = p.scores[row].tolist()
    return float(c0i0 > c1i0 and c1i1 > c0i1 and c0i0 > c0i1 and c1i1 > c1i0)


# --- formats ---------------------------------------------------------------------------------------------------------
def json_boxes(p: Answers, t: None, row: int) -> float:
    import json

    text = p.text(row)
    if "<answer>" in text:
        if (
            text.count("<answer>") != 1
            or text.count("</answer>") != 1
            or text.index("</answer>") < text.index("<answer>")
        ):
            return 0.0
        text = text.split("<answer>")[1].split("</answer>")[0]
    try:
        items = json.loads(text)
        boxes = [item["bbox_2d"] for item in ([items] if isinstance(items, dict) else items)]
        return float(all(len(b) == 4 and b[0] < b[2] and b[1] < b[3] for b in boxes))
    except (ValueError, KeyError, TypeError):
        return 0.0


def think_answer_as_published(p: Answers, t: None, row: int) -> float:
    return float(bool(re.fullmatch(r"<think>.*?</think>\s*<answer>.*?</answer>", p.text(row), re.DOTALL)))


def think_answer(p: Answers, t: None, row: int) -> float:
    text = p.text(row).strip()
    once = all(text.count(tag) == 1 for tag in ("<think>", "</think>", "<answer>", "</answer>"))
    if not (once and text.startswith("<think>") and text.endswith("</answer>")):
        return 0.0
    thought, _, rest = text[len("<think>") :].partition("</think>")
    inner = rest.strip()
    answer = inner[len("<answer>") : -len("</answer>")]
    return float(inner.startswith("<answer>") and bool(thought.strip()) and bool(answer.strip()))


def no_repeat(p: Answers, t: None, row: int) -> float:
    seen, repeats = set(), 0
    for sentence in (s.strip() for s in p.text(row).split(".") if s.strip()):
        repeats += sentence in seen
        seen.add(sentence)
    return float(repeats < 2)


PLAIN: dict[str, Callable[[Any, Any, int], float]] = {
    "captioning/bleu4": bleu4,
    "captioning/chair": chair,
    "captioning/cider": lambda p, t, row: _cider(p, t, row, eos=False, clip=False),
    "captioning/cider-d-eos": lambda p, t, row: (
        _cider(p, t, row, eos=True, clip=True) if tokenize(p.texts[row]) else 0.0
    ),
    "captioning/clip-score": clip_score,
    "captioning/rouge-l": rouge_l,
    "colorization/chroma": chroma,
    "colorization/hasler": hasler,
    "colorization/psnr": psnr,
    "colorization/vivid": vivid,
    "counting/error": counting,
    "format/json-boxes": json_boxes,
    "format/no-repeat": no_repeat,
    "format/think-answer": think_answer,
    "format/think-answer-as-published": think_answer_as_published,
    "grounding/point-in-box": point_in_box,
    "grounding/seg-zero": seg_zero,
    "grounding/seg-zero-as-published": seg_zero_as_published,
    "matching/pair": pair,
    "panoptic/matched-iou": matched_iou,
    "panoptic/pq": pq,
    "vqa/anls": anls,
    "vqa/exact": exact,
    "vqa/soft": soft,
    "vqa/yes-no": yes_no,
    "vqa/yes-no-as-published": yes_no_as_published,
}
