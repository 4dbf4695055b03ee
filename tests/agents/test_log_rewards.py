"""Every episode has three steps with red 40, 60 and 80; the environment's own rewards are -1, -2 and -3."""

import gymnasium as gym
import pytest
from gymnasium.wrappers import TransformReward
from stable_baselines3 import A2C
from stable_baselines3.common.atari_wrappers import ClipRewardEnv
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from tests.toys import ColourEncoder, CountingEnv, red_reward
from vlmrm.agents import LogRewards, VecVLMReward
from vlmrm.errors import ChangedRewardWarning, PairingError
from vlmrm.wrappers import CaptureFrame, VLMReward


def make():
    return CaptureFrame(CountingEnv((3,)), ColourEncoder().preprocessing)


def of_the_vector_environment(**how):
    return VecVLMReward(DummyVecEnv([make, make]), red_reward(), **how)


def of_each_environment(**how):
    return DummyVecEnv([lambda: VLMReward(CountingEnv(), red_reward(), **how)] * 2)


def learn(venv):
    """What a rollout of two episodes in each environment logs."""
    model = A2C("MlpPolicy", venv, n_steps=6, policy_kwargs={"net_arch": [4]}, seed=0, device="cpu")
    model.set_logger(configure(None, []))
    model.learn(12, callback=LogRewards(), log_interval=None)
    return model.logger.name_to_value


@pytest.mark.parametrize("venv_of", [of_the_vector_environment, of_each_environment])
@pytest.mark.parametrize("env_weight", [0.0, 0.5])
def test_it_logs_both_means_and_our_returns(venv_of, env_weight):
    logged = learn(venv_of(env_weight=env_weight))
    assert logged["reward/vlm_mean"] == pytest.approx(60 / 255)
    assert logged["reward/env_mean"] == -2.0
    assert logged["rollout/ep_vlm_rew_mean"] == pytest.approx(180 / 255)


def test_environments_that_score_nothing_are_refused():
    with pytest.raises(PairingError, match="have neither"):
        learn(DummyVecEnv([make]))


class DoubledReward(VecMonitor):
    def step_wait(self):
        obs, rewards, dones, infos = super().step_wait()
        return obs, 2 * rewards, dones, infos


CHANGES = {
    "Monitor, ClipRewardEnv": lambda: DummyVecEnv([lambda: Monitor(ClipRewardEnv(of_one()))]),
    "TransformReward": lambda: DummyVecEnv([lambda: TransformReward(of_one(), abs_more)]),
    "VecNormalize, DoubledReward": lambda: VecNormalize(DoubledReward(of_the_vector_environment())),
}


def of_one() -> gym.Env:
    return VLMReward(CountingEnv(), red_reward())


def abs_more(reward):
    return abs(reward) + 1


@pytest.mark.parametrize("names", CHANGES)
def test_what_changes_rewards_outside_of_ours_is_named(names):
    venv = CHANGES[names]()
    with pytest.warns(
        ChangedRewardWarning, match=rf"is paid .* for a step that our reward gave 0\.15.*: one of {names} "
    ):
        learn(venv)
    venv.close()


def test_what_leaves_rewards_alone_or_normalises_them_is_not_named():
    learn(VecNormalize(VecMonitor(of_the_vector_environment())))
    learn(DummyVecEnv([lambda: Monitor(VLMReward(TransformReward(CountingEnv(), abs_more), red_reward()))]))
