import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.wrappers.step_rewards import StepRewards, reward_model


def test_something_that_is_no_reward_is_refused_with_an_example():
    with pytest.raises(SpecError, match=r"got str.*RewardModel\.load"):
        reward_model("a pole upright")


def test_a_reward_model_is_used_as_it_is(red_reward):
    assert reward_model(red_reward) is red_reward


def test_the_batch_never_changes_a_reward(red_reward):
    frames = np.zeros((5, 8, 8, 3), np.uint8)
    frames[..., 0] = np.arange(5)[:, None, None] * 50
    one_by_one = [StepRewards(red_reward).step(frame, np.array([False])) for frame in frames]
    together = StepRewards(red_reward, num_envs=5).step(frames, np.zeros(5, np.bool_))
    np.testing.assert_array_equal(together, np.concatenate(one_by_one))
