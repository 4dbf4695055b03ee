"""Pictures that no built-in model was trained on, drawn here: games as an Atari shows them, and random ones."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
HEIGHT, WIDTH = 210, 160  # of an Atari


def pong(rng: Generator) -> Picture:
    """Two rackets, a ball and a score."""
    frame = _game((144, 72, 17))
    frame[24:34] = frame[194:] = 236
    for left, colour in ((16, (213, 130, 74)), (140, (92, 186, 92))):
        top = rng.integers(34, 178)
        frame[top : top + 16, left : left + 4] = colour
        frame[2:20, left + 10 : left + 14] = colour
    top, left = rng.integers(40, 188), rng.integers(24, 136)
    frame[top : top + 4, left : left + 2] = 236
    return frame


def breakout(rng: Generator) -> Picture:
    """Six rows of bricks, some gone, a paddle and a ball."""
    frame = _game((0, 0, 0))
    frame[17:32] = frame[32:196, :8] = frame[32:196, -8:] = 142
    colours = [(200, 72, 72), (198, 108, 58), (180, 122, 48), (162, 162, 42), (72, 160, 72), (66, 72, 200)]
    for row, colour in enumerate(colours):
        for brick in np.flatnonzero(rng.random(18) < 0.8):
            frame[57 + 6 * row : 63 + 6 * row, 8 + 8 * brick : 16 + 8 * brick] = colour
    left = rng.integers(8, 136)
    frame[189:193, left : left + 16] = colours[0]
    top, left = rng.integers(95, 188), rng.integers(8, 150)
    frame[top : top + 4, left : left + 2] = colours[0]
    return frame


def invaders(rng: Generator) -> Picture:
    """A block of invaders over three shields."""
    frame = _game((0, 0, 0))
    rows = ["00100100", "00011000", "01111110", "11011011", "11111111", "10100101"]
    sprite = np.array([[letter == "1" for letter in row] for row in rows])
    frame[195:] = (80, 89, 22)
    left, top = rng.integers(5, 45), rng.integers(30, 60)
    for place in np.flatnonzero(rng.random(36) < 0.8):
        row, column = divmod(int(place), 6)
        frame[top + 18 * row : top + 18 * row + 6, left + 18 * column : left + 18 * column + 8][sprite] = (134, 134, 29)
    cannon = rng.integers(10, 140)
    frame[185:195, cannon : cannon + 7] = (50, 132, 50)
    for shield in (42, 74, 106):
        frame[157:175, shield : shield + 8] = (181, 83, 40)
    return frame


def maze(rng: Generator) -> Picture:
    """A maze of tiles with four ghosts."""
    frame = _game((0, 28, 136))
    for row, column in np.argwhere(rng.random((21, 16)) < 0.65):
        tile = frame[10 * row : 10 * row + 8, 10 * column : 10 * column + 8]
        tile[:] = (228, 111, 111)
        tile[3:5, 3:5] = (0, 28, 136)
    for colour in ((210, 164, 74), (200, 72, 72), (198, 89, 179), (84, 184, 153)):
        row, column = rng.integers(0, 20), rng.integers(0, 15)
        frame[10 * row : 10 * row + 10, 10 * column : 10 * column + 8] = colour
    return frame


def snake(rng: Generator) -> Picture:
    """A snake on a board of 16 x 16 and its food."""
    frame = np.full((128, 128, 3), 30, np.uint8)
    place = rng.integers(2, 14, 2)
    for _ in range(rng.integers(3, 15)):
        row, column = place
        frame[8 * row : 8 * row + 7, 8 * column : 8 * column + 7] = (60, 200, 60)
        place = np.clip(place + [(1, 0), (-1, 0), (0, 1), (0, -1)][rng.integers(4)], 0, 15)
    row, column = rng.integers(0, 16, 2)
    frame[8 * row : 8 * row + 7, 8 * column : 8 * column + 7] = (220, 40, 40)
    return frame


def noise(rng: Generator) -> Picture:
    """A colour for each pixel."""
    return rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)


def clouds(rng: Generator) -> Picture:
    """Sixteen colours that run into one another."""
    few = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    return np.asarray(few.resize((128, 128), Image.Resampling.BICUBIC))


def shapes(rng: Generator) -> Picture:
    """Discs and boxes on one colour."""
    frame = np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), (128, 128, 3)).copy()
    down, right = np.mgrid[:128, :128]
    for _ in range(rng.integers(2, 9)):
        (row, column), size, colour = rng.integers(0, 128, 2), rng.integers(4, 40), rng.integers(0, 256, 3)
        if rng.random() < 0.5:
            frame[(down - row) ** 2 + (right - column) ** 2 < size**2] = colour
        else:
            frame[max(row - size, 0) : row + size, max(column - size // 2, 0) : column + size // 2] = colour
    return frame


def one_colour(rng: Generator) -> Picture:
    """A single colour."""
    return np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), (128, 128, 3)).copy()


DRAWN: dict[str, Callable[[Generator], Picture]] = {
    "toy Pong": pong,
    "toy Breakout": breakout,
    "toy invaders": invaders,
    "toy maze": maze,
    "toy snake": snake,
    "noise": noise,
    "clouds of colour": clouds,
    "random shapes": shapes,
    "one colour": one_colour,
}
"""By name."""


def _game(colour: tuple[int, int, int]) -> Picture:
    return np.broadcast_to(np.array(colour, np.uint8), (HEIGHT, WIDTH, 3)).copy()
