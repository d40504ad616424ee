"""Captions, free-form answers and boxes: COCO captions and CHAIR, LLaVA-Bench (in the wild), MM-Vet, RefCOCO."""

from __future__ import annotations

import re
from typing import Any

from rewardmark.baselines.answering.sheet import Answered, Ask, Request, Sheet, as_json, as_lines, as_list, id_of
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.score.table import Table, read_json, show, top_level
from rewardmark.tasks.vlm.answers import key_of, read_records
from rewardmark.tasks.vlm.files import size_of
from rewardmark.tasks.vlm.mmvet import read_questions
from rewardmark.tasks.vlm.refcoco import ref_table

__all__ = ["SCALES", "captioning", "chair", "llava_w", "mm_vet", "read_corners", "refcoco"]

SCALES = ("unit", "square", "hundred", "thousand", "pixels")
"""What the numbers of a box are: shares of the picture's sides, of the sides of the picture padded to a square (as
LLaVA-1.5 was taught), hundredths or thousandths of its sides, or pixels."""
REGION = "Please provide the bounding box coordinate of the region this sentence describes: {question}."
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_BOX = re.compile(r"[\s,;()\[\]<>]+".join([_NUMBER] * 4))
_SENTENCE = ("sent", "sentence", "expression", "question")
_IDS = ("sent_id", "question_id", "id")


def captioning(request: Request) -> Sheet:
    """Prompt: LLaVA-1.5's for one-sentence captions (arXiv:2310.03744), which EvolvingLMMs-Lab/lmms-eval asks for COCO.
    questions: COCO captions (or instances) JSON, of which only the images are read."""
    return _captions(request, "Provide a one-sentence caption for the provided image.", 128)


def chair(request: Request) -> Sheet:
    """Prompt: that of the evaluations of VLMs by CHAIR (OPERA, arXiv:2311.17911; shikiw/OPERA, chair_eval.py).
    questions: COCO captions or instances JSON, of which only the images are read."""
    return _captions(request, "Please describe this image in detail.", 512)


def _captions(request: Request, usual: str, tokens: int) -> Sheet:
    file = request.questions
    table, prompt = Table(file, top_level(file, read_json(file), "images"), "images"), request.wording(usual)("")
    asks = []
    for row, (number, name) in enumerate(zip(table.integers("id").tolist(), table.strings("file_name"), strict=True)):
        picture = request.picture(table, row, name)
        asks.append(Ask(str(number), prompt, picture, file, table.where(row), {"image_id": number}))
    return Sheet(tuple(asks), as_list("caption"), tokens)


def llava_w(request: Request) -> Sheet:
    """Prompt: the question alone (haotian-liu/LLaVA, scripts/v1_5/eval/llavabench.sh). Answers are for
    `rewardmark judge grade llava-w`."""
    table, put = read_records(request.questions), request.wording("{question}")
    asks = []
    for row, (image, text) in enumerate(zip(table.strings("image"), table.strings("text"), strict=True)):
        given = {"question_id": table.rows[row].get("question_id"), "prompt": text}
        name, picture = id_of(table, row, "question_id"), request.picture(table, row, image)
        asks.append(Ask(name, put(text), picture, table.file, table.where(row), given))
    return Sheet(tuple(asks), as_lines("text"), 1024)


def mm_vet(request: Request) -> Sheet:
    """Prompt: the question alone (haotian-liu/LLaVA, scripts/v1_5/eval/mmvet.sh). Answers are for
    `rewardmark judge grade mm-vet`."""
    put, asks = request.wording("{question}"), []
    for name, value in read_questions(request.questions).items():
        table = Table(request.questions, [{"id": name, **value}], "")
        picture = request.picture(table, 0, table.strings("imagename")[0])
        asks.append(Ask(name, put(value["question"]), picture, table.file, name))

    def render(answered: Answered) -> bytes:
        return as_json({ask.id: text for ask, text in answered})

    return Sheet(tuple(asks), render, 1024)


def refcoco(request: Request) -> Sheet:
    """Prompt: LLaVA-1.5's for regions (arXiv:2310.03744; TRI-ML/vlm-evaluation). The first four numbers of an answer
    are the corners x0, y0, x1, y1, of the given `scale`; written down as pixels [x, y, width, height], null where there
    are none.

    questions: REFER's refs(...).p with its `instances`, or records of sent_id, a sentence ("sent", "sentence",
    "expression") and a picture ("image", "file_name" or "image_id"); split: all without a word.
    """
    if request.scale not in SCALES:
        raise RewardmarkError(f"answer refcoco: --scale is one of {', '.join(SCALES)}, not {request.scale}")
    table, put, files = ref_table(request.questions), request.wording(REGION), dict[Any, str]()
    if request.instances is not None:
        images = read_json(request.instances)
        rows = Table(request.instances, top_level(request.instances, images, "images"), "images")
        files = dict(zip(rows.integers("id").tolist(), rows.strings("file_name"), strict=True))
    asks = []
    for row, record in enumerate(table.rows):
        if request.split is not None and record.get("split") != request.split:
            continue
        picture = request.picture(table, row, *_picture_names(table, row, files))
        for sentence in record.get("sentences", [record]):
            name = next((key_of(sentence[key]) for key in _IDS if key in sentence), None)
            text = next((sentence[key] for key in _SENTENCE if isinstance(sentence.get(key), str)), None)
            if name is None or text is None:
                table.fail(row, f"a sentence with its id and text is wanted, not {show(sentence)}")
            asks.append(Ask(name, put(text), picture, table.file, table.where(row), {"sent_id": name}))
    if not asks:
        raise RewardmarkError(f"{request.questions}: there are no sentences of split {request.split!r} in it")

    def render(answered: Answered) -> bytes:
        records = [{**a.given, "bbox": _pixels(a, text, request.scale), "text": text} for a, text in answered]
        return as_json(records)

    return Sheet(tuple(asks), render)


def _picture_names(table: Table, row: int, files: dict[Any, str]) -> list[str]:
    record = table.rows[row]
    image = record.get("image_id")
    if files:
        if image not in files:
            table.fail(row, f"'image_id' {show(image)} is no image of the instances")
        return [files[image]]
    named = [record[key] for key in ("image", "file_name") if isinstance(record.get(key), str)]
    if isinstance(image, int):  # REFER names the crop, COCO_train2014_000000581857_16.jpg; its pictures are COCO's
        named += [f"COCO_train2014_{image:012d}", f"{image:012d}"]
    if not named:
        table.fail(row, "none of 'image', 'file_name', 'image_id' names its picture")
    return named


def read_corners(text: str, width: int, height: int, scale: str) -> tuple[float, float, float, float] | None:
    """The corners that an answer gives, in pixels; None where it gives no four numbers, or no area.

    >>> read_corners("[0.25, 0.5, 0.5, 1.0]", 200, 100, "unit"), read_corners("It is there.", 200, 100, "unit")
    ((50.0, 50.0, 100.0, 100.0), None)
    >>> read_corners("[0.25, 0.5, 0.5, 0.75]", 200, 100, "square")
    (50.0, 50.0, 100.0, 100.0)
    """
    found = _BOX.search(text)
    if found is None:
        return None
    numbers = [float(value) for value in found.groups()]
    if scale == "square":
        side = max(width, height)
        left, top = (side - width) / 2, (side - height) / 2
        x0, y0, x1, y1 = (value * side - shift for value, shift in zip(numbers, (left, top) * 2, strict=True))
    else:
        whole = {"unit": 1.0, "hundred": 100.0, "thousand": 1000.0, "pixels": 0.0}[scale]
        sides = (width / whole, height / whole) * 2 if whole else (1.0,) * 4
        x0, y0, x1, y1 = (value * side for value, side in zip(numbers, sides, strict=True))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def _pixels(ask: Ask, text: str, scale: str) -> list[float] | None:
    height, width = size_of(ask.pictures[0].read())
    box = read_corners(text, width, height, scale)
    return None if box is None else [box[0], box[1], box[2] - box[0], box[3] - box[1]]
