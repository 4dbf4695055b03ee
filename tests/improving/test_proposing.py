"""Frames are proposed with a search for exploits, and without where the simulator or the reward breaks down in it."""

import numpy as np
import pytest

from tests.improving.labelling import ORACLE
from tests.training.toy_runs import Lamp, break_down, lamp_config, lamp_reward
from vlmrm.data.task_frames import random_policy
from vlmrm.improving.proposing import find_candidates
from vlmrm.rewards import RewardModel
from vlmrm.training.plan import make_plan
from vlmrm.training.run_agents import RANDOM


class NoNumbers(RewardModel):
    """A reward that knows no state."""

    def score(self, frames):
        return super().score(frames) * float("nan")


def candidates(tmp_path, reward):
    task = make_plan(lamp_config(tmp_path)).task
    return find_candidates(reward, task, {RANDOM: random_policy}, ORACLE, seed=1)


@pytest.mark.parametrize("method", ["place", "state_variables"])
def test_a_simulator_that_raises_in_the_search_leaves_it_out(method, tmp_path, monkeypatch):
    whole = candidates(tmp_path, lamp_reward())
    assert whole.remarks == []
    if method == "place":
        monkeypatch.setattr(Lamp, "place", lambda self, value: break_down())
    else:  # which steps ask for as well: only of a placed lamp it breaks down
        monkeypatch.setattr(Lamp, "place", lambda self, value: setattr(self, "state_variables", break_down))
    found = candidates(tmp_path, lamp_reward())
    assert found.remarks == ["Exploits are left out: the search broke off with ConnectionError: the lamp broke"]
    played = [name for name in whole.labelled.names if "state" not in name]
    assert found.labelled.names == played
    assert np.array_equal(found.labelled.frames, whole.labelled.frames[: len(played)])


def test_a_reward_without_a_number_leaves_the_search_out(tmp_path):
    reward = lamp_reward()
    found = candidates(tmp_path, NoNumbers(reward.encoder, reward.spec))
    assert len(found.remarks) == 1
    assert found.remarks[0].startswith("Exploits are left out: the reward scores")
    assert "nan" in found.remarks[0]
