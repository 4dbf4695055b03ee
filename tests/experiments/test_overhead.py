"""Where a step's time goes is measured around methods that are called."""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))

import humanoid_overhead
import on_policy_scoring
import scoring_overhead
import vlmrm_envs as envs

from vlmrm import RewardModel
from vlmrm.agents import RelabelCallback
from vlmrm.agents.make_vec import make_vec
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.make_agent import make_agent
from vlmrm.wrappers.make_env import MakeEnv


class Part:
    """Takes a while, if it is called."""

    def work(self):
        time.sleep(0.01)

    def rest(self):
        time.sleep(0.01)


def test_the_parts_and_the_rest_add_up():
    def learn():
        for _ in range(5):
            Part().work()
        return 5 / 0.1  # steps a second

    found = scoring_overhead.where_time_goes({"work": (Part, "work")}, learn, 5)
    assert found["work"] >= 10
    assert sum(found.values()) == pytest.approx(20)


def test_a_clock_that_never_ran_is_no_measurement():
    """A renamed method would be reported as free."""
    with pytest.raises(SystemExit, match="nothing called rest"):
        scoring_overhead.where_time_goes({"rest": (Part, "rest")}, lambda: 1.0, 1)


@pytest.mark.parametrize("script", [scoring_overhead, humanoid_overhead])
def test_scoring_has_a_clock_around_what_relabelling_calls(script, monkeypatch):
    task = envs.task("cartpole/upright")
    reward = RewardModel.from_spec(task.reward)
    venv = make_vec(MakeEnv(task=task, pictures=True, preprocessing=reward.capture), num_envs=1)
    agent = make_agent(
        find_algorithm("DQN"), venv, hyperparameters={"train_freq": 200, "learning_starts": 1_000}, seed=0
    )
    owner, name = script.PARTS["embed and score"]
    assert owner is RewardModel
    called, method = [], getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args, **kwargs: called.append(1) or method(*args, **kwargs))
    agent.learn(200, callback=RelabelCallback(reward))
    assert called


def test_ratios_of_whole_rollouts_are_of_neighbouring_pieces():
    pieces = {
        way: [on_policy_scoring.Piece(frames_per_s=speed, scored_per_s=2 * speed) for speed in speeds]
        for way, speeds in {"whole": [30.0, 20.0, 10.0], "stepwise": [10.0, 10.0, 10.0]}.items()
    }
    row = on_policy_scoring.table_row(on_policy_scoring.Row(num_envs=4, **pieces))
    assert row.startswith("| 4 | 20.0 | 10.0 | **2.00** (1.00 to 3.00) | 40.0 | 20.0 | ")
