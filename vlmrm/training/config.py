"""`TrainConfig`: what to train. The same record is the API, the command line and ``config.json``."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any

from tyro.conf import Positional

from vlmrm.errors import SpecError
from vlmrm.tables import read_table
from vlmrm.training.options import EnvOptions, RewardOptions, TrainOptions, open_option
from vlmrm.training.run_options import EvaluationOptions, MachineOptions, OutputOptions

_FORMER_NAMES = {  # of fields that a configuration without groups had under other names
    "env.id": "env",
    "env.kwargs": "env_kwargs",
    "reward.source": "reward",
    "evaluation.every": "eval_every",
    "evaluation.episodes": "eval_episodes",
    "evaluation.drawn": "eval_drawn",
    "output.folder": "out",
}


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Train an agent from sentences.

    Either a task (`vlmrm tasks` lists them) or any Gymnasium environment that draws pictures:

        vlmrm train cartpole/upright
        vlmrm train --env LunarLander-v3 --goal "a lander standing between two flags" --baseline "a lander in space"

    Raises:
        SpecError: A number is impossible.
    """

    task: Annotated[Positional[str | None], open_option("[TASK]")] = None
    """Name or .toml file of a task: environment, reward, success test, settings. Options below override them."""
    env: EnvOptions = field(default_factory=EnvOptions)
    """Environment that the agent lives in. Each option overrides the task's."""
    reward: RewardOptions = field(default_factory=RewardOptions)
    """What the agent is paid. An option with a dot in its name overrides that key of the task's [reward] table."""
    train: TrainOptions = field(default_factory=TrainOptions)
    """How the agent learns. Each option overrides the task's [train] table."""
    evaluation: EvaluationOptions = field(default_factory=EvaluationOptions)
    """How the agent is judged, on the simulator's state."""
    output: OutputOptions = field(default_factory=OutputOptions)
    """What the run writes, and where."""
    machine: MachineOptions = field(default_factory=MachineOptions)
    """Device, precision and threads that compute."""

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        plain = asdict(self)
        for group, name in (("output", "folder"), ("train", "start_from")):
            path = plain[group][name]
            plain[group][name] = None if path is None else str(path)
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainConfig":
        """The inverse of `to_dict`.

        Raises:
            SpecError: A key is unknown, or the configuration has no groups, as those of earlier versions.

        Example:
            >>> config = TrainConfig(task="cartpole/upright", train=TrainOptions(steps=500, seed=3))
            >>> TrainConfig.from_dict(config.to_dict()) == config
            True
        """
        _refuse_without_groups(values)
        return read_table(cls, values)

    def changed(self) -> list[str]:
        """The paths of what differs from the defaults, like ``train.steps``.

        Example:
            >>> TrainConfig(task="a/b", train=TrainOptions(steps=500)).changed()
            ['task', 'train.steps']
        """
        ours, usual = dict(_leaves(self.to_dict())), dict(_leaves(TrainConfig().to_dict()))
        return [path for path, value in ours.items() if value != usual[path]]


def _leaves(plain: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    groups = [entry.name for entry in fields(TrainConfig) if entry.name != "task"]
    yield "task", plain["task"]
    yield from ((f"{group}.{name}", value) for group in groups for name, value in plain[group].items())


def _refuse_without_groups(values: Mapping[str, Any]) -> None:
    places = {_FORMER_NAMES.get(path, path.split(".")[-1]): path for path, _ in _leaves(TrainConfig().to_dict())}
    flat = [key for key in values if key in places and key != "task" and not isinstance(values[key], Mapping)]
    if flat:
        moved = ", ".join(f"{key} is {places[key]}" for key in flat[:3])
        raise SpecError(
            f"the configuration has {len(flat)} keys outside of the groups that they belong to, as an earlier version "
            f"wrote it: {moved} now. A run of that version cannot go on; begin a new one."
        )


def refuse_unused(config: TrainConfig) -> None:
    """Refuse options of what scores pictures where nothing does.

    Raises:
        SpecError: Such an option was given.
    """
    reward = config.reward
    if config.train.compare_env_reward and reward.is_env:
        raise SpecError("compare_env_reward compares a text reward with the environment's own; use reward='text'.")
    if not (reward.is_env or reward.function):
        return
    unused = {
        "machine.precision",
        "machine.batch_size",
        *(("evaluation.drawn", "evaluation.best_by") if reward.is_env else ()),
    }
    given = unused.intersection(config.changed())
    if given:
        rewards = f"the function {reward.function}" if reward.function else "the environment"
        raise SpecError(f"{min(given)} has no effect where {rewards} rewards and no model does. Leave it out.")
