"""In the toy world the observation is the number of the step, so that every row of a replay buffer can be checked."""

from copy import deepcopy

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import DDPG, DQN, SAC, TD3
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.save_util import load_from_pkl
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecNormalize

from tests import toys
from tests.toys import RED_PER_STEP, SIZE_PX, ColourEncoder, CountingEnv, steps_shown
from vlmrm.agents import RelabelCallback, VecVLMReward
from vlmrm.errors import PairingError, SurvivalBonusWarning
from vlmrm.training.run.agent_state import read_state
from vlmrm.wrappers import CaptureFrame

PREPROCESSING = ColourEncoder().preprocessing


def make(lengths=(3, 5, 2), **kwargs):
    return CaptureFrame(CountingEnv(lengths, **kwargs), PREPROCESSING)


def venv_of(num_envs=2, kind=DummyVecEnv, **kwargs):
    return kind([lambda: make(**kwargs)] * num_envs)


def dqn(venv, *, policy="MlpPolicy", train_freq=7, buffer_size=100, learning_starts=10_000, **kwargs):
    """By default it only collects."""
    return DQN(
        policy,
        venv,
        train_freq=train_freq,
        buffer_size=buffer_size,
        learning_starts=learning_starts,
        batch_size=4,
        policy_kwargs={"net_arch": [8]},
        seed=0,
        **kwargs,
    )


def assert_every_row_has_the_reward_of_its_own_frame(buffer):
    rows = buffer.buffer_size if buffer.full else buffer.pos
    np.testing.assert_array_equal(
        np.reshape(steps_shown(buffer.rewards[:rows].ravel()), (rows, buffer.n_envs)),
        buffer.next_observations[:rows, :, 0],
    )
    assert not buffer.rewards[rows:].any()


def test_episodes_of_any_length_in_several_environments_are_relabelled(red_reward):
    model = dqn(venv_of(2)).learn(60, callback=RelabelCallback(red_reward))
    assert model.replay_buffer.pos == 35  # five rollouts of seven steps
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_the_last_row_of_an_episode_has_the_reward_of_its_last_frame(red_reward):
    model = dqn(venv_of(1, lengths=(3,))).learn(7, callback=RelabelCallback(red_reward))
    assert steps_shown(model.replay_buffer.rewards[:7, 0]) == [1, 2, 3, 1, 2, 3, 1]
    assert model.replay_buffer.dones[:7, 0].tolist() == [0, 0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize("kind", [DummyVecEnv, SubprocVecEnv])
def test_relabelling_and_scoring_step_by_step_give_the_same_buffer(kind, red_reward):
    relabelled = dqn(venv_of(2, kind)).learn(60, callback=RelabelCallback(red_reward)).replay_buffer
    stepwise = dqn(VecVLMReward(venv_of(2), red_reward)).learn(60).replay_buffer
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        np.testing.assert_array_equal(getattr(relabelled, name), getattr(stepwise, name), err_msg=name)


@pytest.mark.parametrize("train_freq", [7, 24])
def test_a_buffer_that_wraps_around_is_relabelled(train_freq, red_reward):
    """It holds 11 steps, and episodes repeat after 10; a rollout of 24 steps is longer than the buffer."""
    model = dqn(venv_of(2), train_freq=train_freq, buffer_size=22).learn(100, callback=RelabelCallback(red_reward))
    assert model.replay_buffer.full
    assert model.replay_buffer.pos != 0
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_an_n_step_buffer_adds_up_the_new_rewards(red_reward):
    """From step t of an episode of 4: the rewards of t+1, t+2, t+3, discounted by 0.5, as far as there are any."""
    model = dqn(venv_of(1, lengths=(4,)), n_steps=3, gamma=0.5).learn(28, callback=RelabelCallback(red_reward))
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)
    sample = model.replay_buffer.sample(200)
    returns = {int(t): 255 / RED_PER_STEP * float(r) for t, r in zip(sample.observations, sample.rewards, strict=True)}
    # step t is worth t + 1
    assert returns == pytest.approx({0: 2 + 3 / 2 + 4 / 4, 1: 3 + 4 / 2 + 5 / 4, 2: 4 + 5 / 2, 3: 5.0})


class NeverSeesOtherRewards(DQN):
    """Looks at what it is about to train on; the environment's own rewards are negative."""

    def train(self, gradient_steps, batch_size=100):
        assert_every_row_has_the_reward_of_its_own_frame(self.replay_buffer)
        self.trained = getattr(self, "trained", 0) + 1
        super().train(gradient_steps, batch_size)


def test_the_agent_never_trains_on_the_environments_own_reward(red_reward):
    model = NeverSeesOtherRewards("MlpPolicy", venv_of(2), train_freq=5, learning_starts=0, batch_size=4, seed=0)
    model.learn(60, callback=RelabelCallback(red_reward))
    assert model.trained == 6


@pytest.mark.parametrize("algorithm", [SAC, TD3, DDPG])
def test_continuous_algorithms_train_on_the_scores(algorithm, red_reward):
    model = algorithm(
        "MlpPolicy",
        venv_of(2, continuous=True),
        train_freq=6,
        learning_starts=8,
        batch_size=4,
        buffer_size=60,
        policy_kwargs={"net_arch": [8]},
        seed=0,
    ).learn(36, callback=RelabelCallback(red_reward))
    assert model._n_updates > 0
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_batches_need_not_divide_the_rollout(red_reward, monkeypatch):
    """Three environments, seven steps, at most eight frames at once: whole steps, the last batch smaller."""
    monkeypatch.setattr("vlmrm.agents.unscored._AT_ONCE", 8)
    model = dqn(venv_of(3)).learn(21, callback=RelabelCallback(red_reward))
    assert red_reward.encoder.batches == [6, 6, 6, 3]
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_ends_and_time_limits_are_stored_as_without_the_callback(red_reward):
    relabelled = dqn(venv_of(1)).learn(28, callback=RelabelCallback(red_reward)).replay_buffer
    plain = dqn(venv_of(1)).learn(28).replay_buffer
    np.testing.assert_array_equal(relabelled.timeouts, plain.timeouts)
    np.testing.assert_array_equal(relabelled.dones, plain.dones)
    assert relabelled.timeouts.sum() == relabelled.dones.sum() > 0


class AtStep(BaseCallback):
    """Does something at one step."""

    def __init__(self, step, then):
        super().__init__()
        self.step, self.then = step, then

    def _on_step(self):
        return self.n_calls != self.step or self.then()


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("order", [1, -1])
def test_a_callback_that_stops_the_training_leaves_no_row_unscored(order, red_reward):
    """Stable-Baselines3 then skips the end of the rollout and does not store the step it was at."""
    callbacks = [RelabelCallback(red_reward), AtStep(10, lambda: False)][::order]
    model = dqn(venv_of(2)).learn(60, callback=callbacks)
    assert model.replay_buffer.pos == 9
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)
    assert sum(red_reward.encoder.batches) == 2 * 9


def test_a_callback_that_stops_at_the_first_step_of_a_rollout_leaves_no_row_unscored(red_reward):
    model = dqn(venv_of(2)).learn(60, callback=[RelabelCallback(red_reward), AtStep(8, lambda: False)])
    assert model.replay_buffer.pos == 7
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_after_an_interrupt_flush_scores_what_is_stored(red_reward):
    relabel = RelabelCallback(red_reward)
    model = dqn(venv_of(2))
    with pytest.raises(KeyboardInterrupt):
        model.learn(60, callback=[relabel, AtStep(12, interrupt)])
    assert model.replay_buffer.pos == 11
    relabel.flush()
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_rewards_are_not_a_number_until_they_are_scored(red_reward):
    seen = []
    model = dqn(venv_of(1))

    def look():
        seen.append(model.replay_buffer.rewards[: model.replay_buffer.pos, 0].copy())
        return True

    model.learn(7, callback=[RelabelCallback(red_reward), AtStep(6, look)])
    assert len(seen[0]) == 5
    assert np.isnan(seen[0]).all()


def dict_observations(env):
    wrapped = gym.wrappers.TransformObservation(env, lambda t: {"t": t}, gym.spaces.Dict({"t": env.observation_space}))
    return CaptureFrame(wrapped, PREPROCESSING)


BUFFERS = {
    "plain": lambda: dqn(venv_of(2)),
    "n-step": lambda: dqn(venv_of(2), n_steps=3),
    "small": lambda: dqn(
        venv_of(2), optimize_memory_usage=True, replay_buffer_kwargs={"handle_timeout_termination": False}
    ),
    "dict": lambda: dqn(
        DummyVecEnv([lambda: dict_observations(CountingEnv((3, 5, 2)))] * 2), policy="MultiInputPolicy"
    ),
}
SHOWN = [1, 2, 3, 1, 2, 3, 4, 5, 1]


def shown_by(rewards):
    return np.reshape(steps_shown(np.ravel(rewards)), (-1, 2)).T.tolist()


@pytest.mark.parametrize("make_model", BUFFERS.values(), ids=BUFFERS)
def test_a_buffer_that_is_saved_in_the_middle_of_a_rollout_is_scored_first(make_model, red_reward, tmp_path):
    model, saves = make_model(), CheckpointCallback(10, str(tmp_path), save_replay_buffer=True)
    model.learn(28, callback=[RelabelCallback(red_reward), saves])
    saved = load_from_pkl(str(tmp_path / "rl_model_replay_buffer_20_steps.pkl"))
    assert shown_by(saved.rewards[:9]) == [SHOWN, SHOWN]
    assert shown_by(model.replay_buffer.rewards[:9]) == [SHOWN, SHOWN]
    assert type(saved) is type(model.replay_buffer)


READERS = {
    "save_replay_buffer": lambda model, path: model.save_replay_buffer(path) or load_from_pkl(path).rewards[:9],
    "a checkpoint of a run": lambda model, path: read_state(model).replay["rewards"][:9],
    "a copy": lambda model, path: deepcopy(model.replay_buffer).rewards[:9],
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_whoever_saves_a_buffer_after_an_exception_saves_scores(read, red_reward, tmp_path):
    model = dqn(venv_of(2))
    with pytest.raises(KeyboardInterrupt):
        model.learn(60, callback=[RelabelCallback(red_reward), AtStep(10, interrupt)])
    assert shown_by(read(model, str(tmp_path / "buffer.pkl"))) == [SHOWN, SHOWN]


@pytest.mark.parametrize("make_model", BUFFERS.values(), ids=BUFFERS)
def test_whoever_samples_after_an_exception_samples_scores(make_model, red_reward):
    model = make_model()
    with pytest.raises(KeyboardInterrupt):
        model.learn(60, callback=[RelabelCallback(red_reward), AtStep(10, interrupt)])
    assert float(model.replay_buffer.sample(50).rewards.min()) > 0


def test_after_an_exception_a_training_without_the_callback_is_refused(red_reward):
    model = dqn(venv_of(2))
    with pytest.raises(KeyboardInterrupt):
        model.learn(60, callback=[RelabelCallback(red_reward), AtStep(10, interrupt)])
    with pytest.raises(PairingError, match="each time"):
        model.learn(10, reset_num_timesteps=False)


def test_after_an_exception_another_callback_goes_on(red_reward):
    model = dqn(venv_of(2))
    with pytest.raises(KeyboardInterrupt):
        model.learn(60, callback=[RelabelCallback(red_reward), AtStep(12, interrupt)])
    model.learn(28, callback=RelabelCallback(red_reward))
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_when_training_has_ended_the_buffer_is_as_it_was(red_reward):
    model = dqn(venv_of(2)).learn(14, callback=RelabelCallback(red_reward))
    assert type(model.replay_buffer) is ReplayBuffer
    model.learn(14, reset_num_timesteps=False)  # on the environment's own rewards
    assert (model.replay_buffer.rewards[7:14] < 0).all()


def test_an_interrupt_while_scoring_loses_nothing(red_reward, monkeypatch):
    relabel = RelabelCallback(red_reward)
    model = dqn(venv_of(2))
    monkeypatch.setattr(red_reward.encoder, "embed_frames", lambda frames: interrupt())
    with pytest.raises(KeyboardInterrupt):
        model.learn(60, callback=relabel)
    monkeypatch.undo()
    relabel.flush()
    assert model.replay_buffer.pos == 7
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_after_an_interrupt_the_next_training_scores_what_is_stored(red_reward):
    relabel = RelabelCallback(red_reward)
    model = dqn(venv_of(2))
    with pytest.raises(KeyboardInterrupt):
        model.learn(60, callback=[relabel, AtStep(12, interrupt)])
    model.learn(28, callback=relabel)
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_one_callback_can_serve_two_agents_in_turn(red_reward):
    relabel = RelabelCallback(red_reward)
    for num_envs in (1, 2):
        model = dqn(venv_of(num_envs)).learn(28, callback=relabel)
        assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_it_logs_both_means_the_returns_and_the_rate(red_reward):
    """One episode of three steps has red 40, 60 and 80; the environment's own rewards are -1, -2 and -3."""
    model = dqn(venv_of(1, lengths=(3,)), train_freq=6)
    model.set_logger(configure(None, []))
    relabel = RelabelCallback(red_reward)
    model.learn(6, callback=relabel, log_interval=None)
    logged = model.logger.name_to_value
    assert logged["reward/vlm_mean"] == pytest.approx(60 / 255)
    assert logged["reward/env_mean"] == -2.0
    assert logged["rollout/ep_vlm_rew_mean"] == pytest.approx(180 / 255)
    assert list(relabel.episode_returns.finished) == pytest.approx([180 / 255] * 2)
    assert logged["time/frames_per_s"] > 0


def test_frames_are_kept_at_the_size_of_the_encoder(red_reward):
    relabel = RelabelCallback(red_reward)
    venv = DummyVecEnv([lambda: CaptureFrame(CountingEnv(size=(40, 60)))])
    model = dqn(venv)
    with pytest.raises(KeyboardInterrupt):
        model.learn(60, callback=[relabel, AtStep(5, interrupt)])
    assert {frames.shape for frames in relabel._unscored._frames} == {(1, SIZE_PX, SIZE_PX, 3)}


def test_a_scaling_is_applied_to_every_score(red_reward):
    centred = RelabelCallback(toys.red_reward(scaling={"subtract": 0.5}))
    scaled = dqn(venv_of(1)).learn(14, callback=centred).replay_buffer
    plain = dqn(venv_of(1)).learn(14, callback=RelabelCallback(red_reward)).replay_buffer
    np.testing.assert_allclose(scaled.rewards[:14], plain.rewards[:14] - 0.5, atol=1e-6)


def test_normalised_observations_are_allowed(red_reward):
    model = dqn(VecNormalize(venv_of(1), norm_reward=False)).learn(14, callback=RelabelCallback(red_reward))
    assert_every_row_has_the_reward_of_its_own_frame(model.replay_buffer)


def test_early_termination_under_a_constant_reward_warns(red_reward):
    with pytest.warns(SurvivalBonusWarning, match="paid to stay"):
        dqn(venv_of(1, ends_by="terminated")).learn(14, callback=RelabelCallback(red_reward))
