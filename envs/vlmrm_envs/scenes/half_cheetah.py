"""HalfCheetah: a two-legged cheetah in a plane."""

from collections.abc import Mapping

import numpy as np
from gymnasium.envs.mujoco.half_cheetah_v5 import HalfCheetahEnv

from vlmrm.rendering import Camera
from vlmrm_envs.concepts import Concept, inside
from vlmrm_envs.mujoco_bodies import ON_THE_FLOOR, EndlessMujoco, joint_bounds_deg, set_joints_deg, wrapped_deg
from vlmrm_envs.mujoco_pictures import MujocoPictures, any_plane_body, camera_beside_torso, state_and_lowest_point
from vlmrm_envs.sayings import FOLDER
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.wording import Wording


class HalfCheetah(EndlessMujoco, HalfCheetahEnv):
    """A two-legged cheetah in a plane, which may turn over.

    ``info["state"]`` has ``pitch_deg`` of the back (0 on its feet, positive nose down), ``off_back_deg``, how far it is
    from lying upside down (0 there, 180 on its feet), and ``torso_height_m``.

    Example:
        >>> env = HalfCheetah()
        >>> env.place(180.0)
        >>> round(env.state_variables()["off_back_deg"], 6)
        0.0
    """

    _height_at = 1

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        pitch = wrapped_deg(self.data.qpos[2])
        return {
            "pitch_deg": pitch,
            "off_back_deg": 180.0 - abs(pitch),
            "torso_height_m": float(self.data.body("torso").xpos[2]),
        }

    def place(self, value: float) -> None:
        """Turn the body by an angle (degrees, positive nose down) and set it on the floor."""
        position = self.init_qpos.copy()
        position[2] = np.radians(value)
        self.set_on_floor(position)

    def settable_variables(self) -> dict[str, tuple[float, float]]:
        """Bounds of what `set_variables` sets: the body's pitch and its joints."""
        return {"pitch_deg": (-180.0, 180.0), **joint_bounds_deg(self.model)}

    def set_variables(self, values: Mapping[str, float]) -> None:
        """Put the body into a position, still, and set it on the floor."""
        position = self.init_qpos.copy()
        position[2] = np.radians(values["pitch_deg"])
        set_joints_deg(self.model, position, values)
        self.set_on_floor(position)


def _concepts() -> list[Concept]:
    concepts = [
        Concept(
            ("is on its feet", "stands on its legs", "stands the right way up"),
            inside(pitch_deg=(-25, 25, 15), lowest_m=ON_THE_FLOOR),
        ),
        Concept(("is the right way up", "has its legs below it"), inside(pitch_deg=(-25, 25, 15))),
        Concept(
            ("lies on its back", "is on its back with its legs up", "rolled over onto its back", "lies belly up",
             "lies upside down"),
            inside(off_back_deg=(0, 25, 15), lowest_m=ON_THE_FLOOR),
        ),
        Concept(("is upside down", "has turned over", "has its legs above it"), inside(off_back_deg=(0, 25, 15))),
        Concept(("stands on its hind legs", "rears up", "points its nose up"), inside(pitch_deg=(-115, -60, 12))),
        Concept(("stands on its head", "has its nose in the ground"), inside(pitch_deg=(60, 115, 12))),
        Concept(("is in the air", "leaps off the ground"), inside(lowest_m=(0.15, 2, 0.05))),
    ]  # fmt: skip
    for way, sign in (("up", -1), ("down", 1)):
        for degrees in (30, 60, 90, 120, 150):
            bounds = (sign * degrees - 8.0, sign * degrees + 8.0, 10.0)
            concepts.append(Concept((f"is pitched {degrees} degrees, nose {way}",), inside(pitch_deg=bounds)))
    return concepts


_WORDING = Wording(
    things=("cheetah", "cheetah robot", "two-legged runner"), places=("floor", "ground"),
    plain=(
        "simulation of a {t} on a tiled {p}", "a {t} seen from the side", "picture of a {t} under the sky",
    ),
)  # fmt: skip

_CLASSES = (
    "is on its feet", "lies on its back", "is pitched 30 degrees, nose up", "is pitched 60 degrees, nose up",
    "is pitched 90 degrees, nose up", "is pitched 120 degrees, nose up", "is pitched 30 degrees, nose down",
    "is pitched 60 degrees, nose down", "is pitched 90 degrees, nose down", "is pitched 120 degrees, nose down",
)  # fmt: skip

SCENE = Scene(
    name="half_cheetah",
    title="HalfCheetah",
    seed=7,
    environment=HalfCheetah,
    pictures=MujocoPictures(
        randomise=any_plane_body,
        variables=state_and_lowest_point,
        camera=Camera(name="track"),
        random_camera=camera_beside_torso,
        textured_colours=("tan", "blue"),
        plain_colours=("tan", "gray"),
    ),
    concepts=tuple(_concepts()),
    classes=_CLASSES,
    wording=_WORDING,
    sayings=(FOLDER / "half_cheetah.toml",),
)
