"""`rewardmark program run`: one program by hand, in the sandbox that the program tasks use."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rewardmark.baselines.programs.outcome import Outcome
    from rewardmark.baselines.programs.perception.base import Perception

app = typer.Typer(no_args_is_help=True, help="Visual programs: run one in the sandbox.")


class PerceptionName(StrEnum):
    """Who answers a program's questions."""

    oracle = "oracle"
    trained = "trained"
    hf = "hf"


@app.callback()
def _group() -> None:
    """Visual programs: run one in the sandbox."""


@app.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE.py", help="The program: it defines execute_command(image).")],
    image: Annotated[list[Path], typer.Option(metavar="IMG", help="The picture; repeat it for several, in order.")],
    scene: Annotated[
        list[Path] | None, typer.Option(metavar="SCENE.json", help="What is in the picture; one for each.")
    ] = None,
    perception: Annotated[
        PerceptionName | None,
        typer.Option(
            help="oracle answers from --scene; trained is the shipped detector; hf, models by path. Without it: oracle "
            "with a scene, hf with a model, else trained."
        ),
    ] = None,
    detector: Annotated[Path | None, typer.Option(metavar="DIR", help="hf: Grounding DINO or OWL-ViT.")] = None,
    vqa: Annotated[Path | None, typer.Option(metavar="DIR", help="hf: BLIP for questions.")] = None,
    clip: Annotated[Path | None, typer.Option(metavar="DIR", help="hf: CLIP for texts.")] = None,
    depth: Annotated[Path | None, typer.Option(metavar="DIR", help="hf: a depth model.")] = None,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds of its own that the program may run.")] = 5.0,
    memory: Annotated[int, typer.Option(metavar="MB", help="Memory that it may use.")] = 256,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run one visual program in a fresh, closed process and say how it ended; exit 0 whatever it did.

    The outcome is ok, syntax, forbidden, runtime, timeout, memory, malformed or infrastructure. The answer is text, a
    number, true or false, or boxes [x0, y0, x1, y1] in pixels from the upper left corner. The time that perception
    takes does not count against --timeout. "isolation" says what held the program on this machine.

    Examples:

      rewardmark program run count.py --image scene.png --scene scene.json --json

      rewardmark program run count.py --image photo.png

      rewardmark program run ask.py --image photo.jpg --detector dino/ --vqa blip/ --timeout 10
    """
    from rewardmark.baselines.programs.sandbox.limits import Limits
    from rewardmark.baselines.programs.sandbox.pool import Job, Pool
    from rewardmark.rewards.errors import DataError

    if not file.is_file():
        raise DataError(file, "no such file; a program is a Python file")
    limits = Limits(wall_s=timeout, memory_mb=memory)
    models = {"detector": detector, "vqa": vqa, "clip": clip, "depth": depth}
    eyes = _perception(perception, image, scene or [], models)
    text = file.read_text(encoding="utf-8-sig", errors="surrogateescape")  # a byte order mark is no syntax
    with Pool(workers=1, limits=limits) as pool:
        (outcome,) = pool.run([Job(str(file), text, eyes)])
    shown = _shown(outcome)
    if as_json:
        typer.echo(json.dumps(shown, allow_nan=False))
        return
    for name, value in shown.items():
        typer.echo(f"{name:<10} {value if isinstance(value, str) else json.dumps(value)}")


def _shown(outcome: Outcome) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "outcome": outcome.outcome,
        "answer": outcome.answer,
        "calls": outcome.calls,
        "seconds": round(outcome.seconds, 4),
        "isolation": outcome.isolation,
    }
    return shown if outcome.ok else {**shown, "line": outcome.line, "message": outcome.message}


def _perception(
    name: PerceptionName | None, images: list[Path], scenes: list[Path], models: dict[str, Path | None]
) -> Perception:
    """The one that was asked for; everything that does not fit together is an error."""
    from rewardmark.rewards.errors import RewardmarkError

    given = [f"--{option}" for option, path in models.items() if path is not None]
    if name is None:
        name = PerceptionName.oracle if scenes else PerceptionName.hf if given else PerceptionName.trained
    if name is not PerceptionName.oracle and scenes:
        raise RewardmarkError(f"program run: --scene is for --perception oracle, not for {name}")
    if name is not PerceptionName.hf and given:
        raise RewardmarkError(f"program run: {', '.join(given)} goes with --perception hf")
    pixels = [_read_image(path) for path in images]
    if name is PerceptionName.oracle:
        return _oracle(images, pixels, scenes)
    if name is PerceptionName.trained:
        from rewardmark.baselines.programs.perception.trained import Detector

        return Detector().look_at(pixels)
    from rewardmark.baselines.programs.perception.hugging_face import HuggingFaceModels

    found = HuggingFaceModels(models["detector"], models["vqa"], models["clip"], models["depth"])
    return found.look_at(pixels)


def _oracle(images: list[Path], pixels: list[Any], scenes: list[Path]) -> Perception:
    from rewardmark.baselines.programs.perception.oracle import Oracle
    from rewardmark.rewards.errors import DataError, RewardmarkError
    from rewardmark.tasks.scenes.scene_json import scene_from_json

    if len(scenes) != len(images):
        raise RewardmarkError(f"program run: {len(images)} --image and {len(scenes)} --scene; each picture needs one")
    facts = []
    for path, array in zip(scenes, pixels, strict=True):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise DataError(path, f"not JSON ({error})") from error
        scene = scene_from_json(content, path)
        high, wide = array.shape[:2]
        if (scene.width, scene.height) != (wide, high):
            raise DataError(path, f"the scene is {scene.width} x {scene.height}, its picture {wide} x {high}")
        facts.append(scene)
    return Oracle(facts)


def _read_image(path: Path) -> Any:
    """`[H, W, 3]` uint8 RGB."""
    import numpy as np
    from PIL import Image
    from rewardmark.rewards.errors import DataError

    if not path.is_file():
        raise DataError(path, "no such file; --image takes a picture")
    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(path, f"no picture that can be read ({error})") from error
