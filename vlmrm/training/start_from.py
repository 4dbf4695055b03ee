"""`start_from_run`: a new agent that begins with what the agent of another run has learnt."""

from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3.common.base_class import BaseAlgorithm

from vlmrm.errors import RunError
from vlmrm.tasks import Task
from vlmrm.training.make_agent import constructor_defaults
from vlmrm.training.plan import Plan
from vlmrm.training.run.checkpoint import list_checkpoints, load_newest_learnt
from vlmrm.training.run.directory import RunDirectory
from vlmrm.wrappers.make_env import MakeEnv


def start_from_run(agent: BaseAlgorithm, plan: Plan) -> None:
    """Put the networks and optimisers of the run that a plan starts from into its agent.

    Steps are counted from the start. Transitions in the other run's replay buffer have the rewards of that run, so that
    they are not taken over; the agent fills its own by what it has learnt to do (``warm_start`` of `make_agent`).

    Args:
        agent: Untrained agent of the plan. It stays as it is where the plan starts from no run.
        plan: What is to be trained.

    Raises:
        RunError: There is no such run, it has no checkpoint, or its algorithm, spaces or networks are others.
    """
    folder = require_start(plan)
    if folder is None:
        return
    try:
        load_newest_learnt(agent, RunDirectory(folder).checkpoints)
    except RunError as error:
        raise RunError(f"the agent cannot start from {folder}: {error}") from error


def require_start(plan: Plan) -> Path | None:
    """Return the folder of the run that a plan starts from, whose agent is of the same kind. None: it starts from none.

    Args:
        plan: What is to be trained.

    Raises:
        RunError: There is no such run, it has no checkpoint, or its algorithm, spaces or networks are others.
    """
    folder = plan.config.train.start_from
    if folder is None:
        return None
    directory = RunDirectory(folder)
    _require_alike(Plan.from_dict(RunDirectory.read_json(directory.config), folder), plan)
    if not list_checkpoints(directory.checkpoints):
        raise RunError(f"the agent cannot start from {folder}, which has no checkpoint yet. Name a run that has one.")
    return folder


def _require_alike(other: Plan, plan: Plan) -> None:
    (theirs, ours), folder = (_facts(one) for one in (other, plan)), plan.config.train.start_from
    for what, value in ours.items():
        if theirs[what] != value:
            raise RunError(
                f"the agent cannot start from {folder}: its {what} is {theirs[what]}, and that of the new run is "
                f"{value}. Give the new run the same, or start from none."
            )


def _facts(plan: Plan) -> dict[str, Any]:
    """What must be the same for networks to fit and to mean the same."""
    actions, observations = _spaces(plan.task)
    given = plan.config.train.hyperparameters
    network = dict(given.get("policy_kwargs") or {})
    entropy = given.get("ent_coef", constructor_defaults(plan.algorithm).get("ent_coef"))
    return {
        "algorithm": plan.algorithm.name,
        "action space": actions,
        "observation space": observations,
        "network (policy_kwargs)": network,
        "entropy coefficient (ent_coef)": "learnt" if isinstance(entropy, str) else "fixed",
    }


def _spaces(task: Task) -> tuple[gym.Space[Any], gym.Space[Any]]:
    env = MakeEnv(task=task, pictures=False)()
    try:
        return env.action_space, env.observation_space
    finally:
        env.close()
