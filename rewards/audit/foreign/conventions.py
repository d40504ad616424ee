"""How a reward function is called: the conventions of the RL libraries, found out from its signature.

Read in public code:
- TRL: huggingface/trl, trl/trainer/grpo_trainer.py, `_calculate_rewards`: every data set column as a list, beside
  prompts, completions, completion_ids, trainer_state, log_extra, log_metric; None is "no score"; may be async.
- verl: volcengine/verl, verl/workers/reward_manager/naive.py (data_source, solution_str, ground_truth, extra_info; a
  number, or a dict with "score") and batch.py (data_sources, solution_strs, ground_truths, extra_infos).
- EasyR1: hiyouga/EasyR1, verl/workers/reward/function.py: `RewardInput` dicts (response, response_length,
  ground_truth), a list of them (batch) or one (sequential), and dicts with "overall" back; before that
  compute_score(predict_str, ground_truth) and compute_score(predicts, ground_truths).
- verifiers: PrimeIntellect-ai/verifiers, verifiers/rubrics/rubric.py: by name any of prompt, completion, answer, state,
  task, info, parser and the row's columns, sync or async; plural names make a group function.
- VLM-R1: om-ai-lab/VLM-R1, src/open-r1-multimodal/src/open_r1/grpo_jsonl.py: TRL with chat-shaped completions and the
  columns solution ("<answer> ... </answer>"), problem, image_path, accu_reward_method.
- Visual-RFT: src/virft/src/open_r1/grpo.py, read in the fork Quester-one/Visual-RFT (the original repository is not in
  the index that we could read): as VLM-R1, with a list of Position and Confidence in the tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rewardmark.rewards.audit.foreign.calls import Signature
from rewardmark.rewards.audit.foreign.rows import Row
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["Convention", "conventions_of", "named_columns", "requests_for"]

#: Parameter names by what belongs there (lower case; a batch's names are their plurals).
TEXTS = (
    "completion", "solution_str", "response", "predict_str", "predict", "prediction", "pred", "output", "model_output",
    "generated_text", "generated", "generation", "model_response", "response_str", "student_answer", "reply", "text",
    "content", "candidate", "hypothesis", "pred_str",
)  # fmt: skip
TRUTHS = (
    "solution", "ground_truth", "gt", "answer", "target", "reference", "gold", "expected", "truth", "sol", "label",
    "ground_truth_str", "gold_answer", "reference_answer", "gt_answer", "annotation", "gt_str", "reference_str",
)  # fmt: skip
BOXES = (
    "boxes", "bboxes", "gt_boxes", "gt_bboxes", "true_boxes", "target_boxes", "truth_boxes", "bbox", "box", "gt_bbox",
    "gt_box", "true_box", "target_box",
)  # fmt: skip
LABELS = (
    "labels", "gt_labels", "classes", "true_labels", "target_labels", "class_names", "gt_classes", "categories",
    "category", "class_name", "gt_label",
)  # fmt: skip
PROMPTS = ("prompt", "question", "problem", "query", "instruction", "input", "prompt_str")


@dataclass(frozen=True)
class Convention:
    """kind: the library's way; text, truth: the parameters (or columns) of the completion and of the truth; chat: a
    completion is a list of messages; batched: lists in, a list out; arguments: the named parameters that are filled.
    """

    kind: str
    text: str
    truth: tuple[str, ...]
    arguments: tuple[str, ...]
    batched: bool = False
    chat: bool = False
    positional: bool = False
    takes_any: bool = False
    asynchronous: bool = False
    method: str = ""
    columns: tuple[str, ...] = field(default=())

    def describe(self, signature: Signature) -> str:
        """One line for people."""
        filled = ", ".join([*self.arguments, *(["**columns"] if self.takes_any else [])])
        shape = "completions are lists of messages" if self.chat else "completions are strings"
        many = "a batch a call" if self.batched else "one sample a call"
        awaited = ", awaited" if self.asynchronous else ""
        method = f", accu_reward_method={self.method!r}" if self.method else ""
        return f"{self.kind}: {signature.name}({filled}), {many}, {shape}{awaited}{method}"


def conventions_of(signature: Signature, columns: Sequence[str] = ()) -> list[Convention]:
    """The conventions that the signature allows, likeliest first; `columns` are those of a data set.

    Raises RewardmarkError when no parameter can be the completion, or a required one cannot be filled.
    """
    names = signature.names
    lower = {name.lower(): name for name in names}
    common: dict[str, Any] = {"takes_any": signature.takes_any, "asynchronous": signature.asynchronous}
    common["columns"] = tuple(columns)
    if "reward_inputs" in lower or "reward_input" in lower:
        one = lower.get("reward_inputs") or lower["reward_input"]
        many = "reward_inputs" in lower
        return _filled(signature, [Convention(
            "EasyR1" if many else "EasyR1 (sequential)", one, ("ground_truth",), (one,), batched=many, **common
        )])  # fmt: skip
    if "completions" in lower:
        group = any(plural in lower for plural in ("answers", "states", "infos", "tasks"))
        kind = "verifiers (group)" if group else "TRL"
        truth = tuple(n for n in names if _truth(n.lower(), plural=True) or n.lower() in BOXES + LABELS)
        shapes = (True, False) if group else (False, True)
        return _filled(signature, [
            Convention(kind, lower["completions"], truth, tuple(names), True, chat, **common) for chat in shapes
        ])  # fmt: skip
    if "completion" in lower:
        truth = tuple(n for n in names if _truth(n.lower()) or n.lower() in BOXES + LABELS)
        return _filled(signature, [
            Convention("verifiers", lower["completion"], truth, tuple(names), False, chat, **common)
            for chat in (True, False)
        ])  # fmt: skip
    for text, kind, many in _SIGNED:
        if text in lower and any(_truth(n, plural=True) for n in lower):
            truth = tuple(n for n in names if _truth(n.lower(), plural=many) and n != lower[text])
            return _filled(signature, [Convention(kind, lower[text], truth, tuple(names), many, **common)])
    return _filled(signature, _plain(signature, names, lower, common))


_SIGNED = (
    ("solution_str", "verl", False),
    ("solution_strs", "verl (batch)", True),
    ("predict_str", "EasyR1 (older)", False),
    ("predicts", "EasyR1 (older, batch)", True),
    ("predict_strs", "EasyR1 (older, batch)", True),
)


def _plain(sig: Signature, names: list[str], lower: dict[str, str], common: dict[str, Any]) -> list[Convention]:
    """No library's names: one text and its truth, by the usual names, else the first two parameters."""
    for many in (False, True):
        text = next((lower[t] for base in TEXTS if (t := _plural(base) if many else base) in lower), None)
        truth = tuple(n for n in names if n != text and (_truth(n.lower(), plural=many) or n.lower() in BOXES + LABELS))
        if text and truth:
            return [
                Convention("plain (batch)" if many else "plain", text, truth, tuple(names), many, chat, **common)
                for chat in (False, True)
            ]
    required = sig.required
    if len(required) >= 2:
        found = Convention("plain", required[0], (required[1],), tuple(required), positional=True, **common)
        return [found]
    wanted = "completions, completion, solution_str, reward_inputs, predict_str, response"
    raise RewardmarkError(
        f"{sig.name}({', '.join(names)}): no parameter looks like the completion; known names: {wanted}"
    )


def _truth(name: str, plural: bool = False) -> bool:
    return name in TRUTHS or (plural and name in {_plural(base) for base in TRUTHS})


def _plural(name: str) -> str:
    return name + ("es" if name.endswith(("ch", "x")) else "s")


def _filled(signature: Signature, found: list[Convention]) -> list[Convention]:
    """The conventions with the arguments that we fill; a required one that we cannot is an error."""
    sample = _sample(Row("0", "?", 1, 1), "", {}, found[0])
    kept = []
    for convention in found:
        known = set(sample) | set(convention.truth) | {convention.text} | set(convention.columns)
        known |= {*TRAINER, "info", "task", "parser", "state", "states", "environments"}
        known |= {_plural(n) for n in known} | {n + "_list" for n in known}
        missing = [n for n in signature.required if n not in known] if not convention.positional else []
        extra = [n for n in signature.required[2:] if n not in known] if convention.positional else []
        if missing or extra:
            raise RewardmarkError(
                f"{signature.name}: nothing is known to fill {', '.join(missing + extra)}; give it a default, or rows "
                "with such a column by --dataset"
            )
        arguments = tuple(n for n in convention.arguments if n in known)
        kept.append(Convention(**{**convention.__dict__, "arguments": arguments}))
    return kept


def _sample(row: Row, text: str, truth: dict[str, Any], convention: Convention) -> dict[str, Any]:
    """Everything that a library could hand over for one sample, by its singular name.

    `truth`: {"main": the truth in its form, "boxes": ..., "labels": ...}.
    """
    main = truth.get("main")
    chat = [{"role": "user", "content": row.prompt}]
    extra = {"index": row.id, "split": "train", "question": row.prompt, "width": row.width, "height": row.height}
    extra["image_size"] = [row.width, row.height]
    values: dict[str, Any] = {
        "prompt": chat if convention.chat else row.prompt,
        "question": row.prompt,
        "problem": row.prompt,
        "query": row.prompt,
        "instruction": row.prompt,
        "completion_ids": list(range(max(1, len(text) // 4))),
        "image_path": [f"{row.id}.png"],
        "image": f"{row.id}.png",
        "image_id": row.id,
        "id": row.id,
        "index": row.id,
        "width": row.width,
        "height": row.height,
        "image_width": row.width,
        "image_height": row.height,
        "image_w": row.width,
        "image_h": row.height,
        "img_w": row.width,
        "img_h": row.height,
        "image_size": [row.width, row.height],
        "img_size": [row.width, row.height],
        "size": [row.width, row.height],
        "data_source": "rewardmark",
        "data_type": "image",
        "extra_info": extra,
        "info": extra,
        "task": "rewardmark",
        "accu_reward_method": convention.method or "default",
        "response_length": max(1, len(text) // 4),
        **{name: main for name in TRUTHS},
        **{name: truth.get("boxes", main) for name in BOXES},
        **{name: truth.get("labels", main) for name in LABELS},
        "reward_model": {"style": "rule", "ground_truth": main},
    }
    if set(convention.truth) & set(BOXES):  # beside a column of boxes, `label` is their class and not the whole truth
        values["label"] = truth.get("labels", main)
    if row.columns is None:  # verl and verifiers keep the truth in a dict as often as in a column
        inside = ("answer", "solution", "ground_truth", "boxes", "bboxes", "gt_boxes", "bbox", "labels")
        values["info"] = values["extra_info"] = {**extra, **{name: values[name] for name in inside}}
    else:
        values.update(row.columns)
        values["extra_info"] = row.columns.get("extra_info", {**extra, **row.columns})
    values["completion"] = [{"role": "assistant", "content": text}] if convention.chat else text
    return values


#: Objects that a trainer passes beside the columns.
TRAINER = {
    "trainer_state": {"__object__": "trainer_state"},
    "log_extra": {"__object__": "log"},
    "log_metric": {"__object__": "log"},
}
#: The columns that a data set of ours has, beside the truth's.
OUR_COLUMNS = (
    "solution", "ground_truth", "answer", "boxes", "labels", "problem", "question", "image_path", "image_id", "width",
    "height", "image_size", "data_source", "accu_reward_method",
)  # fmt: skip


def named_columns(strings: frozenset[str]) -> tuple[str, ...]:
    """Our columns, and the usual names of truths that a source names beside them (kwargs["gt_boxes"])."""
    known = [
        *TRUTHS,
        *BOXES,
        *LABELS,
        "image_path",
        "image_size",
        "img_size",
        "image_width",
        "image_height",
        "reward_model",
    ]
    known += [_plural(name) for name in TRUTHS]
    return tuple(dict.fromkeys([*OUR_COLUMNS, *(name for name in known if name in strings)]))


def requests_for(
    convention: Convention, rows: Sequence[Row], texts: Sequence[str], truths: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The calls that score texts[i] for rows[i]: one for all in a batched convention, else one each."""
    values = []
    for row, text, truth in zip(rows, texts, truths, strict=True):
        value = _sample(row, text, truth, convention)
        value[convention.text] = value["completion"]
        values.append(value)
    if convention.kind == "EasyR1":
        return [_request(convention, {convention.text: [_reward_input(v) for v in values]}, len(values))]
    if convention.kind == "EasyR1 (sequential)":
        return [_request(convention, {convention.text: _reward_input(v)}, 1) for v in values]
    if convention.batched:
        return [_request(convention, _lists(convention, values), len(values))]
    return [_request(convention, _alone(convention, value), 1) for value in values]


def _request(convention: Convention, arguments: dict[str, Any], count: int) -> dict[str, Any]:
    if convention.positional:
        return {"args": list(arguments.values()), "batched": convention.batched, "count": count}
    return {"kwargs": arguments, "batched": convention.batched, "count": count}


def _reward_input(value: dict[str, Any]) -> dict[str, Any]:
    main = {k: value[k] for k in ("response_length", "ground_truth")}
    return {"response": value["completion"], **main, "problem": value["problem"], "prompt": value["problem"]}


def _alone(convention: Convention, value: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call for one sample."""
    names = list(convention.arguments)
    objects: dict[str, Any] = {"parser": {"__object__": "parser"}, **TRAINER}
    if convention.kind == "verifiers":
        chat = {"role": "user", "content": value["problem"]}
        fields = ("info", "answer", "prompt", "completion")
        objects["state"] = {
            **{k: value[k] for k in fields},
            "turn": 1,
            "responses": [],
            "messages": [chat],
            "metrics": {},
        }
        if convention.takes_any:
            names += ["prompt", "completion", "answer", "state", "info", "task", "parser", *convention.columns]
    elif convention.takes_any:
        names += list(convention.columns)
    return {name: objects[name] if name in objects else value[name] for name in dict.fromkeys(names)}


def _lists(convention: Convention, values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The arguments of a call for a batch: one list a column."""
    names = list(convention.arguments)
    if convention.takes_any:
        names += [
            "prompts",
            convention.text,
            "completion_ids",
            *convention.columns,
            *(TRAINER if convention.kind == "TRL" else ()),
        ]
    arguments: dict[str, Any] = {}
    for name in dict.fromkeys(names):
        if name in TRAINER:
            arguments[name] = TRAINER[name]
            continue
        singular = (name, name.removesuffix("s"), name.removesuffix("es"), name.removesuffix("_list"))
        key = next((k for k in singular if k in values[0]), name)
        if name in ("states", "parser"):
            arguments[name] = [{"answer": v["answer"], "completion": v["completion"]} for v in values]
            continue
        arguments[name] = [value[key] for value in values]
    return arguments
