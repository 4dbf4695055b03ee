"""The scenes that built-in models know: a file for each, with its environment and its record `SCENE`.

- `SCENES`: the table.
- `find_scene`: the record of a scene.
- `vlmrm_envs.scenes.scene`: `Scene`, what the record holds, and `SceneStates`.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from vlmrm.errors import SpecError, near_matches

if TYPE_CHECKING:
    from vlmrm_envs.scenes.scene import Scene

SCENES: Mapping[str, str] = {
    "cartpole": "CartPole",
    "mountain_car": "MountainCar",
    "pendulum": "Pendulum",
    "acrobot": "Acrobot",
    "inverted_pendulum": "InvertedPendulum",
    "reacher": "Reacher",
    "hopper": "Hopper",
    "half_cheetah": "HalfCheetah",
    "ant": "Ant",
    "humanoid": "Humanoid",
}
"""The class of the environment by scene. It stands in the module of the scene's name, and Gymnasium knows it as
``vlmrm/CLASS-v0``. A file is loaded when it is needed: half of them need mujoco, an extra."""


def find_scene(name: str) -> "Scene":
    """Load the record of a scene.

    Raises:
        SpecError: There is no scene of this name; the message names the nearest.

    Example:
        >>> find_scene("mountain_car").wording.things
        ('car', 'vehicle', 'buggy')
    """
    if name not in SCENES:
        near = near_matches(name, SCENES)
        raise SpecError(f"there is no scene {name!r}. Near: {near}. Known: {', '.join(SCENES)}.")
    scene: Scene = import_module(f"{__name__}.{name}").SCENE
    return scene
