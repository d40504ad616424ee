"""Reward functions in VLM-R1's convention: chat-shaped completions, `solution` in tags, columns such as image_path."""

import json
import re


def contents_of(completions):
    return [completion[0]["content"] for completion in completions]


def fenced(text):
    found = re.search(r"```json(.*?)```", text, re.DOTALL)
    try:
        items = json.loads(found.group(1).strip()) if found else []
    except ValueError:
        return []
    if not isinstance(items, list):
        return []
    return [
        item
        for item in items
        if isinstance(item, dict) and isinstance(item.get("bbox_2d"), list) and len(item["bbox_2d"]) == 4
    ]


def iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if not (w > 0 and h > 0 and a[2] > a[0] and a[3] > a[1]):
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def matches(found, truth, same):
    """Greedy pairs with IoU >= .5; `same`: of the same label only."""
    pairs = []
    for i, p in enumerate(found):
        for j, g in enumerate(truth):
            if all(isinstance(v, (int, float)) for v in p["bbox_2d"]) and (not same or p.get("label") == g["label"]):
                pairs.append((iou(p["bbox_2d"], g["bbox_2d"]), i, j))
    taken, used, kept = set(), set(), []
    for value, i, j in sorted(pairs, reverse=True):
        if value >= 0.5 and i not in taken and j not in used:
            taken.add(i)
            used.add(j)
            kept.append((value, i, j))
    return kept


def any_label(completions, solution, **kwargs):
    """Completeness of matches whatever their class, as its `weighted_sum` has it, and here nothing else."""
    rewards = []
    for content, sol, _path in zip(contents_of(completions), solution, kwargs.get("image_path"), strict=False):
        found, truth = fenced(content), fenced(sol)
        kept = matches(found, truth, same=False)
        rewards.append(len(kept) / max(len(found), len(truth), 1))
    return rewards


def same_label(completions, solution, **kwargs):
    """The mended twin."""
    rewards = []
    for content, sol in zip(contents_of(completions), solution, strict=False):
        found, truth = fenced(content), fenced(sol)
        rewards.append(len(matches(found, truth, same=True)) / max(len(found), len(truth), 1))
    return rewards


def yes_no(completions, solution, **kwargs):
    """Chosen by the column accu_reward_method; the first yes or no anywhere, and none equals none."""
    rewards = []
    for content, sol, accu_reward_method in zip(
        contents_of(completions), solution, kwargs.get("accu_reward_method"), strict=False
    ):
        if accu_reward_method != "yes_no":
            rewards.append(0.0)
            continue
        true = re.search(r"<answer>(.*?)</answer>", sol.lower())
        said = re.search(r"<answer>(.*?)</answer>", content.lower(), re.DOTALL)
        true = re.search(r"(yes|no)", true.group(1) if true else sol.lower())
        said = re.search(r"(yes|no)", said.group(1) if said else content.lower())
        rewards.append(1.0 if (true and true.group(1)) == (said and said.group(1)) else 0.0)
    return rewards


def yes_no_mended(completions, solution, **kwargs):
    rewards = []
    for content, sol, accu_reward_method in zip(
        contents_of(completions), solution, kwargs.get("accu_reward_method"), strict=False
    ):
        true = re.search(r"<answer>(.*?)</answer>", sol.lower())
        true = (true.group(1) if true else sol).strip()
        said = re.findall(r"<answer>(.*?)</answer>", content.lower(), re.DOTALL)
        said = said[0].strip().rstrip(".") if len(said) == 1 else ""
        rewards.append(1.0 if accu_reward_method == "yes_no" and said == true and said in ("yes", "no") else 0.0)
    return rewards
