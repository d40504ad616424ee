"""Parsers and adapters: the frame is named, an unparsed completion is a state of its own, failures are no numbers."""

from __future__ import annotations

import math

import pytest
from rewardmark.rewards import DocumentFrequency, RewardFailure, RewardmarkError, get_reward
from rewardmark.rewards.adapters import AnswerParser, BoxParser, CaptionParser, to_trl, to_verifiers, to_verl

LABELS = {"cat": 1, "dog": 2}
ROW = {"boxes": [[0, 0, 50, 50]], "labels": ["cat"], "width": 100, "height": 50}


def completion(box: list[float]) -> str:
    return f'<answer>[{{"bbox_2d": {box}, "label": "cat"}}]</answer>'


@pytest.mark.parametrize(
    ("frame", "box"), [("pixel", [0, 0, 50, 50]), ("unit", [0, 0, 0.5, 1]), ("thousand", [0, 0, 500, 1000])]
)
def test_every_frame_reads_its_own_coordinates(frame: str, box: list[float]) -> None:
    parser = BoxParser(frame=frame, labels=LABELS)  # type: ignore[arg-type]
    boxes, read = parser.predictions([completion(box)], [ROW])
    assert read == [True]
    assert boxes.boxes[0].tolist() == [[0, 0, 50, 50]]
    assert get_reward("detection/f1")(boxes, parser.targets([ROW])).tolist() == [1.0]


def test_frames_and_columns_are_never_guessed() -> None:
    with pytest.raises(RewardmarkError, match="frame 'norm' is not pixel, unit or thousand"):
        BoxParser(frame="norm", labels=LABELS)  # type: ignore[arg-type]
    with pytest.raises(RewardmarkError, match="sample 0: the data set has no column 'width'; it has boxes"):
        BoxParser(frame="unit", labels=LABELS).predictions([""], [{"boxes": []}])


def test_trl_gets_none_for_what_has_no_score_and_the_rates_are_kept() -> None:
    score = to_trl(get_reward("detection/coco-ap"), BoxParser(frame="pixel", labels=LABELS))
    values = score(
        prompts=["?"] * 4,
        completions=[
            [{"role": "assistant", "content": completion([0, 0, 50, 50])}],
            [{"role": "assistant", "content": "a cat, I think"}],
            [{"role": "assistant", "content": [{"type": "text", "text": completion([0, 0, 9, 9])}]}],
            completion([0, 0, 50, 50]),
        ],
        completion_ids=[[1]] * 4,
        boxes=[[[0, 0, 50, 50]]] * 3 + [[]],
        labels=[["cat"]] * 3 + [[]],
        trainer_state=object(),
    )
    assert values == [1.0, None, 0.0, None]
    assert score.__name__ == "detection/coco-ap"
    assert score.adapter.rates() == {"scored": 0.5, "unscored": 0.25, "failed": 0.0, "unparsed": 0.25}


def test_a_failure_is_none_for_trl_and_counted() -> None:
    score = to_trl(get_reward("vqa/yes-no"), AnswerParser(tag=None), unparsed=-1.0)
    assert score(completions=["no", "no"], answer=["no", "perhaps"]) == [1.0, None]
    assert score.adapter.counts == {"scored": 1, "failed": 1}


def test_an_unparsed_completion_is_worth_what_was_said() -> None:
    score = to_trl(get_reward("vqa/exact"), AnswerParser(), unparsed=-1.0)
    assert score(completions=["red", "<answer>red</answer>"], answer=["red", "red"]) == [-1.0, 1.0]


def test_verl_and_verifiers_need_no_options_and_give_no_failure_a_number() -> None:
    parser = BoxParser(frame="pixel", labels=LABELS)
    ap, nothing = get_reward("detection/coco-ap"), {"boxes": [], "labels": []}
    compute_score = to_verl(ap, parser)
    assert compute_score("coco", completion([0, 0, 50, 50]), ROW)["score"] == 1.0
    assert compute_score("coco", "a cat", ROW, {"index": 3}) == {
        "score": 0.0, "unparsed": 1.0, "unscored": 0.0, "failed": 0.0
    }  # fmt: skip
    with pytest.raises(RewardFailure, match="detection/coco-ap failed on sample coco: the reward abstains"):
        compute_score("coco", completion([0, 0, 50, 50]), nothing)
    function = to_verifiers(ap, parser)
    assert math.isnan(function(completion=completion([0, 0, 50, 50]), answer="", info=nothing))
    # the row's own columns, as verifiers hands them on
    columns = {"prompt": "?", "state": {}, "boxes": [[0, 0, 50, 50]], "labels": ["cat"]}
    assert function(completion=completion([0, 0, 50, 50]), answer="", info={}, **columns) == 1.0
    exact = to_verifiers(get_reward("vqa/exact"), AnswerParser(tag=None))
    assert (
        exact(completion="red", answer="red", info={})
        == exact(completion="red", answer="", info={"answer": "red"})
        == 1
    )
    with pytest.raises(RewardmarkError, match="no lower bound: say what an unparsed completion is worth"):
        to_verl(get_reward("detection/recall"), parser)


@pytest.mark.parametrize("number", ["9" * 400, "1e39", "NaN", "-Infinity"])
def test_a_number_that_is_none_is_no_box_and_no_score(number: str) -> None:
    parser = BoxParser(frame="pixel", labels=LABELS, tag=None)
    boxes, read = parser.predictions([f'[{{"bbox_2d": [{number}, 0, 5, 5]}}]'], [{}])
    assert read == [False] and len(boxes.mask[0]) == 0
    boxes, read = parser.predictions([f'[{{"bbox_2d": [0, 0, 5, 5], "score": {number}}}]'], [{}])
    assert read == [True] and boxes.scores.tolist() == [[1.0]]


def test_an_unknown_label_of_a_truth_is_named() -> None:
    parser = BoxParser(frame="pixel", labels=LABELS)
    with pytest.raises(RewardmarkError, match="sample 0: the truth's label 'cow' is not one of the parser's: cat, dog"):
        parser.targets([{"boxes": [[0, 0, 1, 1]], "labels": ["cow"]}])


def test_captions_through_the_adapter() -> None:
    references = [["a dog on grass"], ["a cat in a box"]]
    parser = CaptionParser(DocumentFrequency.from_references(references))
    score = to_trl(get_reward("captioning/cider-d"), parser)
    assert score(completions=["a dog on grass", ""], references=references) == pytest.approx([10.0, 0.0], abs=1e-5)


def test_verl_and_verifiers_call_it_their_way() -> None:
    parser = BoxParser(frame="pixel", labels=LABELS)
    compute_score = to_verl(get_reward("detection/f1"), parser, unparsed=-1.0, unscored=0.0)
    result = compute_score(data_source="d", solution_str=completion([0, 0, 50, 50]), ground_truth=ROW, extra_info=None)
    assert result == {"score": 1.0, "unparsed": 0.0, "unscored": 0.0, "failed": 0.0}
    assert compute_score("d", "?", ROW)["score"] == -1.0
    function = to_verifiers(get_reward("detection/coco-ap"), parser, unparsed=0.0, unscored=0.5)
    message = [{"role": "assistant", "content": completion([0, 0, 50, 50])}]
    assert function(completion=message, answer="", info=ROW, state={}) == 1.0
    assert function(completion=message, info={"boxes": [], "labels": []}) == 0.5
