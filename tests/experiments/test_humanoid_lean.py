"""The lean that the page is about is the lean that the simulator measures."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))

import humanoid_lean

from vlmrm import RewardModel, RewardSpec
from vlmrm.wrappers.make_env import MakeEnv


@pytest.fixture(scope="module")
def task():
    return humanoid_lean.kneeling()


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


def test_a_lean_far_out_is_paid_little_by_a_reward_that_knows_both_ways_of_falling(task, monkeypatch):
    """Leant back by 60 degrees the paper's camera sees nearly the upright humanoid, and so does the plain sentence."""
    monkeypatch.setattr(humanoid_lean, "LEANS", np.array([-60.0, 0.0, 60.0]))
    monkeypatch.setattr(humanoid_lean, "DRAWS", 8)
    sentence: RewardModel = RewardModel.from_spec(task.reward)
    knowing = sentence.with_spec(RewardSpec.load(humanoid_lean.HERE / "humanoid_kneel_side.toml"))
    share = {}
    for azimuth_deg in humanoid_lean.CAMERAS.values():
        seen = humanoid_lean.look(task, sentence, azimuth_deg)
        assert seen.accepted.tolist() == [False, True, False]
        for reward in (sentence, knowing):
            back, upright, forwards = humanoid_lean.over_lean(reward, seen.frames)
            share.setdefault(reward, []).append((back / upright, forwards / upright))
    assert np.min(share[sentence]) > 0.4
    assert np.max(share[knowing]) < 0.1


def test_what_is_paid_outside_of_the_bounds_is_a_share_of_the_best_inside(monkeypatch):
    """Not next to a bound, where a lean that fails differs from one that succeeds by nothing that can be seen."""
    monkeypatch.setattr(humanoid_lean, "LEANS", np.array([-60.0, -45.0, -40.0, -35.0, 0.0, 35.0, 40.0, 50.0]))
    accepted = np.array([False, False, False, True, True, True, False, False])
    outside = humanoid_lean.paid_outside(np.array([0.1, 0.3, 0.9, 0.2, 0.4, 0.1, 0.8, 0.2]), accepted)
    assert outside == pytest.approx({"backwards": 0.75, "forwards": 0.5})
