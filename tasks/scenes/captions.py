"""Captions from a scene graph: a small grammar that only says what is there, and one noisy alt text as the web would
have it."""

from __future__ import annotations

from math import sqrt
from typing import Any

from rewardmark.tasks.scenes.draws import Draws
from rewardmark.tasks.scenes.graph import Graph
from rewardmark.tasks.scenes.world import GENERATOR_VERSION

NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
)
PLURALS = {"box": "boxes", "fish": "fish"}
CAPTIONS = 5
SHORTEST, LONGEST = 6, 18
"""Words a caption."""

_LIGHT = {"day": "blue", "overcast": "gray", "sunset": "sunset", "night": "night"}
_DAY = {"day": "on a sunny day", "overcast": "on a cloudy day", "sunset": "at sunset", "night": "at night"}
_SIZE_WORDS = {"small": ("small", "small", "little", "tiny"), "large": ("large", "large", "big")}
_TEXTURE_WORDS = {"striped": ("striped",), "dotted": ("dotted", "dotted", "spotted")}
_DOING = {
    "ball": "lying", "box": "lying", "kite": "flying", "star": "shining", "tree": "growing",
    "house": "standing", "boat": "sailing", "fish": "swimming", "sign": "standing",
}  # fmt: skip
_OPENINGS = ("a picture of", "a drawing of", "a scene with", "we can see", "the picture shows", "", "")
_PLACE = {"sky": "in the sky", "grass": "on the grass", "water": "in the water", "sand": "on the sand"}
_TRIES = 6
_SEEN = 0.06
"""Least share of the picture at which stuff is worth a word."""


def plural(category: str) -> str:
    return PLURALS.get(category, category + "s")


def write_captions(graph: Graph) -> tuple[list[str], str]:
    """Five reference captions (6 to 18 lower-case words, no punctuation) and one noisy alt text."""
    draws = Draws("captions", GENERATOR_VERSION, graph["seed"], graph["split"], graph["difficulty"], graph["index"])
    things = sorted(graph["things"], key=lambda t: (-t["radius"] * t["visible"], t["id"]))  # what strikes the eye first
    groups: dict[str, list[Graph]] = {}
    for thing in things:
        groups.setdefault(thing["category"], []).append(thing)
    writer = _Writer(draws, graph, things, list(groups.values()))
    captions: list[str] = []
    for _ in range(CAPTIONS):
        captions.append(writer.caption(captions))
    return captions, writer.alt_text()


class _Writer:
    def __init__(self, draws: Draws, graph: Graph, things: list[Graph], groups: list[list[Graph]]) -> None:
        self.draws, self.things, self.groups = draws, things, groups
        self.light = graph["light"]
        self.stuff = [s["name"] for s in graph["stuff"] if s["share"] >= _SEEN]
        self.pairs = _pairs(things)

    def caption(self, others: list[str]) -> str:
        """One caption, unlike `others` where the scene offers enough to say; drawn anew until its length fits."""
        spare = ""
        for _ in range(_TRIES):
            words = self._sentence().split()
            if len(words) < SHORTEST:
                words += self._closing().split()
            if SHORTEST <= len(words) <= LONGEST:
                spare = " ".join(words)
                if spare not in others:
                    return spare
        return spare or f"{self._one(self.things[0], 1)} {self._place(self.things[0])} {self._closing()}"

    def _sentence(self) -> str:
        kind = self.draws.unit()
        if self.pairs and kind < 0.3:
            a, name, b = self.draws.pick(self.pairs)
            if name == "next to":
                name = self.draws.pick(("next to", "beside", "near"))
            verb = self.draws.pick(("", "is "))
            return f"{self._one(a)} {verb}{name} {self._one(b)}{self._tail(a)}"
        if len(self.groups) > 1 and kind < 0.75:
            first, second = self._two_groups()
            joint = f"{self._group(first)} {self._where(first)} and {self._group(second)}"
            return joint + (f" {self._where(second)}" if self.draws.chance(0.6) else "")
        if len(self.groups) > 2 and kind < 0.88:
            top, second, third = self.groups[:3]
            return f"{self._group(top)} with {self._group(second)} and {self._group(third)}{self._tail(top[0])}"
        group = self.groups[0] if self.draws.chance(0.7) else self.draws.pick(self.groups)
        opening = self.draws.pick((*_OPENINGS, "there are" if len(group) > 1 else "there is"))
        return f"{opening} {self._group(group)} {self._where(group)}{self._tail(group[0])}"

    def _two_groups(self) -> tuple[list[Graph], list[Graph]]:
        first = self.groups[0] if self.draws.chance(0.75) else self.draws.pick(self.groups)
        others = [g for g in self.groups if g is not first]
        return first, others[0] if self.draws.chance(0.7) else self.draws.pick(others)

    def _one(self, thing: Graph, most: int = 2) -> str:
        """A noun phrase for one thing, with up to `most` of size, texture and colour."""
        words = []
        if thing["size"] != "medium" and most > 1 and self.draws.chance(0.4):
            words.append(self.draws.pick(_SIZE_WORDS[thing["size"]]))
        if thing["texture"] != "plain" and len(words) < most and self.draws.chance(0.4):
            words.append(self.draws.pick(_TEXTURE_WORDS[thing["texture"]]))
        if len(words) < most and self.draws.chance(0.85):
            words.append(thing["colour"])
        words.append(thing["category"])
        phrase = ("an " if words[0][0] in "aeiou" else "a ") + " ".join(words)
        return phrase + (
            f" that says {thing['text']}"
            if thing["text"] and thing["size"] == "large" and self.draws.chance(0.5)
            else ""
        )

    def _group(self, group: list[Graph]) -> str:
        """A noun phrase for all things of one category: the count is always of all that are seen."""
        if len(group) == 1:
            return self._one(group[0])
        words = [NUMBERS[len(group)]]
        for key, chance in (("size", 0.3), ("colour", 0.85)):
            values = {t[key] for t in group}
            if len(values) == 1 and values != {"medium"} and self.draws.chance(chance):
                words.append(self.draws.pick(_SIZE_WORDS[group[0][key]]) if key == "size" else group[0][key])
        return " ".join([*words, plural(group[0]["category"])])

    def _place(self, thing: Graph) -> str:
        floats = thing["on"] == "water" and thing["category"] != "fish"
        place = "on the water" if floats and self.draws.chance(0.5) else _PLACE[thing["on"]]
        if self.draws.chance(0.25):
            place = f"{'floating' if floats and thing['category'] == 'ball' else _DOING[thing['category']]} {place}"
        return place

    def _where(self, group: list[Graph]) -> str:
        """Where a whole group is; nothing when its members are on different ground."""
        return self._place(group[0]) if len({t["on"] for t in group}) == 1 else ""

    def _sky(self) -> str:
        return f"{'an' if _LIGHT[self.light][0] in 'aeiou' else 'a'} {_LIGHT[self.light]} sky"

    def _tail(self, thing: Graph) -> str:
        """Words that may close a sentence about a thing: its light, or nothing."""
        if "sky" not in self.stuff or not self.draws.chance(0.35):
            return ""
        return f" {_DAY[self.light]}" if thing["on"] == "sky" or self.draws.chance(0.4) else f" under {self._sky()}"

    def _closing(self) -> str:
        grounds = [s for s in self.stuff if s != "sky"]
        if "sky" in self.stuff and grounds:
            return f"with {grounds[0]} under {self._sky()}"
        return f"with {grounds[0]} and {grounds[1]}" if len(grounds) > 1 else "in this picture"

    def alt_text(self) -> str:
        """What a careless page would say: file names, selling words, missing and wrong words."""
        draws, thing = self.draws, self.things[0]
        named = [t["category"] for t in draws.sample(self.things, 2)]
        kind = draws.integer(0, 4)
        if kind == 0:
            return f"IMG_{draws.integer(1, 9999):04d}.png"
        if kind == 1:
            return f"{' '.join(named)} stock photo {draws.integer(2001, 2024)}"
        if kind == 2:
            return f"Best {thing['colour']} {thing['category']} | free shipping"
        if kind == 3:
            whose, when = draws.pick(("my", "our", "the")), draws.pick(("holiday", "weekend", "at home", "again"))
            return f"{whose} {thing['category']} {when}"
        words = self._sentence().split()
        return " ".join(w for w in words if not draws.chance(0.4)) or thing["category"]


def _pairs(things: list[Graph]) -> list[tuple[Graph, str, Graph]]:
    """Relations between things that are near enough in size and place to be worth saying, of the few most striking
    ones."""
    found: list[tuple[Graph, str, Graph]] = []
    for i, a in enumerate(things[:5]):
        for b in things[i + 1 : 5]:
            if a["category"] == b["category"]:
                continue
            names = relations(a, b)
            found += [(a, name, b) for name in names]
            found += [(b, INVERSE[name], a) for name in names]
    return found


INVERSE = {
    "to the left of": "to the right of", "to the right of": "to the left of", "above": "below", "below": "above",
    "behind": "in front of", "in front of": "behind", "next to": "next to",
}  # fmt: skip


def relations(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """The spatial relations that hold from a to b, as words."""
    dx, dy = a["x"] - b["x"], a["y"] - b["y"]
    reach = a["radius"] + b["radius"]
    apart = sqrt(dx * dx + dy * dy)
    names = []
    if apart < 0.8 * reach:
        names.append("behind" if a["id"] < b["id"] else "in front of")
    elif abs(dx) > 0.5 * reach and abs(dx) > abs(dy):
        names.append("to the left of" if dx < 0 else "to the right of")
        if apart < 1.4 * reach:
            names.append("next to")
    elif abs(dy) > 0.7 * reach and abs(dy) > 1.5 * abs(dx):
        names.append("above" if dy < 0 else "below")
    return names
