"""Runs on rewards that look back, from a file."""

import json

import numpy as np
import pytest

from tests.toys import ColourEncoder
from tests.training.toy_runs import LENGTH, PPO, lamp_config, rows_of
from vlmrm.errors import PairingError
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.training import train


def reward_file(folder, **over_time):
    path = folder / "reward.json"
    path.write_text(
        json.dumps({"encoder": "colour", "alpha": 0, "prompts": {"goal": "red"}, "over_time": over_time or None})
    )
    return path


def run(folder, *, over_time, **changes):
    path = reward_file(folder, **over_time)
    reward = RewardModel(ColourEncoder(), RewardSpec.load(path))
    return train(lamp_config(folder, encoder=None, reward=str(path), **changes), reward=reward)


@pytest.mark.parametrize("changes", [{}, PPO], ids=["relabelled", "step-wise"])
def test_a_run_on_differences_is_paid_what_each_episode_has_gained(changes, tmp_path):
    """Episodes have ten steps, so that the mean of a step is a tenth of what an episode gained, at most 0.1."""
    run(tmp_path, over_time={"kind": "difference"}, num_envs=2, videos=True, **changes)
    rows = rows_of(tmp_path / "run")
    for column in ("train_vlm_reward", "eval_vlm_reward"):
        paid = np.array([getattr(row, column) for row in rows if getattr(row, column) is not None])
        assert len(paid) >= 4
        assert np.abs(paid).max() <= 1 / LENGTH + 1e-6
        assert np.abs(paid).max() > 0.01
    assert {"after.mp4", "reward_landscape.png"} <= {path.name for path in (tmp_path / "run").iterdir()}


def test_shaping_with_another_gamma_than_the_agents_never_starts(tmp_path):
    with pytest.raises(PairingError, match=r"shapes with gamma=0\.5 and the agent discounts with gamma=0\.99"):
        run(tmp_path, over_time={"kind": "shaping", "gamma": 0.5})
    assert not (tmp_path / "run").exists()
    run(tmp_path, over_time={"kind": "shaping", "gamma": 0.99})
