"""The README and docs/ hold what they print: their code runs as it stands, their commands, files and links exist."""

import ast
import importlib
import os
import re
import shlex
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
import torch
import tyro
import yaml

from tests.docs_blocks import MARKS, NEEDS_WEIGHTS, PAGES, ROOT, TAKES_MINUTES, Block, blocks_of, commands_of
from vlmrm import RewardModel, RewardSpec, errors, wrappers
from vlmrm.cli import entry
from vlmrm.cli.arguments import Models, Tasks
from vlmrm.cli.fit import Fit
from vlmrm.cli.score import Score
from vlmrm.cli.train import Train
from vlmrm.data import LabelTable
from vlmrm.registry import _entry_points
from vlmrm.rewards.heads import HEADS
from vlmrm.rewards.over_time import OVER_TIME
from vlmrm.rewards.transforms import ORDER
from vlmrm.tasks import Task
from vlmrm.training.config import TrainConfig
from vlmrm.training.plan import make_plan

ALL = [block for page in PAGES for block in blocks_of(page)]
PYTHON = [block for block in ALL if block.language == "python"]
_LINK = re.compile(r"\]\((?!https?://|#)(?P<path>[^)#\s]+)(?:#(?P<heading>[^)]*))?\)")
_WORDS = re.compile(r"^\| `(?P<said>\w+ = [^`]+)` \|", re.M)
_KINDS = re.compile(r"^\| `(?P<said>\{ kind = [^`]+)` \|", re.M)
_CAMERAS = re.compile(r"^\| `(?P<said>\{ names = [^`]+)` \|", re.M)
_OTHER_COMMANDS = ("source .venv/bin/activate", "git clone")
_GROUPS = {"vlmrm.heads", "vlmrm.over_time", "vlmrm.encoders", "vlmrm.tasks"}


@pytest.fixture(autouse=True)
def one_thread():
    """Two processes of tests with as many threads as cores each take several times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_runs_from_top_to_bottom_as_printed(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)
    names: dict[str, object] = {"__name__": "__main__"}
    try:
        for block in blocks_of(page):
            if page == ROOT / "README.md":
                names = {"__name__": "__main__"}  # each of its blocks stands for itself
            _carry_out(block, names, capsys)
    finally:
        for name in set(sys.modules) - known:
            if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]
        _entry_points.cache_clear()


def _carry_out(block: Block, names: dict[str, object], capsys) -> None:
    if block.file is not None:
        path = Path(block.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.code, encoding="utf-8")
    if block.language == "python":
        _run_python(block, names, capsys)
    elif block.language == "toml":
        _load_toml(block)
    elif block.language == "sh":
        for command in commands_of(block):
            _check_command(command, block)
    elif block.language == "yaml":
        _load_wrappers(block)
    elif block.language == "csv":
        Path("labels.csv").write_text(block.code, encoding="utf-8")
        assert LabelTable.read("labels.csv").labels
    else:
        assert block.language == "", f"{block.place}: nothing checks a block of {block.language}"


def _run_python(block: Block, names: dict[str, object], capsys) -> None:
    if block.mark == NEEDS_WEIGHTS:
        _require_names(block)
        return
    if block.file is not None:
        return  # imported by a later block
    code = block.short if block.mark == TAKES_MINUTES else block.code
    capsys.readouterr()
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always" if block.warnings else "error")
        exec(compile(code, block.place, "exec"), names)
    assert {warning.category for warning in shown} == {getattr(errors, name) for name in block.warnings}, block.place
    if block.mark is None:
        lines = capsys.readouterr().out.splitlines()
        assert [said for said in block.prints if said not in lines] == [], f"{block.place} printed {lines}"


def _require_names(block: Block) -> None:
    """What a block that cannot run here imports exists."""
    for node in ast.walk(ast.parse(block.code)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert all(hasattr(module, alias.name) for alias in node.names), block.place


def _load_wrappers(block: Block) -> None:
    """Make the rewards of our wrappers in hyper-parameters of rl_zoo3."""
    for hyperparameters in yaml.safe_load(block.code).values():
        for wrapper in hyperparameters["env_wrapper"]:
            for name, arguments in wrapper.items():
                assert hasattr(wrappers, name.removeprefix("vlmrm.wrappers."))
                RewardSpec.from_dict(arguments["reward"])


def _load_toml(block: Block) -> None:
    values = tomllib.loads(block.code)
    if "env_id" in values:
        Task.from_dict(values)
        Path("task.toml").write_text(block.code, encoding="utf-8")
        spec = make_plan(TrainConfig(task="task.toml")).spec
        _build(spec)
    elif "project" in values:
        _install(values["project"])
    else:
        _build(RewardSpec.from_dict(values))


def _build(spec: RewardSpec | None) -> None:
    """Make the reward: a word that its model does not know would be warned of."""
    assert spec is not None
    RewardModel.from_spec(spec, device="cpu")


def _install(project: dict) -> None:
    """What `pip install -e .` writes of a package in this folder: its entry points."""
    assert set(project["entry-points"]) <= _GROUPS
    folder = Path(f"{project['name'].replace('-', '_')}-{project['version']}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        line
        for group, rows in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {place}" for name, place in rows.items()))
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines))
    importlib.invalidate_caches()
    _entry_points.cache_clear()


def _check_command(command: str, block: Block) -> None:
    words = shlex.split(command, comments=True)
    if words[:3] == ["python", "-m", "vlmrm"]:
        words = words[2:]
    if words[0] == "vlmrm":
        _check_our_command(words[1:], block)
    elif words[0] == "pip":
        extras = re.findall(r"\[([\w,]+)\]", command)
        known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert all(extra in known for names in extras for extra in names.split(",")), block.place
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file(), f"{block.place}: {words[1]} does not exist"
    elif words[0].startswith("./"):
        assert os.access(ROOT / words[0], os.X_OK), f"{block.place}: {words[0]} cannot be run"
    else:
        assert command.startswith(_OTHER_COMMANDS), f"{block.place}: nothing checks {command!r}"


def _check_our_command(words: list[str], block: Block) -> None:
    """Parse a command; plan what trains, and run what needs no weights and no minutes."""
    if "--help" in words:
        return  # prints, and ends the program
    command = tyro.cli(
        entry.command_type(), args=words, config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
    )
    if isinstance(command, Train):
        if command.resume is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as errors, those of Box2D's first import end the process
                make_plan(command.config)
    elif isinstance(command, Tasks | Models) or (isinstance(command, Score | Fit) and block.mark is None):
        assert command.run() == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page):
    for path, heading in _LINK.findall(page.read_text()):
        target = page.parent / path
        assert target.exists(), path
        assert not heading or heading in _anchors(target), f"{path}#{heading}"


def _anchors(page: Path) -> list[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_fence_of_a_page_belongs_to_a_block_that_is_checked(page):
    fences = [line for line in page.read_text().splitlines() if line.lstrip().startswith("```")]
    assert len(fences) == 2 * len(blocks_of(page))


def test_every_page_is_linked_from_the_readme():
    linked = {(ROOT / path).resolve() for path, _ in _LINK.findall((ROOT / "README.md").read_text())}
    assert [page.name for page in PAGES[1:] if page.resolve() not in linked] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 140


def test_at_most_a_third_of_the_python_blocks_carry_a_mark():
    marked = [block for block in PYTHON if block.mark in MARKS]
    assert 0 < len(marked) <= len(PYTHON) / 3
    assert all(block.mark is None or block.mark in MARKS for block in ALL)


def test_a_block_that_takes_minutes_says_its_steps_where_they_can_be_cut():
    long = [block for block in PYTHON if block.mark == TAKES_MINUTES]
    assert [block.place for block in long if "500" not in block.short] == []


def test_every_word_in_the_tables_of_rewards_is_one_of_a_spec():
    """The tables show each word as one would write it."""
    page = (ROOT / "docs" / "rewards.md").read_text()
    said = _WORDS.findall(page) + [f"over_time = {kind}" for kind in _KINDS.findall(page)]
    said += [f"cameras = {joined}" for joined in _CAMERAS.findall(page)]
    base = {"encoder": "sim-s", "prompts": {"goal": ["a", "b"], "baseline": "c"}}
    for line in said:
        values = tomllib.loads(line)
        views = {"views": {"scales": [1.0, 0.7]}} if "uncertainty" in values else {}
        RewardSpec.from_dict(base | views | values)
    assert len(said) == 14


def test_the_page_of_rewards_names_every_head_and_kind_and_the_order_of_transforms():
    page = " ".join((ROOT / "docs" / "rewards.md").read_text().split())
    assert ", ".join(f"`{word}`" for word in ORDER) in page
    assert [name for name in HEADS if f"| `{name}`" not in page] == []
    assert [name for name in OVER_TIME if f'kind = "{name}"' not in page] == []


def test_the_task_file_of_the_docs_plans_and_judges_what_it_says(tmp_path):
    (block,) = (
        block for block in blocks_of(ROOT / "docs/own_environment.md") if 'name = "reacher/right"' in block.code
    )
    (tmp_path / "my_task.toml").write_text(block.code, encoding="utf-8")
    made = make_plan(TrainConfig(task=str(tmp_path / "my_task.toml")))
    assert (made.config.train.steps, made.config.train.hyperparameters["train_freq"]) == (20_000, 50)
    assert made.spec.render_quality == "fast"
    assert made.task.success.holds({"tip_x_m": 0.2, "tip_y_m": 0.0, "tip_to_ball_m": 0.1})
    assert not made.task.success.holds({"tip_x_m": -0.2, "tip_y_m": 0.0, "tip_to_ball_m": 0.1})


def test_the_task_of_several_cameras_in_the_docs_plans_what_it_says(tmp_path):
    (block,) = (block for block in blocks_of(ROOT / "docs/own_environment.md") if "[cameras.front]" in block.code)
    (tmp_path / "my_task.toml").write_text(block.code, encoding="utf-8")
    made = make_plan(TrainConfig(task=str(tmp_path / "my_task.toml")))
    assert list(made.task.drawn_cameras) == ["front", "side"]
    assert (made.spec.cameras.join, made.task.drawn_cameras["side"].azimuth_deg) == ("lowest", 180)
