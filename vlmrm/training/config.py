"""`TrainConfig`: what to train. The same record is the API, the command line and ``config.json``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg
from tyro.constructors import PrimitiveConstructorSpec

from vlmrm.errors import SpecError, near_matches


def toml_table(text: str) -> dict[str, Any]:
    """A table from the inside of a TOML inline table, or from a TOML file.

    Args:
        text: Like ``learning_rate = 1e-3, policy_kwargs = {net_arch = [64]}``, or the path of a ``.toml`` file.

    Raises:
        ValueError: It is neither; the command line turns this into its own message.

    Example:
        >>> toml_table("gamma = 0.9, train_freq = [200, 'step']")
        {'gamma': 0.9, 'train_freq': [200, 'step']}
    """
    try:
        if text.endswith(".toml"):
            return tomllib.loads(Path(text).read_text(encoding="utf-8"))
        table: dict[str, Any] = tomllib.loads(f"table = {{ {text} }}")["table"]
        return table
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValueError(
            f'{text!r} is no TOML: {error}. Write it like "gamma = 0.9, batch_size = 64", and words in quotes, like '
            "\"track = 'torso'\"."
        ) from error


def _to_text(table: Any) -> list[str]:
    return [", ".join(f"{key} = {value!r}" for key, value in table.items())]


def open_option(metavar: str) -> Any:
    """An option of the command line whose default is decided later; its help says how.

    Args:
        metavar: Stands for its value.
    """
    return arg(metavar=metavar, help_behavior_hint="")


Sentences = Annotated[tuple[str, ...], arg(metavar="SENTENCE [SENTENCE ...]", help_behavior_hint="")]
"""One sentence or several, after one option."""
_Table = Annotated[
    Mapping[str, Any],
    arg(help_behavior_hint=""),
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="TOML",
        instance_from_str=lambda texts: toml_table(texts[0]),
        is_instance=lambda value: isinstance(value, Mapping),
        str_from_instance=_to_text,
    ),
]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Train an agent from sentences.

    Either a task (`vlmrm tasks` lists them) or any Gymnasium environment that draws pictures:

        vlmrm train cartpole/upright
        vlmrm train --env LunarLander-v3 --goal "a lander standing between two flags" --baseline "a lander in space"

    Raises:
        SpecError: A number is impossible.
    """

    task: Annotated[Positional[str | None], open_option("TASK")] = None
    """Name or .toml file of a task: environment, sentences, success test, settings. Options below override them."""
    env: Annotated[str | None, open_option("ID")] = None
    """Instead of a task: a Gymnasium id, or PACKAGE:ID for one that a package registers when it is imported."""
    env_kwargs: _Table = field(default_factory=dict)
    """Arguments of the environment, like 'continuous = true'."""
    goal: Sentences = ()
    """What the picture should show, as one sentence or several: a state, not an action."""
    baseline: Sentences = ()
    """The scene without the goal. Without one, alpha is 0."""
    alpha: Annotated[float | None, open_option("SHARE")] = None
    """Share of the goal-baseline projection, 0 (plain cosine) to 1. Default: the task's, else 0.5."""
    encoder: Annotated[str | None, open_option("NAME")] = None
    """A built-in model, NAME/TAG of OpenCLIP, hf-hub:OWNER/NAME, or local-dir:PATH; see `vlmrm models`. Default: the
    task's, else sim-s."""
    reward: Annotated[str, open_option("text|env|FILE")] = "text"
    """`text` scores the pictures by the sentences here or the task's; a .toml or .json FILE is a whole reward, with
    encoder, sentences and head; `env` trains on the environment's own reward, for comparison."""
    offset: Annotated[float | None, open_option("REWARD")] = None
    """Taken off every text reward; where episodes end early, a constant part pays for their length. Default: the
    task's, else 0."""
    env_weight: float = 0.0
    """Weight of the environment's own reward, which is added to the text reward."""
    resize_mode: Annotated[Literal["shortest", "longest", "squash"] | None, open_option("MODE")] = None
    """How pictures become square: `shortest` crops, `longest` pads, `squash` distorts. Default: the model's own."""

    camera: _Table = field(default_factory=dict)
    """Of a MuJoCo environment, like 'track = "torso", distance_m = 3, azimuth_deg = 90', or 'name = "side"'."""
    render_quality: Annotated[Literal["full", "fast"] | None, open_option("QUALITY")] = None
    """Of a MuJoCo environment: `fast` leaves out shadows, reflections and antialiasing, and draws about ten times as
    fast. Default: the task's, else as the environment draws."""

    small: bool = False
    """The task's settings for two cores, where it has such."""
    algorithm: Annotated[str | None, open_option("NAME")] = None
    """DQN, SAC, TD3, DDPG, PPO or A2C. Default: the task's, else DQN for buttons and SAC for continuous actions."""
    hyperparameters: _Table = field(default_factory=dict)
    """Of the algorithm, like 'gamma = 0.98, batch_size = 64', or a .toml file; added to the task's."""
    steps: Annotated[int | None, open_option("N")] = None
    """Environment steps in all. Default: the task's, else 100,000."""
    num_envs: Annotated[int | None, open_option("N")] = None
    """Environments side by side. Default: the task's, else 1."""
    processes: bool = False
    """Each environment in a process of its own; for slow ones and many cores."""
    episode_steps: Annotated[int | None, open_option("N")] = None
    """Length of an episode. Default: the task's, else as registered, else 1,000."""
    seed: int = 0
    """Of networks, exploration and training environments. Evaluation seeds are the same for every run."""

    eval_every: Annotated[int | None, open_option("N")] = None
    """Steps between two evaluations. Default: the task's, else a twentieth of all steps."""
    eval_episodes: int = 20
    """Episodes of one evaluation."""
    eval_drawn: int = 1
    """How many of these are drawn and scored; the others run without pictures, many times faster."""
    final_episodes: int = 20
    """Episodes of the last evaluation and of the random policy's."""
    success_target: float = 0.9
    """Share of successes that counts as learnt, for the number of steps to success."""
    checkpoint_every: Annotated[int | None, open_option("N")] = None
    """Steps between two checkpoints. Default: as `eval_every`."""

    compare_env_reward: bool = False
    """Afterwards, train the same algorithm for as many steps on the environment's own reward."""
    videos: bool = True
    """Record an episode before and after training."""
    tensorboard: bool = True
    """Write TensorBoard files."""
    export_sb3: bool = False
    """Also write model.zip for Stable-Baselines3. Loading such a file runs code that is in it."""
    device: Annotated[str | None, open_option("NAME")] = None
    """cpu, cuda, ... Default: the best there is."""
    precision: Annotated[Literal["fp32", "bf16", "fp16"] | None, open_option("NAME")] = None
    """Of the encoder: fp32, bf16 or fp16. Default: what suits the device."""
    threads: Annotated[int | None, open_option("N")] = None
    """CPU threads for scoring pictures; fewer are faster where other programs use the cores. Default: torch's own."""
    out: Annotated[Path | None, open_option("FOLDER")] = None
    """Where to write the run. Default: a new folder in runs/."""

    def __post_init__(self) -> None:
        for name in ("steps", "num_envs", "episode_steps", "eval_every", "checkpoint_every", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SpecError(f"{name} must be at least 1; got {value}.")
        if self.eval_episodes < 1 or self.final_episodes < 1:
            raise SpecError("eval_episodes and final_episodes must be at least 1.")
        if not 0 <= self.eval_drawn <= self.eval_episodes:
            raise SpecError(f"eval_drawn must lie in 0 to eval_episodes={self.eval_episodes}; got {self.eval_drawn}.")
        if self.env_weight and self.reward == "env":
            raise SpecError("env_weight adds the environment's own reward to a text reward; reward='env' is all of it.")
        if not 0 < self.success_target <= 1:
            raise SpecError(f"success_target is a share, more than 0 and at most 1; got {self.success_target}.")

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        plain = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return plain | {
            "env_kwargs": dict(self.env_kwargs),
            "camera": dict(self.camera),
            "hyperparameters": dict(self.hyperparameters),
            "goal": list(self.goal),
            "baseline": list(self.baseline),
            "out": None if self.out is None else str(self.out),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainConfig":
        """The inverse of `to_dict`.

        Raises:
            SpecError: A key is unknown.

        Example:
            >>> config = TrainConfig(task="cartpole/upright", goal=("a pole",), out=Path("runs/a"))
            >>> TrainConfig.from_dict(config.to_dict()) == config
            True
        """
        known = [entry.name for entry in fields(cls)]
        for key in values:
            if key not in known:
                raise SpecError(f"unknown key {key!r} in a training configuration. Near: {near_matches(key, known)}.")
        given = dict(values)
        for name in ("goal", "baseline"):
            given[name] = tuple(given.get(name, ()))
        if given.get("out") is not None:
            given["out"] = Path(given["out"])
        return cls(**given)
