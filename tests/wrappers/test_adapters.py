"""Whatever is given to an adapter as its reward: a function of frames pays as the reward model that knows the same."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3 import DQN
from stable_baselines3.common.vec_env import DummyVecEnv

from tests.toys import CountingEnv, red_function, red_reward, red_spec, steps_shown
from vlmrm.agents import RelabelCallback, VecVLMReward
from vlmrm.errors import FrameError, SpecError
from vlmrm.rewards import FunctionReward
from vlmrm.wrappers import CaptureFrame, VLMReward
from vlmrm.wrappers.vector import VLMReward as VectorVLMReward

LENGTHS, STEPS = (3, 5, 2), 14
SHOWN = [1, 2, 3, 1, 2, 3, 4, 5, 1, 2, 1, 2, 3, 1]


def make(reward, kind=CountingEnv, **kwargs):
    return lambda: CaptureFrame(kind(LENGTHS, **kwargs), reward.capture)


def of_one_environment(reward, given=None, kind=CountingEnv, env_weight=0.0, **kwargs):
    env, rewards = VLMReward(kind(LENGTHS, **kwargs), given or reward, env_weight=env_weight), []
    ended = True
    while len(rewards) < STEPS:
        if ended:
            env.reset()
        _, paid, terminated, truncated, info = env.step(0)
        assert env_weight or info["vlm_reward"] == paid
        rewards.append([paid])
        ended = terminated or truncated
    return np.array(rewards)


def of_a_vector_environment(reward, given=None, env_weight=0.0, **kwargs):
    envs = SyncVectorEnv([make(reward, **kwargs)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    envs = VectorVLMReward(envs, given or reward, env_weight=env_weight)
    envs.reset()
    return np.stack([envs.step(np.zeros(2, int))[1] for _ in range(STEPS)])


def step_by_step(reward, given=None, env_weight=0.0, **kwargs):
    venv = VecVLMReward(DummyVecEnv([make(reward, **kwargs)] * 2), given or reward, env_weight=env_weight)
    venv.reset()
    return np.stack([venv.step(np.zeros(2, int))[1] for _ in range(STEPS)])


def relabelled(reward, given=None, env_weight=0.0, **kwargs):
    venv = DummyVecEnv([make(reward, **kwargs)] * 2)
    model = DQN("MlpPolicy", venv, train_freq=STEPS, buffer_size=100, learning_starts=1_000, seed=0)
    relabel = RelabelCallback(given or reward, env_weight=env_weight)
    return model.learn(2 * STEPS, callback=relabel).replay_buffer.rewards[:STEPS]


ADAPTERS = [of_one_environment, of_a_vector_environment, step_by_step, relabelled]


@pytest.mark.parametrize("rewards_of", ADAPTERS)
def test_every_adapter_pays_the_function_of_the_frame_after_the_step(rewards_of):
    rewards = rewards_of(red_function())
    assert [steps_shown(column) for column in rewards.T] == [SHOWN] * rewards.shape[1]
    np.testing.assert_allclose(rewards, rewards_of(red_reward()), atol=1e-6)


@pytest.mark.parametrize("rewards_of", ADAPTERS)
@pytest.mark.parametrize("given", [red_spec(), red_spec().to_dict()], ids=["spec", "dictionary"])
def test_every_adapter_loads_what_is_only_written_down(rewards_of, given, colour_models):
    rewards = rewards_of(red_reward(), given)
    assert len(colour_models) == 1
    assert [steps_shown(column) for column in rewards.T] == [SHOWN] * rewards.shape[1]


@pytest.mark.parametrize("rewards_of", ADAPTERS)
def test_the_function_sees_frames_as_they_are_drawn(rewards_of):
    seen = set()

    def width(frames):
        seen.add(tuple(frames.shape[1:]))
        return frames.shape[2] * frames[..., 0].float().mean(dim=(1, 2)) / 255

    rewards = rewards_of(FunctionReward(width), size=(4, 6))
    assert seen == {(4, 6, 3)}
    assert steps_shown(rewards[:, 0] / 6) == SHOWN


@pytest.mark.parametrize("rewards_of", ADAPTERS)
@pytest.mark.parametrize("wrong", [lambda frames: float("nan"), lambda frames: [0.0] * (len(frames) + 1)])
def test_a_function_that_gives_no_number_for_a_frame_is_refused_by_its_name(rewards_of, wrong):
    with pytest.raises(FrameError, match=r"the reward broken gave .* for .* frames"):
        rewards_of(FunctionReward(wrong, name="broken"))


def test_an_environment_made_again_asks_for_the_function_by_its_name():
    env = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), red_function())
    env.reset(seed=0)
    assert env.step(0)[1] > 0.9  # dark shapes on white
    for spec in (env.spec, EnvSpec.from_json(env.spec.to_json())):
        with pytest.raises(SpecError, match=r"the function red, .*put VLMReward\(env, FunctionReward\(function\)\)"):
            gym.make(spec)
