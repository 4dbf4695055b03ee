"""Who acts in an episode: a policy, what it remembers of the episode, and the actions that are possible."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from jaxtyping import Bool

_MASKS = "action_masks"  # method of an environment, and argument of a policy, in sb3-contrib

_CHOICES: Mapping[type[spaces.Space[Any]], Callable[[Any], list[int]]] = {  # of each part of an action
    spaces.Discrete: lambda space: [int(space.n)],
    spaces.MultiDiscrete: lambda space: [int(count) for count in space.nvec],
    spaces.MultiBinary: lambda space: [2] * int(np.prod(space.shape)),
}


@runtime_checkable
class Policy(Protocol):
    """Something that acts; every agent of Stable-Baselines3 does."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Actions for a batch of observations, and what to remember until the next call."""


class RandomPolicy:
    """Acts at random; the floor that every agent is compared with.

    Args:
        action_space: Space to draw from.
        seed: Random seed.

    Example:
        >>> policy = RandomPolicy(gym.spaces.Discrete(2), seed=0)
        >>> policy.predict(np.zeros((3, 4)))[0].shape
        (3,)
        >>> policy.predict(np.zeros((3, 4)), action_masks=np.array([[True, False]] * 3))[0].tolist()
        [0, 0, 0]
    """

    def __init__(self, action_space: gym.Space[Any], *, seed: int) -> None:
        self._space = gym.vector.utils.batch_space(action_space, 1)
        self._space.seed(seed)
        self._single, self._rng = action_space, np.random.default_rng(seed)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
        action_masks: Bool[np.ndarray, "e c"] | None = None,
    ) -> tuple[Any, Any]:
        """One random action per observation, among those that are possible."""
        if action_masks is not None and type(self._single) in _CHOICES:
            return np.stack([self._possible(mask) for mask in action_masks]), None
        count = len(next(iter(observation.values()))) if isinstance(observation, dict) else len(observation)
        return np.concatenate([self._space.sample() for _ in range(count)]), None

    def _possible(self, mask: Bool[np.ndarray, " c"]) -> Any:
        parts = np.split(mask, np.cumsum(_CHOICES[type(self._single)](self._single))[:-1])
        chosen = [self._rng.choice(np.flatnonzero(part)) for part in parts]
        return np.reshape(chosen, self._single.shape or ())


class Actor:
    """Asks a policy for the actions of episodes that began together and run side by side.

    Recurrent policies get back what they remembered of each episode, and policies that choose among possible actions
    get the environments' ``action_masks()``. An episode that has ended keeps its place, so that memories stay with
    their episodes; its actions mean nothing.

    Args:
        policy: Acts deterministically.
        envs: One per episode, just reset.
    """

    def __init__(self, policy: Policy, envs: Sequence[gym.Env[Any, Any]]) -> None:
        self._policy, self._envs = policy, envs
        self._state: Any = None
        self._begins = np.ones(len(envs), dtype=np.bool_)
        masked = takes_masks(policy.predict) and all(has_masks(env) for env in envs)
        self._masks: list[Any] | None = [None] * len(envs) if masked else None

    def act(self, observations: Sequence[Any], running: Sequence[bool]) -> Any:
        """One action per episode.

        Args:
            observations: The last of each episode.
            running: Whether the episode goes on.
        """
        masks = {} if self._masks is None else {_MASKS: self._possible(self._masks, running)}
        actions, self._state = self._policy.predict(
            _stack(observations), state=self._state, episode_start=self._begins, deterministic=True, **masks
        )
        self._begins = np.zeros_like(self._begins)
        return actions

    def _possible(self, masks: list[Any], running: Sequence[bool]) -> Bool[np.ndarray, "e c"]:
        for index, (env, runs) in enumerate(zip(self._envs, running, strict=True)):
            if runs:
                masks[index] = np.asarray(env.get_wrapper_attr(_MASKS)(), dtype=np.bool_).ravel()
        return np.stack(masks)


def takes_masks(predict: Callable[..., Any]) -> bool:
    """Whether a policy chooses among actions that are possible.

    Args:
        predict: Its method.
    """
    return _MASKS in inspect.signature(predict).parameters


def has_masks(env: gym.Env[Any, Any]) -> bool:
    """Whether an environment says which actions are possible."""
    return env.has_wrapper_attr(_MASKS)


def _stack(observations: Sequence[Any]) -> Any:
    """One batch of observations, as policies of Stable-Baselines3 take them."""
    if isinstance(observations[0], dict):
        return {key: np.stack([observation[key] for observation in observations]) for key in observations[0]}
    return np.stack(observations)
