"""Gymnasium's Pendulum with its state in `info`."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from gymnasium.envs.classic_control.pendulum import PendulumEnv
from numpy.typing import NDArray

from vlmrm_envs.flat_pictures import FlatPictures, in_colours_for
from vlmrm_envs.rods import ALL_ROUND, ROD_CONCEPTS, random_angle
from vlmrm_envs.sayings import FOLDER
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.wording import Wording


class Pendulum(PendulumEnv):
    """Gymnasium's Pendulum: swing a rod up with too little torque to lift it at once.

    ``info["state"]`` has ``angle_deg`` (0 upright, positive to the right), ``hanging_deg`` (0 hanging) and
    ``speed_deg_s``. The environment's own reward is Gymnasium's, -(angle² + 0.1 speed² + 0.001 torque²).

    Args:
        render_mode: ``rgb_array``, ``human`` or None.
        goal: Where the environment's own reward is 0: the rod ``upright`` or ``hanging``.

    Example:
        >>> env = Pendulum(render_mode="rgb_array")
        >>> env.place(-90.0)
        >>> round(env.state_variables()["angle_deg"])
        -90
    """

    def __init__(self, render_mode: str | None = None, goal: Literal["upright", "hanging"] = "upright") -> None:
        super().__init__(render_mode=render_mode)
        self._goal_rad = {"upright": 0.0, "hanging": math.pi}[goal]

    def step(self, u: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One step of Gymnasium's physics; never terminates."""
        angle, speed = self.state
        off_goal = (angle - self._goal_rad + math.pi) % (2 * math.pi) - math.pi
        observation, *_ = super().step(u)
        reward = -(off_goal**2 + 0.1 * speed**2 + 0.001 * self.last_u**2)
        return observation, float(reward), False, False, {"state": self.state_variables()}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Gymnasium's own starts: any angle, speed up to 1 rad/s."""
        observation, _ = super().reset(seed=seed, options=options)
        return observation, {"state": self.state_variables()}

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        angle, speed = self.state
        right = math.degrees((-angle + math.pi) % (2 * math.pi) - math.pi)  # Gymnasium counts to the left
        return {"angle_deg": right, "hanging_deg": 180.0 - abs(right), "speed_deg_s": -math.degrees(speed)}

    def place(self, value: float) -> None:
        """Put the rod at an angle (degrees from upright, positive to the right), still and without torque."""
        self.state = np.array((-math.radians(value), 0.0))
        self.last_u = None

    def settable_variables(self) -> dict[str, tuple[float, float]]:
        """Bounds of what `set_variables` sets: the rod, and the torque, which the picture shows as an arrow."""
        return {"angle_deg": (-180.0, 180.0), "torque": (-self.max_torque, self.max_torque)}

    def set_variables(self, values: Mapping[str, float]) -> None:
        """Put the rod at an angle, still, with a torque."""
        self.place(values["angle_deg"])
        self.last_u = values["torque"]


def _any_state(env: Pendulum, rng: np.random.Generator) -> dict[str, float]:
    angle = random_angle(rng)
    env.state = np.array((-angle, 0.0))
    env.last_u = None if rng.random() < 0.1 else float(rng.uniform(-2, 2))
    return {"angle": angle, "second": 0.0, "position": 0.0}


_WORDING = Wording(
    things=("pendulum", "rod", "bar"), places=("pivot", "axle"),
    stated=(
        "the {t} {s}", "a {t} turning around its {p} {s}", "the {t} on its {p} {s}", "a {t} fixed to a {p} {s}",
        "picture of a {t} that {s}", "a swinging {t} {s}",
    ),
    plain=(
        "a {t} that swings around a {p}", "a simple drawing of a {t} on its {p}", "simulation of a {t} with a motor",
        "a {t} fixed at one end to a {p} in the middle",
    ),
)  # fmt: skip

SCENE = Scene(
    name="pendulum",
    title="Pendulum",
    seed=2,
    environment=Pendulum,
    pictures=FlatPictures(
        randomise=_any_state,
        own_colours=("red", "white"),
        repaint=in_colours_for(((255, 255, 255), (204, 77, 77), (0, 0, 0))),
    ),
    concepts=ROD_CONCEPTS,
    classes=ALL_ROUND,
    wording=_WORDING,
    sayings=(FOLDER / "rods.toml", FOLDER / "pendulum.toml"),
)
