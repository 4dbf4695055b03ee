"""A table with three things on it, and exact captions of it: a test bed for retrieval and captions without a download.

A table is a row of ten facts: size, colour and shape of the left, the middle and the right thing, and the colour of the
cloth. Two million tables differ; a near twin differs from another table in one fact. What a caption leaves out may be
anything, so that one caption can be true of many tables.

    >>> import numpy as np
    >>> tables = random_tables(2, seed=0)
    >>> caption(tables[0])
    'a big purple triangle, a big purple star and a big white triangle on a turquoise cloth'
    >>> draw_tables(tables, seed=0, size_px=64).shape
    torch.Size([2, 64, 64, 3])
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Int
from PIL import Image, ImageDraw

from vlmrm.errors import FrameError
from vlmrm.types import Frames

SIZES = ("small", "big")
"""Sizes of things."""
COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (214, 39, 40),
    "green": (44, 160, 44),
    "blue": (40, 80, 220),
    "yellow": (245, 220, 50),
    "white": (250, 250, 250),
    "black": (15, 15, 15),
    "orange": (255, 140, 20),
    "purple": (130, 50, 170),
}
"""Colours of things, as RGB."""
SHAPES = ("circle", "square", "triangle", "star", "cross")
"""Shapes of things."""
CLOTHS: Mapping[str, tuple[int, int, int]] = {
    "gray": (128, 128, 128),
    "brown": (120, 80, 50),
    "pink": (240, 160, 180),
    "turquoise": (70, 190, 180),
}
"""Colours of the cloth, as RGB."""
THINGS = 3
"""Things on each table."""

Facts = Int[np.ndarray, "n 10"]
"""Tables, one in each row: size, colour and shape of each thing from left to right, then the cloth, as indices."""
Table = Int[np.ndarray, "10"]
"""One table."""

_VALUES = (len(SIZES), len(COLOURS), len(SHAPES)) * THINGS + (len(CLOTHS),)
_SHARPER = 4  # times the size at which edges are drawn
_RADIUS = {"small": 0.085, "big": 0.145}  # of a thing, in sides of the picture
_AT = (1 / 6, 1 / 2, 5 / 6)  # places of the things, in sides of the picture
_AWAY = (0.02, 0.12)  # most that a thing is away from its place, across and along


def random_tables(count: int, *, seed: int, twins: int | float = 0.0) -> Facts:
    """Return distinct tables.

    Args:
        count: Number of tables.
        seed: Random seed.
        twins: Share of the tables that are near twins of others.

    Raises:
        FrameError: There are not that many tables, or the share is above one half.
    """
    if not 1 <= count <= math.prod(_VALUES) // 2 or not 0 <= twins <= 0.5:
        raise FrameError(f"tables: 1 to {math.prod(_VALUES) // 2:,}, of which at most half are twins; got {count}.")
    rng = np.random.default_rng(seed)
    found: dict[tuple[int, ...], None] = {}
    alone = count - round(twins * count)
    while len(found) < alone:
        found[tuple(int(rng.integers(many)) for many in _VALUES)] = None
    originals = np.array(list(found))
    while len(found) < count:
        found[tuple(near_twin(originals[rng.integers(alone)], rng).tolist())] = None
    return rng.permutation(np.array(list(found)))


def near_twin(table: Table, rng: np.random.Generator) -> Table:
    """Return a table that differs in one fact.

    Args:
        table: The other one.
        rng: Decides which fact, and how.
    """
    twin, fact = table.copy(), int(rng.integers(len(_VALUES)))
    twin[fact] = (twin[fact] + rng.integers(1, _VALUES[fact])) % _VALUES[fact]
    return twin


def caption(table: Table) -> str:
    """Return the sentence that says all that is true of a table.

    Args:
        table: The table.
    """
    left, middle, right = (thing_phrase(table, place) for place in range(THINGS))
    return f"{left}, {middle} and {right} on a {list(CLOTHS)[table[-1]]} cloth"


def thing_phrase(table: Table, place: int, *, size: bool = True) -> str:
    """Return what is said of one thing, as "a small white triangle".

    Args:
        table: The table.
        place: 0 for the left thing, 1 for the middle one, 2 for the right one.
        size: Whether its size is said.
    """
    how, colour, shape = table[3 * place : 3 * place + 3]
    words = [SIZES[how]] * size + [list(COLOURS)[colour], SHAPES[shape]]
    return f"{'an' if words[0][0] in 'aeiou' else 'a'} {' '.join(words)}"


def draw_tables(tables: Facts, *, seed: int, size_px: int) -> Frames:
    """Return a picture of each table: things lie a little off their places, turned a little, in a slightly other hue.

    Args:
        tables: The tables.
        seed: Random seed.
        size_px: Side of the square pictures.
    """
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([_draw(table, rng, size_px) for table in tables]))


def _draw(table: Table, rng: np.random.Generator, size_px: int) -> Int[np.ndarray, "s s 3"]:
    side = size_px * _SHARPER
    wall, cloth = rng.integers(215, 245), _shade(list(CLOTHS.values())[table[-1]], rng)
    picture = Image.new("RGB", (side, side), (int(wall),) * 3)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, side * 0.14, side, side), fill=cloth)
    pen.rectangle((0, side * 0.92, side, side), fill=tuple(part * 2 // 3 for part in cloth))
    for place in range(THINGS):
        size, colour, shape = table[3 * place : 3 * place + 3]
        across, along = rng.uniform(-1, 1, 2) * _AWAY
        corners = outline(SHAPES[shape], turned=float(rng.uniform(-0.15, 0.15)))
        middle, radius = np.array([_AT[place] + across, 0.55 + along]), _RADIUS[SIZES[size]]
        points = (side * (middle + radius * corners)).tolist()
        pen.polygon([tuple(point) for point in points], fill=_shade(list(COLOURS.values())[colour], rng))
    return np.asarray(picture.resize((size_px, size_px), Image.Resampling.BOX))


def _shade(colour: Sequence[int], rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(part) for part in np.clip(np.array(colour) + rng.normal(0, 8, 3), 0, 255))


def outline(shape: str, *, turned: float = 0.0) -> np.ndarray:
    """Return the corners of a shape around 0, of about the same area for each.

    Args:
        shape: One of `SHAPES`.
        turned: Angle by which it is turned, in radians.
    """
    if shape == "cross":
        arm = np.array([(-0.33, -1), (0.33, -1), (0.33, -0.33)])
        quarter = np.array([[0, -1], [1, 0]])
        corners = np.concatenate([arm @ np.linalg.matrix_power(quarter, turn).T for turn in range(4)])
    else:
        count = {"circle": 40, "square": 4, "triangle": 3, "star": 10}[shape]
        angles = 2 * np.pi * np.arange(count) / count + (np.pi / 4 if shape == "square" else -np.pi / 2)
        lengths = {"circle": 0.85, "square": 1.05, "triangle": 1.15}.get(shape, 1.15) * np.ones(count)
        if shape == "star":
            lengths[1::2] = 0.45
        corners = lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    cos, sin = math.cos(turned), math.sin(turned)
    return np.asarray(corners @ np.array([[cos, sin], [-sin, cos]]))
