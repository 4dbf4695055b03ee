"""`make_agent`: an agent of Stable-Baselines3 from plain values, as TOML and ``config.json`` hold them."""

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv

from vlmrm.errors import SpecError, near_matches
from vlmrm.training.algorithms import Algorithm, reads, require_spaces

_OURS = {  # decided by TrainConfig, or not expressible as plain values
    "self", "policy", "env", "seed", "device", "verbose", "tensorboard_log", "_init_setup_model",
    "replay_buffer_class", "rollout_buffer_class",
}  # fmt: skip
_ACTIVATIONS = ("ELU", "GELU", "LeakyReLU", "ReLU", "SiLU", "Tanh")
_COUNTS = {"batch_size", "buffer_size", "n_epochs", "n_steps", "target_update_interval", "train_freq"}
_SCHEDULED = {"learning_rate", "clip_range"}


def make_agent(
    algorithm: Algorithm,
    venv: VecEnv,
    *,
    hyperparameters: Mapping[str, Any],
    seed: int,
    device: str | None = None,
    warm_start: bool = False,
) -> BaseAlgorithm:
    """An untrained agent.

    Args:
        algorithm: Algorithm to make an agent of.
        venv: Environments in which it will train.
        hyperparameters: Arguments of the algorithm's constructor, as TOML holds them. A list stands for a tuple in
            ``train_freq``, a number for the deviation of Gaussian noise in ``action_noise``, ``lin_1e-3`` for a rate or
            range that falls to 0 over the run, ``late_1e-3`` for one that falls over its last third alone, and a name
            like ``ReLU`` for a class in ``policy_kwargs.activation_fn``.
        seed: Random seed of the networks, the exploration and the environments.
        device: Device of the networks; None: the best there is, but the CPU for small on-policy networks.
        warm_start: Whether it will get the networks of an agent that has learnt already. Then its policy acts while the
            replay buffer fills to ``learning_starts``, where others act at random, and the share of random actions
            of DQN is the last one from the start, unless ``exploration_initial_eps`` says another.

    Raises:
        SpecError: A hyper-parameter is unknown or impossible, or the environment does not fit the algorithm.
        MissingExtra: The algorithm's package is not installed.
    """
    require_spaces(algorithm, venv.action_space, venv.observation_space)
    check_hyperparameters(algorithm, hyperparameters)
    kind: Any = algorithm.load()
    policy = policy_name(algorithm, venv.observation_space)
    network = _network(f"{policy} of {algorithm.name}", kind.policy_aliases[policy], hyperparameters)
    arguments = _arguments(hyperparameters, venv.action_space) | network
    if warm_start and algorithm.off_policy:
        arguments = _exploration_of_old(kind, arguments)
        kind = _with_policy_at_once(kind)
    small = reads(venv.observation_space) == "Mlp" and not algorithm.off_policy
    try:
        agent: BaseAlgorithm = kind(policy, venv, seed=seed, device=device or ("cpu" if small else "auto"), **arguments)
    except (TypeError, ValueError, AssertionError, AttributeError, NotImplementedError) as error:
        raise SpecError(f"{algorithm.name} cannot be made with {dict(hyperparameters)}: {error}") from error
    return agent


def check_hyperparameters(algorithm: Algorithm, hyperparameters: Mapping[str, Any]) -> None:
    """Refuse names that the algorithm's constructor does not know, and values that it would trip over while training.

    Raises:
        SpecError: A name is unknown, and the message has the nearest; or a value is not a number where one is needed,
            or not positive where it must be.

    Example:
        >>> from vlmrm.training.algorithms import find_algorithm
        >>> check_hyperparameters(find_algorithm("DQN"), {"learning_rate": 1e-3})
    """
    usual = constructor_defaults(algorithm)
    _require_known(f"{algorithm.name} has no hyper-parameter", hyperparameters, usual.keys() - _OURS)
    for name, value in hyperparameters.items():
        if name in _SCHEDULED:
            _schedule(name, value)
        elif isinstance(value, str) and _is_number(usual[name]):
            raise SpecError(f"{name} of {algorithm.name} must be a number; got {value!r}.")
        if name in _COUNTS and _is_number(value) and value < 1:
            raise SpecError(f"{name} of {algorithm.name} must be at least 1; got {value!r}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def constructor_defaults(algorithm: Algorithm) -> dict[str, Any]:
    """Return the arguments of the algorithm's constructor with their defaults."""
    return _parameters(algorithm.load())


def policy_name(algorithm: Algorithm, observation_space: spaces.Space[Any]) -> str:
    """The algorithm's own name of the policy network that reads these observations.

    Raises:
        SpecError: It has none.

    Example:
        >>> from vlmrm.training.algorithms import find_algorithm
        >>> policy_name(find_algorithm("RecurrentPPO"), spaces.Box(-1, 1, (4,)))
        'MlpLstmPolicy'
    """
    kind: Any = algorithm.load()
    known: list[str] = list(kind.policy_aliases)
    for name in known:
        if name.startswith(reads(observation_space)):
            return name
    raise SpecError(
        f"{algorithm.name} has no policy for the observations {observation_space}, only {', '.join(known)}. Use "
        "another algorithm, or flatten them."
    )


def _arguments(hyperparameters: Mapping[str, Any], action_space: spaces.Space[Any]) -> dict[str, Any]:
    """Plain values as what the constructor wants."""
    arguments = dict(hyperparameters)
    if isinstance(arguments.get("train_freq"), list):
        arguments["train_freq"] = tuple(arguments["train_freq"])
    noise = arguments.get("action_noise")
    if isinstance(noise, int | float):
        shape = action_space.shape or (1,)
        arguments["action_noise"] = NormalActionNoise(np.zeros(shape), np.full(shape, float(noise)))
    for name in _SCHEDULED & set(arguments):
        arguments[name] = _schedule(name, arguments[name])
    return arguments


def _exploration_of_old(kind: type[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with as few random actions at first as at last, where the algorithm has a share of them."""
    last = arguments.get("exploration_final_eps", _parameters(kind).get("exploration_final_eps"))
    return {**({} if last is None else {"exploration_initial_eps": last}), **arguments}


def _with_policy_at_once(kind: type[Any]) -> type[Any]:
    """An off-policy algorithm as it is, but that no action is random while its replay buffer fills."""

    def collect_rollouts(self: Any, *args: Any, learning_starts: int = 0, **kwargs: Any) -> Any:
        return kind.collect_rollouts(self, *args, learning_starts=0, **kwargs)

    return type(kind.__name__, (kind,), {"collect_rollouts": collect_rollouts})  # checkpoints compare the name


def _network(policy: str, kind: type[Any], hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the policy network, with its activation as a class."""
    network = dict(hyperparameters.get("policy_kwargs", {}))
    _require_known(f"{policy} has no policy_kwargs", network, _parameters(kind))
    if isinstance(network.get("activation_fn"), str):
        _require_known("there is no activation_fn", [network["activation_fn"]], _ACTIVATIONS)
        network["activation_fn"] = getattr(torch.nn, network["activation_fn"])
    return {"policy_kwargs": network}


def _schedule(name: str, value: Any) -> Any:
    """A number stays; ``lin_X`` falls from X to 0 over the run, and ``late_X`` over its last third."""
    if not isinstance(value, str):
        return value
    form, _, number = value.partition("_")
    try:
        first = float(number) if form in ("lin", "late") else math.nan
    except ValueError:
        first = math.nan
    if not 0 < first < math.inf:
        raise SpecError(
            f"{name} must be a number, lin_NUMBER to let it fall from there to 0, or late_NUMBER to let it fall in the "
            f"last third of the run; got {value!r}."
        )
    return LinearSchedule(first, 0.0, 1.0) if form == "lin" else LateSchedule(first)


@dataclass(frozen=True)
class LateSchedule:
    """A rate that stays as it is and falls to 0 over the last third of a run.

    Example:
        >>> rate = LateSchedule(6e-4)
        >>> [round(rate(left), 6) for left in (1.0, 0.5, 1 / 3, 1 / 6, 0.0)]
        [0.0006, 0.0006, 0.0006, 0.0003, 0.0]
    """

    first: float
    """The rate at first."""

    def __call__(self, progress_remaining: float | int) -> float:
        """Return the rate where a share of the run is left, 1 at its beginning."""
        return self.first * min(1.0, 3.0 * progress_remaining)


def _parameters(kind: type[Any]) -> dict[str, Any]:
    """The arguments of a constructor with their defaults; where it hands on ``**kwargs``, those of its parents too."""
    found: dict[str, Any] = {}
    for parent in kind.__mro__:
        if "__init__" not in vars(parent):
            continue
        entries = inspect.signature(vars(parent)["__init__"]).parameters.values()
        kinds = {entry.kind for entry in entries}
        named = {
            entry.name: entry.default
            for entry in entries
            if entry.kind not in (entry.VAR_POSITIONAL, entry.VAR_KEYWORD)
        }
        found = named | found
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return found


def _require_known(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            raise SpecError(f"{what} {name!r}. Near: {near_matches(name, known)}.")
