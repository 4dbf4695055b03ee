"""Groups of a `TrainConfig` about what is trained; the others are in `run_options`.

Each is one box of ``vlmrm train --help`` and one table of ``config.json``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import arg
from tyro.constructors import PrimitiveConstructorSpec

from vlmrm.errors import SpecError
from vlmrm.plain_files import parse_toml, read_text
from vlmrm.rendering.camera import Camera, read_cameras
from vlmrm.tables import read_table
from vlmrm.values import read_names, require_number, require_whole


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
            return parse_toml(read_text(Path(text)))
        table: dict[str, Any] = parse_toml(f"table = {{ {text} }}")["table"]
        return table
    except (OSError, ValueError) as error:
        raise ValueError(
            f'{text!r} is not TOML: {error}. Write it like "gamma = 0.9, batch_size = 64", and words in quotes, like '
            "\"track = 'torso'\"."
        ) from error


def _to_text(table: Any) -> list[str]:
    return [", ".join(f"{key} = {value!r}" for key, value in table.items())]


def open_option(metavar: str, name: str | None = None, *, short: str | None = None) -> Any:
    """An option of the command line whose default is decided later; its help says how.

    Args:
        metavar: Stands for its value.
        name: Name of the option; None: that of the field.
        short: Another name, which the help puts first.
    """
    return arg(name=name, aliases=[f"--{short}"] if short else None, metavar=metavar, help_behavior_hint="")


_SENTENCES = "SENTENCE [SENTENCE ...]"
Sentences = Annotated[tuple[str, ...], arg(metavar=_SENTENCES, help_behavior_hint="")]
"""One sentence or several, after one option."""
Table = Annotated[
    Mapping[str, Any],
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="TOML",
        instance_from_str=lambda texts: toml_table(texts[0]),
        is_instance=lambda value: isinstance(value, Mapping),
        str_from_instance=_to_text,
    ),
]
"""A table, which the command line takes as TOML."""


def _no_sentences() -> Any:
    """The default of a field of sentences, which JSON has as a list, or as the one sentence itself."""
    return field(
        default=(), metadata={"read": lambda given, where: (given,) if isinstance(given, str) else tuple(given)}
    )


def require_counts(group: Any, *names: str) -> None:
    """Refuse fields that are given and are no whole number of at least 1.

    Args:
        group: One of the groups.
        *names: Its fields.

    Raises:
        SpecError: One is not.
    """
    for name in names:
        if getattr(group, name) is not None:
            require_whole(name, getattr(group, name))


OF_A_FUNCTION = "function:"
"""What the source of a reward begins with that is a function, which no file can hold."""


@dataclass(frozen=True, kw_only=True)
class EnvOptions:
    """Where the agent lives. Each option overrides the task's."""

    id: Annotated[str | None, open_option("ID", "env")] = None
    """Instead of a task: a Gymnasium id, or PACKAGE:ID for one that a package registers when it is imported."""
    kwargs: Annotated[Table, open_option("TOML", "env-kwargs")] = field(default_factory=dict)
    """Arguments of the environment, like 'continuous = true'; added to the task's."""
    wrappers: Annotated[tuple[str, ...], open_option("MODULE:NAME [MODULE:NAME ...]", "wrapper")] = field(
        default=(), metadata={"read": read_names}
    )
    """Wrappers put around the environment, after the task's, the first one innermost; a wrapper, or a function of an
    environment."""
    episode_steps: Annotated[int | None, open_option("N")] = None
    """Length of an episode. Default: the task's, else as registered, else 1,000."""
    camera: Annotated[Table, open_option("TOML")] = field(default_factory=dict)
    """Camera of a MuJoCo environment, like 'track = "torso", distance_m = 3, azimuth_deg = 90', or 'name = "side"'."""
    cameras: Annotated[Table, open_option("TOML")] = field(default_factory=dict)
    """Cameras by name instead of one, like 'front = {track = "torso", distance_m = 3}, side = {name = "side"}', whose
    scores the reward joins."""
    render_quality: Annotated[Literal["full", "fast"] | None, open_option("QUALITY")] = None
    """Pictures of a MuJoCo environment: `fast` has no shadows, reflections and antialiasing, about ten times as fast.
    Default: the task's, else as the environment draws."""

    def __post_init__(self) -> None:
        require_counts(self, "episode_steps")

    @property
    def names_cameras(self) -> bool:
        """Whether it says from where pictures are taken."""
        return bool(self.camera or self.cameras)

    def cameras_instead_of(self, camera: Camera | None, cameras: Mapping[str, Camera]) -> dict[str, Any]:
        """Return the fields of a task for one camera or several; those that are given replace both of the task's.

        Args:
            camera: The task's one camera.
            cameras: The task's cameras by name.

        Raises:
            SpecError: If what is given is not a camera.
        """
        if not self.names_cameras:
            return {"camera": camera, "cameras": cameras}
        one = read_table(Camera, self.camera, where="camera") if self.camera else None
        return {"camera": one, "cameras": read_cameras(self.cameras)}


@dataclass(frozen=True, kw_only=True)
class RewardOptions:
    """What the agent is paid. Each option with a dot in its name overrides that key of the task's [reward] table."""

    source: Annotated[str, open_option("text|env|FILE", "reward")] = "text"
    """`text` scores pictures by sentences, here or the task's; `env` is the environment's own reward, for comparison;
    a .toml or .json FILE is a whole reward, with encoder, sentences and head."""
    goal: Annotated[tuple[str, ...], open_option(_SENTENCES, "reward.goal", short="goal")] = _no_sentences()
    """What the picture should show, as one sentence or several: a state, not an action."""
    baseline: Annotated[tuple[str, ...], open_option(_SENTENCES, "reward.baseline", short="baseline")] = _no_sentences()
    """The scene without the goal. Without one, alpha is 0."""
    negatives: Annotated[tuple[str, ...], open_option(_SENTENCES, "reward.negatives")] = _no_sentences()
    """What must not be taken for the goal, for heads that use it."""
    encoder: Annotated[str | None, open_option("NAME", "reward.encoder", short="encoder")] = None
    """A built-in model, NAME/TAG of OpenCLIP, hf-hub:OWNER/NAME, or local-dir:PATH; see `vlmrm models`.
    Default: the task's, else sim-s."""
    alpha: Annotated[float | None, open_option("SHARE", "reward.alpha", short="alpha")] = None
    """Share of the goal-baseline projection, 0 (plain cosine) to 1. Default: the task's, else 0.5."""
    head: Annotated[str | None, open_option("NAME", "reward.head")] = None
    """How embeddings become scores: projection, softmax, contrast ... Another one than the task's drops its options
    and scaling. Default: the task's, else projection."""
    options: Annotated[Table, open_option("TOML", "reward.options")] = field(default_factory=dict)
    """Options of the head, like 'temperature = 0.1', in place of the task's."""
    views: Annotated[Table, open_option("TOML", "reward.views")] = field(default_factory=dict)
    """Crops whose mean is scored, like 'scales = [1.0, 0.7]'."""
    cameras: Annotated[Table, open_option("TOML", "reward.cameras")] = field(default_factory=dict)
    """How scores of several cameras are joined, like 'names = ["front", "side"], join = "lowest"'."""
    uncertainty: Annotated[Table, open_option("TOML", "reward.uncertainty")] = field(default_factory=dict)
    """How unsure the reward is, and how much of that is taken off, like 'ensemble = "prompts", kappa = 1.0'."""
    judge: Annotated[Table, open_option("TOML", "reward.judge")] = field(default_factory=dict)
    """Model that is asked yes or no about frames with a high score: 'model = "...", question = "...", above = 0.6'."""
    scaling: Annotated[Table, open_option("TOML", "reward.scaling")] = field(default_factory=dict)
    """Scale of the score, like 'subtract = 0.6': where episodes end early, a constant part pays for their length."""
    threshold: Annotated[float | None, open_option("SCORE", "reward.threshold")] = None
    """Pay 1 above this score, else 0; without the task's scaling, which was chosen for other scores."""
    over_time: Annotated[Table, open_option("TOML", "reward.over-time")] = field(default_factory=dict)
    """How scores of frames become rewards of steps, like 'kind = "difference"'."""
    resize_mode: Annotated[
        Literal["shortest", "longest", "squash"] | None,
        open_option("MODE", "reward.resize-mode", short="resize-mode"),
    ] = None
    """How pictures become square: `shortest` crops, `longest` pads, `squash` distorts. Default: the model's own."""
    env_weight: float = 0.0
    """Weight of the environment's own reward, which is added to the text reward."""
    audit: Annotated[str | None, open_option("FILE", "audit")] = None
    """JSON file of `vlmrm audit`: what failed there is said before training. Default: audit.json beside the run's
    folder or in the current one, if it is of the same reward, weights and task."""

    def __post_init__(self) -> None:
        require_number("env_weight", self.env_weight)
        if self.is_env and self.table():
            raise SpecError(
                f"reward='env' trains on the environment's own reward, so reward.{min(self.table())} has no effect. "
                "Leave one of them out."
            )
        if self.audit is not None and self.is_env:
            raise SpecError("audit is of a text reward, and reward='env' has none. Leave one of them out.")
        if self.env_weight and self.is_env:
            raise SpecError("env_weight adds the environment's own reward to a text reward; reward='env' is all of it.")

    @property
    def is_env(self) -> bool:
        """Whether the agent is trained on the environment's own reward."""
        return self.source == "env"

    @property
    def function(self) -> str | None:
        """Name of the function of a user's own that rewards; None: no function does."""
        return self.source.removeprefix(OF_A_FUNCTION) if self.source.startswith(OF_A_FUNCTION) else None

    def of_function(self, name: str) -> "RewardOptions":
        """Return the options of a run that a function rewards.

        Args:
            name: Name of the function.

        Raises:
            SpecError: If the options ask for another reward.
        """
        asked = [f"source={self.source!r}"] if self.source != "text" else [f"reward.{word}" for word in self.table()]
        if asked:
            raise SpecError(f"the function {name} is the whole reward, so leave out {', '.join(asked)}.")
        return replace(self, source=f"{OF_A_FUNCTION}{name}")

    def table(self) -> dict[str, Any]:
        """The keys of a [reward] table that were given.

        Example:
            >>> RewardOptions(goal=("a red car",), alpha=0.3).table()
            {'prompts': {'goal': ('a red car',)}, 'alpha': 0.3}
        """
        given = {key: value for key, value in vars(self).items() if value is not None and value not in ((), {})}
        prompts = {role: given.pop(role) for role in ("goal", "baseline", "negatives") if role in given}
        for key in ("source", "env_weight", "audit"):
            given.pop(key, None)
        return ({"prompts": prompts} if prompts else {}) | given


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How the agent learns. Each option overrides the task's [train] table."""

    algorithm: Annotated[str | None, open_option("NAME")] = None
    """DQN, SAC, TD3, DDPG, PPO or A2C; with the extra `contrib` QRDQN, TQC, CrossQ, TRPO, RecurrentPPO or MaskablePPO;
    or MODULE:CLASS of your own.
    Default: the task's, else DQN for buttons and SAC for continuous actions."""
    hyperparameters: Annotated[Table, open_option("TOML")] = field(default_factory=dict)
    """Settings of the algorithm, like 'gamma = 0.98, batch_size = 64', or a .toml file; added to the task's."""
    steps: Annotated[int | None, open_option("N")] = None
    """Environment steps in all. Default: the task's, else 100,000."""
    start_from: Annotated[Path | None, open_option("RUN")] = field(
        default=None, metadata={"read": lambda value, where: None if value is None else Path(value)}
    )
    """Folder of a run whose newest agent this one begins as: its networks and optimisers, so that it acts as that one
    from its first step. Rewards that it has stored are of that run, and are left there. Algorithm, spaces and networks
    must be the same."""
    num_envs: Annotated[int | None, open_option("N")] = None
    """Environments side by side. Default: the task's, else 1."""
    processes: bool = False
    """Run each environment in a process of its own; for slow ones and many cores."""
    seed: int = 0
    """Seed of networks, exploration and training environments. Evaluation seeds are the same for every run."""
    small: bool = False
    """Use the task's settings for two cores, where it has such."""
    compare_env_reward: bool = False
    """Afterwards, train the same algorithm for as many steps on the environment's own reward."""

    def __post_init__(self) -> None:
        if self.start_from is not None:
            object.__setattr__(self, "start_from", Path(self.start_from))  # a text will do
        require_counts(self, "steps", "num_envs")
        require_whole("seed", self.seed, at_least=0)
