"""What is stored is what is loaded, to the bit."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from tests.toys import CountingEnv
from tests.training.run.agents import SETTINGS, DictObservation, assert_same_state, make, numbers_of
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.make_agent import make_agent
from vlmrm.training.run.agent_state import read_state, start_new_episode
from vlmrm.training.run.checkpoint import find_best, list_checkpoints, load_checkpoint, save_best, save_checkpoint


@pytest.mark.parametrize("name", SETTINGS)
def test_a_loaded_agent_equals_the_stored_one_to_the_bit(name, tmp_path):
    agent = make(name, seed=0).learn(60)
    stored = read_state(agent)
    path = save_checkpoint(agent, tmp_path)
    other = make(name, seed=1).learn(10)
    load_checkpoint(other, path)
    assert_same_state(stored, other)
    assert numbers_of(agent) == numbers_of(other)


@pytest.mark.parametrize("name", ["DQN", "SAC", "TD3", "DQN with n-step returns", "QRDQN", "TQC", "CrossQ"])
def test_the_next_gradient_steps_of_a_loaded_agent_are_those_of_the_stored_one(name, tmp_path):
    """Equal numbers could still be wired to the wrong tensors, as an optimiser's are after a careless load."""
    agent = make(name, seed=0).learn(60)
    path = save_checkpoint(agent, tmp_path)
    agent.train(gradient_steps=5, batch_size=4)
    trained = read_state(agent)
    other = make(name, seed=1).learn(10)
    load_checkpoint(other, path)
    other.train(gradient_steps=5, batch_size=4)
    assert_same_state(trained, other)


@pytest.mark.parametrize("name", SETTINGS)
def test_training_goes_on_from_where_it_was(name, tmp_path):
    path = save_checkpoint(make(name).learn(40), tmp_path)
    other = make(name, seed=1)
    load_checkpoint(other, path)
    before = {key: tensor.clone() for key, tensor in other.policy.state_dict().items()}
    stored = other.num_timesteps
    other.learn(40, reset_num_timesteps=False)
    assert other.num_timesteps >= stored + 40
    assert other._total_timesteps == stored + 40
    assert any(not torch.equal(tensor, before[key]) for key, tensor in other.policy.state_dict().items())


def test_several_environments_with_dict_observations_are_stored(tmp_path):
    agent = make("DQN", num_envs=2, wrapper=DictObservation).learn(30)
    stored = read_state(agent)
    path = save_checkpoint(agent, tmp_path)
    other = make("DQN", num_envs=2, wrapper=DictObservation, seed=1)
    load_checkpoint(other, path)
    assert_same_state(stored, other)
    assert set(read_state(other).replay) >= {"observations.t", "next_observations.twice", "rewards"}


@pytest.mark.parametrize(("steps", "rows"), [(12, 13), (60, 40)])
def test_only_the_filled_part_of_the_replay_buffer_is_stored(steps, rows, tmp_path):
    """40 rows; one more than is filled, since some buffers keep the last successor there."""
    path = save_checkpoint(make("DQN").learn(steps), tmp_path)
    with np.load(path / "replay.npz", allow_pickle=False) as arrays:
        assert len(arrays["rewards"]) == rows


def test_random_numbers_go_on_where_they_were(tmp_path):
    agent = make("DQN").learn(20)
    path = save_checkpoint(agent, tmp_path)

    def draw(of):
        return [(np.random.rand(), float(torch.rand(1)), int(of.action_space.sample())) for _ in range(5)]  # noqa: NPY002

    drawn = draw(agent)
    other = make("DQN", seed=9)
    load_checkpoint(other, path)
    assert draw(other) == drawn


def test_pythons_random_numbers_go_on_where_they_were(tmp_path):
    path = save_checkpoint(make("DQN").learn(20), tmp_path)
    drawn = []
    for seed in (1, 2):
        other = make("DQN", seed=seed)
        load_checkpoint(other, path)
        drawn.append(random.random())
    assert drawn[0] == drawn[1]


def test_the_newest_checkpoint_and_one_to_fall_back_to_are_kept(tmp_path):
    agent = make("DQN")
    for step in (8, 99_999_990, 100_000_000):  # a name of one digit more
        agent.num_timesteps = step
        assert save_checkpoint(agent, tmp_path).is_dir()
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-100000000", "step-99999990"]


def test_the_best_agent_is_stored_without_its_replay_buffer_and_replaced(tmp_path):
    agent = make("DQN").learn(20)
    save_best(agent, tmp_path)
    agent.num_timesteps = 24
    save_best(agent, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["best-00000024"]
    other = make("DQN", seed=1)
    load_checkpoint(other, find_best(tmp_path))
    assert other.replay_buffer.pos == 0
    assert torch.equal(other.q_net.state_dict()["q_net.0.weight"], agent.q_net.state_dict()["q_net.0.weight"])


def test_a_checkpoint_may_be_written_again(tmp_path):
    agent = make("DQN").learn(20)
    path = save_checkpoint(agent, tmp_path)
    agent.replay_buffer.rewards[0] = 7.0
    assert save_checkpoint(agent, tmp_path) == path
    other = make("DQN")
    load_checkpoint(other, path)
    assert other.replay_buffer.rewards[0] == 7.0
    assert list(tmp_path.iterdir()) == [path]


def test_an_n_step_return_does_not_reach_into_the_episode_after_a_resumption(tmp_path):
    """Episodes of 11 steps; stored after 8, in the middle of one."""

    def agent():
        settings = SETTINGS["DQN with n-step returns"] | {"learning_starts": 1000, "gamma": 1.0}
        venv = DummyVecEnv([lambda: CountingEnv((11,))])
        return make_agent(find_algorithm("DQN"), venv, hyperparameters=settings, seed=0, device="cpu")

    path = save_checkpoint(agent().learn(8), tmp_path)
    other = agent()
    load_checkpoint(other, path)
    start_new_episode(other)
    other.learn(8, reset_num_timesteps=False)
    samples = other.replay_buffer._get_samples(np.array([5, 6, 7, 8]))
    assert samples.rewards.flatten().tolist() == [-6 - 7 - 8, -7 - 8, -8, -1 - 2 - 3]
    assert samples.next_observations.flatten().tolist() == [8, 8, 8, 3]
    assert not samples.dones.any()  # cut off, not ended: the value of what would have followed counts


def test_a_resumed_agent_that_remembers_begins_its_episodes_with_an_empty_memory(tmp_path):
    agent = make("RecurrentPPO").learn(8)
    assert agent._last_lstm_states.pi[0].abs().max() > 0
    other = make("RecurrentPPO", seed=1)
    load_checkpoint(other, save_checkpoint(agent, tmp_path))
    other.learn(8, reset_num_timesteps=False)
    assert other.rollout_buffer.episode_starts.ravel()[0] == 1
    assert not other.rollout_buffer.hidden_states_pi[0].any()


def test_moving_a_checkpoint_elsewhere_does_not_harm_it(tmp_path):
    agent = make("PPO").learn(16)
    stored = read_state(agent)
    moved = shutil.move(save_checkpoint(agent, tmp_path / "here"), tmp_path / "there")
    other = make("PPO", seed=1)
    load_checkpoint(other, Path(moved))
    assert_same_state(stored, other)
