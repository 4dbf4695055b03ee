"""What is stored is what is loaded, to the bit; and nothing in a file is ever run."""

import hashlib
import json
import pickle
import random
import shutil
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict

from tests.toys import CountingEnv
from vlmrm.errors import RunError
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.make_agent import make_agent
from vlmrm.training.run.agent_state import read_state, start_new_episode
from vlmrm.training.run.checkpoint import (
    find_best,
    list_checkpoints,
    load_checkpoint,
    load_newest,
    save_best,
    save_checkpoint,
)

SMALL = {"policy_kwargs": {"net_arch": [8]}, "batch_size": 4}
REPLAY = SMALL | {"buffer_size": 40, "learning_starts": 5, "train_freq": 4}
SETTINGS = {
    "DQN": REPLAY | {"target_update_interval": 7, "exploration_fraction": 0.5},
    "SAC": REPLAY,
    "SAC with gSDE and a fixed entropy": REPLAY | {"use_sde": True, "ent_coef": 0.1},
    "TD3": REPLAY | {"action_noise": 0.1},
    "DDPG": REPLAY,
    "DQN with n-step returns": REPLAY | {"n_steps": 3},
    "PPO": SMALL | {"n_steps": 8},
    "A2C": {"policy_kwargs": {"net_arch": [8]}, "n_steps": 4},
    "QRDQN": REPLAY | {"target_update_interval": 7, "exploration_fraction": 0.5},
    "TQC": REPLAY,
    "CrossQ": REPLAY,
    "TRPO": SMALL | {"n_steps": 8},
    "RecurrentPPO": {"policy_kwargs": {"net_arch": [8], "lstm_hidden_size": 4}, "batch_size": 4, "n_steps": 8},
    "MaskablePPO": SMALL | {"n_steps": 8},
}


class DictObservation(gym.ObservationWrapper):
    def __init__(self, env):
        super().__init__(env)
        self.observation_space = Dict({"t": env.observation_space, "twice": Box(0, 40, (2,), np.float32)})

    def observation(self, observation):
        return {"t": observation, "twice": np.repeat(observation * 2, 2)}


class Choosy(gym.Wrapper):
    """Forbids one of the two buttons at every other step; most algorithms do not ask."""

    def action_masks(self):
        return np.array([True, self.unwrapped.t % 2 == 0])


def make(name="DQN", *, seed=0, num_envs=1, wrapper=None, **changes):
    algorithm = find_algorithm(name.split()[0])
    continuous = "Discrete" not in algorithm.actions

    def env():
        made = Choosy(CountingEnv((3, 5, 2), continuous=continuous))
        return wrapper(made) if wrapper else made

    from stable_baselines3.common.vec_env import DummyVecEnv

    settings = SETTINGS[name] | changes
    return make_agent(algorithm, DummyVecEnv([env] * num_envs), hyperparameters=settings, seed=seed, device="cpu")


def without_python_random(values):
    """The checks of types while the tests run draw from Python's random numbers themselves."""
    return values | {"random": values["random"] | {"python": None}}


def assert_same_state(ours, agent):
    theirs = read_state(agent)
    assert without_python_random(ours.values) == without_python_random(theirs.values)
    assert ours.tensors.keys() == theirs.tensors.keys()
    for name, tensor in ours.tensors.items():
        assert torch.equal(tensor, theirs.tensors[name]), name
    assert ours.replay.keys() == theirs.replay.keys()
    for name, array in ours.replay.items():
        np.testing.assert_array_equal(array, theirs.replay[name], err_msg=name)
        assert array.dtype == theirs.replay[name].dtype


def numbers_of(agent):
    """Every plain number an agent keeps, whether we know its name or not."""
    unlike = {"seed", "start_time"}
    return {
        name: value
        for name, value in vars(agent).items()
        if isinstance(value, bool | int | float) and name not in unlike
    }


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


@pytest.mark.parametrize("name", ["agent.safetensors", "replay.npz", "state.json", "manifest.json"])
def test_a_damaged_file_is_named_and_the_checkpoint_before_it_is_used(name, tmp_path):
    agent = make("DQN").learn(20)
    save_checkpoint(agent, tmp_path)
    good = without_python_random(read_state(agent).values)
    agent.learn(20, reset_num_timesteps=False)
    newest = save_checkpoint(agent, tmp_path)
    contents = bytearray((newest / name).read_bytes())
    contents[len(contents) // 2] ^= 0xFF
    (newest / name).write_bytes(contents)
    with pytest.raises(RunError, match=name):
        load_checkpoint(make("DQN"), newest)
    other = make("DQN", seed=1)
    used, faults = load_newest(other, tmp_path)
    assert used == tmp_path / "step-00000020"
    assert len(faults) == 1
    assert name in str(faults[0])
    assert without_python_random(read_state(other).values) == good


@pytest.mark.parametrize("name", ["agent.safetensors", "replay.npz", "state.json", "manifest.json"])
def test_a_file_that_is_cut_off_or_missing_is_named(name, tmp_path):
    path = save_checkpoint(make("DQN").learn(20), tmp_path)
    file = path / name
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(RunError, match=name):
        load_checkpoint(make("DQN"), path)
    file.unlink()
    with pytest.raises(RunError, match=name):
        load_checkpoint(make("DQN"), path)


def test_with_every_checkpoint_damaged_nothing_is_guessed(tmp_path):
    path = save_checkpoint(make("DQN").learn(20), tmp_path)
    (path / "state.json").write_text("{}")
    with pytest.raises(RunError, match=r"no checkpoint .* can be read[\s\S]*state\.json"):
        load_newest(make("DQN"), tmp_path)


def test_a_run_without_checkpoints_says_so(tmp_path):
    assert load_newest(make("DQN"), tmp_path) == (None, [])


class Explosive:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["agent.safetensors", "replay.npz", "state.json"])
def test_no_code_in_a_file_is_ever_run(name, tmp_path):
    """Even where somebody put a pickle in place of a file and made the manifest fit."""
    proof = tmp_path / "was run"
    pickle.loads(pickle.dumps(Explosive(proof)))
    assert proof.exists()  # so the bait works
    proof.unlink()
    path = save_checkpoint(make("DQN").learn(20), tmp_path / "checkpoints")
    if name == "replay.npz":
        np.savez(path / name, rewards=np.array([Explosive(proof)], dtype=object))
    elif name == "agent.safetensors":
        torch.save(Explosive(proof), path / name)
    else:
        (path / name).write_bytes(pickle.dumps(Explosive(proof)))
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["sha256"][name] = hashlib.sha256((path / name).read_bytes()).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError, match=name):
        load_checkpoint(make("DQN"), path)
    assert not proof.exists()


def test_a_checkpoint_of_another_algorithm_or_network_is_refused(tmp_path):
    path = save_checkpoint(make("DQN").learn(20), tmp_path)
    with pytest.raises(RunError, match="DQN, and the agent is PPO"):
        load_checkpoint(make("PPO"), path)
    with pytest.raises(RunError, match="other networks"):
        load_checkpoint(make("DQN", policy_kwargs={"net_arch": [16]}), path)
    with pytest.raises(RunError, match="40 rows of 1 env"):
        load_checkpoint(make("DQN", buffer_size=50), path)


def test_a_crash_while_writing_leaves_the_checkpoints_before_it_alone(tmp_path, monkeypatch):
    agent = make("DQN").learn(20)
    first = save_checkpoint(agent, tmp_path)
    agent.num_timesteps = 24

    def full_disk(*args, **kwargs):
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("numpy.savez", full_disk)
        with pytest.raises(OSError, match="no space"):
            save_checkpoint(agent, tmp_path)
    assert list(tmp_path.iterdir()) == [first]
    load_checkpoint(make("DQN"), first)


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
    from stable_baselines3.common.vec_env import DummyVecEnv

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
