"""How MountainCar is drawn: rock, snow, a range behind, a flag and a car."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pygame
from pygame import gfxdraw

from vlmrm_envs.looks import Colour

FLAG_M = 0.45
"""Position of the flag on the track."""
_WIDTH_PX, _HEIGHT_PX = 600, 400


@dataclass(frozen=True, kw_only=True)
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


def _to_px(position: Any, height: Any) -> tuple[Any, Any]:
    """World to picture: x from -1.2..0.6 to the width; the y axis points down."""
    return (position + 1.2) / 1.8 * _WIDTH_PX, _HEIGHT_PX - height / 1.8 * _WIDTH_PX


def draw_backdrop(scenery: Scenery, height: Any) -> pygame.Surface:
    """Draw everything but the car; `height` gives the track's height at a position."""
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
    x, y = (round(v) for v in _to_px(FLAG_M, float(height(FLAG_M))))
    pygame.draw.line(canvas, (30, 30, 30), (x, y), (x, y - 70), 3)
    cloth = [(x, y - 70), (x + 42, y - 56), (x, y - 42)]
    gfxdraw.filled_polygon(canvas, cloth, scenery.flag)
    gfxdraw.aapolygon(canvas, cloth, (120, 96, 10))


def draw_car(canvas: pygame.Surface, position: float, height: Any, colour: Colour) -> None:
    """Draw the car on the track, tilted as the track is there."""
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
