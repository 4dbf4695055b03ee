"""Labelled frames of a task: states that its package makes on purpose, or those of a policy's episodes.

- `TaskStates`: goal states, near misses and others, as the task's ``states`` draws them.
- `Rollouts`: whatever a policy meets, labelled by the task's success bounds.
- `frames_of_task`: the first where the task names it, else the second with a random policy.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from vlmrm.data.labelled import FrameSource, LabelledFrames
from vlmrm.errors import MissingExtra, SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.tasks import Task
from vlmrm.values import require_whole
from vlmrm.wrappers.make_env import MakeEnv, with_time_limit

Act = Callable[[Any, bool], Any]
"""Chooses an action for an observation; told whether the observation is the first of its episode."""
Policy = Callable[[gym.Env[Any, Any], int], Act]
"""Makes what acts in one episode, from the environment, which has just been reset, and a seed."""


def random_policy(env: gym.Env[Any, Any], seed: int) -> Act:
    """Return what draws each action anew, among those that are possible where the environment says which.

    Args:
        env: The environment, whose space of actions is seeded.
        seed: Random seed.
    """
    space: Any = env.action_space
    space.seed(seed)
    if isinstance(space, gym.spaces.Discrete) and env.has_wrapper_attr("action_masks"):
        possible = env.get_wrapper_attr("action_masks")
        return lambda observation, first: space.sample(mask=np.asarray(possible(), dtype=np.int8))
    return lambda observation, first: space.sample()


@dataclass(frozen=True, kw_only=True)
class TaskStates:
    """The states of a task that its package makes on purpose, goals, near misses and others.

    Example:
        >>> from vlmrm.tasks import find_task
        >>> source = TaskStates(task=find_task("pendulum/upright"), n=3, seed=0)
        >>> [batch.names for batch in source.batches()]
        [['angle_deg -103.6', 'angle_deg -27.63', 'angle_deg 64.92']]
    """

    task: Task
    """The task; its ``states`` names the function that draws them."""
    n: int = 2_000
    """Number of frames."""
    seed: int = 0
    """Random seed, which decides everything."""
    draws = True

    def __post_init__(self) -> None:
        require_whole("seed", self.seed, at_least=0)
        _drawer(self.task)

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.name

    @property
    def count(self) -> int:
        """Number of frames."""
        return self.n

    @property
    def about(self) -> str:
        """What the frames are."""
        return (
            f"{self.n:,} states of {self.task.name} made on purpose (seed {self.seed}), labelled by the task's success "
            "bounds on the simulator's state."
        )

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        """Draw the states, the same each time.

        Args:
            preprocessing: That of the encoder that will see them.
        """
        drawn: Iterator[LabelledFrames] = _drawer(self.task)(
            self.task, self.n, seed=self.seed, preprocessing=preprocessing
        )
        return drawn


def _drawer(task: Task) -> Any:
    module, _, function = (task.states or "").partition(":")
    if not module or not function:
        raise SpecError(f"{task.name} names nothing that draws labelled states: states = {task.states!r}.")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise MissingExtra(
            f"{task.name} draws its states with {task.states!r}, which cannot be loaded: {error}"
        ) from error


@dataclass(frozen=True, kw_only=True)
class Rollouts:
    """What a policy meets in a task, each frame labelled by the task's success bounds.

    Of a task without bounds no frame is in the goal.
    """

    task: Task
    """Task whose episodes are played."""
    episodes: int = 10
    """Number of episodes."""
    seed: int = 0
    """Seed of the first episode; the others follow."""
    policy: Policy = random_policy
    """Chooses the actions."""
    policy_name: str = "random policy"
    """What reports call it."""
    draws = True
    count = None

    def __post_init__(self) -> None:
        require_whole("seed", self.seed, at_least=0)

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.name

    @property
    def about(self) -> str:
        """What the frames are."""
        return (
            f"{self.episodes} episodes in {self.task.name} ({self.policy_name}, from seed {self.seed}), each frame "
            "labelled by the task's success bounds on the simulator's state."
        )

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        """Play the episodes, the same each time; one episode is one batch.

        Args:
            preprocessing: That of the encoder that will see them.
        """
        env = MakeEnv(task=with_time_limit(self.task), pictures=True, preprocessing=preprocessing)()
        try:
            for episode in range(self.episodes):
                yield self._play(env, episode)
        finally:
            env.close()

    def _play(self, env: gym.Env[Any, Any], episode: int) -> LabelledFrames:
        seed = self.seed + episode
        observation, info = env.reset(seed=seed)
        act = self.policy(env, seed)
        infos, ended, terminated = [info | {"env_reward": 0.0}], False, False
        while not ended:
            observation, reward, terminated, truncated, info = env.step(act(observation, len(infos) == 1))
            infos.append(info | {"env_reward": float(reward)})
            ended = terminated or truncated
        told = [info for info in infos if info.get("state")] or infos  # not every environment reports it at a reset
        success = self.task.success
        variables = told[0].get("state") or {}
        return LabelledFrames(
            frames=torch.from_numpy(np.stack([info["frame"] for info in told])),
            in_goal=np.array([success is not None and success.holds(info["state"]) for info in told]),
            names=[f"{self.policy_name}, episode {seed}, step {step}" for step in range(len(told))],
            groups=[f"{self.policy_name}, episode {seed}"] * len(told),
            steps=np.arange(len(told)),
            states={name: np.array([float(info["state"][name]) for info in told]) for name in variables},
            env_rewards=np.array([info["env_reward"] for info in told]),
            terminated=np.arange(len(told)) == (len(told) - 1 if terminated else -1),
        )


def frames_of_task(task: Task, n: int = 2_000, *, seed: int = 0) -> FrameSource:
    """Return the labelled states of a task: made on purpose where it names what draws them, else of random episodes.

    Args:
        task: The task.
        n: Number of states, or about as many steps.
        seed: Random seed.

    Raises:
        SpecError: The task has no success bounds, or the seed is negative.
    """
    if task.success is None:
        raise SpecError(
            f"{task.name} has no success bounds, so nothing can label its frames. Give labelled pictures instead, or a "
            "task file with a table [success]."
        )
    if task.states is not None:
        return TaskStates(task=task, n=n, seed=seed)
    length = with_time_limit(task).episode_steps or 1
    return Rollouts(task=task, episodes=max(-(-n // length), 4), seed=seed)
