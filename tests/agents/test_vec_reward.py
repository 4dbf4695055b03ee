import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecMonitor

from tests import toys
from tests.toys import SIZE_PX, UNSCORED, ColourEncoder, CountingEnv, steps_shown
from vlmrm.agents import VecVLMReward
from vlmrm.agents.vec_reward import EpisodeReturns
from vlmrm.errors import PairingError, SurvivalBonusWarning
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.wrappers import CaptureFrame, VLMReward

PREPROCESSING = ColourEncoder().preprocessing


def make(lengths=(3,), ends_by="truncated"):
    return CaptureFrame(CountingEnv(lengths, ends_by), PREPROCESSING)


def step(venv):
    return venv.step(np.zeros(venv.num_envs, int))


def run(venv, steps):
    """Steps shown by the rewards, one row per step."""
    return [steps_shown(step(venv)[1]) for _ in range(steps)]


@pytest.mark.parametrize("kind", [DummyVecEnv, SubprocVecEnv])
def test_last_frame_of_an_episode_is_scored_before_the_reset(kind, red_reward):
    """Stable-Baselines3 resets inside step(); scoring the vector environment's picture would show step 0."""
    venv = VecVLMReward(kind([make, lambda: make(lengths=(2,))]), red_reward)
    venv.reset()
    assert run(venv, 4) == [[1, 1], [2, 2], [3, 1], [1, 2]]
    venv.close()


def test_the_picture_of_the_vector_environment_would_show_the_next_episode(red_reward):
    """The fault that the test above guards against is real."""
    venv = DummyVecEnv([make])
    venv.reset()
    for _ in range(3):
        _, _, dones, infos = step(venv)
    assert dones[0]
    assert steps_shown(red_reward.score(venv.get_images()[0])) == [0]
    assert steps_shown(red_reward.score(infos[0]["frame"])) == [3]


def test_both_rewards_are_in_infos_and_ends_pass_through(red_reward):
    venv = VecVLMReward(DummyVecEnv([make, lambda: make(lengths=(1,))]), red_reward)
    venv.reset()
    _, rewards, dones, infos = step(venv)
    assert rewards.dtype == np.float32
    assert [info["vlm_reward"] for info in infos] == rewards.tolist()
    assert [info["env_reward"] for info in infos] == [-1.0, -1.0]
    assert dones.tolist() == [False, True]
    assert [info["TimeLimit.truncated"] for info in infos] == [False, True]


def test_one_batch_is_scored_a_step(red_reward):
    venv = VecVLMReward(DummyVecEnv([make] * 3), red_reward)
    venv.reset()
    run(venv, 4)
    assert red_reward.encoder.batches == [3, 3, 3, 3]


def test_ppo_trains_on_the_scores(red_reward):
    venv = VecVLMReward(DummyVecEnv([lambda: make(lengths=(11,))] * 2), red_reward)
    model = PPO("MlpPolicy", venv, n_steps=8, batch_size=8, n_epochs=1, seed=0).learn(16)
    assert steps_shown(model.rollout_buffer.rewards.T.ravel()) == [1, 2, 3, 4, 5, 6, 7, 8] * 2


def test_returns_of_whole_episodes_are_kept(red_reward):
    """Steps 1 to 3 have red 40, 60 and 80."""
    venv = VecVLMReward(DummyVecEnv([make]), red_reward)
    venv.reset()
    run(venv, 7)
    assert list(venv.episode_returns.finished) == pytest.approx([180 / 255] * 2, abs=1e-6)


def test_a_reset_in_the_middle_forgets_the_unfinished_episode(red_reward):
    venv = VecVLMReward(DummyVecEnv([make]), red_reward)
    venv.reset()
    run(venv, 2)
    venv.reset()
    run(venv, 3)
    assert list(venv.episode_returns.finished) == pytest.approx([180 / 255], abs=1e-6)


def test_only_the_latest_returns_are_kept():
    returns = EpisodeReturns(num_envs=2, keep=3)
    for reward in (1.0, 2.0, 3.0):
        returns.add(np.float32([reward, -reward]), np.array([True, reward > 2]))
    assert list(returns.finished) == [2.0, 3.0, -6.0]


def test_the_monitor_outside_counts_the_scores(red_reward):
    venv = VecMonitor(VecVLMReward(DummyVecEnv([make]), red_reward))
    venv.reset()
    episode = [step(venv)[3][0].get("episode") for _ in range(3)][-1]
    assert episode["r"] == pytest.approx(180 / 255, abs=1e-6)


def test_environments_without_captured_frames_are_refused(red_reward):
    with pytest.raises(PairingError, match="no CaptureFrame"):
        VecVLMReward(DummyVecEnv([make, CountingEnv]), red_reward)


def test_frames_shrunk_for_another_encoder_are_refused(red_reward):
    other = Preprocessing(size_px=2 * SIZE_PX, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    venv = DummyVecEnv([lambda: CaptureFrame(CountingEnv(), other)])
    with pytest.raises(PairingError, match="another encoder"):
        VecVLMReward(venv, red_reward)


def test_two_rewards_around_one_vector_environment_are_refused(red_reward):
    with pytest.raises(PairingError, match="already"):
        VecVLMReward(VecMonitor(VecVLMReward(DummyVecEnv([make]), red_reward)), red_reward)


def test_early_termination_under_a_constant_reward_warns_and_a_time_limit_does_not(red_reward):
    venv = VecVLMReward(DummyVecEnv([make, lambda: make(lengths=(4,), ends_by="terminated")]), red_reward)
    venv.reset()
    assert run(venv, 3)[-1] == [3, 3]
    with pytest.warns(SurvivalBonusWarning):
        step(venv)


def test_a_scaling_is_applied_to_every_score():
    venv = VecVLMReward(DummyVecEnv([make]), toys.red_reward(scaling={"subtract": 40 / 255}))
    venv.reset()
    assert step(venv)[1] == pytest.approx([0.0], abs=1e-6)
    assert steps_shown(step(venv)[1]) == [2 - 1 + UNSCORED]


def test_environments_that_score_themselves_are_refused(red_reward):
    """Their text reward would be reported as the environment's own."""
    with pytest.raises(PairingError, match="not both"):
        VecVLMReward(DummyVecEnv([lambda: VLMReward(make(), red_reward)]), red_reward)
