"""`agents_of_run`: who acts in the episodes of a page: at random, half trained, and trained."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from vlmrm.data.task_frames import Act, Policy, random_policy
from vlmrm.errors import RunError, SpecError
from vlmrm.tasks import Task
from vlmrm.training.acting import Actor
from vlmrm.training.acting import Policy as Agent
from vlmrm.training.plan import Plan
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run_parts import load_agent

RANDOM, HALF = "random policy", "agent at the end, half of its actions random"
"""Names of those that no checkpoint holds."""
BEST, LAST = "agent of the best evaluation", "agent at the end"
"""Names of those of a run's checkpoints."""


def agents_of_run(run: str | Path, *, task: Task | None = None) -> dict[str, Policy]:
    """Return a random policy and the agents of a run, from the worst to the best that there ought to be.

    A run keeps no agent of its middle, so that one half of whose actions are random stands for it.

    Args:
        run: The run's folder. One that has no checkpoint yet has a random policy alone.
        task: The task that they are to act in. None: that of the run.

    Raises:
        RunError: There is no such run, or its files are damaged.
        SpecError: The agents were trained in another environment.
    """
    directory = RunDirectory(Path(run))
    plan = Plan.from_dict(RunDirectory.read_json(directory.config), directory.path)
    if task is not None:
        _require_same_environment(plan.task, task, directory.path)
    found: dict[str, Policy] = {RANDOM: random_policy}
    for name, best in ((BEST, True), (LAST, False)):
        try:
            found[name] = acting(load_agent(directory.path, best=best))
        except RunError:
            continue  # it has no checkpoint yet
    if LAST in found:
        found[HALF] = half_random(found[LAST])
    return {name: found[name] for name in (RANDOM, HALF, BEST, LAST) if name in found}


def acting(agent: Agent) -> Policy:
    """Return an agent as what acts in episodes: deterministic, with its memory and masks.

    Args:
        agent: An agent of Stable-Baselines3.
    """

    def begin(env: gym.Env[Any, Any], seed: int) -> Act:
        actor = Actor(agent, [env])
        return lambda observation, first: actor.act([observation], [True])[0]

    return begin


def half_random(policy: Policy) -> Policy:
    """Return a policy that draws each action at random with a chance of one half.

    Args:
        policy: Chooses the other actions, and sees all observations, so that its memory goes on.
    """

    def begin(env: gym.Env[Any, Any], seed: int) -> Act:
        chosen, drawn, rng = policy(env, seed), random_policy(env, seed), np.random.default_rng(seed)

        def act(observation: Any, first: bool) -> Any:
            action = chosen(observation, first)
            return drawn(observation, first) if rng.random() < 0.5 else action

        return act

    return begin


def _require_same_environment(trained: Task, asked: Task, run: Path) -> None:
    pairs = {
        "env_id": (trained.env_id, asked.env_id),
        "env_kwargs": (dict(trained.env_kwargs), dict(asked.env_kwargs)),
        "wrappers": (tuple(trained.wrappers), tuple(asked.wrappers)),
    }
    other = [
        f"{name} {ours} where {asked.name} has {theirs}" for name, (ours, theirs) in pairs.items() if ours != theirs
    ]
    if other:
        raise SpecError(f"the agents of {run} act in another environment: {'; '.join(other)}. Name a run of this task.")
