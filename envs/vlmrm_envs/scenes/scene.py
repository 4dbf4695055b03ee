"""What a scene is: one record with its environment, its random pictures and what is said of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import gymnasium as gym
import numpy as np
from jaxtyping import UInt8
from numpy.typing import ArrayLike, NDArray

from vlmrm_envs.concepts import Columns, Concept
from vlmrm_envs.wording import Wording

if TYPE_CHECKING:
    from vlmrm.frames.preprocessing import Preprocessing  # loads torch

Maker = Callable[..., gym.Env[Any, Any]]
"""Class of an environment, or a function that makes one."""


class Pictures(Protocol):
    """How random states of a scene are drawn; see `FlatPictures` and `MujocoPictures`."""

    def draw(
        self, make: Maker, count: int, *, rng: np.random.Generator, preprocessing: "Preprocessing", own_look: float
    ) -> tuple[UInt8[np.ndarray, "n s s 3"], Columns]:
        """Draw random pictures.

        Args:
            make: Makes the environment.
            count: Number of pictures.
            rng: The only source of chance.
            preprocessing: That of the model that will see the pictures; it decides their size.
            own_look: Share of the pictures left as the environment draws them.

        Returns:
            The pictures, and the state variables that they show. ``thing`` and ``ground`` are the colours of what moves
            and of what is behind it, as indices into `vlmrm_envs.looks.COLOURS`. ``at_PART_x`` and ``at_PART_y``, if
            there are any, are where a part of the body is in the picture, 0 to 1 from its left and from its top.
            ``angle`` and ``second`` are in radians from straight up, positive to the right; other angles end in
            ``_deg``. ``position`` is what `vlmrm_envs.wording.TRACK_PLACES` speak of.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class MadeState:
    """A state made on purpose, for a labelled frame."""

    kind: str
    """What it was made as: ``goal``, ``look-alike``, ``other`` or ``heap``."""
    pose: str
    """Name of the pose, or the value of the task's state variable."""
    group: str
    """What the state shares with others, which tell less together than independent ones: its pose, say."""
    put: Callable[[Any], None]
    """Puts an environment into the state."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """An environment that built-in models know, with what they are taught about it.

    To add one, write its file beside those of the others and its row into the table of `vlmrm_envs.scenes`. Generic
    code takes the record and needs no row.
    """

    name: str
    """Name in the table, and the first part of the names of the scene's tasks: ``cartpole`` in ``cartpole/upright``."""
    title: str
    """Name in the list of what a model knows, which users read on its card."""
    seed: int
    """Second number of every random seed; different for each scene, so that no two share their random numbers."""
    environment: Maker
    """Class of the environment, called with ``render_mode="rgb_array"`` and what `pictures` chooses."""
    pictures: Pictures
    """How random states and their pictures are drawn."""
    concepts: tuple[Concept, ...]
    """What can be said of the thing that moves."""
    wording: Wording
    """Nouns and forms of the sentences."""
    classes: tuple[str, ...] = ()
    """First phrases of states that exclude each other, of which `vlmrm_envs.state_classes` draws pictures. Empty: it
    draws none of this scene."""
    sayings: tuple[Path, ...] = ()
    """Files of whole sentences, as `vlmrm_envs.sayings` reads them."""
    share: int = 1
    """Weight of its pictures and sentences in training; above 1 where there is more to tell apart."""
    made_states: Callable[[str, int, np.random.Generator], Iterator[MadeState]] | None = None
    """Makes n states for the labelled frames of a goal, the second part of a task's name. None: they are spread over
    the task's state variable."""


@dataclass(frozen=True, eq=False)
class SceneStates:
    """What n pictures of one scene show.

    Example:
        >>> from vlmrm_envs.scenes import find_scene
        >>> states = SceneStates.of(find_scene("pendulum"), angle=[0.0, 0.5, 1.0])
        >>> len(states), states.take(np.array([2]))["angle"].tolist()
        (3, [1.0])
    """

    scene: Scene
    """The scene that they are of."""
    columns: Columns
    """Variables of the state, one entry per picture; see `Pictures.draw`."""

    @classmethod
    def of(cls, scene: Scene, **columns: ArrayLike) -> "SceneStates":
        """From anything array-like."""
        return cls(scene, {name: np.asarray(values, np.float32) for name, values in columns.items()})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> NDArray[np.floating[Any]]:
        return self.columns[name]

    def take(self, index: NDArray[np.intp]) -> "SceneStates":
        """The states of some of the pictures."""
        return SceneStates(self.scene, {name: values[index] for name, values in self.columns.items()})


def random_pictures(
    scene: Scene, count: int, *, seed: int, preprocessing: "Preprocessing", own_look: float = 0.5
) -> tuple[UInt8[np.ndarray, "n s s 3"], SceneStates]:
    """Draw pictures of a scene at random states: what built-in models are trained on.

    Args:
        scene: The scene.
        count: Number of pictures.
        seed: Random seed, which decides everything.
        preprocessing: That of the model that will see the pictures; it decides their size.
        own_look: Share of the pictures left as the environment draws them.

    Returns:
        The pictures and the states they show.

    Example:
        >>> from vlmrm_envs.scenes import find_scene
        >>> from vlmrm.frames.preprocessing import Preprocessing
        >>> at_size = Preprocessing(size_px=32, mean=(0.5,) * 3, std=(0.5,) * 3)
        >>> frames, states = random_pictures(find_scene("pendulum"), 4, seed=0, preprocessing=at_size)
        >>> frames.shape, list(states.columns)
        ((4, 32, 32, 3), ['angle', 'second', 'position', 'thing', 'ground'])
    """
    rng = np.random.default_rng([seed, scene.seed])
    frames, columns = scene.pictures.draw(
        scene.environment, count, rng=rng, preprocessing=preprocessing, own_look=own_look
    )
    return frames, SceneStates(scene, columns)
