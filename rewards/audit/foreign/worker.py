"""The child process that holds the user's function: reads calls as JSON lines, answers with rewards.

Stands alone (standard library only) and imports nothing of this package, so that the user's file sees a plain Python.
Run as ``python worker.py FILE FUNCTION`` (or ``python worker.py - module:function``); requests come on stdin, replies
leave on the stdout that the process was started with. Whatever the user's code prints goes to stderr.
"""

import asyncio
import importlib.util
import inspect
import json
import math
import os
import sys
import types


def load(file, name):
    """The function `name` of the Python file `file`."""
    folder = os.path.dirname(os.path.abspath(file))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location("audited_reward", file)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file: " + file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["audited_reward"] = module
    spec.loader.exec_module(module)
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


class Parser:
    """What a verifiers rubric hands its functions as `parser`: the answer between tags, else the text."""

    answer_field = "answer"

    def parse(self, text, *_, **__):
        def between(tag):
            start, end = "<" + tag + ">", "</" + tag + ">"
            if start not in text or end not in text:
                return None
            return text.rsplit(start, 1)[1].split(end, 1)[0].strip()

        fields = {tag: between(tag) for tag in ("think", "reasoning", "answer")}
        return types.SimpleNamespace(text=text, **fields)

    def parse_answer(self, completion, *_, **__):
        text = completion if isinstance(completion, str) else completion[-1]["content"]
        return self.parse(text).answer if "<answer>" in text else text

    def get_assistant_messages(self, completion):
        return [message for message in completion if message.get("role") == "assistant"]


def special(name):
    """The objects that libraries pass and JSON cannot hold."""
    if name == "trainer_state":
        return types.SimpleNamespace(global_step=0, epoch=0.0, max_steps=1, num_train_epochs=1, log_history=[])
    if name == "parser":
        return Parser()
    return lambda *_, **__: None


def resolve(value):
    """`value` with every {"__object__": NAME} replaced by the object."""
    if isinstance(value, dict):
        if set(value) == {"__object__"}:
            return special(value["__object__"])
        return {key: resolve(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item) for item in value]
    return value


def number(value):
    """One reward as a float; None is TRL's "no score"."""
    if value is None:
        return None
    if isinstance(value, tuple) and value:
        value = value[0]
    if isinstance(value, dict):
        for key in ("overall", "score", "reward", "value", "total"):
            if key in value:
                return number(value[key])
        raise TypeError("a dict without score, reward or overall: " + ", ".join(map(str, value)))
    if isinstance(value, str) or not hasattr(value, "__float__"):
        raise TypeError("the reward is a " + type(value).__name__ + ", not a number")
    return float(value)


def call(function, request):
    """The rewards of one call: `count` of them for a batch, else one."""
    result = function(*resolve(request.get("args", [])), **resolve(request.get("kwargs", {})))
    if inspect.isawaitable(result):
        result = loop().run_until_complete(wait(result))
    if not request["batched"]:
        if isinstance(result, list) and len(result) == 1:
            result = result[0]
        return [number(result)]
    if isinstance(result, dict):  # a dict of columns, one list of scores
        for key in ("overall", "score", "scores", "reward", "rewards"):
            if isinstance(result.get(key), (list, tuple)):
                result = result[key]
                break
    values = [number(value) for value in result]
    if len(values) != request["count"]:
        raise ValueError("{} rewards came back for {} completions".format(len(values), request["count"]))
    return values


def loop():
    """One event loop for all calls: to make one for each takes longer than most rewards."""
    if not LOOPS:
        LOOPS.append(asyncio.new_event_loop())
    return LOOPS[0]


LOOPS: "list[asyncio.AbstractEventLoop]" = []


async def wait(awaitable):
    return await awaitable


def describe(function):
    """Its parameters as plain data: name, kind, whether it has a default, and the annotation's text."""
    parameters = []
    for p in inspect.signature(function).parameters.values():
        annotation = "" if p.annotation is p.empty else str(p.annotation)
        parameters.append(
            {"name": p.name, "kind": p.kind.name, "default": p.default is not p.empty, "type": annotation}
        )
    returns = inspect.signature(function).return_annotation
    returns = "" if returns is inspect.Signature.empty else str(returns)
    return {"parameters": parameters, "asynchronous": inspect.iscoroutinefunction(function), "returns": returns}


def reply(function, request):
    """The answer to one request as plain data; an exception becomes its type, text and line."""
    try:
        if request.get("describe"):
            return describe(function)
        values = call(function, request)
        bad = [v for v in values if v is not None and not math.isfinite(v)]
        if bad and request["count"] == 1:
            return {"values": [None], "error": f"the reward is {bad[0]!r}, not a finite number", "where": ""}
        if bad:
            return {"values": None, "error": "a reward is not finite", "where": ""}
        return {"values": values}
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return failure(error)


def failure(error):
    lines, trace = [], error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__:
            lines.append(f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}")
        trace = trace.tb_next
    text = " ".join(str(error).split())[:300]
    kind = type(error).__name__
    return {
        "values": None,
        "error": kind + (": " + text if text else ""),
        "where": lines[-1] if lines else "",
        "kind": kind,
    }


def main():
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        function = load(sys.argv[1], sys.argv[2])
    except BaseException as error:
        channel.write(json.dumps({"fatal": failure(error)}) + "\n")
        channel.flush()
        return
    channel.write(json.dumps({"ready": True}) + "\n")
    channel.flush()
    for line in sys.stdin:
        channel.write(json.dumps(reply(function, json.loads(line))) + "\n")
        channel.flush()


if __name__ == "__main__":
    main()
