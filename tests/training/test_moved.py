"""A run that was moved finds what was moved together with it, and what has stayed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.toy_runs import TASK
from vlmrm.tasks import Task
from vlmrm.training import TrainConfig
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.options import TrainOptions
from vlmrm.training.plan import Plan
from vlmrm.training.run_options import EvaluationOptions, OutputOptions


@pytest.fixture
def rounds(tmp_path):
    """``rounds/``: a run in ``b/run`` that starts from ``a/run``, with the encoder ``b/tuned`` and ``b/blue.toml``."""
    root = tmp_path / "rounds"
    for name in ("a/run", "b/run", "b/tuned"):
        (root / name).mkdir(parents=True)
    (root / "b" / "blue.toml").touch()
    (tmp_path / "task.toml").write_text(TASK)
    task = Task.load(tmp_path / "task.toml")
    task = replace(task, reward=replace(task.reward, encoder=f"local-dir:{root / 'b' / 'tuned'}"))
    options = TrainOptions(algorithm="DQN", start_from=root / "a" / "run")
    evaluation = EvaluationOptions(second_reward=str(root / "b" / "blue.toml"))
    config = TrainConfig(train=options, evaluation=evaluation, output=OutputOptions(folder=root / "b" / "run"))
    plan = Plan(config=config, task=task, algorithm=find_algorithm("DQN"))
    (root / "b" / "run" / "config.json").write_text(json.dumps(plan.to_dict()))
    return root


def found(run):
    plan = Plan.from_dict(json.loads((run / "config.json").read_text()), run)
    return [str(plan.config.train.start_from), plan.config.evaluation.second_reward, plan.task.reward.encoder]


def named(start, beside):
    return [str(start / "a" / "run"), str(beside / "b" / "blue.toml"), f"local-dir:{beside / 'b' / 'tuned'}"]


def test_what_was_moved_together_with_a_run_is_found_there(rounds, tmp_path, monkeypatch):
    assert found(rounds / "b" / "run") == named(rounds, rounds)
    moved = rounds.rename(tmp_path / "moved")
    assert found(moved / "b" / "run") == named(moved, moved)
    monkeypatch.chdir(moved)
    assert found(Path("b/run")) == named(moved, moved)
    alone = (moved / "b").rename(tmp_path / "alone")  # with its encoder and its second reward
    moved.rename(rounds)
    assert found(alone / "run") == [str(path) for path in (rounds / "a" / "run", alone / "blue.toml")] + [
        f"local-dir:{alone / 'tuned'}"
    ]


def test_what_has_stayed_is_found_by_a_run_that_was_moved_alone(rounds, tmp_path):
    alone = (rounds / "b" / "run").rename(tmp_path / "alone")
    assert found(alone) == named(rounds, rounds)


def test_a_run_of_an_earlier_version_is_found_by_the_folder_that_it_was_given(rounds, tmp_path):
    said = json.loads((rounds / "b" / "run" / "config.json").read_text())
    moved = rounds.rename(tmp_path / "moved")
    (moved / "b" / "run" / "config.json").write_text(json.dumps({k: v for k, v in said.items() if k != "folder"}))
    assert found(moved / "b" / "run") == named(moved, moved)
    said["config"]["output"]["folder"], said["folder"] = "b/run", None  # of which nobody knows where it lay
    (moved / "b" / "run" / "config.json").write_text(json.dumps(said))
    assert found(moved / "b" / "run") == named(rounds, rounds)
