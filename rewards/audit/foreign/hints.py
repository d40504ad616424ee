"""What the source of a reward function gives away: the keys, tags and columns that it names in its strings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Hints", "hints_of"]

BOX_KEYS = (
    "bbox_2d",
    "bbox",
    "box",
    "Position",
    "box_2d",
    "position",
    "bounding_box",
    "boxes",
    "bboxes",
    "coordinates",
)
LABEL_KEYS = (
    "label", "category", "class", "name", "class_name", "category_name", "Label", "Class", "Category", "labels",
    "classes", "categories", "object", "category_id",
)  # fmt: skip
SCORE_KEYS = ("score", "confidence", "Confidence", "conf", "Score", "scores", "confidences", "prob", "probability")
METHODS = ("map", "iou", "od", "ap50", "yes_no", "mcq", "numeric", "math", "default", "text", "exact")
REASONS = ("think", "thinking", "reasoning", "thought", "reason", "analysis")
NO_ANSWER = ("img", "image", "br", "s", "n", "tag", "name", "bot", "eos", "pad")


@dataclass(frozen=True)
class Hints:
    """strings: every string constant of the source; the rest: those of them that mean something, in a fixed order."""

    strings: frozenset[str]
    box_keys: tuple[str, ...]
    label_keys: tuple[str, ...]
    score_keys: tuple[str, ...]
    reasons: tuple[str, ...]
    answers: tuple[str, ...]
    fenced: bool
    boxed: bool
    hashes: bool
    methods: tuple[str, ...]

    def names(self, text: str) -> bool:
        """Whether a string of the source is or contains `text`."""
        return any(text in string for string in self.strings)


def hints_of(source: str, function: str = "") -> Hints:
    """Read the string constants of a Python source; a source that does not parse gives the words in quotes.

    function: only what it can reach counts (itself, and the functions and constants that it names, and so on).

    >>> hints = hints_of("import re\\nm = re.search(r'<answer>(.*?)</answer>', t); b = d['Position']")
    >>> hints.answers, hints.box_keys
    (('answer',), ('Position',))
    """
    nodes = _reachable(source, function)
    strings = frozenset(_strings(source, nodes))
    joined = "\n".join(strings)
    tags = list(dict.fromkeys(re.findall(r"</?([A-Za-z_][\w-]*)\s*\\?>", joined)))
    return Hints(
        strings=strings,
        box_keys=_named(BOX_KEYS, strings),
        label_keys=_named(LABEL_KEYS, strings),
        score_keys=_named(SCORE_KEYS, frozenset(_read(source, nodes))),
        reasons=tuple(tag for tag in REASONS if tag in tags),
        answers=tuple(sorted((t for t in tags if t not in REASONS + NO_ANSWER), key=lambda t: (t != "answer", t))),
        fenced="```" in joined,
        boxed="boxed" in joined,
        hashes="####" in joined,
        methods=_named(METHODS, strings) if any("accu_reward_method" in s for s in strings) else (),
    )


def _named(names: Iterable[str], strings: frozenset[str]) -> tuple[str, ...]:
    """The names that are a string of the source, or stand in quotes within one (a key inside a pattern)."""
    joined = "\n".join(strings)
    return tuple(n for n in names if n in strings or re.search(rf"""["']{re.escape(n)}["']""", joined))


def _reachable(source: str, function: str) -> list[ast.AST] | None:
    """The syntax nodes that `function` can reach, the whole module where it is not found; None where nothing parses."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    tops: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            tops.setdefault(node.name, []).append(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in ast.walk(node):
                if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
                    tops.setdefault(target.id, []).append(node)
    wanted, seen = [function.split(".")[0]], set()
    if wanted[0] not in tops:
        return list(ast.walk(tree))
    found: list[ast.AST] = []
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        for inner in (node for top in tops.get(name, []) for node in ast.walk(top)):
            found.append(inner)
            if isinstance(inner, ast.Name):
                wanted.append(inner.id)
            elif isinstance(inner, ast.Attribute):
                wanted.append(inner.attr)
    return found


def _strings(source: str, nodes: list[ast.AST] | None) -> Iterable[str]:
    if nodes is None:  # no Python that we can read: what stands in quotes
        yield from re.findall(r"[\"']([^\"'\n]{1,200})[\"']", source)
        return
    documented = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    prose = {id(n.body[0].value) for n in nodes if isinstance(n, documented) and _has_docstring(n)}  # type: ignore[attr-defined]
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def _read(source: str, nodes: list[ast.AST] | None) -> Iterable[str]:
    """The strings that are read with (x["score"], x.get("score"), patterns), not those that are returned."""
    if nodes is None:
        yield from _strings(source, nodes)
        return
    keys = {id(k) for n in nodes if isinstance(n, ast.Dict) for k in n.keys}
    stored = {id(n.slice) for n in nodes if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys | stored:
            yield node.value


def _has_docstring(node: ast.AST) -> bool:
    body = getattr(node, "body", [])
    return bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
