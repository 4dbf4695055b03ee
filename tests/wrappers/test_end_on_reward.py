"""Episodes that the reward ends: red is t + 1 times 20 / 255, so that a threshold names a step."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import Autoreset
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from tests.toys import RED_PER_STEP, ColourEncoder, CountingEnv, red_function
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.agents import RelabelCallback
from vlmrm.errors import PairingError, SpecError
from vlmrm.wrappers import CaptureFrame, VLMReward


def reward_of(**changes):
    given = {"encoder": "colour", "prompts": PromptSet("red"), "alpha": 0.0, "threshold": 3.5 * RED_PER_STEP / 255}
    return RewardModel(ColourEncoder(), RewardSpec(**given | changes))


def ending(length=8, reward=None, **kwargs):
    return VLMReward(CaptureFrame(CountingEnv((length,), **kwargs)), reward or reward_of(), end_on_reward=True)


def episode(env):
    env.reset()
    steps = []
    while not steps or not (steps[-1][1] or steps[-1][2]):
        _, reward, terminated, truncated, _ = env.step(0)
        steps.append((reward, terminated, truncated))
    return steps


def test_an_episode_terminates_at_the_first_frame_above_the_threshold_and_the_next_begins_anew():
    env = ending()
    for _ in range(2):
        assert episode(env) == [(0.0, False, False), (0.0, False, False), (1.0, True, False)]


def test_an_episode_that_never_gets_there_ends_as_the_environment_ends_it():
    assert episode(ending(2))[-1] == (0.0, False, True)


def test_the_environments_own_reward_does_not_move_the_end():
    env = VLMReward(CaptureFrame(CountingEnv((8,))), reward_of(), env_weight=1.0, end_on_reward=True)
    assert episode(env) == [(-1.0, False, False), (-2.0, False, False), (1.0 - 3.0, True, False)]


def test_a_threshold_on_another_scale_ends_the_same_episode():
    scaled = reward_of(scaling={"subtract": 0.5, "divide": 2.0}, threshold=(3.5 * RED_PER_STEP / 255 - 0.5) / 2)
    assert episode(ending(reward=scaled)) == episode(ending())


def test_the_last_milestone_ends_an_episode():
    spec = RewardSpec(
        encoder="colour",
        prompts=PromptSet(["black", "red"]),
        over_time={"kind": "milestones", "temperature": 0.02, "share": 0.0},
    )
    steps = episode(ending(11, RewardModel(ColourEncoder(), spec)))
    assert steps[-1] == (0.5, True, False)
    assert len(steps) == 9  # red is above its rest from 10 * 20 / 255 on


def test_a_function_never_says_that_the_goal_is_reached():
    with pytest.raises(SpecError, match="this one never does: it is red"):
        ending(reward=red_function())


def test_without_the_option_nothing_is_ended():
    env = VLMReward(CaptureFrame(CountingEnv((8,))), reward_of())
    assert [terminated for _, terminated, _ in episode(env)] == [False] * 8


def test_it_ends_episodes_inside_vector_environments_before_they_reset():
    envs = SyncVectorEnv([ending] * 2)
    envs.reset()
    ends = [envs.step(np.zeros(2, int))[2].tolist() for _ in range(7)]
    assert [end[0] for end in ends] == [False, False, True, False, False, False, True]  # one step is the reset


def test_agents_of_stable_baselines_see_the_end_as_a_termination():
    venv = DummyVecEnv([ending])
    model = DQN("MlpPolicy", venv, buffer_size=20, learning_starts=100, train_freq=4, seed=0).learn(9)
    assert model.replay_buffer.dones[:9, 0].tolist() == [0, 0, 1, 0, 0, 1, 0, 0, 1]
    assert not model.replay_buffer.timeouts.any()
    PPO("MlpPolicy", DummyVecEnv([ending]), n_steps=8, batch_size=8, seed=0).learn(16)


def test_it_is_written_down_in_the_spec_of_the_environment():
    assert ending().spec is None  # the toy is not registered
    env = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), reward_of(), end_on_reward=True)
    assert env.spec.additional_wrappers[-1].kwargs["end_on_reward"] is True


@pytest.mark.parametrize("changes", [{"threshold": None}, {"over_time": {"kind": "difference"}}])
def test_a_reward_that_never_says_that_the_goal_is_reached_cannot_end_an_episode(changes):
    with pytest.raises(SpecError, match="this one never does"):
        ending(reward=reward_of(**changes))


def test_an_autoreset_inside_would_not_know_of_the_end():
    with pytest.raises(PairingError, match="Put Autoreset around VLMReward"):
        VLMReward(Autoreset(CaptureFrame(CountingEnv((8,)))), reward_of(), end_on_reward=True)
    env = Autoreset(ending())
    env.reset()
    assert [env.step(0)[2] for _ in range(5)] == [False, False, True, False, False]


def test_relabelling_refuses_environments_whose_reward_ends_episodes():
    model = DQN("MlpPolicy", DummyVecEnv([ending]), buffer_size=20, train_freq=4)
    with pytest.raises(PairingError, match="scored in the environment already"):
        model.learn(8, callback=RelabelCallback(reward_of()))
