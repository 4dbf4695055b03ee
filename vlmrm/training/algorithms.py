"""The algorithms of Stable-Baselines3 that `vlmrm train` knows, and how an agent is made from plain values."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import stable_baselines3
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv

from vlmrm.errors import SpecError, near_matches

_OURS = {  # decided by TrainConfig, or not expressible as plain values
    "self", "policy", "env", "seed", "device", "verbose", "tensorboard_log", "_init_setup_model",
    "replay_buffer_class", "rollout_buffer_class",
}  # fmt: skip
_ACTIVATIONS = ("ELU", "GELU", "LeakyReLU", "ReLU", "SiLU", "Tanh")
_COUNTS = {"batch_size", "buffer_size", "n_epochs", "n_steps", "target_update_interval", "train_freq"}
_SCHEDULED = {"learning_rate", "clip_range"}
_IMAGE_BUFFER = 30_000  # 96 x 96 pictures with their successors: 1.7 GB


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """One algorithm of Stable-Baselines3."""

    name: str
    """Its class there."""
    off_policy: bool
    """Learns from a replay buffer, so that whole rollouts can be scored at once."""
    actions: tuple[str, ...]
    """The action spaces it handles."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Hyper-parameters where neither the task nor the user says any: long rollouts, so that scoring is batched."""


_ANY_ACTIONS = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")
_REPLAY = {"buffer_size": 100_000, "learning_starts": 1_000, "train_freq": 64, "gradient_steps": -1}
_DQN = {
    "learning_rate": 5e-4,
    "batch_size": 128,
    "target_update_interval": 500,
    "exploration_fraction": 0.2,
    "policy_kwargs": {"net_arch": [256, 256]},
}

ALGORITHMS: Mapping[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm(name="DQN", off_policy=True, actions=("Discrete",), defaults=_REPLAY | _DQN),
        Algorithm(name="SAC", off_policy=True, actions=("Box",), defaults=_REPLAY),
        Algorithm(name="TD3", off_policy=True, actions=("Box",), defaults=_REPLAY | {"action_noise": 0.1}),
        Algorithm(name="DDPG", off_policy=True, actions=("Box",), defaults=_REPLAY | {"action_noise": 0.1}),
        Algorithm(name="PPO", off_policy=False, actions=_ANY_ACTIONS),
        Algorithm(name="A2C", off_policy=False, actions=_ANY_ACTIONS),
    )
}
"""All of them, by name."""


def find_algorithm(name: str) -> Algorithm:
    """The algorithm of this name.

    Raises:
        SpecError: There is none.

    Example:
        >>> find_algorithm("SAC").off_policy
        True
    """
    if name not in ALGORITHMS:
        raise SpecError(f"unknown algorithm {name!r}. Known: {', '.join(ALGORITHMS)}.")
    return ALGORITHMS[name]


def default_algorithm(action_space: spaces.Space[Any]) -> Algorithm:
    """The algorithm for an action space that nobody chose one for.

    Raises:
        SpecError: None of them can handle it.

    Example:
        >>> default_algorithm(spaces.Discrete(2)).name
        'DQN'
    """
    for name in ("DQN", "SAC", "PPO"):
        if type(action_space).__name__ in ALGORITHMS[name].actions:
            return ALGORITHMS[name]
    raise SpecError(f"no algorithm here handles the action space {action_space}. Wrap it into Box or Discrete.")


def require_spaces(algorithm: Algorithm, action_space: spaces.Space[Any], observation_space: spaces.Space[Any]) -> None:
    """Refuse an environment that the algorithm cannot handle.

    Raises:
        SpecError: The actions or the observations do not fit.
    """
    kind = type(action_space).__name__
    if kind not in algorithm.actions:
        fitting = [other.name for other in ALGORITHMS.values() if kind in other.actions]
        raise SpecError(
            f"{algorithm.name} needs actions of kind {' or '.join(algorithm.actions)}, and the environment has "
            f"{action_space}. Use {' or '.join(fitting) or 'an action wrapper'}."
        )
    if isinstance(action_space, spaces.Box) and 0 in action_space.shape:
        raise SpecError(
            f"the environment takes no action ({action_space}), so there is nothing to learn. A MuJoCo model moves by "
            "the <actuator> elements of its XML."
        )
    parts = observation_space.values() if isinstance(observation_space, spaces.Dict) else [observation_space]
    for part in parts:
        if type(part).__name__ not in _ANY_ACTIONS:
            raise SpecError(
                f"Stable-Baselines3 takes observations of kind {', '.join(_ANY_ACTIONS)} or one flat Dict of them; "
                f"the environment has {observation_space}. Apply gymnasium.wrappers.FlattenObservation."
            )


def policy_name(observation_space: spaces.Space[Any]) -> str:
    """The kind of policy network that reads these observations.

    Example:
        >>> policy_name(spaces.Box(-1, 1, (4,))), policy_name(spaces.Box(0, 255, (96, 96, 3), np.uint8))
        ('MlpPolicy', 'CnnPolicy')
    """
    if isinstance(observation_space, spaces.Dict):
        return "MultiInputPolicy"
    return "CnnPolicy" if is_image_space(observation_space) else "MlpPolicy"


def default_hyperparameters(algorithm: Algorithm, observation_space: spaces.Space[Any]) -> dict[str, Any]:
    """What an agent is made with where neither the task nor the user says anything."""
    chosen = dict(algorithm.defaults)
    if policy_name(observation_space) != "MlpPolicy":
        chosen.pop("policy_kwargs", None)
        if algorithm.off_policy:
            chosen["buffer_size"] = _IMAGE_BUFFER
    return chosen


def make_agent(
    algorithm: Algorithm, venv: VecEnv, *, hyperparameters: Mapping[str, Any], seed: int, device: str | None = None
) -> BaseAlgorithm:
    """An untrained agent.

    Args:
        algorithm: Which.
        venv: Where it will train.
        hyperparameters: Of the algorithm's constructor, as TOML holds them. A list stands for a tuple in
            ``train_freq``, a number for the deviation of Gaussian noise in ``action_noise``, ``lin_1e-3`` for a rate or
            range that falls to 0 over the run, and a name like ``ReLU`` for a class in ``policy_kwargs.activation_fn``.
        seed: Of the networks, the exploration and the environments.
        device: Of the networks; None: the best there is, but the CPU for small on-policy networks.

    Raises:
        SpecError: A hyper-parameter is unknown or impossible, or the environment does not fit the algorithm.
    """
    require_spaces(algorithm, venv.action_space, venv.observation_space)
    policy = policy_name(venv.observation_space)
    kind: Any = getattr(stable_baselines3, algorithm.name)
    arguments = _arguments(kind, policy, hyperparameters, venv.action_space)
    small = policy == "MlpPolicy" and not algorithm.off_policy
    try:
        agent: BaseAlgorithm = kind(policy, venv, seed=seed, device=device or ("cpu" if small else "auto"), **arguments)
    except (TypeError, ValueError, AssertionError, AttributeError, NotImplementedError) as error:
        raise SpecError(f"{algorithm.name} cannot be made with {dict(hyperparameters)}: {error}") from error
    return agent


def check_hyperparameters(algorithm: Algorithm, hyperparameters: Mapping[str, Any]) -> None:
    """Refuse names that the algorithm's constructor does not know, and values that it would trip over while training.

    Raises:
        SpecError: A name is unknown, and the message has the nearest; or a value is no number where one is needed, or
            not positive where it must be.

    Example:
        >>> check_hyperparameters(find_algorithm("DQN"), {"learning_rate": 1e-3})
    """
    kind = getattr(stable_baselines3, algorithm.name)
    _require_known(f"{algorithm.name} has no hyper-parameter", hyperparameters, _parameters(kind.__init__) - _OURS)
    usual = {name: entry.default for name, entry in inspect.signature(kind.__init__).parameters.items()}
    for name, value in hyperparameters.items():
        if name in _SCHEDULED:
            _schedule(name, value)
        elif isinstance(value, str) and _is_number(usual[name]):
            raise SpecError(f"{name} of {algorithm.name} must be a number; got {value!r}.")
        if name in _COUNTS and _is_number(value) and value < 1:
            raise SpecError(f"{name} of {algorithm.name} must be at least 1; got {value!r}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _arguments(
    kind: Any, policy: str, hyperparameters: Mapping[str, Any], action_space: spaces.Space[Any]
) -> dict[str, Any]:
    check_hyperparameters(find_algorithm(kind.__name__), hyperparameters)
    arguments = dict(hyperparameters)
    if isinstance(arguments.get("train_freq"), list):
        arguments["train_freq"] = tuple(arguments["train_freq"])
    noise = arguments.get("action_noise")
    if isinstance(noise, int | float):
        shape = action_space.shape or (1,)
        arguments["action_noise"] = NormalActionNoise(np.zeros(shape), np.full(shape, float(noise)))
    for name in _SCHEDULED & set(arguments):
        arguments[name] = _schedule(name, arguments[name])
    network = dict(arguments.get("policy_kwargs", {}))
    _require_known(
        f"{policy} of {kind.__name__} has no policy_kwargs", network, _parameters(kind.policy_aliases[policy].__init__)
    )
    if isinstance(network.get("activation_fn"), str):
        _require_known("there is no activation_fn", [network["activation_fn"]], _ACTIVATIONS)
        network["activation_fn"] = getattr(torch.nn, network["activation_fn"])
    return arguments | {"policy_kwargs": network}


def _schedule(name: str, value: Any) -> Any:
    """A number stays; ``lin_X`` falls from X to 0 over the run."""
    if not isinstance(value, str):
        return value
    try:
        first = float(value.removeprefix("lin_")) if value.startswith("lin_") else math.nan
    except ValueError:
        first = math.nan
    if not 0 < first < math.inf:
        raise SpecError(f"{name} must be a number, or lin_NUMBER to let it fall from there to 0; got {value!r}.")
    return LinearSchedule(first, 0.0, 1.0)


def _parameters(function: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(function).parameters)


def _require_known(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            raise SpecError(f"{what} {name!r}. Near: {near_matches(name, known)}.")
