"""`Plan`: a training configuration with everything decided, before anything is built."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from vlmrm.errors import RunError, SpecError
from vlmrm.former_tasks import refuse_former_run
from vlmrm.rewards.features.cameras import joins_as_usual, require_shared_goal
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.spec_paths import paths_to
from vlmrm.tasks import SuccessRule, Task, TrainSettings, find_task, read_reward
from vlmrm.training.acting import has_masks, takes_masks
from vlmrm.training.algorithms import (
    Algorithm,
    default_algorithm,
    default_hyperparameters,
    find_algorithm,
    require_spaces,
)
from vlmrm.training.budget import fill_evaluation
from vlmrm.training.config import TrainConfig, refuse_unused
from vlmrm.training.make_agent import check_hyperparameters
from vlmrm.training.moved import FOLDER, as_moved, from_root
from vlmrm.training.options import RewardOptions
from vlmrm.training.rollouts import fit_rollout
from vlmrm.training.run.directory import run_name
from vlmrm.training.run_options import EvaluationOptions
from vlmrm.values import require_finite_numbers
from vlmrm.wrappers.make_env import MakeEnv, with_time_limit

_STEPS, _EVALUATIONS = 100_000, 20  # where there is no task that says so
_NOT_READ = {"prompts": {"goal": "not read"}}  # the reward of an environment that is trained on its own reward alone


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `train` will do."""

    config: TrainConfig
    """Configuration with the defaults of training filled in."""
    task: Task
    """Task with the configuration's reward, environment and episode length."""
    algorithm: Algorithm
    """Algorithm of the agent."""

    @property
    def spec(self) -> RewardSpec | None:
        """The text reward; None: the run trains on the environment's own, or on a function."""
        options = self.config.reward
        return None if options.is_env or options.function else self.task.reward

    @property
    def out(self) -> Path:
        """The folder that the run is written to."""
        if self.config.output.folder is None:
            raise RunError("the plan has no folder; make it with make_plan.")
        return self.config.output.folder

    def copied_to(self, folder: Path) -> "Plan":
        """The same with a copy in a folder of what its reward reads from a file; an encoder stays where it is."""
        if self.spec is None:
            return self
        return replace(self, task=replace(self.task, reward=self.spec.copied_to(folder)))

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for the ``config.json`` in the run's folder, to which paths of the reward are relative."""
        task = self.task.to_dict()
        return {
            "config": self.config.to_dict(),
            "task": task | {"reward": paths_to(task["reward"], self.out)},
            "spec_hash": None if self.spec is None else self.spec.hash(),
            FOLDER: str(self.out.absolute()),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], folder: Path) -> "Plan":
        """The inverse of `to_dict`; nothing is looked up again, so that a run goes on as it was begun.

        Args:
            values: Contents of ``config.json``.
            folder: Folder that it lies in now, which becomes the plan's.

        Raises:
            SpecError: A value is missing, unknown or impossible, or an earlier version wrote it.
        """
        refuse_former_run(values)
        try:
            said = as_moved(values, folder)
            config, task = TrainConfig.from_dict(said["config"]), Task.from_dict(said["task"])
        except (KeyError, TypeError) as error:
            raise SpecError(f"no training configuration: {type(error).__name__}: {error}") from error
        return cls(config=config, task=task, algorithm=find_algorithm(config.train.algorithm or ""))


def make_plan(config: TrainConfig, *, now: datetime | None = None) -> Plan:
    """Decide everything that a configuration leaves open, and refuse what cannot work.

    Makes the environment once, to see its spaces and, for a text reward, its first picture.

    Args:
        config: What to train.
        now: Time that names the run's folder; None: the current one.

    Raises:
        SpecError: Something is missing, unknown or does not fit.
        UnknownTask: There is no such task.
        FrameError: The environment does not draw.
        MissingExtra: It needs a package that is not installed.
        PromptError: The sentences make no reward.
    """
    base, settings = _base_task(config)
    task = _with_options(base, config)
    refuse_unused(config)
    algorithm, hyperparameters = _algorithm(config, task, settings)
    steps = config.train.steps or settings.steps
    usual_every = settings.eval_every if config.task else max(steps // _EVALUATIONS, 1)
    num_envs = config.train.num_envs or settings.num_envs
    hyperparameters = fit_rollout(
        algorithm, hyperparameters, chosen=config.train.hyperparameters, steps=steps, num_envs=num_envs
    )
    output, episode_steps = config.output, task.episode_steps or 1
    evaluation = fill_evaluation(
        from_root(config.evaluation),
        steps=steps,
        usual_every=usual_every,
        episode_steps=episode_steps,
        videos=output.videos,
    )
    filled = replace(
        config,
        env=replace(config.env, episode_steps=task.episode_steps),
        train=replace(
            config.train,
            algorithm=algorithm.name,
            hyperparameters=hyperparameters,
            steps=steps,
            num_envs=num_envs,
            start_from=config.train.start_from and config.train.start_from.absolute(),
        ),
        evaluation=evaluation,
        output=replace(
            output,
            checkpoint_every=output.checkpoint_every or usual_every,
            folder=output.folder or _new_folder(config, task, now or datetime.now()),
        ),
    )
    if filled.train.compare_env_reward:
        make_plan(comparison_config(filled, Path()))  # refused now rather than after the whole run
    plan = Plan(config=filled, task=task, algorithm=algorithm)
    require_finite_numbers("", plan.to_dict())
    return plan


def comparison_config(config: TrainConfig, folder: Path) -> TrainConfig:
    """The same training on the environment's own reward alone, without what belongs to a text reward.

    Args:
        config: Configuration of the run on the text reward.
        folder: Folder that the comparison is written to.
    """
    return replace(
        config,
        reward=RewardOptions(source="env"),
        train=replace(config.train, compare_env_reward=False, start_from=None),
        evaluation=replace(
            config.evaluation, drawn=EvaluationOptions.drawn, second_reward=None, best_by=EvaluationOptions.best_by
        ),
        machine=replace(config.machine, precision=None, batch_size=None),
        output=replace(config.output, folder=folder),
    )


def _base_task(config: TrainConfig) -> tuple[Task, TrainSettings]:
    """The named task, or one made of the environment's id; with the reward that the configuration says."""
    if (config.task is None) == (config.env.id is None):
        given = "both" if config.task else "neither"
        raise SpecError(
            f"give a task or an environment; got {given}. For example: vlmrm train cartpole/upright, or "
            'vlmrm train --env LunarLander-v3 --goal "…" --baseline "…". `vlmrm tasks` lists the tasks.'
        )
    if config.task is not None:
        task = find_task(config.task)
        reward = _reward(config.reward, task.reward)
        cameras = config.env.cameras_instead_of(task.camera, task.cameras)  # at once: the reward may name them
        if config.env.names_cameras and joins_as_usual(reward, tuple(task.cameras)):
            reward = replace(reward, cameras=None)  # which the task filled in; it does so anew
        task = task.with_reward(reward, **cameras)
        return task, _settings(task, small=config.train.small)
    if config.train.small:
        raise SpecError("small settings belong to a task; for an environment use steps and hyperparameters.")
    env_id = config.env.id or ""
    reward = _reward(config.reward, None)
    cameras = config.env.cameras_instead_of(None, {})
    task = Task(name=env_id, description=f"{env_id} from sentences", env_id=env_id, reward=reward, **cameras)
    return task, TrainSettings(steps=_STEPS)


def _reward(options: RewardOptions, usual: RewardSpec | None) -> RewardSpec:
    """The reward of a file, or the task's with what the options override."""
    given = options.table()
    if options.source not in ("text", "env") and options.function is None:
        return _from_file(options.source, given)
    if usual is None:
        prompts = given.get("prompts", {})
        if (options.is_env or options.function) and "goal" not in prompts:
            return read_reward(_NOT_READ)
        return read_reward(given | {"prompts": {"goal": (), **prompts}})
    said = usual.to_dict()
    other_head = given.get("head", said.get("head")) != said.get("head")
    if other_head:
        said.pop("options", None)
    if other_head or "threshold" in given:
        said.pop("scaling", None)  # it was chosen for the scores of the task's own head
    reward = read_reward(said | given | {"prompts": said["prompts"] | given.get("prompts", {})})
    if "goal" in given.get("prompts", {}):
        require_shared_goal(reward)
    return reward


def _from_file(file: str, given: dict[str, Any]) -> RewardSpec:
    """The reward of a file, which says all that the options could."""
    if not file.endswith((".toml", ".json")):
        raise SpecError(f"reward must be text, env, or a .toml or .json file; got {file!r}.")
    resize_mode = given.pop("resize_mode", None)
    for name in [*given.pop("prompts", {}), *given]:
        raise SpecError(f"the reward file {file} has its own {name}; leave out --reward.{name}.")
    spec = RewardSpec.load(file)
    return spec if resize_mode is None else replace(spec, resize_mode=resize_mode)


def _with_options(base: Task, config: TrainConfig) -> Task:
    """The task with the configuration's environment, its episodes' length, and a rule of success for that."""
    options = config.env
    task = with_time_limit(
        replace(
            base,
            env_kwargs=dict(base.env_kwargs) | dict(options.kwargs),
            wrappers=(*base.wrappers, *options.wrappers),
            episode_steps=options.episode_steps or base.episode_steps,
            render_quality=options.render_quality or base.render_quality,
        )
    )
    return replace(task, success=_rule_for_length(base, task))


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
    """The algorithm and its hyper-parameters; a task's own belong to the algorithm that the task names."""
    env = MakeEnv(task=task, pictures=not config.reward.is_env)()
    try:
        env.reset(seed=config.train.seed)
        action_space, observation_space, masked = env.action_space, env.observation_space, has_masks(env)
    finally:
        env.close()
    named = config.train.algorithm or (settings.algorithm if config.task else None)
    algorithm = find_algorithm(named) if named else default_algorithm(action_space)
    require_spaces(algorithm, action_space, observation_space)
    if takes_masks(algorithm.load().predict) and not masked:
        raise SpecError(
            f"{algorithm.name} asks which actions are possible, and {task.env_id} has no action_masks() that tells it. "
            "Wrap it in sb3_contrib.common.wrappers.ActionMasker, or use an algorithm without masks."
        )
    if config.task and settings.hyperparameters and algorithm == find_algorithm(settings.algorithm):
        usual = dict(settings.hyperparameters)
    else:
        usual = default_hyperparameters(algorithm, observation_space)
    hyperparameters = usual | dict(config.train.hyperparameters)
    check_hyperparameters(algorithm, hyperparameters)
    return algorithm, hyperparameters


def _new_folder(config: TrainConfig, task: Task, now: datetime) -> Path:
    reward = config.reward.function or ("env-reward" if config.reward.is_env else task.reward.encoder)
    name = run_name(task.name, reward, config.train.seed, now)
    path, count = Path("runs") / name, 1
    while path.exists():
        count += 1
        path = Path("runs") / f"{name}-{count}"
    return path
