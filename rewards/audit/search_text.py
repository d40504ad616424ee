"""The search over texts: words in any order, fragments, and placeholders that become each sample's own text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rewardmark.rewards.audit.material import Material
from rewardmark.rewards.audit.search_space import Space, scattered
from rewardmark.rewards.audit.search_words import FRAGMENTS, WORDS
from rewardmark.rewards.ptb_native import native_tokens
from rewardmark.rewards.types import Captions

__all__ = ["TextGenome", "TextSpace", "truth_texts"]

PACK = 32
"""Words in one answer while ground is covered."""

LONGEST = 96
MOST_PLAIN = 8
"""Words of an answer that are judged on their own."""

GOLD, NEXT, PROMPT, NAMES = "\0gold", "\0next", "\0prompt", "\0names"
PLACEHOLDERS = {NEXT: "the true text of another sample", PROMPT: "the prompt", NAMES: "all category names"}
"""What becomes each sample's own text. The sample's true text is none of them: who can write it needs no tricks."""

TextGenome = tuple[str, ...]
"""Tokens that are joined by blanks; placeholders among them become the sample's own text."""


class TextSpace(Space[TextGenome]):
    """Answers of `Captions` or `Answers`. `extra` words are tried first (a vocabulary that the caller knows of)."""

    def __init__(self, material: Material, extra: Sequence[str] = ()) -> None:
        super().__init__(material)
        self.gold = [material.gold.texts[k] for k in range(len(material))]
        self.truths = [truth_texts(material, row) for row in range(len(material))]
        self.right = [{word.lower() for text in texts for word in text.split()} for texts in self.truths]
        counts = Counter(word for texts in self.truths for text in texts for word in text.split())
        own = [word for word, _ in counts.most_common(1500)]
        names = [word for name in material.categories.values() for word in (name, *name.split())]
        asked = [word for prompt in material.prompts for word in prompt.split()]
        numbers = [str(n) for n in (*range(0, 33), 50, 64, 99, 100, 128, 255, 256, 500, 512, 999, 1000, 1024, -1)]
        letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
        words = dict.fromkeys([*extra, *names, *own, *asked, *WORDS, *numbers, *letters, *FRAGMENTS])
        self.words = [word for word in words if self._writable(word)]
        self.full_answers = [text for text, _ in Counter(self.gold).most_common(40)]

    def _writable(self, text: str) -> bool:
        """Captions keep to plain words: tags and odd characters would start the official tokeniser's Java each time."""
        return not isinstance(self.material.gold, Captions) or native_tokens(text) is not None

    def constants(self) -> list[TextGenome]:
        found: list[TextGenome] = [(), ("",), *((one,) for one in PLACEHOLDERS)]
        found += [(one, other) for one in PLACEHOLDERS for other in (one, ".", "with a") if one != NAMES]
        found += [("<think>", one, "</think>", "<answer>", two, "</answer>") for one in ("", "so") for two in ("", "0")]
        found += [(text,) for text in self.full_answers]
        found += [(word,) * k for word in ("a", "the", "yes", "no") for k in (1, 2, 8, 40)]
        found += [("yes", "no"), ("yes", "or", "no"), *((word,) for word in FRAGMENTS)]
        return [one for one in dict.fromkeys(found) if all(self._writable(token) for token in one)]

    def cover(self, rng: np.random.Generator) -> Iterator[TextGenome]:
        words = self.words
        for order in (list(scattered(len(words), rng)), rng.permutation(len(words)).tolist()):
            yield from self._packs(words, order)
        yield from ((words[k],) for k in scattered(len(words), rng))
        while True:
            for _ in range(20):  # every order brings new neighbours: phrases of two words
                yield from self._packs(words, rng.permutation(len(words)).tolist())
            for _ in range(len(words)):
                yield tuple(words[k] for k in rng.integers(0, len(words), int(rng.integers(2, 4))).tolist())

    def apart(self, genome: TextGenome, row: int) -> TextGenome:
        right = self.right[row]
        return tuple(token for token in genome if token.lower() not in right)

    def _packs(self, words: list[str], order: list[int]) -> Iterator[TextGenome]:
        for start in range(0, len(order), PACK):
            yield tuple(words[k] for k in order[start : start + PACK])

    def mutate(self, genome: TextGenome, other: TextGenome, rng: np.random.Generator) -> TextGenome:
        tokens = list(genome)
        for _ in range(1 + int(rng.random() < 0.4)):
            what = rng.random()
            place = int(rng.integers(len(tokens) + 1))
            if not tokens or what < 0.3:
                tokens.insert(place, self._token(rng))
            elif what < 0.45:
                tokens.pop(min(place, len(tokens) - 1))
            elif what < 0.55:
                tokens[min(place, len(tokens) - 1)] = self._token(rng)
            elif what < 0.65:
                a, b = rng.integers(0, len(tokens), 2).tolist()
                tokens[a], tokens[b] = tokens[b], tokens[a]
            elif what < 0.75:
                a, b = sorted(rng.integers(0, len(tokens) + 1, 2).tolist())
                tokens[b:b] = tokens[a:b] * int(rng.integers(1, 4))
            elif what < 0.85:
                a, b = sorted(rng.integers(0, len(other) + 1, 2).tolist())
                tokens[place:place] = other[a:b]
            elif what < 0.92:
                k = min(place, len(tokens) - 1)
                if tokens[k] not in PLACEHOLDERS:
                    tokens[k] = [tokens[k].upper, tokens[k].capitalize, tokens[k].lower][rng.integers(3)]()
            else:
                k = min(place, len(tokens) - 1)
                if tokens[k] not in PLACEHOLDERS:
                    cut = int(rng.integers(len(tokens[k]) + 1))
                    tokens[k] = (tokens[k][:cut], tokens[k][cut:])[rng.integers(2)]
        return tuple(token for token in tokens[:LONGEST] if token and self._writable(token))

    def _token(self, rng: np.random.Generator) -> str:
        what = rng.random()
        if what < 0.1:
            return str(rng.choice(list(PLACEHOLDERS)))
        if what < 0.2 and self.full_answers:
            return self.full_answers[rng.integers(len(self.full_answers))]
        return self.words[rng.integers(len(self.words))]

    def parts(self, genome: TextGenome) -> int:
        return len(genome)

    def keep(self, genome: TextGenome, parts: Sequence[int]) -> TextGenome:
        return tuple(genome[k] for k in sorted(parts))

    def simpler(self, genome: TextGenome) -> Iterator[TextGenome]:
        for k, token in enumerate(genome):
            half = len(token) // 2
            shorter = [token[:half], token[half:], token[1:], token[:-1], token.lower()]
            for one in shorter if token not in PLACEHOLDERS else ():
                if one and one != token:
                    yield (*genome[:k], one, *genome[k + 1 :])

    def build(self, genomes: Sequence[TextGenome], rows: Sequence[int]) -> Any:
        return type(self.material.gold)([self._text(g, row) for g, row in zip(genomes, rows, strict=True)])

    def _text(self, genome: TextGenome, row: int) -> str:
        return " ".join(self._expanded(token, row) if token[:1] == "\0" else token for token in genome)

    def _expanded(self, token: str, row: int) -> str:
        if token == PROMPT:
            return self.material.prompts[row] if self.material.prompts else ""
        if token == NAMES:
            return ", ".join(self.material.categories.values())
        return self.gold[row] if token == GOLD else self.gold[(row + 1) % len(self.gold)]

    def blind(self, genome: TextGenome) -> bool:
        return GOLD not in genome

    def plain(self, genome: TextGenome) -> list[TextGenome]:
        words = [token.lower().strip(".,;:!?'\"") for token in genome]
        short = [word for word in dict.fromkeys(words) if word][:MOST_PLAIN]
        return [(word,) for word in short if (word,) != genome]

    def join(self, genome: TextGenome) -> TextGenome | None:
        return (GOLD, *genome) if genome else None

    def describe(self, genome: TextGenome) -> str:
        if not genome:
            return "an empty text"
        said: list[str] = []
        run: list[str] = []
        for token in (*genome, NEXT):
            if token not in PLACEHOLDERS:
                run.append(token)
                continue
            if run:
                said.append(f'the text "{" ".join(run)}"')
                run = []
            said.append(PLACEHOLDERS[token])
        return ", then ".join(said[:-1])


def truth_texts(material: Material, row: int) -> list[str]:
    """Every text that is right for the sample: its gold and its references or annotators' answers."""
    found = [material.gold.texts[row]]
    texts = getattr(material.targets, "texts", None)
    if texts is not None:
        found += [texts[row]] if isinstance(texts[row], str) else list(texts[row])
    return [text for text in found if isinstance(text, str)]
