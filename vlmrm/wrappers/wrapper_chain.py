"""What lies inside a wrapped environment."""

from typing import Any, TypeVar

import gymnasium as gym
from gymnasium.vector import VectorWrapper
from gymnasium.wrappers import Autoreset

Kind = TypeVar("Kind")


def find_wrapper(env: Any, kind: type[Kind]) -> Kind | None:
    """The outermost wrapper of one kind around an environment or a vector environment, or None.

    Example:
        >>> env = gym.make("CartPole-v1")
        >>> find_wrapper(env, gym.wrappers.TimeLimit)
        <TimeLimit<OrderEnforcing<PassiveEnvChecker<CartPoleEnv<CartPole-v1>>>>>
        >>> find_wrapper(env, gym.wrappers.RecordVideo) is None
        True
    """
    layer = env
    while True:
        if isinstance(layer, kind):
            return layer
        if not isinstance(layer, gym.Wrapper | VectorWrapper):
            return None
        layer = layer.env


def resets_itself(env: gym.Env[Any, Any]) -> bool:
    """Whether the step after the end of an episode is a reset, as `gymnasium.wrappers.Autoreset` makes it."""
    return find_wrapper(env, Autoreset) is not None
