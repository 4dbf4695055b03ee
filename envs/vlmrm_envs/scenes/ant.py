"""Ant: a body on four legs, seen from above."""

from collections.abc import Mapping
from typing import Any, ClassVar

import mujoco
import numpy as np
from gymnasium.envs.mujoco.ant_v5 import AntEnv

from vlmrm.rendering import Camera
from vlmrm_envs.concepts import Concept, inside
from vlmrm_envs.mujoco_bodies import EndlessMujoco, joint_bounds_deg, set_joints_deg
from vlmrm_envs.mujoco_pictures import MujocoPictures, random_height_and_distance
from vlmrm_envs.sayings import FOLDER
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.wording import Wording


class Ant(EndlessMujoco, AntEnv):
    """A four-legged body, which may turn over.

    ``info["state"]`` has ``tilt_deg`` of the body (0 on its feet, 180 on its back) and ``torso_height_m``.

    Example:
        >>> env = Ant()
        >>> env.place(180.0)
        >>> round(env.state_variables()["tilt_deg"], 3)
        180.0
    """

    _options: ClassVar[Mapping[str, Any]] = {
        "terminate_when_unhealthy": False,
        "include_cfrc_ext_in_observation": False,  # 78 numbers of contact forces, from which SAC learns slower
    }

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        torso = self.data.body("torso")
        return {
            "tilt_deg": float(np.degrees(np.arccos(np.clip(torso.xmat[8], -1, 1)))),
            "torso_height_m": float(torso.xpos[2]),
        }

    def place(self, value: float) -> None:
        """Roll the body by an angle (degrees, 0 on its feet), its legs half bent, and set it on the floor."""
        position = self.init_qpos.copy()
        for i in range(1, self.model.njnt):  # Gymnasium's own start has the ankles outside their limits
            position[self.model.jnt_qposadr[i]] = self.model.jnt_range[i].mean()
        mujoco.mju_axisAngle2Quat(position[3:7], np.array([1.0, 0.0, 0.0]), np.radians(value))
        self.set_on_floor(position)

    def settable_variables(self) -> dict[str, tuple[float, float]]:
        """Bounds of what `set_variables` sets: the body's roll and pitch, and its joints."""
        return {"roll_deg": (-180.0, 180.0), "pitch_deg": (-90.0, 90.0), **joint_bounds_deg(self.model)}

    def set_variables(self, values: Mapping[str, float]) -> None:
        """Put the body into a position, still, and set it on the floor."""
        position = self.init_qpos.copy()
        turned = np.radians([values["roll_deg"], values["pitch_deg"], 0.0])
        mujoco.mju_euler2Quat(position[3:7], turned, "XYZ")
        set_joints_deg(self.model, position, values)
        self.set_on_floor(position)


def _any_ant(inner: Ant, rng: np.random.Generator) -> None:
    position, model = inner.init_qpos.copy(), inner.model
    near = [np.array([1.0, 0, 0, 0]), np.array([0.0, 1, 0, 0])]  # on its feet, on its back
    quaternion = rng.normal(size=4) if rng.random() < 0.4 else near[int(rng.integers(2))] + rng.normal(0, 0.08, 4)
    position[3:7] = quaternion / np.linalg.norm(quaternion)
    for i in range(1, model.njnt):
        position[model.jnt_qposadr[i]] = rng.uniform(*model.jnt_range[i])
    inner.set_on_floor(position)


def _random_camera(rng: np.random.Generator) -> Camera:
    """From any side, and higher than other bodies are seen from."""
    _, distance = random_height_and_distance(rng)
    azimuth, elevation = float(rng.uniform(-180, 180)), float(rng.uniform(-40, -10))
    return Camera(track="torso", distance_m=3.2 * distance, azimuth_deg=azimuth, elevation_deg=elevation)


def _concepts() -> list[Concept]:
    concepts = [
        Concept(
            ("stands on its feet", "is the right way up", "walks on its four legs", "has its legs below its body"),
            inside(tilt_deg=(0, 20, 15)),
        ),
        Concept(
            ("is upside down", "lies on its back", "has been turned over", "is flipped onto its back",
             "has flipped over", "rolled over, legs up", "has its legs in the air"),
            inside(tilt_deg=(155, 180, 15)),
        ),
        Concept(("is on its side", "stands on edge", "is tilted halfway over"), inside(tilt_deg=(75, 105, 15))),
    ]  # fmt: skip
    for degrees in (30, 60, 90, 120, 150):
        wording = (f"is tilted by {degrees} degrees",)
        concepts.append(Concept(wording, inside(tilt_deg=(degrees - 10.0, degrees + 10.0, 10.0))))
    return concepts


_WORDING = Wording(
    things=("ant", "four-legged robot", "quadruped"), places=("floor", "ground"),
    plain=(
        "simulation of a {t} on a tiled {p}", "a {t} with a round body and jointed legs",
        "picture of a {t} on a wide {p}",
    ),
)  # fmt: skip

_CLASSES = (
    "stands on its feet", "is upside down", "is tilted by 60 degrees", "is tilted by 90 degrees",
    "is tilted by 120 degrees",
)  # fmt: skip

SCENE = Scene(
    name="ant",
    title="Ant",
    seed=8,
    environment=Ant,
    pictures=MujocoPictures(
        randomise=_any_ant,
        camera=Camera(track="torso", distance_m=3, azimuth_deg=90, elevation_deg=-30),
        random_camera=_random_camera,
        textured_colours=("tan", "tan"),
        plain_colours=("tan", "gray"),
        behind="floor",
    ),
    concepts=tuple(_concepts()),
    classes=_CLASSES,
    wording=_WORDING,
    sayings=(FOLDER / "ant.toml",),
)
