"""The task of a vision-language model: six benchmarks at once, one answer to each question about a picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rewardmark.rewards.types import Answers
from rewardmark.tasks.base import Features, Metric, Statistics, Task, check_evaluator
from rewardmark.tasks.programs.locate import check_name, check_scenes, choose
from rewardmark.tasks.programs.pictures import ScenePictures
from rewardmark.tasks.programs.split import ProgramSplit
from rewardmark.tasks.programs.task import check_rows, read_stored
from rewardmark.tasks.stored import fields
from rewardmark.tasks.vlm.evaluate import METRICS
from rewardmark.tasks.vlm.sample import VlmSample

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rewardmark.tasks.dataset_spec import DatasetSpec

__all__ = ["VlmTask"]

KINDS = ("benchmarks", "web")


class VlmTask(Task):
    """Answer what is asked about a picture: caption, VQA, spatial, grounding, OCR, existence.

    Data: scenes, with `kind` "benchmarks" (the default: what is judged; `per_image` questions of each skill) or "web"
    (one picture a sample with its noisy text: what is pretrained on). Or files: "coco-captions", "llava", "webdataset"
    (`rewardmark.tasks.vlm.files` says where they lie), of which "benchmarks" asks for captions alone.
    """

    name: ClassVar[str] = "vlm"
    version: ClassVar[str] = "1"
    default_reward: ClassVar[str] = "vqa/anls"
    primary: ClassVar[str] = "mean"
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    uses_train: ClassVar[bool] = False
    rewards_of: ClassVar[tuple[str, ...]] = ("vqa",)

    def open(
        self, spec: DatasetSpec, data: Path | None = None, progress: Callable[[int, int], None] | None = None
    ) -> ProgramSplit[VlmSample]:
        from rewardmark.tasks.vlm.files import FILES, file_samples, open_pictures
        from rewardmark.tasks.vlm.scenes import PER_IMAGE, benchmark_samples, web_samples

        check_name(self.name, spec, ("scenes", *FILES))
        kind = choose(self.name, spec, KINDS)
        if spec.name != "scenes":
            files, root = open_pictures(spec, data)
            return ProgramSplit(spec.name, spec.split, file_samples(files, kind, progress), files, spec.size, root)
        pictures = ScenePictures(spec.split, spec.size, check_scenes(spec), spec.seed, spec.difficulty)
        if kind == "web":
            samples = web_samples(pictures, progress)
        else:
            samples = benchmark_samples(pictures, spec.per_image or PER_IMAGE, progress)
        return ProgramSplit("scenes", spec.split, samples, pictures, spec.size)

    @property
    def prediction_type(self) -> type[Answers]:
        return Answers

    def targets(
        self, split: ProgramSplit[VlmSample], indices: Sequence[int] | NDArray[Any], train: Any = None
    ) -> Answers:
        return Answers([list(split[int(i)].answers) for i in indices])

    def statistics(
        self,
        split: ProgramSplit[VlmSample],
        indices: Sequence[int] | NDArray[Any],
        predictions: Answers,
        evaluator: str = "hotcoco",
        features: Features | None = None,
    ) -> Statistics:
        from rewardmark.tasks.vlm.evaluate import VlmStatistics

        check_evaluator(evaluator)
        rows = check_rows(self.name, split, indices, len(predictions))
        return VlmStatistics([split[i] for i in rows], [predictions.text(k) for k in range(len(rows))])

    def to_json(self, split: ProgramSplit[VlmSample], index: int, predictions: Answers, k: int) -> str:
        return json.dumps({"answer": predictions.text(k)})

    def from_json(
        self, split: ProgramSplit[VlmSample], indices: Sequence[int] | NDArray[Any], stored: Sequence[str]
    ) -> Answers:
        what = "vlm: prediction of sample"
        return Answers(read_stored(what, split, indices, stored, lambda text, _: str(fields(text, answer=str)[0])))

    def truth_json(self, split: ProgramSplit[VlmSample], index: int) -> str:
        sample = split[index]
        return json.dumps(
            {"question": sample.question, "answer": sample.answers[0], "type": sample.skill, "subtask": sample.subtask}
        )
