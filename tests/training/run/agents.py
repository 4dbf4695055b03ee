"""Small agents of every algorithm, and whether two of them are the same."""

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box, Dict
from stable_baselines3.common.vec_env import DummyVecEnv

from tests.toys import CountingEnv
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.make_agent import make_agent
from vlmrm.training.run.agent_state import read_state

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
