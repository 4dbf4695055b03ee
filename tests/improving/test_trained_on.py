"""A run stands beside the reward that it was trained on and the run that it began as, in a folder that may move."""

import json
import shutil
from dataclasses import replace

import pytest

from tests.improving.labelling import ORACLE
from tests.training.toy_runs import lamp_config
from vlmrm.data import LabelTable
from vlmrm.errors import RunError
from vlmrm.improving import improve

OPTIONS = replace(ORACLE, rounds=2, method="prototypes")


def go_on(folder, encoder):
    config = lamp_config(
        folder, encoder=encoder, steps=20, eval_every=20, eval_drawn=0, eval_episodes=1, final_episodes=1,
        out=folder / "better", threads=1,
    )  # fmt: skip
    return improve(config, OPTIONS).rounds


@pytest.fixture(scope="module")
def done(tmp_path_factory, encoder):
    """Two rounds that are done."""
    folder = tmp_path_factory.mktemp("done")
    go_on(folder, encoder)
    return folder


@pytest.fixture
def two_rounds(done, tmp_path, encoder):
    """A copy of them in another folder, and a function that gives the same call again."""
    shutil.copytree(done / "better", tmp_path / "better")
    return tmp_path / "better", lambda: go_on(tmp_path, encoder)


def test_what_was_made_of_a_reward_that_is_fitted_anew_has_to_go(two_rounds):
    better, again = two_rounds
    first, second = better / "round_1", better / "round_2"
    labels = LabelTable.read(first / "labels.csv").labels
    flipped = [replace(label, in_goal=not label.in_goal) if row < 6 else label for row, label in enumerate(labels)]
    LabelTable(labels=tuple(flipped)).write(first / "labels.csv")
    (first / "reward.json").unlink()
    stale = f"{first / 'run'}, {second / 'reward.json'} and {second / 'run'}"
    with pytest.raises(RunError, match=rf"round 1: .*another reward than .*fitted anew since\. Delete {stale}, and"):
        again()
    shutil.rmtree(first / "run")
    stale = f"{second / 'reward.json'} and {second / 'run'}"
    with pytest.raises(RunError, match=rf"round 2: .*began as the agent of another run.* Delete {stale}, and start"):
        again()


def test_a_reward_that_is_fitted_to_the_same_labels_is_the_same(two_rounds):
    better, again = two_rounds
    (better / "round_1" / "reward.json").unlink()
    before = (better / "round_1" / "run" / "summary.json").stat().st_mtime_ns
    again()
    assert (better / "round_1" / "run" / "summary.json").stat().st_mtime_ns == before


def test_a_run_of_an_earlier_version_is_told_by_the_hash_of_its_reward(two_rounds):
    better, again = two_rounds
    (better / "round_1" / "trained_on.json").unlink()
    again()
    config = better / "round_1" / "run" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"spec_hash": "0123456789abcdef"}))
    with pytest.raises(RunError, match="was trained on another reward"):
        again()


def test_a_folder_that_was_moved_goes_on_from_its_own_first_run(two_rounds, done):
    better, again = two_rounds
    second = better / "round_2" / "run"
    (second / "summary.json").unlink()
    shutil.rmtree(second / "checkpoints")
    hidden = (done / "better").rename(done / "hidden")
    try:
        assert again()[1].summary.steps == 20
    finally:
        hidden.rename(done / "better")
