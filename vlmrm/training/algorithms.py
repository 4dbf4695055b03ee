"""The algorithms that `vlmrm train` knows by name, and those of other modules by ``module:Class``."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.preprocessing import is_image_space

from vlmrm.errors import MissingExtra, SpecError, near_matches

_IMAGE_BUFFER = 30_000  # 96 x 96 pictures with their successors: 1.7 GB
_ANY_ACTIONS = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")
_REPLAY = {"buffer_size": 100_000, "learning_starts": 1_000, "train_freq": 64, "gradient_steps": -1}
_DQN = {
    "learning_rate": 5e-4,
    "batch_size": 128,
    "target_update_interval": 500,
    "exploration_fraction": 0.2,
    "policy_kwargs": {"net_arch": [256, 256]},
}


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """One algorithm in the form of Stable-Baselines3."""

    name: str
    """Name on the command line and in ``config.json``."""
    place: str
    """Module and class, ``module:Class``; loaded when an agent is made."""
    off_policy: bool
    """Whether it learns from a replay buffer, so that whole rollouts can be scored at once."""
    actions: tuple[str, ...]
    """Names of the action spaces that it handles."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Hyper-parameters where neither the task nor the user says any: long rollouts, so that scoring is batched."""

    def load(self) -> type[BaseAlgorithm]:
        """The class.

        Raises:
            MissingExtra: Its package is not installed.
            SpecError: There is no such class, or it is not an algorithm.
        """
        module, _, name = self.place.partition(":")
        if not module or not name:
            raise SpecError(f"an algorithm of your own is named MODULE:CLASS; got {self.place!r}.")
        try:
            found: Any = vars(import_module(module))
        except ModuleNotFoundError as error:
            raise _not_found(self.name, module, error) from error
        kind = found.get(name)
        if not isinstance(kind, type) or not issubclass(kind, OffPolicyAlgorithm | OnPolicyAlgorithm):
            classes = [word for word, value in found.items() if isinstance(value, type)]
            raise SpecError(
                f"{self.place!r} is not an off-policy or on-policy algorithm in the form of Stable-Baselines3. Near: "
                f"{near_matches(name, classes)}."
            )
        return kind


_ROWS: tuple[tuple[str, bool, tuple[str, ...], Mapping[str, Any]], ...] = (
    ("stable_baselines3:DQN", True, ("Discrete",), _REPLAY | _DQN),
    ("stable_baselines3:SAC", True, ("Box",), _REPLAY),
    ("stable_baselines3:TD3", True, ("Box",), _REPLAY | {"action_noise": 0.1}),
    ("stable_baselines3:DDPG", True, ("Box",), _REPLAY | {"action_noise": 0.1}),
    ("stable_baselines3:PPO", False, _ANY_ACTIONS, {}),
    ("stable_baselines3:A2C", False, _ANY_ACTIONS, {}),
    ("sb3_contrib:QRDQN", True, ("Discrete",), _REPLAY | _DQN),
    ("sb3_contrib:TQC", True, ("Box",), _REPLAY),
    ("sb3_contrib:CrossQ", True, ("Box",), _REPLAY),
    ("sb3_contrib:TRPO", False, _ANY_ACTIONS, {}),
    ("sb3_contrib:RecurrentPPO", False, _ANY_ACTIONS, {}),
    ("sb3_contrib:MaskablePPO", False, _ANY_ACTIONS[1:], {}),
)
ALGORITHMS: Mapping[str, Algorithm] = {
    name: Algorithm(name=name, place=place, off_policy=off_policy, actions=actions, defaults=defaults)
    for place, off_policy, actions, defaults in _ROWS
    for name in [place.partition(":")[2]]
}
"""Those that have a name of their own."""
_DECIDING = ("DQN", "SAC", "PPO")  # where none was named


def find_algorithm(name: str) -> Algorithm:
    """The algorithm of this name, or of ``module:Class``.

    A class of your own has the defaults and the action spaces of the nearest of its parents that has a name here.

    Raises:
        SpecError: There is none, or the class is not an algorithm.
        MissingExtra: A package that it needs is not installed.

    Example:
        >>> find_algorithm("SAC").off_policy, find_algorithm("stable_baselines3:SAC").name
        (True, 'SAC')
    """
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    if ":" not in name:
        raise SpecError(
            f"unknown algorithm {name!r}. Known: {', '.join(ALGORITHMS)}; or one of your own, as MODULE:CLASS."
        )
    for row in ALGORITHMS.values():
        if row.place == name:
            return row
    own = Algorithm(name=name, place=name, off_policy=False, actions=_ANY_ACTIONS)
    kind = own.load()
    for parent in kind.__mro__:
        row = ALGORITHMS.get(parent.__name__, own)
        if row.place.partition(":")[0] == parent.__module__.partition(".")[0]:
            return replace(row, name=name, place=name)
    return replace(own, off_policy=issubclass(kind, OffPolicyAlgorithm))


def default_algorithm(action_space: spaces.Space[Any]) -> Algorithm:
    """The algorithm for an action space where none was named.

    Raises:
        SpecError: None of them can handle it.

    Example:
        >>> default_algorithm(spaces.Discrete(2)).name
        'DQN'
    """
    for name in _DECIDING:
        if type(action_space).__name__ in ALGORITHMS[name].actions:
            return ALGORITHMS[name]
    raise SpecError(f"no algorithm here handles the action space {action_space}. Wrap it into Box or Discrete.")


def require_spaces(algorithm: Algorithm, action_space: spaces.Space[Any], observation_space: spaces.Space[Any]) -> None:
    """Refuse an environment that the algorithm cannot handle.

    Raises:
        SpecError: The actions or the observations do not fit.
    """
    kind = type(action_space).__name__
    if kind not in algorithm.actions:
        fitting = [other.name for other in ALGORITHMS.values() if kind in other.actions]
        raise SpecError(
            f"{algorithm.name} needs actions of kind {' or '.join(algorithm.actions)}, and the environment has "
            f"{action_space}. Use {' or '.join(fitting) or 'an action wrapper'}."
        )
    if isinstance(action_space, spaces.Box) and 0 in action_space.shape:
        raise SpecError(
            f"the environment takes no action ({action_space}), so there is nothing to learn. A MuJoCo model moves by "
            "the <actuator> elements of its XML."
        )
    parts = observation_space.values() if isinstance(observation_space, spaces.Dict) else [observation_space]
    for part in parts:
        if type(part).__name__ not in _ANY_ACTIONS:
            raise SpecError(
                f"Stable-Baselines3 takes observations of kind {', '.join(_ANY_ACTIONS)} or one flat Dict of them; "
                f"the environment has {observation_space}. --wrapper gymnasium.wrappers:FlattenObservation makes one "
                "vector of what is numbers; text must be left out by a wrapper first, as minigrid.wrappers:"
                "ImgObsWrapper does."
            )


def reads(observation_space: spaces.Space[Any]) -> str:
    """What kind of observations a policy network must read: ``Mlp``, ``Cnn`` or ``MultiInput``.

    Example:
        >>> import numpy as np
        >>> reads(spaces.Box(-1, 1, (4,))), reads(spaces.Box(0, 255, (96, 96, 3), np.uint8))
        ('Mlp', 'Cnn')
    """
    if isinstance(observation_space, spaces.Dict):
        return "MultiInput"
    return "Cnn" if is_image_space(observation_space) else "Mlp"


def default_hyperparameters(algorithm: Algorithm, observation_space: spaces.Space[Any]) -> dict[str, Any]:
    """What an agent is made with where neither the task nor the user says anything."""
    chosen = dict(algorithm.defaults)
    if reads(observation_space) != "Mlp":
        chosen.pop("policy_kwargs", None)
        if algorithm.off_policy:
            chosen["buffer_size"] = _IMAGE_BUFFER
    return chosen


def _not_found(name: str, module: str, error: ModuleNotFoundError) -> SpecError | MissingExtra:
    if module == "sb3_contrib" and error.name == module:
        return MissingExtra(f'{name} needs sb3-contrib, which is not installed: pip install "vlmrm[contrib]"')
    if error.name is None or not f"{module}.".startswith(f"{error.name}."):
        return MissingExtra(f"{module} needs {error.name!r}, which is not installed: {error}")
    return SpecError(
        f"there is no module {module!r} with an algorithm. A module in this folder is found by `python -m vlmrm` and "
        "with PYTHONPATH=."
    )
