"""How many steps an algorithm takes before it learns from them, and what fits into a training of few steps."""

import logging
from collections.abc import Collection, Mapping
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.training.algorithms import Algorithm
from vlmrm.training.make_agent import constructor_defaults

_LOG = logging.getLogger(__name__)


def rollout_steps(algorithm: Algorithm, hyperparameters: Mapping[str, Any], num_envs: int) -> int | None:
    """Return the steps of all environments between two updates; None: the algorithm counts in episodes.

    Args:
        algorithm: Algorithm of the agent.
        hyperparameters: Arguments of its constructor; those that are left out have its defaults.
        num_envs: Number of environments.

    Example:
        >>> from vlmrm.training.algorithms import find_algorithm
        >>> rollout_steps(find_algorithm("PPO"), {}, 4), rollout_steps(find_algorithm("DQN"), {"train_freq": 64}, 1)
        (8192, 64)
    """
    said = (constructor_defaults(algorithm) | dict(hyperparameters)).get(_key(algorithm))
    if isinstance(said, list | tuple) and len(said) == 2 and said[1] == "step":
        said = said[0]
    return said * num_envs if isinstance(said, int) else None


def fit_rollout(
    algorithm: Algorithm, hyperparameters: Mapping[str, Any], *, chosen: Collection[str], steps: int, num_envs: int
) -> dict[str, Any]:
    """Return hyper-parameters with which the algorithm learns before the training ends; says what was changed.

    Args:
        algorithm: Algorithm of the agent.
        hyperparameters: Arguments of its constructor.
        chosen: Names of those that the user chose, which stay.
        steps: Steps of training.
        num_envs: Number of environments.

    Raises:
        SpecError: If the user chose rollouts that are longer than the training.
    """
    key, length = _key(algorithm), rollout_steps(algorithm, hyperparameters, num_envs)
    if length is None or length <= steps:
        return dict(hyperparameters)
    count = max(steps // num_envs, 1)
    if key in chosen:
        raise SpecError(
            f"{algorithm.name} learns after every {length:,} steps ({key} = {hyperparameters[key]}, num_envs = "
            f"{num_envs}), and there are {steps:,}, so that it would learn nothing. Use more steps, or {key} = {count}."
        )
    fitted = dict(hyperparameters)
    batch = (constructor_defaults(algorithm) | fitted).get("batch_size")
    if not algorithm.off_policy and isinstance(batch, int):
        if count * num_envs >= batch:
            count = max(count * num_envs // batch * batch // num_envs, 1)  # Stable-Baselines3 wants whole batches
        elif "batch_size" not in chosen:
            fitted["batch_size"] = count * num_envs
    _LOG.warning(
        "%s usually learns after every %d steps, and there are %d: it learns after every %d here (%s = %d).",
        algorithm.name, length, steps, count * num_envs, key, count,
    )  # fmt: skip
    return fitted | {key: count}


def _key(algorithm: Algorithm) -> str:
    return "train_freq" if algorithm.off_policy else "n_steps"
