import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete, Text
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import DummyVecEnv

from tests.toys import CountingEnv
from vlmrm.errors import SpecError
from vlmrm.training.algorithms import (
    ALGORITHMS,
    default_algorithm,
    default_hyperparameters,
    find_algorithm,
    require_spaces,
)
from vlmrm.training.make_agent import check_hyperparameters, make_agent, policy_name

PICTURE = Box(0, 255, (64, 64, 3), np.uint8)
VECTOR = Box(-1, 1, (3,))


def venv(**kwargs):
    return DummyVecEnv([lambda: CountingEnv(**kwargs)])


@pytest.mark.parametrize(
    ("actions", "name"), [(Discrete(3), "DQN"), (Box(-1, 1, (2,)), "SAC"), (MultiDiscrete([2, 3]), "PPO")]
)
def test_the_action_space_decides_the_algorithm_that_nobody_chose(actions, name):
    assert default_algorithm(actions).name == name


def test_an_action_space_that_nothing_handles_is_refused():
    with pytest.raises(SpecError, match=r"no algorithm here handles the action space Dict"):
        default_algorithm(Dict(a=Discrete(2)))


def test_the_observations_decide_the_policy_network():
    assert policy_name(find_algorithm("PPO"), VECTOR) == "MlpPolicy"
    assert policy_name(find_algorithm("PPO"), PICTURE) == "CnnPolicy"
    assert policy_name(find_algorithm("PPO"), Dict(picture=PICTURE)) == "MultiInputPolicy"


def test_an_algorithm_that_does_not_fit_the_actions_names_those_that_do():
    with pytest.raises(SpecError, match=r"DQN needs actions of kind Discrete.*Use SAC or TD3 or DDPG or PPO or A2C"):
        require_spaces(find_algorithm("DQN"), Box(-1, 1, (2,)), VECTOR)


@pytest.mark.parametrize("observations", [Text(5), Dict(inner=Dict(x=VECTOR))])
def test_observations_that_sb3_cannot_read_are_refused(observations):
    with pytest.raises(SpecError, match=r"--wrapper gymnasium\.wrappers:FlattenObservation .*text must be left out"):
        require_spaces(find_algorithm("DQN"), Discrete(2), observations)


def test_unknown_algorithms_and_hyperparameters_are_named_with_their_neighbours():
    with pytest.raises(SpecError, match=r"unknown algorithm 'SAK'"):
        find_algorithm("SAK")
    with pytest.raises(SpecError, match=r"DQN has no hyper-parameter 'learning_rates'. Near: learning_rate"):
        check_hyperparameters(find_algorithm("DQN"), {"learning_rates": 1e-3})
    with pytest.raises(SpecError, match=r"no policy_kwargs 'net_arhc'. Near: net_arch"):
        make_agent(find_algorithm("DQN"), venv(), hyperparameters={"policy_kwargs": {"net_arhc": [4]}}, seed=0)
    with pytest.raises(SpecError, match=r"no activation_fn 'Relu'. Near: ReLU"):
        make_agent(find_algorithm("PPO"), venv(), hyperparameters={"policy_kwargs": {"activation_fn": "Relu"}}, seed=0)


@pytest.mark.parametrize("name", ["seed", "policy", "env", "tensorboard_log", "replay_buffer_class"])
def test_what_the_configuration_decides_is_no_hyperparameter(name):
    with pytest.raises(SpecError, match=f"no hyper-parameter '{name}'"):
        check_hyperparameters(find_algorithm("DQN"), {name: 1})


class Patient(SAC):
    """An algorithm of somebody's own."""

    def __init__(self, *args, patience=1, **kwargs):
        super().__init__(*args, **kwargs)
        self.patience = patience


def test_an_algorithm_of_ones_own_is_named_by_module_and_class_and_takes_after_its_parent():
    algorithm = find_algorithm(f"{__name__}:Patient")
    assert (algorithm.off_policy, algorithm.actions) == (True, ("Box",))
    settings = default_hyperparameters(algorithm, VECTOR) | {"patience": 3, "gamma": 0.5}
    agent = make_agent(algorithm, venv(continuous=True), hyperparameters=settings, seed=0)
    assert (type(agent), agent.patience, agent.gamma, agent.train_freq.frequency) == (Patient, 3, 0.5, 64)
    with pytest.raises(SpecError, match=r"no hyper-parameter 'patienc'\. Near: patience"):
        check_hyperparameters(algorithm, {"patienc": 3})


def test_the_place_of_a_known_algorithm_is_that_algorithm():
    assert find_algorithm("sb3_contrib:TQC") is ALGORITHMS["TQC"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere_at_all:Own", "no module 'nowhere_at_all'"),
        (f"{__name__}:Patent", "not an off-policy or on-policy algorithm.*Near: Patient"),
        (f"{__name__}:CountingEnv", "not an off-policy or on-policy algorithm"),
        ("sb3_contrib:ARS", "not an off-policy or on-policy algorithm"),
        (":Own", "named MODULE:CLASS"),
    ],
)
def test_a_class_that_is_not_an_algorithm_is_refused(name, message):
    with pytest.raises(SpecError, match=message):
        find_algorithm(name)


def test_an_impossible_value_says_which_algorithm_refused_it():
    with pytest.raises(SpecError, match=r"DQN cannot be made with .*train_freq"):
        make_agent(find_algorithm("DQN"), venv(), hyperparameters={"train_freq": [4, "lightyears"]}, seed=0)


def test_toml_values_become_what_sb3_wants():
    settings = {
        "train_freq": [7, "step"],
        "action_noise": 0.25,
        "buffer_size": 50,
        "policy_kwargs": {"net_arch": [4], "activation_fn": "Tanh"},
    }
    agent = make_agent(find_algorithm("TD3"), venv(continuous=True), hyperparameters=settings, seed=0)
    assert agent.train_freq.frequency == 7
    assert agent.action_noise._sigma.tolist() == [0.25]
    assert any(isinstance(layer, torch.nn.Tanh) for layer in agent.actor.mu)
    assert settings["train_freq"] == [7, "step"]  # what is written down stays plain


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_is_made_with_its_defaults(name):
    algorithm = find_algorithm(name)
    env = venv(continuous="Discrete" not in algorithm.actions)
    settings = default_hyperparameters(algorithm, env.observation_space)
    assert type(make_agent(algorithm, env, hyperparameters=settings, seed=0)).__name__ == name


def test_pictures_as_observations_get_a_smaller_replay_buffer_and_no_layers_of_the_vector_policy():
    settings = default_hyperparameters(find_algorithm("DQN"), PICTURE)
    assert settings["buffer_size"] == 30_000
    assert "policy_kwargs" not in settings


def test_the_seed_decides_the_networks():
    def first_weights(seed):
        agent = make_agent(find_algorithm("PPO"), venv(), hyperparameters={}, seed=seed)
        return next(iter(agent.policy.parameters())).detach().clone()

    assert torch.equal(first_weights(3), first_weights(3))
    assert not torch.equal(first_weights(3), first_weights(4))


def test_gymnasium_environments_of_the_registry_fit():
    env = DummyVecEnv([lambda: gym.make("CartPole-v1")])
    assert make_agent(find_algorithm("DQN"), env, hyperparameters={"buffer_size": 10}, seed=0).num_timesteps == 0


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("DQN", {"gamma": "x"}, "gamma of DQN must be a number; got 'x'"),
        ("DQN", {"target_update_interval": "a"}, "must be a number"),
        ("SAC", {"train_freq": 0}, "train_freq of SAC must be at least 1; got 0"),
        ("PPO", {"batch_size": 0}, "at least 1"),
    ],
)
def test_values_that_would_break_the_training_later_are_refused_at_once(name, settings, message):
    with pytest.raises(SpecError, match=message):
        check_hyperparameters(find_algorithm(name), settings)


@pytest.mark.parametrize("rate", ["1e-3", "lin_-1e-3", "lin_0", "lin_nan", "lin_", "late_x", "late_0", "falling"])
def test_a_rate_in_quotes_is_no_schedule_unless_it_says_so(rate):
    """A number that merely stands in quotes must not fall to 0 unasked."""
    with pytest.raises(SpecError, match="lin_NUMBER"):
        check_hyperparameters(find_algorithm("SAC"), {"learning_rate": rate})


def test_a_linear_schedule_falls_to_0():
    pendulum = DummyVecEnv([lambda: gym.make("Pendulum-v1")])
    agent = make_agent(find_algorithm("SAC"), pendulum, hyperparameters={"learning_rate": "lin_1e-3"}, seed=0)
    assert [agent.lr_schedule(remaining) for remaining in (1.0, 0.5, 0.0)] == pytest.approx([1e-3, 5e-4, 0.0])


def test_a_late_schedule_stays_and_falls_to_0_over_the_last_third():
    pendulum = DummyVecEnv([lambda: gym.make("Pendulum-v1")])
    rate = {"learning_rate": "late_6e-4", "learning_starts": 10}
    agent = make_agent(find_algorithm("SAC"), pendulum, hyperparameters=rate, seed=0)
    agent.learn(30)
    assert [agent.lr_schedule(remaining) for remaining in (1.0, 0.4, 1 / 3, 1 / 6, 0.0)] == pytest.approx(
        [6e-4, 6e-4, 6e-4, 3e-4, 0.0]
    )
    assert agent.actor.optimizer.param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-9)


def test_words_that_stand_for_a_number_are_taken():
    check_hyperparameters(find_algorithm("SAC"), {"ent_coef": "auto", "learning_rate": "lin_1e-3"})
