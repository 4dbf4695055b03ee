"""Random pictures of the environments with the state they show: what the built-in models are trained on.

The classic environments draw themselves (for those of MuJoCo see `vlmrm_envs.mujoco_pictures`); half of the pictures
stay as they are, the other half get other colours, another background, another zoom and another place in the picture.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vlmrm.frames.preprocessing import Preprocessing
from vlmrm_envs.acrobot import Acrobot
from vlmrm_envs.cartpole import VIEW_M, CartPole
from vlmrm_envs.looks import COLOURS, random_backdrop, random_colours, recolour
from vlmrm_envs.mountain_car import MountainCar, Scenery
from vlmrm_envs.pendulum import Pendulum
from vlmrm_envs.states import SceneStates

CLASSIC = ("cartpole", "mountain_car", "pendulum", "acrobot")
MUJOCO = ("inverted_pendulum", "reacher", "hopper", "half_cheetah", "ant", "humanoid")
SCENES = CLASSIC + MUJOCO
"""Everything that a built-in model may know."""

_PALETTES = {
    "cartpole": ((255, 255, 255), (202, 152, 101), (0, 0, 0), (129, 132, 203)),
    "pendulum": ((255, 255, 255), (204, 77, 77), (0, 0, 0)),
    "acrobot": ((255, 255, 255), (0, 204, 204), (204, 204, 0), (0, 0, 0)),
}
"""The colours Gymnasium draws with: the background first, then the thing that moves."""

_OWN_COLOURS = {  # names of the thing's and the background's colour as the environments draw themselves
    "cartpole": ("tan", "white"),
    "mountain_car": ("red", "blue"),
    "pendulum": ("red", "white"),
    "acrobot": ("teal", "white"),
}


def random_pictures(
    scene: str, count: int, *, seed: int, preprocessing: Preprocessing, own_look: float = 0.5
) -> tuple[NDArray[np.uint8], SceneStates]:
    """Pictures of one environment at random states.

    Args:
        scene: One of `SCENES`.
        count: How many.
        seed: Decides everything.
        preprocessing: Of the model that will see them; decides the size.
        own_look: Share of pictures left as the environment draws them.

    Returns:
        Frames (count, s, s, 3) and the states they show.
    """
    rng = np.random.default_rng([seed, SCENES.index(scene)])
    if scene in MUJOCO:
        from vlmrm_envs.mujoco_pictures import draw_mujoco  # an extra, which the classic scenes do without

        return draw_mujoco(scene, count, rng=rng, size_px=preprocessing.size_px, own_look=own_look)
    frames = np.empty((count, preprocessing.size_px, preprocessing.size_px, 3), np.uint8)
    rows = []
    for i in range(count):
        picture, row = _picture(scene, rng, changed=bool(rng.random() >= own_look))
        rows.append(row)
        frames[i] = preprocessing.resize(torch.from_numpy(picture)[None])[0].numpy()
    names = ("angle", "second", "position", "thing", "ground")
    return frames, SceneStates.of(scene, **dict(zip(names, zip(*rows, strict=True), strict=True)))


_Row = tuple[float, float, float, int, int]


def _picture(scene: str, rng: np.random.Generator, *, changed: bool) -> tuple[NDArray[np.uint8], _Row]:
    """One picture with what it shows: angle, second angle, position, and the two colours."""
    if scene == "mountain_car":
        return _mountain_car(rng, changed=changed)
    picture, angle, second, position = {"cartpole": _cartpole, "pendulum": _pendulum, "acrobot": _acrobot}[scene](rng)
    thing, ground = (COLOURS.index(name) for name in _OWN_COLOURS[scene])
    if changed:
        colours, (ground, thing, *_) = random_colours(rng, len(_PALETTES[scene]))
        backdrop = random_backdrop(rng, colours[0], picture.shape[:2])
        zoom_in = scene != "acrobot" and abs(position) < 1.5  # the arm fills its picture
        picture = recolour(picture, _PALETTES[scene], colours, backdrop)
        picture = _crop(picture, rng, zoom_in=zoom_in)
    return picture, (angle, second, position, thing, ground)


def _random_angle(rng: np.random.Generator) -> float:
    """Anywhere on the circle, more often near the top and the bottom, where rewards are decided."""
    spread = rng.choice([0.12, 0.4, 4.0], p=[0.15, 0.2, 0.65])
    centre = rng.choice([0.0, np.pi], p=[0.6, 0.4])
    angle = centre + (rng.normal(0, spread) if spread < 1 else rng.uniform(-np.pi, np.pi))
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


_CARTPOLE = CartPole(render_mode="rgb_array")
_PENDULUM = Pendulum(render_mode="rgb_array")
_ACROBOT = Acrobot(render_mode="rgb_array")


def _rendered(env: Any) -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = env.render()
    return picture


def _cartpole(rng: np.random.Generator) -> tuple[NDArray[np.uint8], float, float, float]:
    angle, position = _random_angle(rng), float(rng.uniform(-2.4, 2.4))
    _CARTPOLE.state = np.array((position, 0.0, angle, 0.0))
    _CARTPOLE.x_threshold = float(rng.choice([VIEW_M, 2.4]))  # our picture, and CartPole-v1's
    return _rendered(_CARTPOLE), angle, 0.0, position


def _pendulum(rng: np.random.Generator) -> tuple[NDArray[np.uint8], float, float, float]:
    angle = _random_angle(rng)
    _PENDULUM.state = np.array((-angle, 0.0))
    _PENDULUM.last_u = None if rng.random() < 0.1 else float(rng.uniform(-2, 2))
    return _rendered(_PENDULUM), angle, 0.0, 0.0


def _acrobot(rng: np.random.Generator) -> tuple[NDArray[np.uint8], float, float, float]:
    first, second = _random_angle(rng), _random_angle(rng)
    if rng.random() < 0.4:
        second = first + float(rng.normal(0, 0.5))
    # Gymnasium counts from hanging, the second link from the first; positive is to the right in its picture.
    _ACROBOT.state = np.array((np.pi - first, first - second, 0.0, 0.0))
    return _rendered(_ACROBOT), first, float((second + np.pi) % (2 * np.pi) - np.pi), 0.0


def _mountain_car(rng: np.random.Generator, *, changed: bool) -> tuple[NDArray[np.uint8], _Row]:
    position = float(rng.uniform(-1.2, 0.6) if rng.random() < 0.75 else np.clip(rng.normal(0.42, 0.1), -1.2, 0.6))
    thing, ground = (COLOURS.index(name) for name in _OWN_COLOURS["mountain_car"])
    env = _MOUNTAIN_CAR
    if changed:
        (car, sky, far, rock), (thing, ground, *_) = random_colours(rng, 4)
        red, green, blue = (int(v) for v in np.clip(rng.normal((250, 204, 21), 18), 0, 255))
        env = MountainCar(
            render_mode="rgb_array", scenery=Scenery(sky=sky, far=far, rock=rock, car=car, flag=(red, green, blue))
        )
    env.place(position)
    picture = _rendered(env)
    if changed:
        picture = _crop(picture, rng, zoom_in=-1.0 < position < 0.3, offset=False)
    return picture, (0.0, 0.0, position, thing, ground)


_MOUNTAIN_CAR = MountainCar(render_mode="rgb_array")


def _crop(
    picture: NDArray[np.uint8], rng: np.random.Generator, *, zoom_in: bool, offset: bool = True
) -> NDArray[np.uint8]:
    """Another zoom and place: a window of another size, its outside filled with the nearest pixel."""
    height, width = picture.shape[:2]
    scale = rng.uniform(0.85 if zoom_in else 1.0, 1.25)
    rows = np.linspace(-0.5, 0.5, height) * scale * height + height / 2
    columns = np.linspace(-0.5, 0.5, width) * scale * width + width / 2
    if offset:
        rows += rng.uniform(-0.06, 0.06) * height
        columns += rng.uniform(-0.06, 0.06) * width
    rows = rows.round().clip(0, height - 1).astype(np.intp)
    columns = columns.round().clip(0, width - 1).astype(np.intp)
    return np.ascontiguousarray(picture[rows[:, None], columns[None, :]])
