"""What pictures show: `SceneStates`, and `Concept`, one thing that can be said of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class SceneStates:
    """What n pictures of one scene show.

    Example:
        >>> states = SceneStates.of("pendulum", angle=[0.0, 0.5, 1.0])
        >>> len(states), states.take(np.array([2]))["angle"].tolist()
        (3, [1.0])
    """

    scene: str
    """One of `vlmrm_envs.scenes.SCENES`."""
    columns: Mapping[str, NDArray[np.float32]]
    """Variables of the state, one entry per picture. Every scene has ``thing`` and ``ground``, indices into
    `vlmrm_envs.looks.COLOURS`: of what moves and of what is behind it. The classic scenes have ``angle`` (of the pole,
    the rod or the arm's upper link, in radians from straight up, positive to the right), ``second`` (of the arm's lower
    link) and ``position`` (of cart or car, in m); the MuJoCo scenes have what their environments report."""

    @classmethod
    def of(cls, scene: str, **columns: ArrayLike) -> "SceneStates":
        """From anything array-like."""
        return cls(scene, {name: np.asarray(values, np.float32) for name, values in columns.items()})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return self.columns[name]

    def take(self, index: NDArray[np.intp]) -> "SceneStates":
        """The states of some of the pictures."""
        return SceneStates(self.scene, {name: values[index] for name, values in self.columns.items()})


LogTruth = Callable[[SceneStates], NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class Concept:
    """One thing that can be said, in several wordings."""

    phrases: tuple[str, ...]
    """Endings of a sentence that begins with the thing: `the pole …`; ``{p}`` is what it is fixed to or stands on."""
    log_truth: LogTruth
    """How true it is of each picture; 0 is true, -0.7 half true, below -3 false."""
