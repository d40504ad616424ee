"""Reward functions in EasyR1's conventions: a list of reward inputs, one of them, and the older pair of strings."""

import json
import re


def answer_of(text):
    found = re.search(r"<answer>(.*?)</answer>", text, re.DOTALL)
    return found.group(1).strip() if found else text.strip()


def format_reward(text):
    return float(re.fullmatch(r"<think>.*?</think>\s*<answer>.*?</answer>", text, re.DOTALL) is not None)


def substring_yes_no(reward_inputs, format_weight=0.1):
    """The first yes or no anywhere: in "know", in "yesterday"; and none at all equals none at all."""
    if not isinstance(reward_inputs, list):
        raise ValueError("Please use `reward_type=batch`.")
    scores = []
    for reward_input in reward_inputs:
        said = re.search(r"(yes|no)", answer_of(reward_input["response"]).lower())
        true = re.search(r"(yes|no)", reward_input["ground_truth"].lower())
        accuracy = float((said.group(1) if said else "") == (true.group(1) if true else ""))
        form = format_reward(reward_input["response"])
        scores.append(
            {"overall": (1 - format_weight) * accuracy + format_weight * form, "format": form, "accuracy": accuracy}
        )
    return scores


def mended_yes_no(reward_inputs, format_weight=0.1):
    scores = []
    for reward_input in reward_inputs:
        text = reward_input["response"]
        found = re.findall(r"<answer>(.*?)</answer>", text, re.DOTALL)
        said = found[0].strip().strip(".").lower() if len(found) == 1 else ""
        accuracy = float(said in ("yes", "no") and said == reward_input["ground_truth"].strip().lower())
        form = float(format_reward(text.strip()) and accuracy)
        scores.append({"overall": 0.9 * accuracy + 0.1 * form, "format": form, "accuracy": accuracy})
    return scores


def near_in_pixels(reward_input):
    """Sequential. IoU above .5, and corners less than 10 pixels off, whatever the size of the picture."""
    try:
        box = json.loads(answer_of(reward_input["response"]))
        box = [float(v) for v in box]
        truth = [float(v) for v in json.loads(reward_input["ground_truth"])]
        off = sum(abs(a - b) for a, b in zip(box, truth, strict=True)) / 4
        overlap = iou(box, truth)
    except (ValueError, TypeError):
        return {"overall": 0.0}
    return {"overall": 0.5 * (overlap > 0.5) + 0.5 * (off < 10), "accuracy": overlap}


def iou(a, b):
    if a[2] <= a[0] or a[3] <= a[1]:
        return 0.0
    inter = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter) if inter > 0 else 0.0


def near_for_its_size(reward_input):
    """The mended twin: distances in the diagonal of the true box, and only for a box that overlaps."""
    try:
        box = [float(v) for v in json.loads(answer_of(reward_input["response"]))]
        truth = [float(v) for v in json.loads(reward_input["ground_truth"])]
        off = sum(abs(a - b) for a, b in zip(box, truth, strict=True)) / 4
        overlap = iou(box, truth)
    except (ValueError, TypeError):
        return {"overall": 0.0}
    diagonal = ((truth[2] - truth[0]) ** 2 + (truth[3] - truth[1]) ** 2) ** 0.5
    return {"overall": (overlap > 0.5) * (0.5 + 0.5 * (off < 0.1 * diagonal)), "accuracy": overlap}


def crashes(predict_str: str, ground_truth: str) -> float:
    """The older form. A count that is not a number raises."""
    return 1.0 if int(answer_of(predict_str)) == int(ground_truth) else 0.0


def counts(predict_str: str, ground_truth: str) -> float:
    """Its mended twin."""
    said = answer_of(predict_str).strip(".")
    return float(said.isdecimal() and len(said) < 10 and int(said) == int(ground_truth))
