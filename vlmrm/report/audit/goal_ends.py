"""`GoalEnds`: does an environment end an episode that is in the goal? It is put there, and acted in at random."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

import gymnasium as gym
import numpy as np

from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.task_frames import random_policy
from vlmrm.errors import SpecError
from vlmrm.exploits import StateSetter, StateSpace
from vlmrm.tasks import SuccessRule, Task
from vlmrm.wrappers.make_env import MakeEnv

_BEGUN, _STEPS = 8, 5  # an end may hang on the action, as that of a car that has to move on at the flag
_DRAWN = 200  # states from all over the bounds, where no labelled one says all that is set


@dataclass(frozen=True, kw_only=True)
class GoalEnds:
    """How many episodes that began in the goal were ended there."""

    ended: int
    """Episodes that the environment ended while they were in the goal."""
    begun: int
    """Episodes that began in the goal; at least one."""


def goal_ends(task: Task, rule: SuccessRule, labels: LabelledFrames, *, seed: int) -> GoalEnds:
    """Begin some episodes in the goal, and see whether the environment ends them within a few random steps.

    Args:
        task: The task.
        rule: Its success bounds.
        labels: Labelled frames; the states of goal frames are taken where they hold all that can be set.
        seed: Decides states and actions.

    Raises:
        SpecError: The simulator cannot be set to a state, or no goal state is found.
    """
    with closing(MakeEnv(task=task, pictures=False)()) as env:
        env.reset(seed=seed)
        setter = StateSetter.of(env, task)
        ended = [
            _ends(env, setter, rule, values, seed + number)
            for number, values in enumerate(islice(_in_goal(env, setter, rule, labels, seed), _BEGUN))
        ]
    if not ended:
        raise SpecError("no state in the goal was found that the simulator could be set to.")
    return GoalEnds(ended=sum(ended), begun=len(ended))


def _in_goal(
    env: gym.Env[Any, Any], setter: StateSetter, rule: SuccessRule, labels: LabelledFrames, seed: int
) -> Iterator[Mapping[str, float]]:
    """Values that put a simulator into the goal."""
    rng, names = np.random.default_rng(seed), list(setter.bounds)
    if set(names) <= set(labels.states):
        rows = rng.permutation(np.flatnonzero(labels.in_goal))[:_DRAWN]
        tried = [{name: float(labels.states[name][row]) for name in names} for row in rows]
    else:
        space = StateSpace(setter.bounds)
        tried = [space.named(point) for point in space.unscale(rng.random((_DRAWN, len(space))))]
    for values in tried:
        setter.put(env.unwrapped, values)
        if rule.holds(setter.read(env.unwrapped)):
            yield values


def _ends(
    env: gym.Env[Any, Any], setter: StateSetter, rule: SuccessRule, values: Mapping[str, float], seed: int
) -> bool:
    """Whether the environment ends an episode in the goal that begins with these values."""
    env.reset(seed=seed)
    act = random_policy(env, seed)
    setter.put(env.unwrapped, values)
    for step in range(_STEPS):
        _, _, terminated, truncated, _ = env.step(act(None, step == 0))
        if terminated or truncated:
            return bool(terminated) and rule.holds(setter.read(env.unwrapped))
    return False
