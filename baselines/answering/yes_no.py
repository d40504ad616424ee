"""Questions of yes and no, true and false: POPE, MME, VSR."""

from __future__ import annotations

from rewardmark.baselines.answering.sheet import PHRASE, Answered, Ask, Request, Sheet, as_lines, id_of
from rewardmark.rewards.errors import DataError
from rewardmark.tasks.score.table import Table
from rewardmark.tasks.vlm.answers import read_records
from rewardmark.tasks.vlm.mme import template_rows

__all__ = ["mme", "pope", "vsr"]

VSR = 'Based on the image, is this statement true or false? "{question}" Answer:'


def pope(request: Request) -> Sheet:
    """Prompt: LLaVA-1.5's for short answers (haotian-liu/LLaVA, scripts/v1_5/eval/pope.sh: llava_pope_test.jsonl)."""
    table, put = read_records(request.questions), request.wording(PHRASE)
    images, texts = table.strings("image"), table.strings("text")
    asks = [
        Ask(
            id_of(table, row, "question_id"), put(text), request.picture(table, row, image), table.file,
            table.where(row), {"question_id": table.rows[row]["question_id"], "question": text},
        )
        for row, (image, text) in enumerate(zip(images, texts, strict=True))
    ]  # fmt: skip
    return Sheet(tuple(asks), as_lines("answer"))


def vsr(request: Request) -> Sheet:
    """Prompt: InstructBLIP's (arXiv:2305.06500, appendix), which TRI-ML/vlm-evaluation asks of every model."""
    table, put = read_records(request.questions, "id"), request.wording(VSR)
    images, captions = table.strings("image"), table.strings("caption")
    asks = [
        Ask(
            str(row), put(caption), request.picture(table, row, image), table.file, table.where(row),
            {"id": row, "image": image, "caption": caption},
        )
        for row, (image, caption) in enumerate(zip(images, captions, strict=True))
    ]  # fmt: skip
    return Sheet(tuple(asks), as_lines("prediction"))


def mme(request: Request) -> Sheet:
    """Prompt: the question as the templates have it; it ends with "Please answer yes or no." (arXiv:2306.13394, sec.
    2.2). questions: the tool's folder of templates (eval_tool/Your_Results), which gives a folder of the same files
    with answers; or JSON lines of question_id, category, image, question, which give JSON lines."""
    put = request.wording("{question}")
    if not request.questions.is_dir():
        return _mme_lines(request)
    asks, subtasks = [], []
    for file, number, fields in template_rows(request.questions, 3):
        subtask, image, question = file.stem, fields[0], fields[1]
        place = Table(file, [{} for _ in range(number)], "")
        names = (f"{subtask}/{image}", f"{subtask}/images/{image}", f"{subtask}/image/{image}")
        try:
            picture = request.picture(place, number - 1, *names)
        except DataError as error:
            raise DataError(file, error.what, f"line {number}") from None
        given = {"file": file.name, "fields": fields[:3]}
        key = f"{subtask}/{number}"
        asks.append(Ask(key, put(question), picture, file, f"line {number}", given))
        subtasks.append(file.name)

    def render(answered: Answered) -> dict[str, bytes]:
        lines = {name: list[str]() for name in dict.fromkeys(subtasks)}
        for ask, text in answered:
            lines[ask.given["file"]].append("\t".join([*ask.given["fields"], " ".join(text.split())]) + "\n")
        return {name: "".join(found).encode("utf-8", "surrogatepass") for name, found in lines.items() if found}

    return Sheet(tuple(asks), render)


def _mme_lines(request: Request) -> Sheet:
    table, put = read_records(request.questions), request.wording("{question}")
    texts, subtasks = table.strings("question"), table.strings("category")
    key = "image" if table.has("image").all() else "question_id"
    asks = []
    for row, (subtask, image, text) in enumerate(zip(subtasks, table.strings(key), texts, strict=True)):
        names = (image, f"{subtask}/{image}", f"{subtask}/images/{image}")
        given = {"question_id": table.rows[row].get("question_id"), "category": subtask, "image": image}
        picture = request.picture(table, row, *names)
        asks.append(Ask(str(row), put(text), picture, table.file, table.where(row), {**given, "question": text}))
    return Sheet(tuple(asks), as_lines("text"))
