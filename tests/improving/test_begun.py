"""A folder of rounds goes on with what it was begun with, wherever its files lie, and with nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.toy_runs import TASK
from vlmrm import RewardSpec
from vlmrm.errors import RunError
from vlmrm.improving import ImproveOptions
from vlmrm.improving.begun import BEGUN, asked_for, require_same
from vlmrm.tasks import Task
from vlmrm.training import TrainConfig
from vlmrm.training.options import RewardOptions, TrainOptions
from vlmrm.training.run.versions import VersionsFile

REWARD = 'encoder = "sim-xs"\nprompts = { goal = "red", baseline = "grey" }\n'
CAMERA = 'camera = { track = "torso", distance_m = 2.0 }\n'
SUCCESS = next(line for line in TASK.splitlines(keepends=True) if line.startswith("success"))


@pytest.fixture
def begin(tmp_path):
    """Begins a folder, or goes on in it, with a task and a reward as a user wrote them."""
    better = tmp_path / "better"
    better.mkdir()

    def begin(task=TASK, reward=REWARD, config=None):
        (tmp_path / "task.toml").write_text(task)
        (tmp_path / "reward.toml").write_text(reward)
        read = Task.load(tmp_path / "task.toml").with_reward(RewardSpec.load(tmp_path / "reward.toml"))
        said = asked_for(config or TrainConfig(), read, ImproveOptions())
        require_same(better, said)
        (better / BEGUN).write_text(json.dumps(said))

    return begin


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("threshold", "threshold = 0.7"),
        ("views", "[views]\nscales = [1.0, 0.5]"),
        ("scaling", "[scaling]\nsubtract = 0.1"),
        ("alpha", "alpha = 0.25"),
    ],
)
def test_a_reward_file_that_gains_or_loses_a_key_is_refused(begin, tmp_path, key, text):
    for first, then in ((REWARD, REWARD + text), (REWARD + text, REWARD)):
        (tmp_path / "better" / BEGUN).unlink(missing_ok=True)
        begin(reward=first)
        with pytest.raises(RunError, match=rf"begun with other options: the reward as read\.{key}\. Give the same"):
            begin(reward=then)
        begin(reward=first)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("camera", CAMERA),
        ("render_quality", 'render_quality = "fast"\n'),
        ("wrappers", 'wrappers = ["gymnasium.wrappers:FlattenObservation"]\n'),
        ("success", SUCCESS),
    ],
)
def test_a_task_file_that_gains_or_loses_a_key_is_refused(begin, tmp_path, key, text):
    without = TASK.replace(text, "")
    for first, then in ((without, text + without), (text + without, without)):
        (tmp_path / "better" / BEGUN).unlink(missing_ok=True)
        begin(task=first)
        with pytest.raises(RunError, match=rf"begun with other options: the task as read\.{key}"):
            begin(task=then)


def test_what_an_earlier_version_did_not_note_had_its_default(begin, tmp_path):
    begun = tmp_path / "better" / BEGUN
    begin()
    noted = json.loads(begun.read_text())
    del noted["config"]["train"]["processes"], noted["task"]["ground_truth"], noted["task"]["train"]["eval_every"]
    del noted["options"]["exploit_search"]
    noted["task"]["train"]["eval_every"] = 50
    noted["config"]["train"]["of_then"] = 1
    begun.write_text(json.dumps(noted))
    begin()
    begun.write_text(json.dumps(noted))
    with pytest.raises(RunError, match=r"other options: train\.processes\. Give"):
        begin(config=TrainConfig(train=TrainOptions(processes=True)))
    del noted["task"], noted["reward"]  # as the first version wrote it
    begun.write_text(json.dumps(noted))
    begin(reward=REWARD + "threshold = 0.7")


def test_the_same_files_may_be_named_from_anywhere_and_the_run_to_start_from_moved(begin, tmp_path, monkeypatch):
    run = tmp_path / "runs" / "first"
    run.mkdir(parents=True)
    VersionsFile(run / "versions.json").note(0, "weights")
    start = TrainOptions(start_from=run)
    begin(config=TrainConfig(task=str(tmp_path / "task.toml"), reward=RewardOptions(source="a.toml"), train=start))
    monkeypatch.chdir(run)
    start = replace(start, start_from=Path("..") / "first")
    begin(config=TrainConfig(task="../../task.toml", reward=RewardOptions(source="../a.toml"), train=start))
    moved = run.rename(tmp_path / "moved")
    begin(config=TrainConfig(train=TrainOptions(start_from=moved)))
    (moved / "versions.json").unlink()
    VersionsFile(moved / "versions.json").note(0, "others")
    with pytest.raises(RunError, match=r"other options: train\.start_from\. Give"):
        begin(config=TrainConfig(train=TrainOptions(start_from=moved)))


def test_a_folder_of_something_else_is_refused_with_what_goes_on_in_it(tmp_path):
    (tmp_path / "round_1").mkdir()
    with pytest.raises(RunError, match=r"no begun\.json, by which `vlmrm improve` would go on in it\. Put"):
        require_same(tmp_path, {})
