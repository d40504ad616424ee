"""Questions with short answers: VQA, TextVQA, VizWiz, DocVQA and its kin."""

from __future__ import annotations

from pathlib import Path

from rewardmark.baselines.answering.sheet import PHRASE, Ask, Request, Sheet, as_list, id_of
from rewardmark.tasks.score.table import read_json, show
from rewardmark.tasks.vlm.answers import key_of, read_records

__all__ = ["docvqa", "textvqa", "vizwiz", "vqa"]

VIZWIZ = (
    "{question}\nWhen the provided information is insufficient, respond with 'Unanswerable'.\n"
    "Answer the question using a single word or phrase."
)
_DOCUMENT = ("image", "image_local_name", "file_path")


def vqa(request: Request) -> Sheet:
    """Prompt: LLaVA-1.5's for short answers. questions: v2_OpenEnded_mscoco_val2014_questions.json; pictures under
    COCO's names of its data_subtype."""
    table, put = read_records(request.questions, list_key="questions"), request.wording(PHRASE)
    data = read_json(request.questions)
    subtype = data.get("data_subtype", "") if isinstance(data, dict) else ""
    asks = []
    for row, (text, image) in enumerate(
        zip(table.strings("question"), table.integers("image_id").tolist(), strict=True)
    ):
        picture = request.picture(table, row, f"COCO_{subtype}_{image:012d}", f"{image:012d}", f"{image}")
        given = {"question_id": table.rows[row].get("question_id")}
        asks.append(Ask(id_of(table, row, "question_id"), put(text), picture, table.file, table.where(row), given))
    return Sheet(tuple(asks), as_list("answer"))


def textvqa(request: Request) -> Sheet:
    """Prompt: LLaVA-1.5's for short answers; with `ocr` (TextVQA_Rosetta_OCR_v0.2_val.json) a line "Reference OCR
    token:" stands before the instruction, as in LLaVA's llava_textvqa_val_v051_ocr.jsonl."""
    table, put = read_records(request.questions, list_key="data"), request.wording(PHRASE)
    words = _ocr(request.ocr) if request.ocr is not None else {}
    asks = []
    for row, text in enumerate(table.strings("question")):
        image = id_of(table, row, "image_id")
        if words and image not in words:
            table.fail(row, f"{request.ocr} has no tokens of its image {image}")
        asked = f"{text}\nReference OCR token: {', '.join(words[image])}" if words else text
        picture = request.picture(table, row, image)
        given = {"question_id": table.rows[row].get("question_id")}
        asks.append(Ask(id_of(table, row, "question_id"), put(asked), picture, table.file, table.where(row), given))
    return Sheet(tuple(asks), as_list("answer"))


def _ocr(file: Path) -> dict[str, list[str]]:
    table = read_records(file, "image_id", list_key="data")
    found = {}
    for row, tokens in enumerate(table.column("ocr_tokens")):
        if not isinstance(tokens, list):
            table.fail(row, f"'ocr_tokens' must be a list, not {show(tokens)}")
        found[id_of(table, row, "image_id")] = [str(token) for token in tokens]
    return found


def vizwiz(request: Request) -> Sheet:
    """Prompt: LLaVA-1.5's for VizWiz (arXiv:2310.03744, table of response formats)."""
    table, put = read_records(request.questions, "image"), request.wording(VIZWIZ)
    asks = [
        Ask(image, put(text), request.picture(table, row, image), table.file, table.where(row), {"image": image})
        for row, (image, text) in enumerate(zip(table.strings("image"), table.strings("question"), strict=True))
    ]
    return Sheet(tuple(asks), as_list("answer"))


def docvqa(request: Request) -> Sheet:
    """Prompt: LLaVA-1.5's for short answers, which EvolvingLMMs-Lab/lmms-eval asks for DocVQA too. The picture stands
    under "image" (DocVQA), "image_local_name" (InfographicVQA) or "file_path" (ST-VQA), and may lie in the folder by
    its name alone."""
    table, put = read_records(request.questions, list_key="data"), request.wording(PHRASE)
    asks = []
    for row, text in enumerate(table.strings("question")):
        record = table.rows[row]
        image = next((record[key] for key in _DOCUMENT if isinstance(record.get(key), str)), None)
        if image is None:
            table.fail(row, f"none of {', '.join(map(repr, _DOCUMENT))} names its picture")
        key = "questionId" if "questionId" in record else "question_id"
        if key_of(record.get(key)) is None:
            table.fail(row, "'questionId' or 'question_id' is wanted")
        picture = request.picture(table, row, image, Path(image).name)
        given = {key: record[key]}
        asks.append(Ask(id_of(table, row, key), put(text), picture, table.file, table.where(row), given))
    return Sheet(tuple(asks), as_list("answer"))
