"""Other colours and backgrounds for pictures that are drawn with a handful of flat colours."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CENTRES = {
    "white": (250, 250, 250),
    "black": (15, 15, 15),
    "gray": (128, 128, 128),
    "red": (205, 50, 50),
    "orange": (240, 140, 30),
    "yellow": (235, 215, 50),
    "green": (50, 150, 60),
    "teal": (20, 195, 195),
    "blue": (55, 95, 205),
    "purple": (130, 60, 170),
    "pink": (240, 150, 190),
    "brown": (110, 70, 40),
    "tan": (205, 160, 110),
}
COLOURS = tuple(_CENTRES)
"""Names of the colours that things and backgrounds are painted in."""

Colour = tuple[int, int, int]


def random_colours(rng: np.random.Generator, count: int) -> tuple[list[Colour], list[int]]:
    """Draw colours, all well apart from the first.

    Args:
        rng: The only source of chance.
        count: Number of colours.

    Returns:
        The colours, and the index of each in `COLOURS`.
    """
    centres = np.array(list(_CENTRES.values()), float)
    first = int(rng.integers(len(COLOURS)))
    apart = np.flatnonzero(np.linalg.norm(centres - centres[first], axis=1) > 130)
    names = [first, *(int(i) for i in rng.choice(apart, size=count - 1, replace=False))]
    painted = np.clip(centres[names] + rng.normal(0, 9, size=(count, 3)), 0, 255).round().astype(int)
    return [(int(r), int(g), int(b)) for r, g, b in painted], names


def random_backdrop(rng: np.random.Generator, colour: Colour, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw a background in one colour: flat, fading, blotched or grained.

    Args:
        rng: The only source of chance.
        colour: Red, green and blue.
        shape: Height and width of the picture.

    Returns:
        A picture (h, w, 3).
    """
    height, width = shape
    kind = rng.integers(4)
    light: NDArray[np.floating[Any]] = np.zeros((height, width))
    if kind == 1:
        slope_y, slope_x = rng.uniform(-25, 25, size=2)
        light = np.linspace(-1, 1, height)[:, None] * slope_y + np.linspace(-1, 1, width)[None, :] * slope_x
    elif kind == 2:
        coarse = rng.normal(0, 12, size=(6, 8))
        light = np.kron(coarse, np.ones((height // 6 + 1, width // 8 + 1)))[:height, :width]
    elif kind == 3:
        light = np.repeat(np.repeat(rng.normal(0, 10, size=(height // 4 + 1, width // 4 + 1)), 4, 0), 4, 1)
        light = light[:height, :width]
    return np.clip(np.array(colour, np.float32) + light[..., None].astype(np.float32), 0, 255).astype(np.uint8)


def recolour(
    picture: NDArray[np.uint8], palette: Sequence[Colour], colours: Sequence[Colour], backdrop: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Paint a picture of few flat colours anew.

    Args:
        picture: (h, w, 3), drawn in the colours of `palette`; each pixel counts as the nearest one.
        palette: The colours it is drawn in, the background first.
        colours: As many new ones.
        backdrop: (h, w, 3), what takes the background's place.

    Returns:
        A new picture of the same size.
    """
    key = (picture >> 4).astype(np.int32)
    nearest = _nearest(tuple(palette))[(key[..., 0] << 8) | (key[..., 1] << 4) | key[..., 2]]
    painted = np.array(colours, np.uint8)[nearest]
    return np.where((nearest == 0)[..., None], backdrop, painted)


@cache
def _nearest(palette: tuple[Colour, ...]) -> NDArray[np.intp]:
    """For each of the 16³ coarse colours the index of the nearest in the palette."""
    steps = np.arange(16) * 16 + 8
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    nearest: NDArray[np.intp] = ((grid - np.array(palette)) ** 2).sum(axis=2).argmin(axis=1)
    return nearest
