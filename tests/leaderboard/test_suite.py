"""Suite files: what is accepted, how lists cross, and that every mistake is named with its file, line and key."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from rewardmark.leaderboard.data import Splits
from rewardmark.leaderboard.plan import Plan, plan_suite
from rewardmark.leaderboard.suite import find_suite, load_suite, shipped_suites
from rewardmark.leaderboard.toml_lines import line_of
from rewardmark.rewards import get_reward, load_plugin, registry
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.rewards.types import Boxes, Captions, References

Write = Callable[..., Path]
Planned = Callable[[str], Plan]

CELL = '[[cell]]\ntask = "detection"\nmethod = "mle"\nsteps = 1\n'


def test_shipped_suites_load() -> None:
    assert {"smoke", "demo", "bccd"} <= set(shipped_suites())
    for name in shipped_suites():
        assert load_suite(name).name == name


def test_lists_are_crossed_and_named(write: Write) -> None:
    suite = load_suite(
        write('[[cell]]\ntask = ["detection", "captioning"]\nmethod = "mle"\nseed = [0, 1, 2]\nsteps = 5\n')
    )
    assert [cell.name for cell in suite.cells[:2]] == ["mle detection seed=0", "mle detection seed=1"]
    assert len({cell.name for cell in suite.cells}) == 6
    assert {cell.reward for cell in suite.cells} == {"detection/recall", "captioning/cider-d"}


def test_a_suite_brings_its_plugins(write: Write, tmp_path: Path) -> None:
    file = write(CELL)
    plain = file.read_text()
    file.write_text('plugins = ["mine.py"]\n' + plain)
    assert load_suite(file).plugins == (file.parent / "mine.py",)
    file.write_text("plugins = 3\n" + plain)
    with pytest.raises(RewardmarkError, match="plugins"):
        load_suite(file)
    assert [path.is_file() for path in load_suite("ablations").plugins] == [True]


def test_a_suite_says_how_many_cells_at_a_time_and_on_how_many_threads(write: Write) -> None:
    file = write(CELL)
    plain = file.read_text()
    assert (load_suite(file).jobs, load_suite(file).threads) == (1, None)
    file.write_text("jobs = 2\nthreads = 1\n" + plain)
    assert (load_suite(file).jobs, load_suite(file).threads) == (2, 1)
    for bad in ("jobs = 0", 'jobs = "all"', "threads = 0", "threads = true"):
        file.write_text(f"{bad}\n{plain}")
        with pytest.raises(RewardmarkError, match=f":1: {bad.split()[0]} = "):
            load_suite(file)


def test_a_suites_plugins_are_loaded_before_its_tasks_are_looked_up(write: Write) -> None:
    file = write('[[cell]]\ntask = "theirs"\nmethod = "mle"\nsteps = 1\n')
    file.write_text('plugins = ["mine.py"]\n' + file.read_text())
    (file.parent / "mine.py").write_text("raise ValueError('loaded first')\n")
    with pytest.raises(RewardmarkError, match=r"mine\.py.*loaded first"):
        load_suite(file, plugins=True)
    with pytest.raises(RewardmarkError, match="no task is called 'theirs'"):
        load_suite(file)


@pytest.fixture
def _controls() -> Iterator[None]:
    """The controls, registered for one test: others list what is registered."""
    before = registry._snapshot()
    modules = [load_plugin(path) for path in load_suite("ablations").plugins]
    yield
    registry._restore(before)
    for module in modules:
        del sys.modules[module.__name__]


@pytest.mark.usefixtures("_controls")
def test_controls_know_nothing_of_the_truth() -> None:
    boxes = Boxes.from_lists([[[0, 0, 4, 4], [1, 1, 1, 3]], [[0, 0, 4, 4]], []], [[1, 2], [1], []])
    truths = [Boxes.from_lists([[[k, 0, 9, 9]]] * 3, [[1]] * 3) for k in range(2)]
    paid = [get_reward("detection/random").score(boxes, truth, list("abc")).values for truth in truths]
    assert torch.equal(paid[0], paid[1]) and len(set(paid[0].tolist())) == 3
    assert get_reward("detection/format").score(boxes, truths[0], list("abc")).values.tolist() == [0.5, 1.0, 0.0]
    captions = Captions(["a red ball", "a a ball", "", "word " * 40])
    references = References.from_lists([["a ball"]] * 4)
    assert get_reward("captioning/format").score(captions, references, list("abcd")).values.tolist() == [1, 0, 0, 0]
    noise = get_reward("captioning/random").score(captions, references, list("abcd")).values.tolist()
    assert len(set(noise)) == 4 and all(0 <= value <= 1 for value in noise)


def test_tables_are_crossed_too(write: Write) -> None:
    cells = CELL + 'decoding = [{ mode = "greedy" }, { mode = "sample", temperature = 0.5 }]\n'
    names = [cell.name for cell in load_suite(write(cells)).cells]
    assert names == ["mle detection decoding=mode:greedy", "mle detection decoding=mode:sample,temperature:0.5"]


def test_names_of_separate_cells_are_told_apart(write: Write) -> None:
    names = [cell.name for cell in load_suite(write(CELL + CELL.replace("steps = 1", "steps = 2"))).cells]
    assert names == ["mle detection steps=1", "mle detection steps=2"]


def test_defaults_fill_what_a_cell_leaves_out(write: Write) -> None:
    cell = load_suite(write(CELL)).cells[0]
    assert (cell.dataset.n, cell.evaluation.split, cell.model) == (12, "test", "toy-model")


def test_without_an_evaluation_other_scenes_are_held_out(write: Write) -> None:
    cells = CELL + 'dataset = { name = "scenes", split = "train", n = 5, seed = 3, difficulty = "hard" }\n'
    held_out = load_suite(write(cells, defaults=False)).cells[0].evaluation
    assert (held_out.split, held_out.seed, held_out.difficulty) == ("test", 3, "hard")


def test_placeholders_in_start_and_label(write: Write) -> None:
    cells = '[[cell]]\ntask = ["detection", "panoptic"]\nmethod = "mle"\nsteps = 0\nstart = "checkpoints/{task}"\n'
    assert [c.start for c in load_suite(write(cells)).cells] == ["checkpoints/detection", "checkpoints/panoptic"]


@pytest.mark.parametrize(
    ("cells", "line", "said"),
    [
        (CELL + "stepz = 3\n", 11, "[[cell]] 1: unknown key 'stepz'; did you mean 'steps'?"),
        (
            CELL + CELL + 'dataset = { name = "scenes", sise = 48, n = 3 }\n',
            15,
            "unknown key 'sise'; did you mean 'size'?",
        ),
        (CELL.replace("steps = 1", 'steps = "many"'), 10, "steps = 'many'"),
        (CELL.replace("steps = 1", "steps = -1"), 10, "steps = -1"),
        (CELL.replace("steps = 1\n", ""), 7, "'steps' is missing"),
        (CELL.replace("detection", "detektion"), 8, "no task is called 'detektion'; did you mean detection?"),
        (CELL + f"seed = {2**63}\n", 11, "less than 9223372036854775808"),
        (CELL + "seed = []\n", 11, "seed is an empty list"),
        (CELL + 'label = ["a", "b"]\n', 11, "label may not be a list"),
        (CELL + 'dataset = { name = "moon" }\n', 11, "dataset: name 'moon' is none of scenes, coco"),
        (
            CELL + 'dataset = { name = "coco", root = "x" }\nevaluation = { name = "scenes", n = 0 }\n',
            12,
            "evaluation: n must",
        ),
        (CELL + CELL, 11, "the same as"),
        (CELL + "options = { when = 2020-01-01 }\n", 7, "plain values"),
    ],
)
def test_mistakes_are_named_with_file_line_and_key(write: Write, cells: str, line: int, said: str) -> None:
    file = write(cells)
    with pytest.raises(RewardmarkError) as error:
        load_suite(file)
    assert str(error.value).startswith(f"{file}:{line}: ")
    assert said in str(error.value)


def test_unknown_top_level_key(write: Write) -> None:
    file = write(CELL)
    file.write_text("descripton = 'x'\n" + file.read_text())
    with pytest.raises(RewardmarkError, match=r":1: unknown key 'descripton'; did you mean 'description'\?"):
        load_suite(file)


def test_toml_that_does_not_parse(write: Write) -> None:
    with pytest.raises(RewardmarkError, match=r"suite .*suite.toml: not TOML: .*line"):
        load_suite(write("[[cell]\n"))


def test_suites_that_are_not_there() -> None:
    with pytest.raises(RewardmarkError, match="no suite is called 'smokee'; did you mean smoke"):
        find_suite("smokee")
    with pytest.raises(RewardmarkError, match=r"nowhere.toml: no such file"):
        find_suite("nowhere.toml")


def test_lines_in_subtables_and_dotted_keys() -> None:
    text = '[[cell]]\ntask = "a"\n[cell.options]\nrate = 1\n[[cell]]\ndataset.size = 3\n'
    assert line_of(text, ("cell", 0, "options", "rate")) == 4
    assert line_of(text, ("cell", 1, "dataset", "size")) == 6
    assert line_of(text, ("cell", 1, "absent")) == 5


TOY = '[[cell]]\ntask = "brightness"\nmethod = "toy"\n'


def test_a_start_cell_agrees_where_the_cells_differ(planned: Planned) -> None:
    first = TOY + 'label = "first"\nsteps = 2\nseed = [0, 1]\n'
    plan = planned(first + TOY + 'start = "cell:first"\nsteps = 3\nseed = [1, 0]\n')
    starts = [plan.cells[k].start_cell for k in (2, 3)]
    assert starts == [1, 0]
    assert [plan.cells[k].start_run for k in (2, 3)] == [plan.cells[1].run_id, plan.cells[0].run_id]


def test_one_start_serves_many_seeds(planned: Planned) -> None:
    plan = planned(TOY + 'label = "first"\nsteps = 2\n' + TOY + 'start = "cell:first"\nsteps = 3\nseed = [0, 1]\n')
    assert {plan.cells[k].start_cell for k in (1, 2)} == {0}


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (TOY + 'label = "one"\nsteps = 1\n' + TOY + 'start = "cell:won"\nsteps = 2\n', "did you mean 'one'"),
        (
            TOY + 'label = "a"\nsteps = 1\nseed = [0, 1]\n' + TOY + 'start = "cell:a"\nsteps = 2\nseed = 5\n',
            "could be any of",
        ),
        (
            TOY + 'label = "a"\nstart = "cell:b"\nsteps = 1\n' + TOY + 'label = "b"\nstart = "cell:a"\nsteps = 1\n',
            "circle",
        ),
        (TOY + 'start = "no/such/folder"\nsteps = 1\n', "no such checkpoint folder; tried"),
        (TOY + "steps = 1\noptions = { pace = 1 }\n", "unknown option 'pace'"),
        (TOY + 'steps = 1\nreward = "brightness/closenes"\n', "did you mean brightness/closeness"),
        (TOY + 'steps = 1\nreward = "detection/recall"\n', "is for detection, not for brightness"),
        (TOY + "steps = 1\nreward_parameters = { wait = 1 }\n", "has no parameter wait"),
        (TOY + 'steps = 1\ndecoding = { mood = "greedy" }\n', "unexpected keyword argument 'mood'"),
        (TOY + 'steps = 1\ndecoding = { mode = "beam" }\n', "mode 'beam' is neither"),
        (TOY.replace("toy", "toi") + "steps = 1\n", "unknown method 'toi'"),
        (TOY + 'steps = 1\nmodel = "huge"\n', "unknown model 'huge'"),
        (TOY + 'steps = 1\ndataset = { name = "scenes", n = 2, difficulty = "brutal" }\n', "'brutal' is none of easy"),
        (TOY + 'steps = 1\ndataset = { name = "scenes", n = 2, size = 20 }\n', "scenes are of 48 to 4096 px"),
        (TOY + 'steps = 1\ndataset = { name = "coco", root = "/no/such/place" }\n', "/no/such/place"),
    ],
)
def test_what_cannot_be_run_is_named_with_file_and_line(planned: Planned, cells: str, said: str) -> None:
    with pytest.raises(RewardmarkError) as error:
        planned(cells)
    assert said in str(error.value)
    assert "suite.toml:" in str(error.value)


def test_the_id_changes_with_whatever_can_change_the_result(planned: Planned) -> None:
    def run_id(extra: str = "", **changes: str) -> str:
        cell = TOY + "steps = 1\n" + extra
        for old, new in changes.items():
            cell = cell.replace(old, new)
        return planned(cell).cells[0].run_id

    changed = [
        run_id(),
        run_id(steps="batch_size = 4\nsteps"),
        run_id("seed = 1\n"),
        run_id("options = { pause = 0.0 }\n"),
        run_id("reward_parameters = { weight = 0.5 }\n"),
        run_id('decoding = { mode = "sample" }\n'),
        run_id('dataset = { name = "scenes", n = 13, seed = 5 }\n'),
        run_id('evaluation = { name = "scenes", n = 11, seed = 6 }\n'),
        run_id('validation = { name = "scenes", n = 11, seed = 6 }\n'),
    ]
    assert len(set(changed)) == len(changed)
    assert run_id() == changed[0]
    assert run_id('label = "a name"\n') == changed[0]
    assert run_id('decoding = { mode = "greedy" }\n') == changed[0]


def test_cells_of_one_training_wait_for_the_first(planned: Planned) -> None:
    plan = planned(TOY + 'steps = 2\ndecoding = [{ mode = "greedy" }, { mode = "sample" }]\n')
    assert plan.cells[0].fit_key == plan.cells[1].fit_key
    assert plan.cells[0].run_id != plan.cells[1].run_id
    assert plan.cells[1].needs == (0,)


VLM = """
[[cell]]
task = "vlm"
dataset = { name = "scenes", split = "train", n = 4, kind = "web" }
evaluation = { name = "scenes", split = "test", n = 2 }
"""
LAST = VLM + 'label = "last"\nmethod = "vlm"\nstart = "checkpoints/vlm-base"\nsteps = 1\n'
SPECIALIST = VLM + 'method = "specialist-augment"\nstart = "cell:last"\nsteps = 1\n'
ALL = SPECIALIST + 'label = "all"\nsources = ["cell:spatial"]\n'
ONE = SPECIALIST + 'label = "spatial"\noptions = { skills = ["spatial"] }\n'


def test_a_cell_whose_work_is_taken_is_run_before_and_changes_no_id(planned: Planned) -> None:
    plan = planned(LAST + ALL + ONE)
    whole, one = plan.cells[1], plan.cells[2]
    assert whole.sources == {"cell:spatial": 2} and whole.needs == (0, 2)
    assert plan.order() == [0, 2, 1]
    plain = planned(LAST + ALL.replace('sources = ["cell:spatial"]', "") + ONE).cells
    assert [cell.run_id for cell in plain] == [cell.run_id for cell in plan.cells]
    assert plain[1].sources == {} and plain[1].needs == (0,) and one.sources == {}
    seeds = "seed = [0, 1]\n"
    cells = planned(LAST + ONE + seeds + ALL.replace("steps = 1", "steps = 2") + seeds).cells
    assert [cells[k].sources["cell:spatial"] for k in (3, 4)] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({'label = "spatial"': 'label = "spatia"'}, "sources: 'cell:spatial': no other cell has this label; did you"),
        ({'"specialist-augment"': '"vlm"', 'options = { skills = ["spatial"] }': ""}, "has another method"),
        ({"steps = 1": "steps = 1\nseed = 3"}, "has another seed"),
        ({"n = 4": "n = 5"}, "has another dataset"),
        ({"cell:last": "checkpoints/vlm-base"}, "has another start"),
        ({"] }": "], temperature = 0.5 }"}, "another temperature"),
        ({"] }": '] }\nsources = ["cell:all"]'}, "circle"),
        ({"] }": '] }\nsources = ["all"]'}, "sources: 'all' must name a cell: 'cell:LABEL'"),
        ({'["spatial"]': '["counting"]'}, "skills"),
    ],
)
def test_a_cell_that_does_another_work_is_refused(planned: Planned, changes: dict[str, str], said: str) -> None:
    one = ONE
    for old, new in changes.items():
        assert one.count(old) == 1
        one = one.replace(old, new)
    with pytest.raises(RewardmarkError) as error:
        planned(LAST + ALL + one)
    assert said in str(error.value)
    assert "suite.toml:" in str(error.value)


def test_a_cell_that_adds_no_skill_is_refused(planned: Planned) -> None:
    ocr = ALL + 'options = { skills = ["ocr"] }\n'
    with pytest.raises(RewardmarkError, match="'cell:spatial' has no specialist that is wanted here"):
        planned(LAST + ocr + ONE)


def test_a_method_that_takes_nothing_from_others_says_so(planned: Planned) -> None:
    with pytest.raises(RewardmarkError, match="'toy' takes nothing from other cells"):
        planned(TOY + 'label = "a"\nsteps = 1\n' + TOY + 'sources = ["cell:a"]\nsteps = 2\n')


def test_the_evaluator_counts_only_where_there_is_a_choice(plugin: Path, write: Write) -> None:
    suite = load_suite(write(TOY + "steps = 1\n" + CELL))
    plans = [plan_suite(suite, Splits(), evaluator=name) for name in ("hotcoco", "pycocotools")]
    (toy, detection), (same_toy, other_detection) = (plan.cells for plan in plans)
    assert toy.run_id == same_toy.run_id
    assert detection.run_id != other_detection.run_id
    assert detection.fit_key == other_detection.fit_key


@pytest.mark.parametrize("how", ['method = "reinforce"\nsteps = 1\n', 'method = "mle"\nsteps = 0\n'])
def test_a_start_for_another_task_is_refused_where_it_cannot_be_trained(planned: Planned, how: str) -> None:
    shipped = '[[cell]]\ntask = "detection"\nstart = "checkpoints/captioning"\n'
    with pytest.raises(RewardmarkError, match=r"is a model for captioning, which .* cannot make one for detection"):
        planned(shipped + how)
    cells = (
        CELL.replace("detection", "panoptic") + 'label = "other"\n[[cell]]\ntask = "detection"\nstart = "cell:other"\n'
    )
    with pytest.raises(RewardmarkError, match="is a model for panoptic"):
        planned(cells + how)
    planned(shipped + 'method = "mle"\nsteps = 1\n')  # a new task with old eyes


def test_a_data_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RewardmarkError, match=r"--data .*nowhere: there is no such folder"):
        Splits(tmp_path / "nowhere")
