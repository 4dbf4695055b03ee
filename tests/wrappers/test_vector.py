"""Every vector environment of Gymnasium, in every autoreset mode."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics

from tests import toys
from tests.toys import SIZE_PX, UNSCORED, ColourEncoder, CountingEnv, steps_shown
from vlmrm.errors import PairingError, SurvivalBonusWarning
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.wrappers import CaptureFrame
from vlmrm.wrappers import VLMReward as SingleVLMReward
from vlmrm.wrappers.vector import VLMReward

PREPROCESSING = ColourEncoder().preprocessing
VECTORS = [SyncVectorEnv, AsyncVectorEnv]


def make(lengths, **kwargs):
    return lambda: CaptureFrame(CountingEnv(lengths=lengths, **kwargs), PREPROCESSING)


def run(envs, steps):
    """Steps shown by the rewards, one row per step."""
    return [steps_shown(envs.step(np.zeros(envs.num_envs, int))[1]) for _ in range(steps)]


@pytest.mark.parametrize("vector", VECTORS)
def test_next_step_autoreset_scores_the_last_frame_and_skips_the_reset_step(vector, red_reward):
    envs = VLMReward(vector([make((2,)), make((3,))]), red_reward)
    envs.reset()
    assert run(envs, 5) == [[1, 1], [2, 2], [UNSCORED, 3], [1, UNSCORED], [2, 1]]
    assert red_reward.encoder.batches[-5:] == [2, 2, 1, 1, 2]
    envs.close()


@pytest.mark.parametrize("vector", VECTORS)
def test_same_step_autoreset_scores_the_last_frame_and_not_the_next_episodes_first(vector, red_reward):
    envs = VLMReward(vector([make((2,)), make((3,))], autoreset_mode=AutoresetMode.SAME_STEP), red_reward)
    envs.reset()
    assert run(envs, 6) == [[1, 1], [2, 2], [1, 3], [2, 1], [1, 2], [2, 3]]
    envs.close()


@pytest.mark.parametrize("vector", VECTORS)
def test_without_autoreset_the_last_frame_is_scored_and_a_masked_reset_is_followed(vector, red_reward):
    envs = VLMReward(vector([make((2,)), make((4,))], autoreset_mode=AutoresetMode.DISABLED), red_reward)
    envs.reset()
    assert run(envs, 2) == [[1, 1], [2, 2]]
    envs.reset(options={"reset_mask": np.array([True, False])})
    assert run(envs, 2) == [[1, 3], [2, 4]]
    envs.close()


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_one_batch_is_scored_a_step(mode, red_reward):
    envs = VLMReward(SyncVectorEnv([make((9,))] * 5, autoreset_mode=mode), red_reward)
    envs.reset()
    run(envs, 3)
    assert red_reward.encoder.batches == [5, 5, 5]


def test_a_reset_in_the_middle_forgets_which_environment_was_about_to_reset(red_reward):
    envs = VLMReward(SyncVectorEnv([make((2,))]), red_reward)
    envs.reset()
    run(envs, 2)
    envs.reset()
    assert run(envs, 2) == [[1], [2]]


def test_both_rewards_are_in_infos_and_ends_pass_through(red_reward):
    envs = VLMReward(SyncVectorEnv([make((2,)), make((3,))]), red_reward)
    envs.reset()
    envs.step(np.zeros(2, int))
    _, rewards, terminated, truncated, infos = envs.step(np.zeros(2, int))
    assert infos["env_reward"].tolist() == [-2.0, -2.0]
    assert infos["vlm_reward"].tolist() == rewards.tolist()
    assert infos["_vlm_reward"].all()
    assert (terminated.tolist(), truncated.tolist()) == ([False, False], [True, False])


def test_it_works_on_make_vec_with_wrappers(red_reward):
    envs = gym.make_vec(
        "CartPole-v1",
        num_envs=2,
        vectorization_mode="sync",
        wrappers=[lambda env: CaptureFrame(env, PREPROCESSING)],
        render_mode="rgb_array",
    )
    envs = VLMReward(envs, red_reward)
    envs.reset(seed=0)
    rewards = envs.step(np.array([0, 1]))[1]
    assert rewards == pytest.approx([3**-0.5] * 2, abs=0.01)  # dark shapes on white: as red as green and blue


@pytest.mark.parametrize("vector", VECTORS)
def test_environments_without_captured_frames_are_refused(vector, red_reward):
    envs = vector([CountingEnv, CountingEnv])
    with pytest.raises(PairingError, match="no CaptureFrame"):
        VLMReward(envs, red_reward)
    envs.close()


@pytest.mark.parametrize("vector", VECTORS)
def test_frames_shrunk_for_another_encoder_are_refused(vector, red_reward):
    other = Preprocessing(size_px=2 * SIZE_PX, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    envs = vector([lambda: CaptureFrame(CountingEnv(), other)])
    with pytest.raises(PairingError, match="another encoder"):
        VLMReward(envs, red_reward)
    envs.close()


def rewarded_each(reward):
    return SyncVectorEnv([lambda: SingleVLMReward(CountingEnv(), reward)])


def rewarded_together(reward):
    return RecordEpisodeStatistics(VLMReward(SyncVectorEnv([make((3,))]), reward))


@pytest.mark.parametrize("rewarded", [rewarded_each, rewarded_together])
def test_environments_that_are_rewarded_already_are_refused(rewarded, red_reward):
    with pytest.raises(PairingError, match="VLMReward already"):
        VLMReward(rewarded(red_reward), red_reward)


def test_a_vector_environment_that_is_one_simulation_is_refused_with_a_way_out(red_reward):
    envs = gym.make_vec("CartPole-v1", 2, vectorization_mode="vector_entry_point", render_mode="rgb_array")
    with pytest.raises(PairingError, match=r'vectorization_mode="sync"'):
        VLMReward(envs, red_reward)


def test_a_vector_environment_that_does_not_say_how_it_resets_is_refused(red_reward):
    envs = SyncVectorEnv([make((2,))])
    del envs.metadata["autoreset_mode"]
    with pytest.raises(PairingError, match="does not say how it resets"):
        VLMReward(envs, red_reward)


def test_infos_that_are_no_dictionary_are_refused_at_the_reset(red_reward):
    envs = VLMReward(DictInfoToList(SyncVectorEnv([make((2,))])), red_reward)
    with pytest.raises(PairingError, match="hold no frames"):
        envs.reset()


def test_a_scaling_is_applied_to_scores_and_not_to_reset_steps():
    envs = VLMReward(SyncVectorEnv([make((1,))]), toys.red_reward(scaling={"subtract": 0.5}))
    envs.reset()
    rewards = [envs.step(np.zeros(1, int))[1][0] for _ in range(2)]
    assert rewards == pytest.approx([40 / 255 - 0.5, 0.0])


def test_early_termination_under_a_constant_reward_warns(red_reward):
    envs = VLMReward(SyncVectorEnv([make((2,), ends_by="terminated"), make((3,))]), red_reward)
    envs.reset()
    with pytest.warns(SurvivalBonusWarning):
        run(envs, 2)
