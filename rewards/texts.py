"""Predictions and truths that are text, and the frozen document frequencies that CIDEr weighs words by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rewardmark.rewards._batch import Batched
from rewardmark.rewards.errors import RewardmarkError

__all__ = ["Answers", "Captions", "DocumentFrequency", "References"]


@dataclass(frozen=True, eq=False)
class DocumentFrequency:
    """In how many images' references each n-gram occurs. Frozen: scoring never adds to it.

    counts: n-gram (a tuple of tokens, n = 1..4) -> number of images; documents: the number of images counted.
    N-grams that end in the end token are counted too (rewards that do not look at the end never ask for them).
    An n-gram that was never seen counts as 1 when it is looked up and is not stored.

    >>> df = DocumentFrequency.from_references([["A dog."], ["a cat", "the dog"]])
    >>> df.documents, df.counts[("dog",)], df.counts[("a", "dog")]
    (2, 2, 1)
    """

    counts: Mapping[tuple[str, ...], int]
    documents: int
    #: Scratch space of the rewards (cooked references), never part of the value.
    cache: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_references(cls, references: Iterable[Sequence[str]], max_n: int = 4) -> DocumentFrequency:
        """Count over images; `references` holds one list of raw captions an image (tokenised here as PTB does)."""
        from rewardmark.rewards.tokenize import EOS, ngrams, split_at_blanks, tokenize_all

        images = list(references)
        for number, captions in enumerate(images):
            if isinstance(captions, str):
                raise RewardmarkError(
                    f"DocumentFrequency: image {number} has a string where a list of captions belongs"
                )
        tokens = iter(tokenize_all([caption for captions in images for caption in captions]))
        counts: dict[tuple[str, ...], int] = {}
        for captions in images:
            for gram in {gram for _ in captions for gram in ngrams((*split_at_blanks(next(tokens)), EOS), max_n)}:
                counts[gram] = counts.get(gram, 0) + 1
        return cls(counts, len(images))


@dataclass(frozen=True, eq=False)
class Captions(Batched):
    """One predicted caption an image, as the model wrote it (no tokenisation yet).

    >>> len(Captions(["a dog", ""]))
    2
    """

    texts: Sequence[str]

    def __post_init__(self) -> None:
        _only_strings("Captions", self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def from_lists(cls, texts: Sequence[str]) -> Captions:
        """The same as Captions(texts)."""
        return cls(list(texts))

    def sample(self, index: int) -> str:
        """Caption `index`."""
        return self.texts[index]


@dataclass(frozen=True, eq=False)
class References(Batched):
    """The reference captions of each image, and the document frequencies of the whole reference set (for CIDEr).

    objects: the annotated objects of each image by name (for CHAIR).

    >>> len(References([["a dog", "one dog"], ["a cat"]]))
    2
    """

    texts: Sequence[Sequence[str]]
    document_frequency: DocumentFrequency | None = None
    objects: Sequence[Sequence[str]] | None = None

    def __post_init__(self) -> None:
        if self.objects is not None and len(self.objects) != len(self.texts):
            raise RewardmarkError(f"References: {len(self.texts)} images but {len(self.objects)} lists of objects")
        for i, captions in enumerate(self.texts):
            _only_strings(f"References: image {i}", captions)

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def from_lists(
        cls,
        texts: Sequence[Sequence[str]],
        document_frequency: DocumentFrequency | None = None,
        objects: Sequence[Sequence[str]] | None = None,
    ) -> References:
        """The same as References(texts, document_frequency, objects)."""
        return cls([list(captions) for captions in texts], document_frequency, objects)

    def sample(self, index: int) -> Sequence[str]:
        """The captions of image `index`."""
        return self.texts[index]


@dataclass(frozen=True, eq=False)
class Answers(Batched):
    """Answers to questions. A prediction is one string a question; a truth is one string, or a list of strings (the
    answers of several annotators).

    >>> Answers([["yes", "yes", "no"], "red"]).alternatives(1)
    ['red']
    """

    texts: Sequence[str | Sequence[str]]

    def __post_init__(self) -> None:
        for i, text in enumerate(self.texts):
            if not isinstance(text, str):
                _only_strings(f"Answers: question {i}", text)

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def from_lists(cls, texts: Sequence[str | Sequence[str]]) -> Answers:
        """The same as Answers(texts)."""
        return cls(list(texts))

    def alternatives(self, index: int) -> list[str]:
        """The answers to question `index` as a list."""
        text = self.texts[index]
        return [text] if isinstance(text, str) else list(text)

    def text(self, index: int) -> str:
        """The one answer to question `index`; raises RewardmarkError when there is a list of them."""
        text = self.texts[index]
        if not isinstance(text, str):
            raise RewardmarkError(f"Answers: question {index} has a list of answers where one string belongs")
        return text

    def sample(self, index: int) -> str | Sequence[str]:
        """The answer (or list of answers) to question `index`."""
        return self.texts[index]


def _only_strings(where: str, texts: Sequence[Any]) -> None:
    if isinstance(texts, str):
        raise RewardmarkError(f"{where}: a list of strings is wanted, not one string")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise RewardmarkError(f"{where}: entry {i} is a {type(text).__name__}, not a string")
