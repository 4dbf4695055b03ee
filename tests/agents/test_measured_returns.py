"""Whoever measures an agent in rewarded environments measures our reward, wherever a `Monitor` stands.

Every episode has three steps with red 40, 60 and 80; the environment's own rewards are -1, -2 and -3.
"""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorStatistics
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from tests.toys import ColourEncoder, CountingEnv, red_reward
from vlmrm.agents import VecVLMReward
from vlmrm.wrappers import CaptureFrame, VLMReward
from vlmrm.wrappers.vector import VLMReward as VectorVLMReward

OURS, ENVS = 180 / 255, -6.0
CAPTURE = {"wrapper_class": CaptureFrame, "wrapper_kwargs": {"preprocessing": ColourEncoder().preprocessing}}


def make():
    return CaptureFrame(CountingEnv((3,)), ColourEncoder().preprocessing)


def in_make_vec_env(**how):
    return make_vec_env(CountingEnv, 2, wrapper_class=VLMReward, wrapper_kwargs={"reward": red_reward(), **how})


DOORS = {
    "make_vec_env(wrapper_class=VLMReward)": in_make_vec_env,
    "VecVLMReward(make_vec_env)": lambda **how: VecVLMReward(
        make_vec_env(CountingEnv, 2, **CAPTURE), red_reward(), **how
    ),
    "VLMReward(Monitor)": lambda **how: VLMReward(Monitor(CountingEnv()), red_reward(), **how),
    "Monitor(VLMReward)": lambda **how: Monitor(VLMReward(CountingEnv(), red_reward(), **how)),
}
doors = pytest.mark.parametrize("make_env", DOORS.values(), ids=DOORS)


@pytest.fixture(scope="module")
def agent():
    return DQN("MlpPolicy", DummyVecEnv([make]), buffer_size=10, policy_kwargs={"net_arch": [4]}, seed=0)


@doors
def test_evaluate_policy_measures_our_return(make_env, agent):
    returns, lengths = evaluate_policy(agent, make_env(), n_eval_episodes=4, return_episode_rewards=True)
    assert returns == pytest.approx([OURS] * 4, abs=1e-5)
    assert lengths == [3] * 4


@doors
def test_it_measures_the_reward_that_is_paid_with_the_environments_share(make_env, agent):
    mean, _ = evaluate_policy(agent, make_env(env_weight=0.5), n_eval_episodes=2)
    assert mean == pytest.approx(OURS + 0.5 * ENVS, abs=1e-5)


@doors
@pytest.mark.filterwarnings("ignore:Training and eval env are not of the same type")
def test_eval_callback_selects_on_our_return(make_env, agent):
    evaluate = EvalCallback(make_env(), n_eval_episodes=2, eval_freq=2, verbose=0)
    agent.learn(2, callback=evaluate)
    assert evaluate.best_mean_reward == pytest.approx(OURS, abs=1e-5)


def test_the_environments_own_return_stands_beside_ours():
    env = VLMReward(Monitor(CountingEnv()), red_reward())
    env.reset()
    infos = [env.step(0)[-1] for _ in range(3)]
    assert ["episode" in info for info in infos] == [False, False, True]
    assert (infos[-1]["episode"]["r"], infos[-1]["episode"]["env_r"]) == (pytest.approx(OURS, abs=1e-6), ENVS)


def test_a_reset_in_the_middle_begins_the_sum_anew():
    env = VLMReward(Monitor(CountingEnv()), red_reward())
    for steps in (2, 3):
        env.reset()
        episode = [env.step(0)[-1].get("episode") for _ in range(steps)][-1]
    assert episode["r"] == pytest.approx(OURS, abs=1e-6)


class LosesLives(gym.Wrapper):
    """Ends after every step, as Atari games do for an agent when a life is lost, and resets only what has ended."""

    def reset(self, **kwargs):
        if getattr(self, "over", True):
            self.last = self.env.reset(**kwargs)
        return self.last

    def step(self, action):
        obs, reward, _, self.over, info = self.env.step(action)
        self.last = obs, info
        return obs, reward, True, self.over, info


@pytest.mark.filterwarnings("ignore::vlmrm.errors.SurvivalBonusWarning")
def test_a_lost_life_does_not_end_what_the_monitor_takes_for_an_episode():
    env = VLMReward(LosesLives(Monitor(make())), red_reward())
    for _ in range(3):
        env.reset()
        info = env.step(0)[-1]
    assert info["episode"]["r"] == pytest.approx(OURS, abs=1e-6)


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("outside", [True, False], ids=["around all", "around each"])
def test_in_a_vector_environment_of_gymnasium(outside, mode):
    each = make if outside else lambda: RecordEpisodeStatistics(make())
    envs = SyncVectorEnv([each, each], autoreset_mode=mode)
    envs = VectorVLMReward(RecordVectorStatistics(envs) if outside else envs, red_reward())
    envs.reset()
    for _ in range(2):
        infos = [envs.step(np.zeros(2, int))[-1] for _ in range(3)][-1]
        reported = infos if "episode" in infos else infos["final_info"]
        assert reported["episode"]["r"] == pytest.approx([OURS, OURS], abs=1e-5)
        assert reported["episode"]["env_r"].tolist() == [ENVS, ENVS]
        if mode is not AutoresetMode.SAME_STEP:
            envs.step(np.zeros(2, int)) if mode is AutoresetMode.NEXT_STEP else envs.reset()
