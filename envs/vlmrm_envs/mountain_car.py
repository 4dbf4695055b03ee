"""MountainCarContinuous with a mountain that looks like one, and a goal where the car stays.

Gymnasium draws the mountain as a thin line. Rocamonde et al. 2024 report that the task cannot be learned from that
picture and can from a textured one; theirs was a photograph, this one is drawn here.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pygame
from gymnasium.envs.classic_control.continuous_mountain_car import Continuous_MountainCarEnv
from numpy.typing import NDArray
from pygame import gfxdraw

_WIDTH_PX, _HEIGHT_PX = 600, 400
_FLAG_M = 0.45
_FAR_LEFT_M = -1.1

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Scenery:
    """The colours of the picture."""

    sky: Colour = (174, 213, 240)
    """At the top; it fades towards the horizon."""
    far: Colour = (148, 163, 184)
    """The range behind."""
    rock: Colour = (112, 98, 84)
    """The mountain the car drives on."""
    snow: Colour = (250, 250, 252)
    """On the peaks of both."""
    car: Colour = (200, 30, 36)
    """The body of the car."""
    flag: Colour = (250, 204, 21)
    """The flag; yellow in the paper's prompt."""


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
        self._goal_m, self._side = {"flag": (_FLAG_M, 1), "far_left": (_FAR_LEFT_M, -1)}[goal]
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
            self._backdrop = _draw_backdrop(self._scenery, self._height)
        canvas = self._backdrop.copy()
        _draw_car(canvas, float(self.state[0]), self._height, self._scenery.car)
        return np.transpose(pygame.surfarray.array3d(canvas), axes=(1, 0, 2))


def _to_px(position: Any, height: Any) -> tuple[Any, Any]:
    """World to picture: x from -1.2..0.6 to the width; the y axis points down."""
    return (position + 1.2) / 1.8 * _WIDTH_PX, _HEIGHT_PX - height / 1.8 * _WIDTH_PX


def _draw_backdrop(scenery: Scenery, height: Any) -> pygame.Surface:
    canvas = pygame.Surface((_WIDTH_PX, _HEIGHT_PX))
    for row in range(_HEIGHT_PX):
        fade = 0.75 * row / _HEIGHT_PX
        shade = tuple(round(c + (255 - c) * fade) for c in scenery.sky)
        pygame.draw.line(canvas, shade, (0, row), (_WIDTH_PX, row))
    _draw_range(canvas, scenery)
    _draw_mountain(canvas, scenery, height)
    _draw_flag(canvas, scenery, height)
    return canvas


def _draw_range(canvas: pygame.Surface, scenery: Scenery) -> None:
    """A range far away: triangles with snow on top."""
    for centre, top, half in ((70, 120, 150), (215, 170, 120), (345, 135, 140), (560, 90, 170)):
        gfxdraw.filled_polygon(canvas, [(centre - half, 330), (centre, top), (centre + half, 330)], scenery.far)
        cap = [(centre, top), (centre - half // 5, top + 42), (centre, top + 32), (centre + half // 5, top + 42)]
        gfxdraw.filled_polygon(canvas, cap, scenery.snow)


def _draw_mountain(canvas: pygame.Surface, scenery: Scenery, height: Any) -> None:
    """The track's own mountain: rock below the curve, darker with depth, snow where it is highest."""
    xs = np.linspace(-1.2, 0.6, 301)
    px, py = _to_px(xs, height(xs))
    for depth, dim in ((0, 1.0), (30, 0.88), (75, 0.76)):
        shade = tuple(round(c * dim) for c in scenery.rock)
        outline = [(round(x), min(round(y) + depth, _HEIGHT_PX)) for x, y in zip(px, py, strict=True)]
        gfxdraw.filled_polygon(canvas, [(0, _HEIGHT_PX), *outline, (_WIDTH_PX, _HEIGHT_PX)], shade)
    high = [(round(x), round(y)) for x, y, top in zip(px, py, height(xs), strict=True) if top > 0.9]
    jagged = [(x, y + 10 + 7 * (i % 8 < 4)) for i, (x, y) in enumerate(high)]
    gfxdraw.filled_polygon(canvas, high + jagged[::-1], scenery.snow)
    pygame.draw.aalines(canvas, (40, 36, 32), False, list(zip(px, py, strict=True)))


def _draw_flag(canvas: pygame.Surface, scenery: Scenery, height: Any) -> None:
    x, y = (round(v) for v in _to_px(_FLAG_M, float(height(_FLAG_M))))
    pygame.draw.line(canvas, (30, 30, 30), (x, y), (x, y - 70), 3)
    cloth = [(x, y - 70), (x + 42, y - 56), (x, y - 42)]
    gfxdraw.filled_polygon(canvas, cloth, scenery.flag)
    gfxdraw.aapolygon(canvas, cloth, (120, 96, 10))


def _draw_car(canvas: pygame.Surface, position: float, height: Any, colour: Colour) -> None:
    x, y = _to_px(position, float(height(position)))
    slope = math.atan(3 * 0.45 * math.cos(3 * position))

    def turned(points: list[tuple[float, float]]) -> list[tuple[int, int]]:
        moved = (pygame.math.Vector2(px, -py).rotate_rad(-slope) for px, py in points)
        return [(round(x + v.x), round(y + v.y)) for v in moved]

    body = turned([(-27, 9), (-27, 20), (-15, 22), (-9, 33), (10, 33), (17, 22), (27, 19), (27, 9)])
    window = turned([(-11, 23), (-6, 30), (7, 30), (12, 23)])
    gfxdraw.filled_polygon(canvas, body, colour)
    gfxdraw.aapolygon(canvas, body, tuple(c // 2 for c in colour))
    gfxdraw.filled_polygon(canvas, window, (225, 238, 246))
    for wheel_x, wheel_y in turned([(-16, 8), (16, 8)]):
        gfxdraw.filled_circle(canvas, wheel_x, wheel_y, 8, (25, 25, 28))
        gfxdraw.filled_circle(canvas, wheel_x, wheel_y, 3, (170, 170, 170))
