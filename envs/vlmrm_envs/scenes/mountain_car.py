"""MountainCarContinuous with a mountain that looks like one, and a goal where the car stays.

Gymnasium draws the mountain as a thin line. Rocamonde et al. 2024 report that the task cannot be learned from that
picture and can from a textured one; theirs was a photograph, this one is drawn here.
"""

from typing import Any, Literal

import numpy as np
import pygame
from gymnasium.envs.classic_control.continuous_mountain_car import Continuous_MountainCarEnv
from numpy.typing import NDArray

from vlmrm_envs.concepts import Concept, beyond, near, near_tip
from vlmrm_envs.flat_pictures import FlatPictures, Painted
from vlmrm_envs.looks import random_colours
from vlmrm_envs.sayings import FOLDER
from vlmrm_envs.scenes.mountain_drawing import FLAG_M, Scenery, draw_backdrop, draw_car
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.wording import Wording

_FAR_LEFT_M = -1.1


class MountainCar(Continuous_MountainCarEnv):
    """Gymnasium's MountainCarContinuous, drawn with a mountain, where the goal is absorbing.

    A car that has reached the flag (position 0.45) stays there until the clock ends the episode; with
    ``goal="far_left"`` it passes the flag and stays on the left slope instead (position -1.1), which is too steep for
    its motor to hold it. ``info["state"]`` has ``position_m`` and ``height_m``. The environment's own reward is
    Gymnasium's -0.1 action², and 100 on reaching the goal.

    Args:
        render_mode: ``rgb_array`` or None.
        goal: Where the car stays, and what the environment's own reward counts: the ``flag`` or the ``far_left``.
        action_repeat: Physics steps that one action lasts; the rewards of these are summed.
        scenery: The colours of the picture.

    Example:
        >>> env = MountainCar(render_mode="rgb_array")
        >>> env.place(0.45)
        >>> env.render().shape
        (400, 600, 3)
    """

    def __init__(
        self,
        render_mode: str | None = None,
        goal: Literal["flag", "far_left"] = "flag",
        action_repeat: int = 1,
        scenery: Scenery | None = None,
    ) -> None:
        super().__init__(render_mode=render_mode)
        self._goal_m, self._side = {"flag": (FLAG_M, 1), "far_left": (_FAR_LEFT_M, -1)}[goal]
        self._action_repeat = action_repeat
        self._scenery = scenery or Scenery()
        self._backdrop: pygame.Surface | None = None

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """`action_repeat` steps of Gymnasium's physics; the car stays at the flag; never terminates."""
        reward = sum(self._step_once(action) for _ in range(self._action_repeat))
        return np.array(self.state, dtype=np.float32), reward, False, False, {"state": self.state_variables()}

    def _step_once(self, action: Any) -> float:
        arrived_before = self._arrived()
        if not arrived_before:
            super().step(action)
            if self._arrived():
                self.state = np.array([self._goal_m, 0.0], dtype=np.float32)
        return 100.0 * float(self._arrived() and not arrived_before) - 0.1 * float(action[0]) ** 2

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Gymnasium's own starts: still, between -0.6 and -0.4, near the bottom of the valley."""
        observation, _ = super().reset(seed=seed, options=options)
        return observation, {"state": self.state_variables()}

    def _arrived(self) -> bool:
        return bool(self._side * self.state[0] >= self._side * np.float32(self._goal_m))

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        position = round(float(self.state[0]), 6)  # in single precision its -1.2 lies beyond -1.2, and its bounds
        return {"position_m": position, "height_m": float(self._height(position))}

    def place(self, value: float) -> None:
        """Put the car at a position (-1.2..0.6), still."""
        self.state = np.array([value, 0.0], dtype=np.float32)

    def render(self) -> Any:
        """The picture (400, 600, 3) for ``rgb_array``; None without a render mode.

        Raises:
            NotImplementedError: The render mode is ``human``; record a video instead.
        """
        if self.render_mode is None:
            return super().render()
        if self.render_mode != "rgb_array":
            raise NotImplementedError('MountainCar draws only render_mode="rgb_array".')
        if self._backdrop is None:
            self._backdrop = draw_backdrop(self._scenery, self._height)
        canvas = self._backdrop.copy()
        draw_car(canvas, float(self.state[0]), self._height, self._scenery.car)
        return np.transpose(pygame.surfarray.array3d(canvas), axes=(1, 0, 2))


def _any_state(env: MountainCar, rng: np.random.Generator) -> dict[str, float]:
    position = float(rng.uniform(-1.2, 0.6) if rng.random() < 0.75 else np.clip(rng.normal(0.42, 0.1), -1.2, 0.6))
    env.place(position)
    return {"angle": 0.0, "second": 0.0, "position": position}


def _repainted(env: MountainCar, rng: np.random.Generator) -> Painted:
    """The same state among other scenery, with a flag that stays yellow."""
    (car, sky, far, rock), (thing, ground, *_) = random_colours(rng, 4)
    red, green, blue = (int(v) for v in np.clip(rng.normal((250, 204, 21), 18), 0, 255))
    scenery = Scenery(sky=sky, far=far, rock=rock, car=car, flag=(red, green, blue))
    other = MountainCar(render_mode="rgb_array", scenery=scenery)
    other.place(env.state[0])
    return Painted(picture=other.render(), thing=thing, ground=ground)


_TOP = (
    "is at the summit", "has reached the flag", "is on top", "stands right beside the yellow flag",
    "is at the highest point", "has climbed all the way up to the flag", "is up at the peak by the flag",
    "is parked next to the flag", "has arrived at the goal", "touches the yellow flag at the summit",
    "is on the peak", "sits at the peak", "stands at the peak of the {p}", "is next to the yellow flag",
    "waits next to the flag at the peak", "is at the top of the {p}", "is on the {p} top next to its flag",
    "is beside the flag", "has made it to the peak and the flag", "is right next to the flag of the {p}",
    "is at the peak", "has reached the peak", "is on the very top, next to a yellow flag", "is by the flag",
    "stands next to the flag", "is at the flag on the peak", "is up on the peak of the {p}",
)  # fmt: skip
_BOTTOM = (
    "is at the bottom", "is down in the valley", "sits at the lowest point", "is stuck at the foot",
    "rests in the dip between the slopes", "is far below the peak", "is at the foot of the {p}",
    "is at the bottom of the {p}", "is low in the valley, away from the peak", "is in the valley of the {p}",
)  # fmt: skip
_LEFT = (
    "is at the far left", "is at the left edge", "is high on the left slope", "has rolled far away from the flag",
    "is at the left border, opposite the flag", "has climbed up the left side as far as it can go",
    "is as far from the yellow flag as possible", "is up on the left end of the {p}", "is far away from the flag",
    "is at the left end, far from the peak", "sits high on the slope at the far left of the {p}",
)  # fmt: skip

_AT_THE_FLAG = 0.58  # beyond the flag, which stands at 0.45: what is true there stays true up to the border at 0.6
_CONCEPTS = (  # the bottom of the valley is at -0.52
    Concept(_TOP, near_tip(_AT_THE_FLAG, 0.25)),
    Concept(tuple(f"{p} exactly" for p in _TOP[:4]), near(_AT_THE_FLAG, 0.08)),
    Concept(_BOTTOM, near(-0.52, 0.2)),
    Concept(_LEFT, near_tip(-1.2, 0.25)),
    Concept(("is right at the border of the picture on the left",), near(-1.2, 0.08)),
    Concept(
        (
            "is at the far right",
            "is at the right edge",
            "has driven past the flag",
            "is right of the flag",
            "is right at the border of the picture on the right",
            "is as far to the right as it can go",
        ),
        near(0.6, 0.08),
    ),
    Concept(
        ("is on the right slope", "climbs the right side", "drives up towards the flag", "is halfway up to the flag"),
        near(0.0, 0.18),
    ),
    Concept(("is just below the summit", "has almost reached the flag", "is close to the top"), near(0.27, 0.12)),
    Concept(("is on the left slope", "backs up the left side", "is left of the valley"), near(-0.85, 0.18)),
    Concept(("is on the left", "is in the left half"), beyond(lambda s: -0.52 - s["position"], 0.12)),
    Concept(("is on the right", "is in the right half"), beyond(lambda s: s["position"] + 0.3, 0.12)),
    Concept(
        ("is high up", "is at a great height", "has gained height"),
        beyond(lambda s: np.sin(3 * s["position"].astype(float)), 0.2),
    ),
    *(
        Concept(
            (f"is {percent} percent of the way from the left edge to the flag",),
            near(-1.2 + 1.65 * percent / 100, 0.08),
        )
        for percent in range(0, 101, 10)
    ),
)

_WORDING = Wording(
    things=("car", "vehicle", "buggy"), places=("mountain", "hill"),
    stated=(
        "the {t} {s}", "the {t} {s} on the {p}", "a {t} in the mountains {s}", "a {t} driving on a {p} {s}",
        "picture of a {p} where the {t} {s}", "on a {p}, a {t} {s}",
    ),
    plain=(
        "a {t} somewhere on a {p} with a flag", "a drawing of a {t}, a {p} and a yellow flag",
        "simulation of a {t} driving in the mountains", "a landscape with a {p}, a valley and a {t}",
        "a {t} on a {p} track under the sky",
    ),
)  # fmt: skip

_CLASSES = (
    "is at the summit", "is at the bottom", "is at the far left", "is on the right slope", "is on the left slope",
)  # fmt: skip

SCENE = Scene(
    name="mountain_car",
    title="MountainCar (vlmrm's own drawing)",
    seed=1,
    environment=MountainCar,
    pictures=FlatPictures(
        randomise=_any_state,
        own_colours=("red", "blue"),
        repaint=_repainted,
        zooms_in=lambda shown: -1.0 < shown["position"] < 0.3,
        shifts=False,
    ),
    concepts=_CONCEPTS,
    classes=_CLASSES,
    wording=_WORDING,
    sayings=(FOLDER / "mountain_car.toml",),
    share=2,
)
