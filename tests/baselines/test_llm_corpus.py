"""The corpus is as wrong as it says, in the ways it says, and the same for every reader; corrections are right."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from rewardmark.baselines.llm.corpus import PERSISTENT_RATE, Corpus, Exercise, error_rates, exercises_of, form_of
from rewardmark.baselines.llm.mistakes import KINDS, canonical_program, mistakes, words_of
from rewardmark.baselines.llm.prompts import body_of, few_shot, program_of, query_text
from rewardmark.baselines.llm.self_training import MOST_CORRECTIONS, read_corrections
from rewardmark.baselines.llm.tokenizer import END, train_tokenizer
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks import get_task
from rewardmark.tasks.dataset_spec import DatasetSpec
from rewardmark.tasks.programs import ProgramSplit
from rewardmark.tasks.scenes.world import COLOURS, LAYOUTS, LIGHTS, SIZES, TEXTURES, THINGS

COUNT = """def execute_command(image):
    image_patch = ImagePatch(image)
    ball_patches = image_patch.find("ball")
    ball_patches = [p for p in ball_patches if p.verify_property("ball", "red")]
    tree_patches = image_patch.find("tree")
    tree_patches = [p for p in tree_patches if any(p.horizontal_center < q.horizontal_center for q in ball_patches)]
    return str(len(tree_patches))
"""


@pytest.fixture(scope="module")
def split() -> ProgramSplit:  # type: ignore[type-arg]
    return get_task("vqa").open(DatasetSpec(size=64, n=40, seed=5))


@pytest.fixture(scope="module")
def exercises(split: ProgramSplit) -> list[Exercise]:  # type: ignore[type-arg]
    return exercises_of("vqa", split)


def test_every_kind_of_mistake_is_made_and_is_python() -> None:
    others = [
        COUNT.replace("ball", noun).replace("red", colour) for noun, colour in (("boat", "blue"), ("sign", "pink"))
    ]
    found = mistakes(COUNT, words_of([COUNT, *others]))
    assert {mistake.kind for mistake in found} == set(KINDS)
    assert canonical_program(COUNT) not in {mistake.program for mistake in found}
    for mistake in found:
        ast.parse(mistake.program)


def test_rates_have_the_mean_that_was_asked_for_and_rare_kinds_persist() -> None:
    kinds = [f"vqa: {k}" for k in range(200)] + ["phrases: common"] * 150 + ["phrases: rare"] * 3
    for rate in (0.2, 0.4, 0.8):
        rates = error_rates(kinds, rate)
        plain = [rates[kind] for kind in kinds[:200]]
        share = sum(value == PERSISTENT_RATE for value in plain) / 200
        assert abs(share - rate / 8) < 0.01
        assert abs(sum(plain) / 200 - rate) < 0.01
        assert {round(value, 2) for value in plain if value < 0.5} == ({0.08} if rate < 0.8 else set())
        assert rates["phrases: common"] < PERSISTENT_RATE


def test_a_task_of_few_kinds_comes_as_close_to_the_rate_as_they_allow() -> None:
    kinds = ["matching: large"] * 60 + [f"matching: {k}" for k in range(4) for _ in range(10)]
    rates = error_rates(kinds, 0.2)
    mean = sum(rates[kind] for kind in kinds) / len(kinds)
    step = 0.1 * ((0.5 + 0.95) / 2 - 0.08)  # one small kind more or less
    assert abs(mean - 0.2) <= step


def test_a_corpus_is_as_wrong_as_its_rates(exercises: list[Exercise]) -> None:
    corpus = Corpus(exercises, 0.4)
    right = wrong = 0
    expected = 0.0
    truths = {exercise.query: canonical_program(exercise.program) for exercise in exercises}
    for document in corpus.documents(0, 200):
        for part in document.removesuffix(END).split(END):
            query, _, program = part.partition("\n")
            query = query.removeprefix("# ")
            if program == truths[query]:
                right += 1
            else:
                wrong += 1
    total = sum(corpus.written.values())
    assert right + wrong == total == 800
    assert sum(n for (_, kind), n in corpus.written.items() if kind == "right") == right
    expected = sum(corpus.rates[kind] * n for (kind, _), n in corpus.written.items()) / total
    assert abs(wrong / total - expected) < 0.06


def test_documents_follow_from_seed_and_number_alone(exercises: list[Exercise]) -> None:
    one, other = Corpus(exercises, seed=1), Corpus(exercises, seed=1)
    assert [one.document(k) for k in (5, 3)] == [other.document(k) for k in (3, 5)][::-1]
    assert one.document(3) != Corpus(exercises, seed=2).document(3)


def test_the_tokenizer_reads_back_what_it_writes(exercises: list[Exercise]) -> None:
    corpus = Corpus(exercises)
    documents = list(corpus.documents(0, 60))
    tokenizer = train_tokenizer(documents)
    for text in (*documents[:5], "été\n\n# ∀"):
        assert tokenizer.decode(tokenizer.encode(text)).replace(str(tokenizer.eos_token), END) == text
    assert len(tokenizer.encode(documents[0])) < 0.35 * len(documents[0])


def test_prompt_and_completion_make_the_program_again() -> None:
    program = canonical_program(COUNT)
    text = query_text("How many?") + body_of(program)
    assert text == f"# How many?\n{program}{END}"
    assert program_of(body_of(program)).strip() == program


def test_examples_are_of_different_kinds_and_a_lack_of_them_is_said(split: ProgramSplit) -> None:  # type: ignore[type-arg]
    prompt = few_shot(split, 4, 0)
    kinds = {
        sample.kind for sample in split for text in sample.texts if text in {query for query, _ in prompt.examples}
    }
    assert len(prompt.examples) == 4 and len(kinds) >= 4
    with pytest.raises(RewardmarkError, match="examples_file"):
        few_shot(split.select([]), 1, 0)


@pytest.mark.parametrize("name", ["scenes", "scenes-left"])
def test_corrections_are_few_and_are_what_true_programs_are(name: str) -> None:
    """Each has the form of a true program of the same words, nouns and attributes aside."""
    corrections = read_corrections(name)
    assert 30 <= len(corrections) < MOST_CORRECTIONS
    forms: dict[str, set[str]] = {}
    for task in ("vqa", "phrases"):
        for exercise in exercises_of(task, get_task(task).open(DatasetSpec(size=96, n=400, seed=11))):
            forms.setdefault(_words(exercise.query), set()).add(exercise.kind.partition(": ")[2])
    for question, program in corrections:
        assert form_of(program) in forms[_words(question)], question


def _words(question: str) -> str:
    """The question without its nouns and attributes."""
    known = {*THINGS, *(f"{t}s" for t in THINGS), "boxes", "houses", *COLOURS, *TEXTURES, *SIZES, *LAYOUTS, *LIGHTS}
    return " ".join("_" if word.strip(",?") in known else word for word in question.lower().split())


def test_a_bad_corrections_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"question": "q", "program": "def f(:"}\n')
    with pytest.raises(DataError, match="line 1"):
        read_corrections(str(file))
    file.write_text('{"question": "q", "program": "x = 1"}\n' * 50)
    with pytest.raises(DataError, match="fewer than 50"):
        read_corrections(str(file))
