"""Hopper: a torso on one leg, in a plane."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium.envs.mujoco.hopper_v5 import HopperEnv

from vlmrm.rendering import Camera
from vlmrm_envs.concepts import Concept, inside
from vlmrm_envs.mujoco_bodies import ON_THE_FLOOR, EndlessMujoco, joint_bounds_deg, set_joints_deg, wrapped_deg
from vlmrm_envs.mujoco_pictures import MujocoPictures, any_plane_body, camera_beside_torso, state_and_lowest_point
from vlmrm_envs.sayings import FOLDER
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.wording import Wording


class Hopper(EndlessMujoco, HopperEnv):
    """A torso on one leg, in a plane; it may fall and lie.

    It starts up to 3 degrees off and turning: from Gymnasium's starts, ten times as near to upright, it falls so slowly
    that a short episode is over before.

    ``info["state"]`` has ``tilt_deg`` of the torso (0 upright, positive forwards, to the right) and
    ``torso_height_m`` (1.25 standing).

    Example:
        >>> env = Hopper()
        >>> env.place(90.0)
        >>> round(env.state_variables()["torso_height_m"], 2)
        0.32
    """

    _options: ClassVar[Mapping[str, Any]] = {"terminate_when_unhealthy": False, "reset_noise_scale": 0.05}
    _height_at = 1

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        return {
            "tilt_deg": wrapped_deg(self.data.qpos[2]),
            "torso_height_m": float(self.data.body("torso").xpos[2]),
        }

    def place(self, value: float) -> None:
        """Lean the stretched body by an angle (degrees from upright, positive forwards) and set it on the floor."""
        position = self.init_qpos.copy()
        position[2] = np.radians(value)
        self.set_on_floor(position)

    def settable_variables(self) -> dict[str, tuple[float, float]]:
        """Bounds of what `set_variables` sets: the body's tilt and its joints."""
        return {"tilt_deg": (-180.0, 180.0), **joint_bounds_deg(self.model)}

    def set_variables(self, values: Mapping[str, float]) -> None:
        """Put the body into a position, still, and set it on the floor."""
        position = self.init_qpos.copy()
        position[2] = np.radians(values["tilt_deg"])
        set_joints_deg(self.model, position, values)
        self.set_on_floor(position)


def _concepts() -> list[Concept]:
    low = inside(torso_height_m=(0, 0.35, 0.1))
    concepts = [
        Concept(
            ("stands upright", "is standing on its leg", "stands tall on a single foot", "is balanced on one leg",
             "keeps upright on its only leg", "stands straight up", "is upright and stretched"),
            inside(tilt_deg=(-12, 12, 10), torso_height_m=(1.05, 1.6, 0.1), lowest_m=ON_THE_FLOOR),
        ),
        Concept(
            ("crouches on its leg", "stands with a bent leg", "is upright but low"),
            inside(tilt_deg=(-20, 20, 10), torso_height_m=(0.6, 0.95, 0.08), lowest_m=ON_THE_FLOOR),
        ),
        Concept(("has fallen over", "lies on the floor", "lies flat on the ground"), low),
        Concept(("is in the air", "hops high", "jumps off the floor"), inside(lowest_m=(0.15, 2, 0.05))),
    ]  # fmt: skip
    for way, sign in (("forwards", 1), ("backwards", -1)):
        for degrees, phrase in ((25, "leans a little {}"), (50, "tips over {}"), (85, "has fallen {}")):
            concepts.append(
                Concept((phrase.format(way),), inside(tilt_deg=(sign * degrees - 8, sign * degrees + 8, 10)))
            )
    return concepts


_WORDING = Wording(
    things=("hopper", "one-legged robot", "jumping robot"), places=("floor", "ground"),
    plain=(
        "simulation of a {t} on a tiled {p}", "a {t} made of a torso, a thigh, a leg and a foot",
        "picture of a {t} under the sky",
    ),
)  # fmt: skip

_CLASSES = (
    "stands upright", "crouches on its leg", "is in the air", "tips over forwards", "has fallen forwards",
    "tips over backwards", "has fallen backwards",
)  # fmt: skip

SCENE = Scene(
    name="hopper",
    title="Hopper",
    seed=6,
    environment=Hopper,
    pictures=MujocoPictures(
        randomise=any_plane_body,
        variables=state_and_lowest_point,
        camera=Camera(name="track"),
        random_camera=camera_beside_torso,
        textured_colours=("gray", "blue"),
        plain_colours=("brown", "black"),
        paints_body=True,
    ),
    concepts=tuple(_concepts()),
    classes=_CLASSES,
    wording=_WORDING,
    sayings=(FOLDER / "hopper.toml",),
)
