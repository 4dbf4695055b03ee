"""Combinations that would train on wrong rewards without a word are refused when the training starts."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict
from stable_baselines3 import DQN, HerReplayBuffer
from stable_baselines3.common.callbacks import EveryNTimesteps
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from tests.toys import SIZE_PX, ColourEncoder, CountingEnv, red_reward
from vlmrm.agents import RelabelCallback, VecVLMReward
from vlmrm.errors import PairingError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.wrappers import CaptureFrame, VLMReward


def make():
    return CaptureFrame(CountingEnv(), ColourEncoder().preprocessing)


def dqn(venv):
    return DQN("MlpPolicy", venv, train_freq=7, buffer_size=100, learning_starts=100, seed=0)


def test_an_algorithm_without_a_buffer_of_rewards_is_refused(red_reward):
    contrib = pytest.importorskip("sb3_contrib")
    with pytest.raises(PairingError, match=r"ARS is neither an off-policy nor an on-policy.*VecVLMReward"):
        contrib.ARS("LinearPolicy", DummyVecEnv([make, make])).learn(16, callback=RelabelCallback(red_reward))


def scored_outside():
    return VecVLMReward(DummyVecEnv([make]), red_reward())


def scored_inside():
    return DummyVecEnv([lambda: VLMReward(CountingEnv(), red_reward())])


@pytest.mark.parametrize("scored", [scored_outside, scored_inside])
def test_frames_that_are_scored_already_are_refused(scored, red_reward):
    with pytest.raises(PairingError, match="scored in the environment already"):
        dqn(scored()).learn(14, callback=RelabelCallback(red_reward))


def test_normalised_rewards_are_refused(red_reward):
    with pytest.raises(PairingError, match="norm_reward=False"):
        dqn(VecNormalize(DummyVecEnv([make]))).learn(14, callback=RelabelCallback(red_reward))


def test_environments_without_captured_frames_are_refused(red_reward):
    with pytest.raises(PairingError, match="no CaptureFrame"):
        dqn(DummyVecEnv([CountingEnv])).learn(14, callback=RelabelCallback(red_reward))


def test_frames_shrunk_for_another_encoder_are_refused(red_reward):
    other = Preprocessing(size_px=2 * SIZE_PX, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    venv = DummyVecEnv([lambda: CaptureFrame(CountingEnv(), other)])
    with pytest.raises(PairingError, match="another encoder"):
        dqn(venv).learn(14, callback=RelabelCallback(red_reward))


class GoalEnv(gym.Wrapper):
    """The toy world with goals, as hindsight replay needs them."""

    def __init__(self, env):
        super().__init__(env)
        box = Box(0, 20, (1,), np.float32)
        self.observation_space = Dict({"observation": box, "achieved_goal": box, "desired_goal": box})

    def compute_reward(self, achieved_goal, desired_goal, info):
        return -np.abs(achieved_goal - desired_goal).sum(axis=-1)

    def reset(self, **kwargs):
        obs, info = self.env.reset(**kwargs)
        return dict.fromkeys(self.observation_space, obs), info

    def step(self, action):
        obs, *rest = self.env.step(action)
        return dict.fromkeys(self.observation_space, obs), *rest


def scored_by_the_vector_environment(kind):
    return VecVLMReward(DummyVecEnv([lambda: kind(CountingEnv())]), red_reward())


HINDSIGHT_DOORS = {
    "VecVLMReward": lambda: scored_by_the_vector_environment(lambda env: CaptureFrame(GoalEnv(env))),
    "VecVLMReward of goals outside": lambda: scored_by_the_vector_environment(lambda env: GoalEnv(CaptureFrame(env))),
    "VLMReward": lambda: VLMReward(GoalEnv(CountingEnv()), red_reward()),
    "VLMReward of goals outside": lambda: VLMReward(GoalEnv(make()), red_reward()),
    "CaptureFrame": lambda: CaptureFrame(GoalEnv(CountingEnv())),
}


def with_hindsight(env):
    settings = {"buffer_size": 100, "learning_starts": 10, "policy_kwargs": {"net_arch": [8]}}
    return DQN("MultiInputPolicy", env, replay_buffer_class=HerReplayBuffer, **settings)


@pytest.mark.parametrize("door", HINDSIGHT_DOORS.values(), ids=HINDSIGHT_DOORS)
def test_hindsight_replay_is_refused_when_it_asks_for_a_reward(door):
    with pytest.raises(PairingError, match=r"compute_reward.*plain replay buffer"):
        with_hindsight(door()).learn(20)


@pytest.mark.parametrize("goals", [lambda: GoalEnv(make()), lambda: CaptureFrame(GoalEnv(CountingEnv()))])
def test_hindsight_replay_is_refused_when_relabelling_starts(goals, red_reward):
    with pytest.raises(PairingError, match=r"compute_reward.*plain replay buffer"):
        with_hindsight(goals()).learn(1, callback=RelabelCallback(red_reward))


def test_a_callback_that_misses_steps_is_refused(red_reward):
    with pytest.raises(PairingError, match="not called at every step"):
        dqn(DummyVecEnv([make])).learn(28, callback=EveryNTimesteps(2, RelabelCallback(red_reward)))


def test_two_callbacks_on_one_agent_are_refused(red_reward):
    with pytest.raises(PairingError, match="two RelabelCallbacks"):
        dqn(DummyVecEnv([make])).learn(14, callback=[RelabelCallback(red_reward), RelabelCallback(red_reward)])
