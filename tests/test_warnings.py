"""A warning names the line of whoever called us, not one of ours."""

import warnings

import gymnasium as gym
import numpy as np
import pytest

from tests.toys import ColourEncoder, red_spec
from vlmrm import PromptSet, RewardModel
from vlmrm.errors import SurvivalBonusWarning, WordingWarning
from vlmrm.rewards import FunctionReward
from vlmrm.wrappers import VLMReward


def test_of_a_wording_it_is_where_the_reward_is_loaded():
    with pytest.warns(WordingWarning) as record:
        RewardModel(ColourEncoder(), red_spec(prompts=PromptSet("kick the red ball into the net", "a black ball")))
    assert {(warning.filename, warning.category) for warning in record} == {(__file__, WordingWarning)}


@pytest.mark.parametrize("door", [VLMReward, lambda env, reward: gym.wrappers.TimeLimit(VLMReward(env, reward), 500)])
def test_of_a_survival_bonus_it_is_where_the_environment_is_stepped(door):
    env = door(gym.make("CartPole-v1", render_mode="rgb_array"), FunctionReward(lambda frames: np.ones(len(frames))))
    env.reset(seed=0)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        for _ in range(100):
            if env.step(1)[2]:
                break
    (found,) = [warning for warning in record if warning.category is SurvivalBonusWarning]
    assert found.filename == (__file__ if door is VLMReward else gym.wrappers.common.__file__)
