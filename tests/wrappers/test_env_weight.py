"""The environment's own reward added to the picture's: the toy's is -t, its picture's is (t + 1) * 20 / 255."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import Autoreset
from stable_baselines3 import DQN
from stable_baselines3.common.vec_env import DummyVecEnv

from tests.toys import RED_PER_STEP, ColourEncoder, CountingEnv
from tests.training.toy_runs import PPO, lamp_config, lamp_reward, rows_of
from vlmrm.agents import RelabelCallback, VecVLMReward
from vlmrm.errors import SpecError
from vlmrm.training import TrainConfig, train
from vlmrm.training.options import RewardOptions
from vlmrm.wrappers import CaptureFrame, VLMReward
from vlmrm.wrappers.vector import VLMReward as VectorVLMReward

WEIGHT = 0.5


def red(step):
    return (step + 1) * RED_PER_STEP / 255


def both(step):
    return pytest.approx(red(step) - WEIGHT * step, abs=1e-6)


def make(lengths=(3,)):
    return CaptureFrame(CountingEnv(lengths), ColourEncoder().preprocessing)


def test_one_environment_returns_the_sum_and_tells_both_parts(red_reward):
    env = VLMReward(make(), red_reward, env_weight=WEIGHT)
    env.reset()
    for step in (1, 2, 3):
        _, reward, _, _, info = env.step(0)
        assert reward == both(step)
        assert (info["env_reward"], info["vlm_reward"]) == (-step, pytest.approx(red(step), abs=1e-6))


def test_a_reset_step_is_worth_nothing(red_reward):
    env = VLMReward(Autoreset(make((1,))), red_reward, env_weight=WEIGHT)
    env.reset()
    assert [env.step(0)[1] for _ in range(3)] == [both(1), 0.0, both(1)]
    envs = VectorVLMReward(SyncVectorEnv([lambda: make((1,))]), red_reward, env_weight=WEIGHT)
    envs.reset()
    assert [envs.step(np.zeros(1, int))[1][0] for _ in range(3)] == [both(1), 0.0, both(1)]


def test_a_vector_environment_returns_the_sums(red_reward):
    envs = VectorVLMReward(
        SyncVectorEnv([make, lambda: make((2,))], autoreset_mode=AutoresetMode.SAME_STEP), red_reward, env_weight=WEIGHT
    )
    envs.reset()
    for first, second in ((1, 1), (2, 2), (3, 1)):
        _, rewards, _, _, infos = envs.step(np.zeros(2, int))
        assert rewards.tolist() == [both(first), both(second)]
        assert infos["vlm_reward"].tolist() == pytest.approx([red(first), red(second)], abs=1e-6)


def test_relabelled_and_step_wise_rewards_are_the_same_sums(red_reward):
    def dqn(venv):
        return DQN("MlpPolicy", venv, train_freq=5, buffer_size=40, learning_starts=100, seed=0)

    relabelled = dqn(DummyVecEnv([make] * 2)).learn(20, callback=RelabelCallback(red_reward, env_weight=WEIGHT))
    stepwise = dqn(VecVLMReward(DummyVecEnv([make] * 2), red_reward, env_weight=WEIGHT)).learn(20)
    np.testing.assert_allclose(relabelled.replay_buffer.rewards, stepwise.replay_buffer.rewards, atol=1e-6)
    assert relabelled.replay_buffer.rewards[:3, 0].tolist() == [both(1), both(2), both(3)]


@pytest.mark.parametrize("changes", [{}, PPO], ids=["relabelled", "step-wise"])
def test_a_run_tells_the_text_reward_alone(changes, tmp_path):
    """The lamp's own reward is as bright as its picture; the agent gets both, the table each by itself."""
    train(lamp_config(tmp_path, env_weight=2.0, **changes), reward=lamp_reward())
    rows = [row for row in rows_of(tmp_path / "run") if row.train_vlm_reward is not None]
    assert len(rows) >= 4
    for row in rows:
        assert row.train_vlm_reward == pytest.approx(row.train_env_reward, abs=0.005)


def test_a_weight_on_the_environments_own_reward_alone_is_refused():
    with pytest.raises(SpecError, match="env_weight adds"):
        TrainConfig(task="cartpole/upright", reward=RewardOptions(source="env", env_weight=1.0))
