"""The lean that the page is about is the lean that the simulator measures."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))

import humanoid_lean

import envs
from vlmrm import RewardModel, RewardSpec
from vlmrm.agents.environments import MakeEnv


@pytest.fixture(scope="module")
def task():
    return envs.task(humanoid_lean.TASK)


@pytest.mark.parametrize("lean_deg", [-60, -40, -30, 0, 30, 40])
def test_it_leans_as_far_as_it_says_on_both_knees(task, lean_deg):
    env = MakeEnv(task=task, pictures=False)()
    try:
        env.reset(seed=0)
        humanoid_lean.kneel(env.unwrapped, lean_deg, np.random.default_rng(3))
        state = env.unwrapped.state_variables()
    finally:
        env.close()
    bounds = task.success.where
    assert state["torso_tilt_deg"] == pytest.approx(abs(lean_deg), abs=0.5)
    assert task.success.holds(state) == (abs(lean_deg) <= 35)
    others = {name: low <= state[name] <= high for name, (low, high) in bounds.items() if name != "torso_tilt_deg"}
    assert all(others.values()), others


def test_a_lean_far_back_is_paid_less_and_least_from_the_side_by_a_reward_that_knows_what_it_falls_into(
    task, monkeypatch
):
    """Leant back by 60 degrees the paper's camera sees nearly the upright humanoid."""
    monkeypatch.setattr(humanoid_lean, "LEANS", np.array([-60.0, 0.0]))
    monkeypatch.setattr(humanoid_lean, "DRAWS", 8)
    sentence: RewardModel = task.reward_spec(encoder="sim-m").build()
    less_lying = sentence.with_spec(RewardSpec.load(humanoid_lean.HERE / "humanoid_kneel_side.toml"))
    share = {}
    for name, azimuth_deg in humanoid_lean.CAMERAS.items():
        seen = humanoid_lean.look(task, sentence, azimuth_deg)
        assert seen.accepted.tolist() == [False, True]
        for reward in (sentence, less_lying):
            leant, upright = humanoid_lean.over_lean(reward, seen.frames)
            share[name, reward] = leant / upright
    assert max(share.values()) < 0.9
    knowing, plain = ([share[name, reward] for name in humanoid_lean.CAMERAS] for reward in (less_lying, sentence))
    assert max(knowing) < 0.15 < 0.5 < min(plain)
    assert share["from the side", less_lying] == min(knowing)


def test_what_is_paid_outside_of_the_bounds_is_a_share_of_the_best_inside(monkeypatch):
    monkeypatch.setattr(humanoid_lean, "LEANS", np.array([-60.0, -40.0, 0.0, 40.0]))
    accepted = np.array([False, False, True, False])
    outside = humanoid_lean.paid_outside(np.array([0.1, 0.3, 0.4, 0.2]), accepted)
    assert outside == pytest.approx({"backwards": 0.75, "forwards": 0.5})
