"""`Plan`: a training configuration with everything decided, before anything is built."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import gymnasium as gym

from vlmrm.errors import RunError, SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rendering import Camera
from vlmrm.rewards.spec import RewardSpec
from vlmrm.tasks import SuccessRule, Task, TrainSettings, find_task
from vlmrm.training.algorithms import (
    Algorithm,
    check_hyperparameters,
    default_algorithm,
    default_hyperparameters,
    find_algorithm,
    require_spaces,
)
from vlmrm.training.config import TrainConfig
from vlmrm.training.run.directory import run_name
from vlmrm.wrappers.make_env import MakeEnv, with_time_limit

_STEPS = 100_000  # where there is no task that says so
_EVALUATIONS = 20


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `train` will do."""

    config: TrainConfig
    """With every default filled in."""
    task: Task
    """With the configuration's sentences, environment and episode length."""
    spec: RewardSpec | None
    """Of the text reward; None: the run trains on the environment's own."""
    algorithm: Algorithm
    """Of the agent."""

    @property
    def out(self) -> Path:
        """Where the run is written."""
        if self.config.out is None:
            raise RunError("the plan has no folder; make it with make_plan.")
        return self.config.out

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for ``config.json``."""
        task = {key: value for key, value in asdict(self.task).items() if value is not None}
        return {
            "train": self.config.to_dict(),
            "task": task,
            "spec": None if self.spec is None else self.spec.to_dict(),
            "spec_hash": None if self.spec is None else self.spec.hash(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Plan":
        """The inverse of `to_dict`; nothing is looked up again, so that a run goes on as it was begun.

        Raises:
            SpecError: A value is missing, unknown or impossible.
        """
        try:
            config = TrainConfig.from_dict(values["train"])
            spec = None if values["spec"] is None else RewardSpec.from_dict(values["spec"])
            task = Task.from_dict(values["task"])
        except (KeyError, TypeError) as error:
            raise SpecError(f"no training configuration: {type(error).__name__}: {error}") from error
        return cls(config=config, task=task, spec=spec, algorithm=find_algorithm(config.algorithm or ""))


def make_plan(config: TrainConfig, *, now: datetime | None = None) -> Plan:
    """Decide everything that a configuration leaves open, and refuse what cannot work.

    Makes the environment once, to see its spaces and, for a text reward, its first picture.

    Args:
        config: What to train.
        now: Names the run's folder; None: the current time.

    Raises:
        SpecError: Something is missing, unknown or does not fit.
        UnknownTask: There is no such task.
        FrameError: The environment does not draw.
        MissingExtra: It needs a package that is not installed.
        PromptError: The sentences make no reward.
    """
    base, settings = _base_task(config)
    given = _given_spec(config)
    prompts = given.require_prompts() if given else _prompts(config, base)
    task = with_time_limit(
        replace(
            base,
            prompts=prompts,
            env_kwargs=dict(base.env_kwargs) | dict(config.env_kwargs),
            episode_steps=config.episode_steps or base.episode_steps,
            camera=Camera.from_dict(config.camera) if config.camera else base.camera,
            render_quality=config.render_quality or (given and given.render_quality) or base.render_quality,
        )
    )
    task = replace(task, success=_rule_for_length(base, task))
    spec = given or task.reward_spec(encoder=config.encoder, alpha=config.alpha)
    spec = replace(spec, resize_mode=config.resize_mode or spec.resize_mode, render_quality=task.render_quality)
    if config.compare_env_reward and config.reward == "env":
        raise SpecError("compare_env_reward compares a text reward with the environment's own; use reward='text'.")
    algorithm, hyperparameters = _algorithm(config, task, settings)
    steps = config.steps or settings.steps
    eval_every = config.eval_every or (settings.eval_every if config.task else max(steps // _EVALUATIONS, 1))
    config = replace(config, encoder=spec.encoder, alpha=spec.alpha)
    filled = replace(
        config,
        offset=settings.offset if config.offset is None else config.offset,
        algorithm=algorithm.name,
        hyperparameters=hyperparameters,
        steps=steps,
        num_envs=config.num_envs or settings.num_envs,
        episode_steps=task.episode_steps,
        eval_every=eval_every,
        checkpoint_every=config.checkpoint_every or eval_every,
        out=config.out or _new_folder(config, task, now or datetime.now()),
    )
    if filled.compare_env_reward:
        make_plan(comparison_config(filled, filled.out or Path()))  # refused now rather than after the whole run
    return Plan(config=filled, task=task, spec=None if config.reward == "env" else spec, algorithm=algorithm)


def comparison_config(config: TrainConfig, out: Path) -> TrainConfig:
    """The same training on the environment's own reward alone, without what belongs to a text reward.

    Args:
        config: Of the text reward.
        out: Where the comparison is written.
    """
    return replace(config, reward="env", env_weight=0.0, alpha=None, compare_env_reward=False, out=out)


def _given_spec(config: TrainConfig) -> RewardSpec | None:
    """The reward of a file, where one was named; it says all that the options about sentences could."""
    if config.reward in ("text", "env"):
        return None
    if not config.reward.endswith((".toml", ".json")):
        raise SpecError(f"reward must be text, env, or a .toml or .json file; got {config.reward!r}.")
    for name in ("goal", "baseline", "alpha", "encoder"):
        if getattr(config, name) not in (None, ()):
            raise SpecError(f"the reward file {config.reward} has its own {name}; leave out --{name}.")
    return RewardSpec.load(config.reward)


def _prompts(config: TrainConfig, base: Task) -> PromptSet:
    return PromptSet(config.goal or base.prompts.goal, config.baseline or base.prompts.baseline, base.prompts.negatives)


def _base_task(config: TrainConfig) -> tuple[Task, TrainSettings]:
    """The named task, or one made of the environment's id."""
    if (config.task is None) == (config.env is None):
        given = "both" if config.task else "neither"
        raise SpecError(
            f"give a task or an environment; got {given}. For example: vlmrm train cartpole/upright, or "
            'vlmrm train --env LunarLander-v3 --goal "…" --baseline "…". `vlmrm tasks` lists the tasks.'
        )
    if config.task is not None:
        task = Task.load(config.task) if config.task.endswith(".toml") else find_task(config.task)
        return task, _settings(task, small=config.small)
    if config.small:
        raise SpecError("small settings belong to a task; for an environment use steps and hyperparameters.")
    env_id = config.env or ""
    goal = config.goal or (() if config.reward == "text" else ("not read",))  # another reward than these sentences
    prompts = PromptSet(goal, config.baseline)
    settings = TrainSettings(steps=_STEPS)
    return Task(name=env_id, description=f"{env_id} from sentences", env_id=env_id, prompts=prompts), settings


def _settings(task: Task, *, small: bool) -> TrainSettings:
    if not small:
        return task.train
    if task.small is None:
        raise SpecError(f"{task.name} has no small settings: its usual {task.train.steps:,} steps are small already.")
    return task.small


def _rule_for_length(base: Task, task: Task) -> SuccessRule | None:
    """The success rule for episodes of this length: one about the whole episode asks for the same share of it."""
    rule, usual, length = task.success, base.episode_steps, task.episode_steps
    if rule is None or length is None:
        return rule
    if usual is not None and rule.within_last == usual:
        return replace(rule, within_last=length, at_least=max(round(rule.at_least * length / usual), 1))
    if rule.at_least > length:
        raise SpecError(
            f"{task.name} asks for {rule.at_least} steps in the goal, and an episode has only {length}, so none could "
            f"succeed. Use episode_steps of at least {rule.at_least}."
        )
    return rule


def _algorithm(config: TrainConfig, task: Task, settings: TrainSettings) -> tuple[Algorithm, dict[str, Any]]:
    """Which, and its hyper-parameters; a task's own belong to the algorithm that the task names."""
    env = MakeEnv(task=task, pictures=config.reward != "env")()
    try:
        env.reset(seed=config.seed)
        action_space: gym.Space[Any] = env.action_space
        observation_space: gym.Space[Any] = env.observation_space
    finally:
        env.close()
    named = config.algorithm or (settings.algorithm if config.task else None)
    algorithm = find_algorithm(named) if named else default_algorithm(action_space)
    require_spaces(algorithm, action_space, observation_space)
    if config.task and settings.hyperparameters and algorithm.name == settings.algorithm:
        usual = dict(settings.hyperparameters)
    else:
        usual = default_hyperparameters(algorithm, observation_space)
    hyperparameters = usual | dict(config.hyperparameters)
    check_hyperparameters(algorithm, hyperparameters)
    return algorithm, hyperparameters


def _new_folder(config: TrainConfig, task: Task, now: datetime) -> Path:
    name = run_name(task.name, "env-reward" if config.reward == "env" else str(config.encoder), config.seed, now)
    path, count = Path("runs") / name, 1
    while path.exists():
        count += 1
        path = Path("runs") / f"{name}-{count}"
    return path
