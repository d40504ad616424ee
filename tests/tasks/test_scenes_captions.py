"""Captions say only what is there: every count, colour, size, texture, place, light and relation is checked against
the graph."""

from __future__ import annotations

import re

import pytest
from rewardmark.tasks.scenes import make_scene
from rewardmark.tasks.scenes.captions import INVERSE, NUMBERS, plural, relations
from rewardmark.tasks.scenes.world import COLOURS, STUFF, THINGS

SIZE = {"small": "small", "little": "small", "tiny": "small", "large": "large", "big": "large"}
TEXTURE = {"striped": "striped", "dotted": "dotted", "spotted": "dotted"}
SKY = {"blue": "day", "gray": "overcast", "sunset": "sunset", "night": "night"}
DAY = {"on a sunny day": "day", "on a cloudy day": "overcast", "at sunset": "sunset", "at night": "night"}
ADJECTIVES = "|".join([*SIZE, *TEXTURE, *COLOURS])
COUNTS = "|".join(NUMBERS[2:])
ONE = rf"an? ((?:(?:{ADJECTIVES}) )*)({'|'.join(THINGS)})(?: that says (\w+))?"
MANY = rf"({COUNTS}) ((?:(?:{ADJECTIVES}) )*)({'|'.join(plural(t) for t in THINGS)})\b"


def matching(things, adjectives, category, text=None):
    """The things of a category that have all of the adjectives."""
    found = [t for t in things if t["category"] == category and (text is None or t["text"] == text)]
    for word in adjectives.split():
        key = "size" if word in SIZE else "texture" if word in TEXTURE else "colour"
        value = SIZE.get(word) or TEXTURE.get(word) or word
        found = [t for t in found if t[key] == value]
    return found


def captioned(count):
    for level in ("easy", "standard", "hard"):
        for index in range(count):
            scene = make_scene(8, index, 48, level)
            yield scene, scene.graph["things"], {s["name"] for s in scene.graph["stuff"]}


def test_things_are_there_and_counts_are_right():
    singles = groups = 0
    for scene, things, _ in captioned(150):
        for caption in scene.captions:
            for adjectives, category, text in re.findall(ONE, caption):
                singles += 1
                assert matching(things, adjectives, category, text or None), caption
            for number, adjectives, category in re.findall(MANY, caption):
                groups += 1
                name = next(t for t in THINGS if plural(t) == category)
                count = sum(t["category"] == name for t in things)
                assert NUMBERS.index(number) == count == len(matching(things, adjectives, name)), caption
    assert singles > 500 and groups > 300


def test_stuff_and_light_are_there():
    for scene, things, stuff in captioned(150):
        for caption in scene.captions:
            for name in STUFF:
                assert name not in caption.split() or name in stuff, caption
            for word in re.findall(r"under an? (\w+) sky", caption):
                assert SKY[word] == scene.graph["light"], caption
            for phrase, light in DAY.items():
                assert phrase not in caption or light == scene.graph["light"], caption
            for adjectives, category, ground in re.findall(
                rf"an? ((?:(?:{ADJECTIVES}) )*)({'|'.join(THINGS)}) (?:\w+ing )?(?:on|in) the (sky|grass|water|sand)",
                caption,
            ):
                assert any(t["on"] == ground for t in matching(things, adjectives, category)), caption


def test_relations_hold():
    words = {**{name: name for name in INVERSE}, "beside": "next to", "near": "next to"}
    seen = set()
    for scene, things, _ in captioned(200):
        for caption in scene.captions:
            for found in re.finditer(rf"{ONE} (?:is )?({'|'.join(words)}) {ONE}", caption):
                a1, c1, t1, name, a2, c2, t2 = found.groups()
                pairs = [(a, b) for a in matching(things, a1, c1, t1) for b in matching(things, a2, c2, t2)]
                assert any(
                    words[name] in relations(a, b) or words[name] in [INVERSE[r] for r in relations(b, a)]
                    for a, b in pairs
                ), caption
                seen.add(words[name])
    assert seen == set(INVERSE)


def test_five_plain_captions_of_6_to_18_words_and_an_alt_text():
    vocabulary, different, total = set(), 0, 0
    for scene, _, _ in captioned(150):
        assert len(scene.captions) == 5
        for caption in scene.captions:
            words = caption.split()
            assert 6 <= len(words) <= 18, caption
            assert re.fullmatch(r"[a-z ]+", caption) and "  " not in caption
            vocabulary.update(words)
        different += len(set(scene.captions))
        total += 5
        assert scene.alt_text and "\n" not in scene.alt_text
    assert 80 < len(vocabulary) <= 130
    assert different / total > 0.97


@pytest.mark.parametrize(
    ("dx", "dy", "expected"),
    [(-0.3, 0.0, "to the left of"), (0.3, 0.0, "to the right of"), (0.0, -0.3, "above"), (0.0, 0.3, "below")],
)
def test_relation_of_two_things(dx, dy, expected):
    a = {"x": 0.5 + dx, "y": 0.5 + dy, "radius": 0.1, "id": 1}
    b = {"x": 0.5, "y": 0.5, "radius": 0.1, "id": 2}
    assert relations(a, b)[0] == expected
    assert INVERSE[expected] == relations(b, a)[0]
