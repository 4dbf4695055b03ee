"""Tasks: an environment, its prompts, and a success test on the simulator's own state.

- `Task`: everything that `vlmrm train NAME` needs; read from a TOML file.
- `SuccessRule`: when an episode counts as solved, judged on `info["state"]`, never on a reward.
- `Sweep`: the state variable a reward is drawn over.
- `TrainSettings`: the algorithm that the task is usually trained with.
- `all_tasks`, `find_task`: what the installed packages offer through the entry-point group ``vlmrm.tasks``.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlmrm.errors import PromptError, SpecError, UnknownTask, near_matches
from vlmrm.prompts import PromptSet
from vlmrm.rendering import Camera, RenderQuality
from vlmrm.tables import read_table

if TYPE_CHECKING:
    from vlmrm.rewards.spec import RewardSpec

ENTRY_POINT_GROUP = "vlmrm.tasks"
OWN_REWARDS = ("environment", "goal")


@dataclass(frozen=True, kw_only=True)
class SuccessRule:
    """An episode succeeds when enough of its last steps lie inside all bounds.

    Example:
        >>> SuccessRule(where={"angle_deg": (-12, 12)}, within_last=50, at_least=50).holds({"angle_deg": 3.0})
        True
    """

    where: Mapping[str, Sequence[int | float]]  # lists in TOML; pairs of floats once it is made
    """Bounds, inclusive, on variables of ``info["state"]``."""
    within_last: int
    """How many of the episode's last steps are looked at."""
    at_least: int
    """How many of those must lie inside."""

    def __post_init__(self) -> None:
        try:
            bounds = {name: (float(low), float(high)) for name, (low, high) in self.where.items()}
        except (TypeError, ValueError) as error:
            raise SpecError(f"success bounds are pairs of numbers, low and high; got {dict(self.where)}.") from error
        object.__setattr__(self, "where", bounds)
        for name, (low, high) in self.where.items():
            if low > high:
                raise SpecError(f"success bounds of {name!r} are empty: {low} > {high}.")
        if not 1 <= self.at_least <= self.within_last:
            raise SpecError(
                f"at_least must lie in 1 to within_last; got at_least={self.at_least}, within_last={self.within_last}."
            )

    def holds(self, state: Mapping[str, float]) -> bool:
        """Whether one state lies inside all bounds.

        Raises:
            SpecError: The environment does not report a variable.
        """
        for name in self.where:
            if name not in state:
                raise SpecError(
                    f"the environment reports no {name!r} in info['state']. Near: {near_matches(name, state)}."
                )
        return all(low <= state[name] <= high for name, (low, high) in self.where.items())


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One state variable, from end to end: what a reward landscape is drawn over.

    The environment's `place(value)` puts it into the state where the variable has this value.
    """

    variable: str
    """Its name in ``info["state"]``."""
    low: float
    """First value."""
    high: float
    """Last value."""
    label: str
    """Axis label with the unit, e.g. ``pole angle from upright (deg)``."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What `vlmrm train` uses unless told otherwise."""

    algorithm: str = "PPO"
    """An algorithm of Stable-Baselines3: DQN, SAC, TD3, DDPG, PPO or A2C."""
    steps: int = 100_000
    """Environment steps in all."""
    num_envs: int = 1
    """Environments side by side."""
    eval_every: int = 5_000
    """Steps between two evaluations."""
    offset: float = 0.0
    """Taken off every text reward: far from 0, a constant part is the first thing that a value network has to learn."""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the algorithm's constructor."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """An environment with a goal in words and an honest success test."""

    name: str
    """``scene/goal``, e.g. ``cartpole/upright``."""
    description: str
    """One sentence for the table of tasks."""
    env_id: str
    """Gymnasium id; ``module:id`` imports the module first."""
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of `gymnasium.make`."""
    prompts: PromptSet
    """Goal and baseline."""
    alpha: float = 0.5
    """Share of the projection."""
    encoder: str = "sim-s"
    """What scores the pictures where no other is asked for; name one that knows them."""
    episode_steps: int | None = None
    """Length of every episode, ended by truncation. None: as the environment is registered."""
    success: SuccessRule | None = None
    """None: unknown; then only returns are reported."""
    ground_truth: str = "the environment's own reward"
    """What the environment's own reward, used as the comparison, is."""
    own_reward: str = "environment"
    """Where that comes from: the ``environment``, or the ``goal``, 1 for each step inside the success bounds."""
    camera: Camera | None = None
    """Of a MuJoCo environment. None: as the environment draws."""
    render_quality: str | None = None
    """Of a MuJoCo environment, ``full`` or ``fast``. None: as the environment draws."""
    sweep: Sweep | None = None
    """The state variable of the reward landscape. None: no landscape is drawn."""
    train: TrainSettings = field(default_factory=TrainSettings)
    """How it is usually trained."""
    small: TrainSettings | None = None
    """The same for two cores and an evening, where the usual training needs a cluster."""

    def __post_init__(self) -> None:
        if self.own_reward not in OWN_REWARDS:
            raise SpecError(f"unknown own_reward {self.own_reward!r}. Known: {', '.join(OWN_REWARDS)}.")
        if self.own_reward == "goal" and self.success is None:
            raise SpecError('own_reward = "goal" pays for steps inside the success bounds, and there are none.')
        if self.render_quality is not None:
            RenderQuality.named(self.render_quality)

    def reward_spec(self, *, encoder: str | None = None, alpha: float | None = None) -> "RewardSpec":
        """The reward that the task's sentences make.

        Args:
            encoder: As in `RewardSpec.encoder`; None: the task's.
            alpha: Share of the projection; None: the task's, and 0 where it has no baseline.

        Raises:
            SpecError: `alpha` is impossible, or above 0 without a baseline.

        Example:
            >>> find_task("cartpole/upright").reward_spec(encoder="ViT-L-14/openai").encoder
            'ViT-L-14/openai'
        """
        from vlmrm.rewards.spec import RewardSpec  # loads torch

        usual = self.alpha if self.prompts.baseline else 0.0
        return RewardSpec(
            encoder=self.encoder if encoder is None else encoder,
            prompts=self.prompts,
            alpha=usual if alpha is None else alpha,
            render_quality=self.render_quality,
        )

    @property
    def draws_itself(self) -> bool:
        """Whether its pictures are the environment's own, from a camera and in a quality that nobody chose."""
        return self.camera is None and self.render_quality is None

    @classmethod
    def load(cls, path: str | Path) -> "Task":
        """Read one task from a TOML file.

        Raises:
            SpecError: The file is no TOML, or a key is unknown, missing or impossible.
        """
        path = Path(path)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SpecError(f"{path} is no task file: {error}") from error
        try:
            return cls.from_dict(values)
        except SpecError as error:
            raise SpecError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Task":
        """From plain values, as TOML holds them; tables become their records.

        Raises:
            SpecError: A key is unknown, missing or impossible.
        """
        given = dict(values)
        if "prompts" in given:
            given["prompts"] = read_table(PromptSet, given["prompts"], where="prompts", error=PromptError)
        if isinstance(given.get("camera"), Mapping):
            given["camera"] = Camera.from_dict({k: v for k, v in given["camera"].items() if v is not None})
        records = {"success": SuccessRule, "sweep": Sweep, "train": TrainSettings, "small": TrainSettings}
        for key, record in records.items():
            if key in given:
                given[key] = _record(record, given[key], where=f"[{key}]")
        task: Task = _record(cls, given, where="the task")
        return task


def _record(kind: type[Any], values: Mapping[str, Any], *, where: str) -> Any:
    """Build a dataclass from a table; the error names the key and its nearest known one."""
    known = [entry.name for entry in fields(kind)]
    for key in values:
        if key not in known:
            raise SpecError(f"unknown key {key!r} in {where}. Near: {near_matches(key, known)}.")
    try:
        return kind(**values)
    except TypeError as error:
        raise SpecError(f"{where} is incomplete: {error}") from error


def all_tasks() -> dict[str, Task]:
    """Every task of every installed package, by name.

    Raises:
        SpecError: Two packages offer the same name, or a package's tasks cannot be read.
    """
    tasks: dict[str, Task] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            offered = point.load()()
        except (ImportError, AttributeError) as error:
            raise SpecError(
                f"the tasks of {point.value!r} cannot be loaded: {error}. If a package of your own is called "
                f"{point.module.split('.')[0]!r}, it hides the installed one; rename it or run from another folder."
            ) from error
        for name, task in offered.items():
            if name in tasks:
                raise SpecError(f"two installed packages offer a task called {name!r}; the second is {point.value!r}.")
            tasks[name] = task
    return tasks


def find_task(name: str) -> Task:
    """The task of this name.

    Raises:
        UnknownTask: No installed package has it.
    """
    tasks = all_tasks()
    if name not in tasks:
        raise UnknownTask(
            f"no task {name!r}. Near: {near_matches(name, tasks)}. `vlmrm tasks` lists all {len(tasks)}; "
            'any other environment: vlmrm train --env ID --goal "…" --baseline "…".'
        )
    return tasks[name]
