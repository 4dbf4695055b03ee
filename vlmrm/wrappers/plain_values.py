"""What environments return beside observations, as plain numbers, flags and dictionaries.

- `plain_step`, `plain_info`: of one environment; what cannot be read is refused, and a reward that is not a number is
  NaN, which is said once.
- `PlainValues`: the same as a wrapper.
- `plain_numbers`, `plain_flags`: of environments side by side.
"""

import math
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from jaxtyping import Bool, Float

from vlmrm.errors import EnvValueWarning, PairingError, warn_user

Step = tuple[Any, float, bool, bool, dict[str, Any]]
"""Observation, reward, terminated, truncated and info."""


class PlainValues(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Turn what each step returns into one number, two flags and a dictionary.

    Args:
        env: Any environment.

    Raises:
        PairingError: At a reset or step whose values cannot be read.

    Example:
        >>> env = PlainValues(gym.wrappers.TransformReward(gym.make("CartPole-v1"), lambda reward: np.array([reward])))
        >>> _ = env.reset(seed=0)
        >>> env.step(0)[1:4]
        (1.0, False, False)
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's, with its info as a dictionary."""
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, plain_info(info, self.env)

    def step(self, action: Any) -> Step:
        """As the environment's, with plain values."""
        return plain_step(self.env.step(action), self.env)


def plain_step(values: Any, env: gym.Env[Any, Any]) -> Step:
    """Return what a step returned, as plain values.

    Args:
        values: Observation, reward, terminated, truncated and info, of whatever form.
        env: The environment, for messages.

    Raises:
        PairingError: If a flag is neither true nor false, or the info is not a dictionary.
    """
    obs, reward, terminated, truncated, info = values
    own = _number(reward)
    if _single(reward) is None:
        warn_user(
            f"{env} returned {_describe(reward)} as its reward, which is not one number. A reward of pictures does not "
            "need it; env_reward in the infos is NaN.",
            EnvValueWarning,
        )
    terminates, truncates = _flag(terminated, "terminated", env), _flag(truncated, "truncated", env)
    return obs, own, terminates, truncates, plain_info(info, env)


def plain_info(info: Any, env: gym.Env[Any, Any]) -> dict[str, Any]:
    """Return the info of a reset or step as a dictionary.

    Args:
        info: What the environment returned.
        env: The environment, for messages.

    Raises:
        PairingError: If it is not a mapping.
    """
    if not isinstance(info, Mapping):
        raise PairingError(f"{env} returned {info!r} as its info; a dictionary is needed, {{}} where there is nothing.")
    return dict(info)


def plain_numbers(values: Any, count: int) -> Float[np.ndarray, " n"]:
    """Return the own rewards of environments side by side; NaN where one is not a number.

    Args:
        values: One value for each, of whatever form.
        count: Number of environments.

    Raises:
        PairingError: If there are more or fewer.
    """
    return np.array([_number(value) for value in _each(values, count, "rewards")], dtype=np.float64)


def plain_flags(values: Any, count: int, name: str) -> Bool[np.ndarray, " n"]:
    """Return one flag for each of some environments side by side.

    Args:
        values: One value for each, of whatever form.
        count: Number of environments.
        name: What the flags say, for messages.

    Raises:
        PairingError: If one is neither true nor false, or there are more or fewer.
    """
    each = enumerate(_each(values, count, name))
    return np.array([_flag(value, name, f"environment {index}") for index, value in each], dtype=np.bool_)


def _each(values: Any, count: int, name: str) -> Any:
    if np.ndim(values) == 0 or len(values) != count:
        raise PairingError(f"{count} environments returned {values!r} as their {name}; one value for each is needed.")
    return values


def _number(value: Any) -> float:
    single = _single(value)
    return math.nan if single is None else float(single)


def _flag(value: Any, name: str, env: Any) -> bool:
    single = _single(value)
    if single is None or single not in (0, 1):
        raise PairingError(f"{name} of {env} is {value!r}; it must be true or false.")
    return bool(single)


def _describe(value: Any) -> str:
    """The same for all steps, so that the warning comes once."""
    shape = f" and shape {np.shape(value)}" if isinstance(value, np.ndarray) else ""
    return "None" if value is None else f"a value of type {type(value).__name__}{shape}"


def _single(value: Any) -> int | float | None:
    """The number or the flag itself, alone or in an array of one; None where it is not that."""
    if isinstance(value, int | float):
        return value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # a ragged list, or a tensor on another device
        return None
    if array.size != 1 or array.dtype.kind not in "biuf":
        return None
    single: int | float = array.item()
    return single
