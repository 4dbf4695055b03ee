"""What an environment is made of, however deeply inside: who draws it, and with which MuJoCo model."""

import gc
import logging
import sys
from collections import deque
from collections.abc import Iterator
from types import CodeType, CoroutineType, FrameType, FunctionType, GeneratorType, ModuleType
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np

Kind = TypeVar("Kind")
_MOST = 20_000  # parts; an environment of Gymnasium has 50
_LEAD_OUT = (ModuleType, type, FrameType, CodeType, GeneratorType, CoroutineType, logging.Logger)
_LEAVES = (str, bytes, int, float, complex, np.ndarray, np.generic)


def parts_of(env: Any) -> Iterator[Any]:
    """Everything that an environment holds in attributes, containers and closures; what is nearest comes first.

    Args:
        env: Any environment, wrapped or not.

    Example:
        >>> env = gym.make("CartPole-v1")
        >>> any(part is env.unwrapped for part in parts_of(env))
        True
    """
    seen, waiting = {id(env)}, deque([env])
    while waiting and len(seen) < _MOST:
        part = waiting.popleft()
        yield part
        # a function also refers to its module's globals, where everybody's things are
        held = part.__closure__ or () if isinstance(part, FunctionType) else gc.get_referents(part)
        for other in held:
            if id(other) not in seen and not isinstance(other, (*_LEAD_OUT, *_LEAVES)):
                seen.add(id(other))
                waiting.append(other)


def parts_of_kind(env: Any, kind: type[Kind]) -> list[Kind]:
    """The parts of one class, the nearest first.

    Args:
        env: Any environment, wrapped or not.
        kind: The class.
    """
    return [part for part in parts_of(env) if isinstance(part, kind)]


def mujoco_model_in(env: Any) -> Any:
    """The nearest `mujoco.MjModel` inside an environment, by whichever binding it draws; None: it has none.

    Args:
        env: Any environment, wrapped or not.

    Example:
        >>> mujoco_model_in(gym.make("CartPole-v1")) is None
        True
    """
    mujoco: Any = sys.modules.get("mujoco")
    return None if mujoco is None else next(iter(parts_of_kind(env, mujoco.MjModel)), None)


def gymnasiums_mujoco_envs(env: Any) -> list[gym.Env[Any, Any]]:
    """The environments inside, itself among them, that have a renderer for MuJoCo as Gymnasium's have.

    Args:
        env: Any environment, wrapped or not.
    """
    return [part for part in parts_of_kind(env, gym.Env) if "mujoco_renderer" in vars(part)]
