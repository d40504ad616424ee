"""Tiny question files of every benchmark in its published format, with pictures beside or inside them."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Made = tuple[list[Any], list[Any], int]
"""Arguments of `answer`, arguments of `score` but for --pred, how many questions."""


def picture(k: int = 0) -> bytes:
    pixels = np.random.default_rng(k).integers(0, 255, (30 + 9 * k, 50, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def store(folder: Path, *names: str) -> Path:
    for k, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture(k))
    return folder


def dump(file: Path, content: Any, lines: bool = False) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in content) if lines else json.dumps(content))
    return file


def pope(root: Path) -> Made:
    images = store(root / "val2014", "COCO_val2014_000000000007.jpg", "COCO_val2014_000000000009.jpg")
    rows = [
        {"question_id": k + 1, "image": f"COCO_val2014_00000000000{7 + 2 * (k % 2)}.jpg", "label": ("yes", "no")[k % 2],
         "text": f"Is there a {name} in the image?"}
        for k, name in enumerate(("snowboard", "dog", "car", "person", "cat"))
    ]  # fmt: skip
    file = dump(root / "coco_pope_random.json", rows, lines=True)
    return ["--questions", file, "--images", images], ["--gt", file], 5


def mme(root: Path) -> Made:
    store(root / "MME", "existence/a.jpg", "artwork/images/b.jpg")
    for subtask, name in (("existence", "a"), ("artwork", "b")):
        lines = [
            f"{name}.jpg\tIs it {what}? Please answer yes or no.\t{t}\n" for what, t in (("x", "Yes"), ("y", "No"))
        ]
        (root / "templates").mkdir(exist_ok=True)
        (root / "templates" / f"{subtask}.txt").write_text("".join(lines))
    return ["--questions", root / "templates", "--images", root / "MME"], ["--gt", root / "templates"], 4


def vsr(root: Path) -> Made:
    images = store(root / "images", "000000000001.jpg", "000000000002.jpg")
    rows = [
        {"image": f"00000000000{k + 1}.jpg", "caption": f"The cat is {r} the bed.", "label": k,
         "relation": r, "annotator_id": 1, "vote_true_validator_id": [], "vote_false_validator_id": []}
        for k, r in enumerate(("under", "on"))
    ]  # fmt: skip
    file = dump(root / "zeroshot_test.jsonl", rows, lines=True)
    return ["--questions", file, "--images", images], ["--gt", file], 2


def ten(answer: str) -> list[dict[str, Any]]:
    return [{"answer": answer, "answer_confidence": "yes", "answer_id": k} for k in range(10)]


def vqa(root: Path) -> Made:
    images = store(root / "val2014", "COCO_val2014_000000262148.jpg")
    head = {"data_type": "mscoco", "data_subtype": "val2014"}
    asked = [{"image_id": 262148, "question": f"What is {k}?", "question_id": 262148000 + k} for k in range(3)]
    file = dump(root / "v2_OpenEnded_mscoco_val2014_questions.json", {**head, "questions": asked})
    truths = [
        {"question_id": row["question_id"], "image_id": 262148, "answers": ten("dog"), "answer_type": "other",
         "question_type": "what is", "multiple_choice_answer": "dog"}
        for row in asked
    ]  # fmt: skip
    truth = dump(root / "annotations.json", {**head, "annotations": truths})
    return ["--questions", file, "--images", images], ["--gt", truth], 3


def textvqa(root: Path) -> Made:
    images = store(root / "train_images", "003a8ae2ef43b901.jpg")
    rows = [
        {"question_id": 34602 + k, "image_id": "003a8ae2ef43b901", "question": "what is the brand?", "set_name": "val",
         "answers": ["nous les gosses"] * 10, "image_classes": ["Cat"]}
        for k in range(2)
    ]  # fmt: skip
    file = dump(root / "TextVQA_0.5.1_val.json", {"dataset_type": "val", "data": rows})
    tokens = {"data": [{"image_id": "003a8ae2ef43b901", "ocr_tokens": ["NOUS", "LES"], "ocr_info": []}]}
    ocr = dump(root / "TextVQA_Rosetta_OCR_v0.2_val.json", tokens)
    return ["--questions", file, "--images", images, "--ocr", ocr], ["--gt", file], 2


def vizwiz(root: Path) -> Made:
    images = store(root / "val", "VizWiz_val_00000000.jpg", "VizWiz_val_00000001.jpg")
    rows = [
        {"image": f"VizWiz_val_0000000{k}.jpg", "question": "What is this?", "answers": ten("basil leaves"),
         "answer_type": "other", "answerable": k}
        for k in range(2)
    ]  # fmt: skip
    file = dump(root / "val.json", rows)
    return ["--questions", file, "--images", images], ["--gt", file], 2


def docvqa(root: Path) -> Made:
    images = store(root / "pages", "xnbl0037_1.png")  # without the folder that the file names
    rows = [
        {"questionId": 49153 + k, "question": "What is the name?", "image": "documents/xnbl0037_1.png", "docId": 1465,
         "answers": ["university", "The University"], "data_split": "val"}
        for k in range(2)
    ]  # fmt: skip
    file = dump(root / "val_v1.0.json", {"dataset_name": "docvqa", "dataset_split": "val", "data": rows})
    return ["--questions", file, "--images", images], ["--gt", file], 2


def mmbench(root: Path) -> Made:
    pixels = base64.b64encode(picture()).decode()
    rows = [
        ["index", "question", "hint", "A", "B", "C", "D", "answer", "category", "image", "l2-category"],
        ["241", "Which colour?", "A hint.", "red", "blue", "green", "", "B", "colour", pixels, "fine"],
        ["252", "Which number?", "nan", "1", "2", "", "", "A", "number", pixels, "coarse"],
    ]
    file = root / "dev.tsv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join("\t".join(row) + "\n" for row in rows))
    circular = root / "circular.tsv"
    return ["--questions", file, "--circular", circular], ["--gt", circular], 5


def seed(root: Path) -> Made:
    images = store(root / "SEED-Bench-image", "1454426_2591111986")
    rows = [
        {"question_id": str(k), "question": "How many?", "choice_a": "1", "choice_b": "2", "choice_c": "3",
         "choice_d": "4", "answer": "A", "data_id": "1454426_2591111986", "data_type": kind, "question_type_id": 5}
        for k, kind in enumerate(("image", "image", "video"))
    ]  # fmt: skip
    file = dump(root / "SEED-Bench.json", {"questions": rows, "question_type": {"Instances Counting": 5}})
    return ["--questions", file, "--images", images], ["--gt", file], 2


def scienceqa(root: Path) -> Made:
    images = store(root / "images", "test/5/image.png")
    problem = {"question": "Which is farthest north?", "choices": ["Maine", "Ohio"], "answer": 0, "hint": "",
               "grade": "grade2", "subject": "social science", "split": "test"}  # fmt: skip
    problems = {"5": {**problem, "image": "image.png"}, "8": {**problem, "image": None, "hint": "A map."}}
    file = dump(root / "problems.json", problems)
    splits = dump(root / "pid_splits.json", {"train": [], "test": ["5", "8"]})
    asked = ["--questions", file, "--images", images, "--splits", splits]
    return asked, ["--gt", file, "--splits", splits], 2


def mmmu(root: Path) -> Made:
    import pyarrow
    from pyarrow import parquet

    (root / "Art").mkdir(parents=True)
    shown = [{"bytes": picture(k), "path": None} for k in range(2)]
    rows = [
        {"id": "validation_Art_1", "question": "Compare <image 1> and <image 2>.", "options": "['old', \"it's new\"]",
         "question_type": "multiple-choice", "answer": "A", "image_1": shown[0], "image_2": shown[1]},
        {"id": "validation_Art_2", "question": "How many? <image 1>", "options": "[]", "question_type": "open",
         "answer": "3", "image_1": shown[0], "image_2": None},
    ]  # fmt: skip
    parquet.write_table(pyarrow.Table.from_pylist(rows), root / "Art" / "validation-00000-of-00001.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(rows[:1]), root / "Art" / "dev-00000-of-00001.parquet")
    truth = {row["id"]: {"question_type": row["question_type"], "ground_truth": row["answer"]} for row in rows}
    return ["--questions", root], ["--gt", dump(root / "answer_dict_val.json", truth)], 2


def coco(root: Path) -> tuple[Path, Path]:
    images = store(root / "val2017", "000000000139.jpg", "000000000285.jpg")
    named = [{"id": k, "file_name": f"{k:012d}.jpg", "height": 30, "width": 50} for k in (139, 285)]
    said = [{"id": k, "image_id": row["id"], "caption": "A dog on a bed."} for k, row in enumerate(named)]
    return dump(root / "captions_val2017.json", {"images": named, "annotations": said}), images


def captioning(root: Path) -> Made:
    file, images = coco(root)
    return ["--questions", file, "--images", images], ["--gt", file], 2


def chair(root: Path) -> Made:
    file, images = coco(root)
    things = [{"id": 1, "image_id": 139, "category_id": 18, "bbox": [1, 1, 9, 9], "area": 81, "iscrowd": 0}]
    instances = {"images": json.loads(file.read_text())["images"], "annotations": things,
                 "categories": [{"id": 18, "name": "dog"}]}  # fmt: skip
    objects = dump(root / "instances_val2017.json", instances)
    return ["--questions", file, "--images", images], ["--gt", file, "--instances", objects], 2


def refcoco(root: Path) -> Made:
    images = store(root / "train2014", "COCO_train2014_000000581857.jpg")
    refs = [
        {"ref_id": k, "ann_id": 1719310, "image_id": 581857, "split": split, "category_id": 1,
         "file_name": "COCO_train2014_000000581857_16.jpg", "sent_ids": [3 * k, 3 * k + 1],
         "sentences": [{"sent_id": 3 * k + j, "sent": f"the lady {j}", "raw": "x", "tokens": []} for j in range(2)]}
        for k, split in enumerate(("testA", "train"))
    ]  # fmt: skip
    file = root / "refs(unc).p"
    file.write_bytes(pickle.dumps(refs, protocol=2))
    shown = [{"id": 581857, "file_name": "COCO_train2014_000000581857.jpg", "height": 30, "width": 50}]
    things = [{"id": 1719310, "image_id": 581857, "category_id": 1, "bbox": [1, 1, 9, 9], "area": 81, "iscrowd": 0}]
    instances = dump(root / "instances.json", {"images": shown, "annotations": things, "categories": []})
    both = ["--instances", instances, "--split", "testA"]
    return ["--questions", file, "--images", images, *both], ["--gt", file, *both], 2


def llava_w(root: Path) -> Made:
    images = store(root / "images", "001.jpg")
    rows = [
        {"question_id": k, "image": "001.jpg", "category": "conv", "text": "What is the name of this hotel?"}
        for k in range(2)
    ]
    file = dump(root / "questions.jsonl", rows, lines=True)
    return ["--questions", file, "--images", images], ["--gt", file], 2


def mm_vet(root: Path) -> Made:
    images = store(root / "images", "v1_0.png")
    question = {"imagename": "v1_0.png", "question": "What is x in the equation?", "answer": "-1<AND>-5",
                "imagesource": "x", "capability": ["ocr", "math"]}  # fmt: skip
    file = dump(root / "mm-vet.json", {"v1_0": question, "v1_1": question})
    return ["--questions", file, "--images", images], ["--gt", file], 2


MAKERS: dict[str, Callable[[Path], Made]] = {
    "pope": pope, "mme": mme, "vsr": vsr, "vqa": vqa, "textvqa": textvqa, "vizwiz": vizwiz, "docvqa": docvqa,
    "mmbench": mmbench, "seed": seed, "scienceqa": scienceqa, "mmmu": mmmu, "captioning": captioning, "chair": chair,
    "refcoco": refcoco, "llava-w": llava_w, "mm-vet": mm_vet,
}  # fmt: skip
