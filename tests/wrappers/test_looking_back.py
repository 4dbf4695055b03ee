"""Rewards that look back, in every wrapper: the toy's picture gains one share of red a step, and a reset takes it back.

With the difference as the reward every step of every episode is worth 20 / 255. A step that were compared with the
frame of another episode would be worth something else, mostly below 0.
"""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import Autoreset
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

from tests.toys import RED_PER_STEP, ColourEncoder, CountingEnv
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.agents import RelabelCallback, VecVLMReward
from vlmrm.errors import PairingError
from vlmrm.rewards.stream import RewardStream
from vlmrm.wrappers import CaptureFrame, VLMReward
from vlmrm.wrappers.vector import VLMReward as VectorVLMReward

PREPROCESSING = ColourEncoder().preprocessing
GAIN = RED_PER_STEP / 255


def reward_of(kind="difference", **options):
    spec = RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0, over_time={"kind": kind, **options})
    return RewardModel(ColourEncoder(), spec)


def make(lengths=(3, 5, 2), **kwargs):
    return CaptureFrame(CountingEnv(lengths, **kwargs), PREPROCESSING)


def venv_of(num_envs=2, kind=DummyVecEnv, **kwargs):
    return kind([lambda: make(**kwargs)] * num_envs)


def dqn(venv, **kwargs):
    return DQN("MlpPolicy", venv, train_freq=7, buffer_size=200, learning_starts=10_000, seed=0, **kwargs)


def assert_every_step_is_worth_the_same(rewards):
    np.testing.assert_allclose(rewards, GAIN, atol=1e-6)


def test_in_one_environment_each_episode_begins_anew():
    env, rewards = VLMReward(make(), reward_of()), []
    for _ in range(3):
        env.reset()
        ended = False
        while not ended:
            _, reward, terminated, truncated, info = env.step(0)
            rewards.append(reward)
            assert info["vlm_reward"] == reward
            ended = terminated or truncated
    assert len(rewards) == 10
    assert_every_step_is_worth_the_same(rewards)


def test_under_autoreset_the_reset_step_is_not_rewarded_and_the_next_one_is_compared_with_it():
    env = VLMReward(Autoreset(make((2,))), reward_of())
    env.reset()
    rewards = [env.step(0)[1] for _ in range(8)]
    np.testing.assert_allclose(rewards, [GAIN, GAIN, 0, GAIN, GAIN, 0, GAIN, GAIN], atol=1e-6)


@pytest.mark.parametrize("vector", [SyncVectorEnv, AsyncVectorEnv])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_in_a_vector_environment_of_gymnasium(vector, mode):
    envs = VectorVLMReward(vector([lambda: make((2, 4)), lambda: make((3,))], autoreset_mode=mode), reward_of())
    envs.reset()
    reset_is_next = np.zeros(2, np.bool_)
    for _ in range(12):
        _, rewards, terminated, truncated, _ = envs.step(np.zeros(2, int))
        ended = terminated | truncated
        np.testing.assert_allclose(rewards, np.where(reset_is_next, 0, GAIN), atol=1e-6)
        if mode is AutoresetMode.NEXT_STEP:
            reset_is_next = ended
        elif mode is AutoresetMode.DISABLED and ended.any():
            envs.reset(options={"reset_mask": ended})
    envs.close()


@pytest.mark.parametrize("kind", [DummyVecEnv, SubprocVecEnv])
def test_in_a_vector_environment_of_stable_baselines(kind):
    venv = VecVLMReward(venv_of(3, kind), reward_of())
    for _ in range(2):  # a reset in the middle of episodes as well
        venv.reset()
        assert_every_step_is_worth_the_same([venv.step(np.zeros(3, int))[1] for _ in range(12)])
    venv.close()


@pytest.mark.parametrize("kind", [DummyVecEnv, SubprocVecEnv])
def test_relabelled_rollouts_that_cut_episodes_in_two(kind):
    model = dqn(venv_of(2, kind)).learn(112, callback=RelabelCallback(reward_of()))
    assert model.replay_buffer.pos == 56
    assert_every_step_is_worth_the_same(model.replay_buffer.rewards[:56])
    model.get_env().close()


def test_relabelling_in_several_batches(monkeypatch):
    monkeypatch.setattr("vlmrm.agents.unscored._AT_ONCE", 4)
    model = dqn(venv_of(2)).learn(28, callback=RelabelCallback(reward_of()))
    assert_every_step_is_worth_the_same(model.replay_buffer.rewards[:14])


@pytest.mark.parametrize("reset", [True, False])
def test_a_training_that_goes_on_with_or_without_a_reset(reset):
    relabel, model = RelabelCallback(reward_of()), dqn(venv_of(2))
    for count in range(1, 4):
        model.learn(14, callback=relabel, reset_num_timesteps=reset or count == 1)
    assert_every_step_is_worth_the_same(model.replay_buffer.rewards[:21])


def test_a_new_callback_in_the_middle_of_an_episode_begins_where_the_agent_goes_on():
    """Compared with the frame of the last reset, the first step would be paid all progress a second time."""
    model = dqn(venv_of(2, lengths=(11,)))
    for count in range(2):
        model.learn(14, callback=RelabelCallback(reward_of()), reset_num_timesteps=count == 0)
    assert not model.replay_buffer.dones[:10].any()  # the second training begins in the middle of the first episode
    assert_every_step_is_worth_the_same(model.replay_buffer.rewards[:14])


def test_an_interrupt_in_the_middle_of_scoring_loses_nothing(monkeypatch):
    relabel, model = RelabelCallback(reward_of()), dqn(venv_of(2))
    scored, step = [], RewardStream.step

    def interrupt_the_fourth(self, *args):
        scored.append(len(scored))
        if len(scored) == 4:
            raise KeyboardInterrupt
        return step(self, *args)

    monkeypatch.setattr(RewardStream, "step", interrupt_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        model.learn(28, callback=relabel)
    relabel.flush()
    assert len(scored) == 4 + 7
    assert_every_step_is_worth_the_same(model.replay_buffer.rewards[:7])


@pytest.mark.parametrize("ends_by", ["truncated", "terminated"])
def test_relabelling_and_scoring_step_by_step_give_the_same_shaping(ends_by):
    """A time limit keeps the potential of the last state, a terminal state has none."""
    reward = reward_of("shaping", gamma=0.99)
    relabelled = dqn(venv_of(2, ends_by=ends_by)).learn(56, callback=RelabelCallback(reward)).replay_buffer
    stepwise = dqn(VecVLMReward(venv_of(2, ends_by=ends_by), reward)).learn(56).replay_buffer
    np.testing.assert_allclose(relabelled.rewards, stepwise.rewards, atol=1e-6)
    red = lambda t: (t + 1) * GAIN  # noqa: E731
    last = -red(2) if ends_by == "terminated" else 0.99 * red(3) - red(2)
    np.testing.assert_allclose(relabelled.rewards[2], last, atol=1e-6)


def test_shaping_with_another_gamma_than_the_agents_is_refused():
    with pytest.raises(PairingError, match=r"shapes with gamma=0\.9 and the agent discounts with gamma=0\.99"):
        dqn(venv_of(1)).learn(7, callback=RelabelCallback(reward_of("shaping", gamma=0.9)))


def test_a_window_reaches_back_to_the_first_frame_and_no_further():
    """red is t+1 times 20/255 of unit length, so the mean of frames is known by hand."""
    env = VLMReward(make((3,)), reward_of("window", length=3))
    for _ in range(2):
        env.reset()
        rewards = [env.step(0)[1] for _ in range(3)]
        red = GAIN * np.arange(1, 5)
        seen = np.stack([red, np.sqrt(1 - red**2)], axis=1)
        means = [seen[:2].mean(axis=0), seen[:3].mean(axis=0), seen[1:4].mean(axis=0)]
        np.testing.assert_allclose(rewards, [mean[0] / np.linalg.norm(mean) for mean in means], atol=1e-6)


def test_ppo_trains_on_a_reward_that_looks_back():
    venv = VecVLMReward(venv_of(2), reward_of())
    PPO("MlpPolicy", venv, n_steps=8, batch_size=16, seed=0).learn(32)
    assert list(venv.episode_returns.finished)[:3] == pytest.approx([3 * GAIN, 3 * GAIN, 5 * GAIN], abs=1e-5)


def test_a_reward_that_does_not_look_back_never_embeds_a_first_frame(red_reward):
    venv = VecVLMReward(venv_of(2), red_reward)
    venv.reset()
    venv.step(np.zeros(2, int))
    env = VLMReward(make(), red_reward)
    env.reset()
    assert red_reward.encoder.batches == [2]


def test_a_first_frame_that_is_lost_on_the_way_is_named():
    class DropsInfo(gym.Wrapper):
        def reset(self, **kwargs):
            return self.env.reset(**kwargs)[0], {}

    venv = VecVLMReward(DummyVecEnv([lambda: DropsInfo(make())]), reward_of())
    with pytest.raises(PairingError, match="environment 0 has no frame in its info"):
        venv.reset()
