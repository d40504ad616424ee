"""Arguments that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class EvaluatorName(StrEnum):
    """The official evaluators of detection."""

    hotcoco = "hotcoco"
    pycocotools = "pycocotools"


SuiteName = Annotated[
    str,
    typer.Argument(metavar="SUITE", help="Name of a shipped suite (rewardmark list suites), or path of a .toml file."),
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="PATH", help="Root of the COCO-format data for which the suite leaves the place open."
    ),
]
PluginFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin", metavar="FILE", help="Python file that registers rewards, tasks, methods or models; repeatable."
    ),
]
Device = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute; auto takes a GPU if there is one.")
]
Evaluator = Annotated[EvaluatorName, typer.Option(help="Who evaluates detection; their numbers are equal.")]
