"""InvertedPendulum: a pole on a cart that slides along a rail."""

import math
from collections.abc import Mapping

import numpy as np
from gymnasium.envs.mujoco.inverted_pendulum_v5 import InvertedPendulumEnv

from vlmrm.rendering import Camera
from vlmrm_envs.concepts import Concept
from vlmrm_envs.mujoco_bodies import EndlessMujoco, wrapped_deg
from vlmrm_envs.mujoco_pictures import MujocoPictures, random_height_and_distance
from vlmrm_envs.rods import ROD_CONCEPTS
from vlmrm_envs.sayings import FOLDER
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.wording import Wording


class InvertedPendulum(EndlessMujoco, InvertedPendulumEnv):
    """A pole hinged to a cart on a rail; it may fall to either side, as far as horizontal.

    ``info["state"]`` has ``angle_deg`` (0 upright, positive to the right) and ``x_m``, the cart's place, -1 to 1.

    Example:
        >>> env = InvertedPendulum()
        >>> env.place(30.0)
        >>> round(env.state_variables()["angle_deg"], 6)
        30.0
    """

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        return {"angle_deg": wrapped_deg(self.data.qpos[1]), "x_m": float(self.data.qpos[0])}

    def place(self, value: float) -> None:
        """Put the pole at an angle (degrees from upright, positive to the right), the cart in the middle."""
        self.set_state(np.array([0.0, np.radians(value)]), np.zeros(2))

    def settable_variables(self) -> dict[str, tuple[float, float]]:
        """Bounds of what `set_variables` sets: pole and cart."""
        return {"angle_deg": (-90.0, 90.0), "x_m": (-1.0, 1.0)}

    def set_variables(self, values: Mapping[str, float]) -> None:
        """Put pole and cart somewhere, still."""
        self.set_state(np.array([values["x_m"], np.radians(values["angle_deg"])]), np.zeros(2))


def _any_pole(inner: InvertedPendulum, rng: np.random.Generator) -> None:
    angle = rng.normal(0, 0.15) if rng.random() < 0.35 else rng.uniform(-np.pi / 2, np.pi / 2)
    inner.set_state(np.array([rng.uniform(-0.95, 0.95), angle]), np.zeros(2))


def _variables(inner: InvertedPendulum) -> dict[str, float]:
    """The same as of the other rods."""
    state = inner.state_variables()
    return {"angle": float(np.radians(state["angle_deg"])), "second": 0.0, "position": state["x_m"]}


def _random_camera(rng: np.random.Generator) -> Camera:
    elevation, distance = random_height_and_distance(rng)
    azimuth = float(90 + rng.uniform(-20, 20))
    return Camera(lookat_m=(0, 0, 0.2), distance_m=3.2 * distance, azimuth_deg=azimuth, elevation_deg=elevation)


def _concepts() -> tuple[Concept, ...]:
    """What is at least half true of some angle that the hinge allows."""
    angles = {"angle": np.radians(np.arange(-88, 89), dtype=np.float32)}
    return tuple(concept for concept in ROD_CONCEPTS if concept.log_truth(angles).max() > math.log(0.5))


_WORDING = Wording(
    things=("inverted pendulum", "pole", "rod"), places=("cart", "slider"),
    stated=(
        "the {t} {s}", "the {t} on its {p} {s}", "a {t} hinged to a {p} on a rail {s}", "picture of a {t} that {s}",
        "on a {p}, a {t} {s}",
    ),
    plain=(
        "a {t} on a {p} that slides along a rail", "a simple drawing of a {p} and its {t} against the sky",
        "simulation of a {t} and a {p} in MuJoCo",
    ),
)  # fmt: skip

_CLASSES = (
    "stands upright", "leans diagonally to the left", "points horizontally to the left",
    "leans diagonally to the right", "points horizontally to the right",
)  # fmt: skip

SCENE = Scene(
    name="inverted_pendulum",
    title="InvertedPendulum",
    seed=4,
    environment=InvertedPendulum,
    pictures=MujocoPictures(
        randomise=_any_pole,
        variables=_variables,
        camera=Camera(lookat_m=(0, 0, 0.2), distance_m=3.2, azimuth_deg=90),
        random_camera=_random_camera,
        textured_colours=("teal", "blue"),
        plain_colours=("teal", "black"),
    ),
    concepts=_concepts(),
    classes=_CLASSES,
    wording=_WORDING,
    sayings=(FOLDER / "rods.toml", FOLDER / "inverted_pendulum.toml"),
)
