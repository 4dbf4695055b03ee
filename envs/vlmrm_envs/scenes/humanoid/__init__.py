"""Gymnasium's Humanoid without terminations, with its pose in numbers and a look of one's choice."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium.envs.mujoco.humanoid_v5 import HumanoidEnv

from vlmrm.rendering import Camera
from vlmrm_envs.mujoco_bodies import EndlessMujoco, joint_bounds_deg
from vlmrm_envs.mujoco_pictures import MujocoPictures, random_height_and_distance
from vlmrm_envs.sayings import FOLDER
from vlmrm_envs.scenes.humanoid.concepts import HUMANOID_CONCEPTS
from vlmrm_envs.scenes.humanoid.labelled import labelled_poses
from vlmrm_envs.scenes.humanoid.poses import POSES
from vlmrm_envs.scenes.humanoid.put import place, put, put_between, put_random, settle
from vlmrm_envs.scenes.humanoid.state import humanoid_state
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.wording import Wording

_REST_S = 0.6  # time for which a pose that is set comes to rest


class Humanoid(EndlessMujoco, HumanoidEnv):
    """Gymnasium's Humanoid-v5, which may fall and lie: nothing but the clock ends an episode.

    ``info["state"]`` has the variables of `humanoid_state`. The environment's own reward is Humanoid-v5's, for walking
    forwards; the tasks are compared with their oracle's instead, 1 for each step in the goal pose.

    Args:
        render_mode: ``rgb_array``, ``human`` or None.
        look: ``plain``, as Gymnasium draws it, or ``textured``.

    Example:
        >>> env = Humanoid()
        >>> _ = env.reset(seed=0)
        >>> round(env.state_variables()["head_height_m"], 1)
        1.6
    """

    _options: ClassVar[Mapping[str, Any]] = {"terminate_when_unhealthy": False}

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the terms that a pose is judged in."""
        return humanoid_state(self.model, self.data)

    def settable_variables(self) -> dict[str, tuple[float, float]]:
        """Bounds of what `set_variables` sets: the torso's pitch and roll, and all joints."""
        return {"pitch_deg": (-90.0, 90.0), "roll_deg": (-45.0, 45.0), **joint_bounds_deg(self.model)}

    def set_variables(self, values: Mapping[str, float]) -> None:
        """Set the body on the floor in a pose, facing +x, and let it come to rest with its joints held."""
        angles = {name.removesuffix("_deg"): float(np.radians(values[name])) for name in joint_bounds_deg(self.model)}
        place(self.model, self.data, angles, turned_deg=(0.0, values["pitch_deg"], values["roll_deg"]))
        settle(self.model, self.data, _REST_S)


def _any_pose(inner: Humanoid, rng: np.random.Generator) -> None:
    """A pose of the library, the way from one to another, or a heap: an agent goes through all of them."""
    chance, (first, second) = rng.random(), (POSES[str(name)] for name in rng.choice(list(POSES), 2))
    if chance < 0.1:
        put_random(inner.model, inner.data, rng)
    elif chance < 0.3:
        put_between(inner.model, inner.data, first, second, rng)
    else:
        put(inner.model, inner.data, first, rng)


def random_camera(rng: np.random.Generator) -> Camera:
    """From another side, height and distance, with the body still in the picture."""
    elevation, distance = random_height_and_distance(rng)
    (x, y), z = rng.uniform(-0.3, 0.3, 2).tolist(), float(rng.uniform(0.6, 1.1))
    if rng.random() < 0.3:  # looks over its head from further away, as Gymnasium's own camera does
        z, distance, elevation = float(rng.uniform(1.1, 2.0)), 1.15 * distance, float(rng.uniform(-25, -12))
    azimuth = float(rng.uniform(-180, 180))
    return Camera(lookat_m=(x, y, z), distance_m=3.4 * distance, azimuth_deg=azimuth, elevation_deg=elevation)


_WORDING = Wording(
    things=("robot", "humanoid", "humanoid robot"), places=("floor", "ground"),
    plain=(
        "simulation of a {t} on a tiled {p}", "a {t} with two arms and two legs", "a {t} made of balls and capsules",
        "picture of a {t} on a wide {p} under the sky",
    ),
)  # fmt: skip

_CLASSES = (
    "stands on a single foot", "stands with its feet wide apart", "jumps", "bows",
    "stands with both hands above its head", "raises a single arm", "holds its arms out sideways",
    "stretches its arms forwards", "rests its hands at the waist", "has one hand on its hip",
    "folds its arms over its chest", "holds both hands before its chest", "is on both knees", "is on one knee",
    "leans back on its knees", "bends forwards on its knees", "squats", "bends its knees a little",
    "sits cross-legged", "sits with its legs stretched out in front", "sits with its knees drawn up",
    "does a split to the sides", "does a split from front to back", "lies on its back", "lies on its front",
    "lies on its side", "is on its hands and knees", "is upside down",
)  # fmt: skip

SCENE = Scene(
    name="humanoid",
    title="Humanoid",
    seed=9,
    environment=Humanoid,
    pictures=MujocoPictures(
        randomise=_any_pose,
        camera=Camera(lookat_m=(0, 0, 1), distance_m=3.5, azimuth_deg=180, elevation_deg=-10),
        random_camera=random_camera,
        textured_colours=("gray", "blue"),
        plain_colours=("brown", "black"),
        paints_body=True,
    ),
    concepts=HUMANOID_CONCEPTS,
    classes=_CLASSES,
    wording=_WORDING,
    sayings=(FOLDER / "humanoid.toml",),
    share=6,
    made_states=labelled_poses,
)
