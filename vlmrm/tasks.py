"""Tasks: an environment, a reward in words, and a success test on the simulator's own state.

- `Task`: everything that `vlmrm train NAME` needs; read from a TOML file.
- `SuccessRule`: when an episode counts as solved, judged on `info["state"]`, never on a reward.
- `Sweep`: the state variable a reward is drawn over.
- `TrainSettings`: the algorithm that the task is usually trained with.
- `all_tasks`, `find_task`, `is_task`: what the installed packages offer through the entry-point group ``vlmrm.tasks``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from vlmrm.errors import SpecError, UnknownTask, VlmrmError, near_matches
from vlmrm.former_tasks import refuse_former_task
from vlmrm.plain_files import parse_toml, read_text
from vlmrm.rendering import Camera, RenderQuality
from vlmrm.rendering.camera import read_cameras
from vlmrm.rewards.features.cameras import with_cameras
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.spec_paths import paths_from
from vlmrm.tables import read_table
from vlmrm.values import plain_number, read_names

ENTRY_POINT_GROUP = "vlmrm.tasks"
DEFAULT_ENCODER = "sim-s"
"""Encoder of a [reward] table that names none."""
OWN_REWARDS = ("environment", "goal")


def _bound(value: Any) -> float:
    """A number, which text and true are not, although Python makes one of them."""
    number = plain_number(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(number)


@dataclass(frozen=True, kw_only=True)
class SuccessRule:
    """An episode succeeds when enough of its last steps lie inside all bounds.

    Example:
        >>> SuccessRule(where={"angle_deg": (-12, 12)}, within_last=50, at_least=50).holds({"angle_deg": 3.0})
        True
    """

    where: Mapping[str, Sequence[int | float]] = field(metadata={"read": lambda bounds, path: bounds})  # read below
    """Bounds, inclusive, on variables of ``info["state"]``; inf and -inf leave a side open."""
    within_last: int
    """How many of the episode's last steps are looked at."""
    at_least: int
    """How many of those must lie inside."""

    def __post_init__(self) -> None:
        try:
            bounds = {name: (_bound(low), _bound(high)) for name, (low, high) in self.where.items()}
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            raise SpecError(f"success bounds are pairs of numbers, low and high; got {self.where!r}.") from error
        object.__setattr__(self, "where", bounds)
        for name, (low, high) in self.where.items():
            if not low <= high:  # NaN too
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
    """Name of the variable in ``info["state"]``."""
    low: float
    """First value of the sweep."""
    high: float
    """Last value of the sweep."""
    label: str
    """Axis label with the unit, e.g. ``pole angle from upright (deg)``."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What `vlmrm train` uses unless told otherwise."""

    algorithm: str = "PPO"
    """Algorithm by name, as `vlmrm train --algorithm` takes it."""
    steps: int = 100_000
    """Environment steps in all."""
    num_envs: int = 1
    """Number of environments side by side."""
    eval_every: int = 5_000
    """Steps between two evaluations."""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the algorithm's constructor."""


def read_reward(values: Any, where: str = "reward") -> RewardSpec:
    """The reward of a [reward] table, which may leave out its encoder.

    Args:
        values: The table.
        where: Path of the table, for messages.

    Raises:
        SpecError: It is not a table of a reward.

    Example:
        >>> read_reward({"prompts": {"goal": "a red car"}}).encoder
        'sim-s'
    """
    if not isinstance(values, Mapping):
        raise SpecError(f"{where} must be a table of keys and values; got {values!r}.")
    return RewardSpec.from_dict({"encoder": DEFAULT_ENCODER} | dict(values), where=where)


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
    wrappers: Sequence[str] = field(default=(), metadata={"read": read_names})
    """Wrappers around the environment and inside ours, ``module:Name`` each, the first one innermost."""
    reward: RewardSpec = field(metadata={"read": read_reward})
    """Reward that the agent is paid: encoder, sentences, head and all that a spec can say."""
    episode_steps: int | None = None
    """Length of every episode, ended by truncation. None: as the environment is registered."""
    success: SuccessRule | None = None
    """When an episode counts as solved. None: unknown; then only returns are reported."""
    ground_truth: str = "the environment's own reward"
    """What the environment's own reward, used as the comparison, is."""
    own_reward: str = "environment"
    """Source of that reward: the ``environment``, or the ``goal``, 1 for each step inside the success bounds."""
    camera: Camera | None = None
    """Camera of a MuJoCo environment. None: as the environment draws."""
    cameras: Mapping[str, Camera] = field(default_factory=dict, metadata={"read": read_cameras})
    """Cameras by name instead of one, whose scores the reward joins; the pictures of one state lie side by side."""
    render_quality: str | None = None
    """Quality of a MuJoCo environment's pictures, ``full`` or ``fast``, which the reward's spec takes over. None: the
    spec's, else as the environment draws."""
    states: str | None = None
    """What draws labelled states of it for reports, as ``module:function``; see `vlmrm.data.TaskStates`. None: reports
    take the states of rollouts."""
    sweep: Sweep | None = None
    """The state variable of the reward landscape. None: no landscape is drawn."""
    train: TrainSettings = field(default_factory=TrainSettings)
    """How it is usually trained."""
    small: TrainSettings | None = None
    """Training for two cores and an evening, where the usual training needs a cluster."""

    def __post_init__(self) -> None:
        if self.own_reward not in OWN_REWARDS:
            raise SpecError(f"unknown own_reward {self.own_reward!r}. Known: {', '.join(OWN_REWARDS)}.")
        if self.own_reward == "goal" and self.success is None:
            raise SpecError('own_reward = "goal" pays for steps inside the success bounds, and there are none.')
        self.reward.require_prompts()
        reward = self.reward if not self.cameras else with_cameras(self.reward, tuple(self.cameras))
        if self.camera is not None and reward.cameras is not None:
            raise SpecError(
                f"{self.name} has one camera, and its reward joins {', '.join(reward.cameras.names)}. Give the task "
                "cameras of these names and no camera, or leave cameras out of its reward."
            )
        quality = self.render_quality or reward.render_quality
        if quality is not None:
            RenderQuality.named(quality)
        object.__setattr__(self, "render_quality", quality)
        object.__setattr__(self, "reward", replace(reward, render_quality=quality))

    def with_reward(self, reward: RewardSpec, **changes: Any) -> "Task":
        """Return the task with another reward, as `vlmrm train` takes it: the reward's quality of pictures comes first.

        Args:
            reward: The reward. The task's cameras, and its quality of pictures, complete it.
            changes: Other fields that change with it, as cameras that it names.

        Raises:
            SpecError: The reward joins cameras that the task has not.
        """
        return replace(self, **changes, reward=reward, render_quality=reward.render_quality or self.render_quality)

    @property
    def draws_itself(self) -> bool:
        """Whether its pictures are the environment's own, from a camera and in a quality that nobody chose."""
        return self.camera is None and not self.cameras and self.render_quality is None

    @property
    def drawn_cameras(self) -> Mapping[str, Camera]:
        """The cameras that its reward joins, in the order of their pictures; none: there is one picture."""
        joined = self.reward.cameras if self.cameras else None
        return {} if joined is None else {name: self.cameras[name] for name in joined.names}

    @classmethod
    def load(cls, path: str | Path) -> "Task":
        """Read one task from a TOML file; paths in its reward are relative to the file.

        Raises:
            SpecError: The file is not TOML, or a key is unknown, missing or impossible.
        """
        path = Path(path)
        try:
            values = parse_toml(read_text(path))
            if isinstance(values.get("reward"), dict):
                values["reward"] = paths_from(values["reward"], path.parent)
        except (OSError, ValueError) as error:
            raise SpecError(f"{path} is not a task file: {error}") from error
        try:
            return cls.from_dict(values)
        except VlmrmError as error:
            raise type(error)(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Task":
        """From plain values, as TOML holds them; tables become their records.

        Raises:
            SpecError: A key is unknown, missing or impossible, or the file is of the form that had no [reward] table.

        Example:
            >>> reward = read_reward({"prompts": {"goal": "a pole held upright"}})
            >>> task = Task(name="pole/up", description="", env_id="CartPole-v1", reward=reward)
            >>> Task.from_dict(task.to_dict()) == task
            True
        """
        refuse_former_task(values)
        reward, quality = values.get("reward"), values.get("render_quality")
        said = reward.get("render_quality") if isinstance(reward, Mapping) else None
        if quality and said and quality != said:
            raise SpecError(
                f"render_quality is {quality!r} for the task and {said!r} in [reward]. Leave out one of them."
            )
        return read_table(cls, values)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON; what is not given is left out."""
        plain = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        records = {name: asdict(plain[name]) for name in ("success", "sweep", "train", "small") if plain[name]}
        camera = {} if self.camera is None else {"camera": self.camera.to_dict()}
        plain["wrappers"] = list(self.wrappers) or None
        plain["cameras"] = {name: camera.to_dict() for name, camera in self.cameras.items()} or None
        found = plain | records | camera | {"reward": self.reward.to_dict(), "env_kwargs": dict(self.env_kwargs)}
        return {name: value for name, value in found.items() if value is not None}


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


def is_task(name: str) -> bool:
    """Whether `find_task` knows what is meant: a name in the catalogue, or a TOML file that has an ``env_id``."""
    if not name.endswith(".toml"):
        return name in all_tasks()
    try:
        return "env_id" in parse_toml(read_text(Path(name)))
    except (OSError, ValueError):
        return False


def find_task(name: str) -> Task:
    """The task of this name, or of the file, where it ends in ``.toml``.

    Raises:
        UnknownTask: No installed package has it.
        SpecError: It is a file, and none of a task.
    """
    if name.endswith(".toml"):
        return Task.load(name)
    tasks = all_tasks()
    if name not in tasks:
        raise UnknownTask(
            f"no task {name!r}. Near: {near_matches(name, tasks)}. `vlmrm tasks` lists all {len(tasks)}; "
            'any other environment: vlmrm train --env ID --goal "…" --baseline "…".'
        )
    return tasks[name]
