"""Rewards for answers in words, in TRL's convention, that compare_audits.py gives to three auditors."""

import re


def contains(completions, answer, **kwargs):
    """The answer anywhere in the completion."""
    return [1.0 if a.lower() in c.lower() else 0.0 for c, a in zip(completions, answer, strict=False)]


def exact(completions, answer, **kwargs):
    """The completion is the answer, to the letter."""
    return [float(c.strip() == a.strip()) for c, a in zip(completions, answer, strict=False)]


def first_tag(completions, answer, **kwargs):
    """The first answer tag, compared without case."""
    scores = []
    for c, a in zip(completions, answer, strict=False):
        found = re.search(r"<answer>(.*?)</answer>", c, re.DOTALL)
        scores.append(float(bool(found) and found.group(1).strip().lower() == a.strip().lower()))
    return scores


def last_number(completions, answer, **kwargs):
    """The last number of the completion, for answers that are numbers; other answers by containment."""
    scores = []
    for c, a in zip(completions, answer, strict=False):
        numbers = re.findall(r"-?\d+(?:\.\d+)?", c.replace(",", ""))
        if a.lstrip("-").isdigit():
            scores.append(float(bool(numbers) and float(numbers[-1]) == float(a)))
        else:
            scores.append(float(re.search(rf"\b{re.escape(a)}\b", c.lower()) is not None))
    return scores


def format_and_answer(completions, answer, **kwargs):
    """Half for the tags, half for the answer between them: the form alone pays."""
    scores = []
    for c, a in zip(completions, answer, strict=False):
        form = re.fullmatch(r"\s*<think>.*?</think>\s*<answer>(.*?)</answer>\s*", c, re.DOTALL)
        scores.append(0.5 * bool(form) + 0.5 * float(bool(form) and form.group(1).strip().lower() == a.lower()))
    return scores


def overlap(completions, answer, **kwargs):
    """The share of the answer's words that the completion holds."""
    scores = []
    for c, a in zip(completions, answer, strict=False):
        words = set(re.findall(r"\w+", c.lower()))
        wanted = re.findall(r"\w+", a.lower())
        scores.append(sum(w in words for w in wanted) / len(wanted))
    return scores


def raises(completions, answer, **kwargs):
    """What has no tag raises."""
    return [
        float(c.split("<answer>")[1].split("</answer>")[0].strip() == a)
        for c, a in zip(completions, answer, strict=False)
    ]


def strict(completions, answer, **kwargs):
    """One tag, the answer in it, without regard to case and a period: nothing to find but what it refuses."""
    scores = []
    for c, a in zip(completions, answer, strict=False):
        found = re.findall(r"<answer>(.*?)</answer>", c, re.DOTALL)
        one = len(found) == 1 and c.count("<answer>") == 1
        scores.append(float(one and found[0].strip().rstrip(".").lower() == a.strip().lower()))
    return scores
