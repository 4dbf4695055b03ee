"""Random pictures of MuJoCo scenes with the state they show.

Half of the pictures have the tasks' looks, the other half other colours and another light; half are from the tasks'
camera, the other half from others. A model has to be compiled for new colours, so a few dozen pictures share theirs.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from vlmrm.rendering import Camera
from vlmrm.rendering.mujoco import RenderMujoco
from vlmrm_envs.concepts import Columns
from vlmrm_envs.flat_pictures import Shown, as_columns
from vlmrm_envs.looks import COLOURS, random_colours
from vlmrm_envs.mujoco_bodies import SINK_M, lowest_point_m
from vlmrm_envs.mujoco_looks import Look
from vlmrm_envs.scenes.scene import Maker

if TYPE_CHECKING:
    from vlmrm.frames.preprocessing import Preprocessing  # loads torch

_SHARED = 40  # pictures with one look and one camera


def reported_state(inner: Any) -> Mapping[str, float]:
    """What an environment says of its state."""
    state: Mapping[str, float] = inner.state_variables()
    return state


@dataclass(frozen=True, kw_only=True)
class MujocoPictures:
    """Pictures of an environment that takes a `look`, from its tasks' camera and from others."""

    randomise: Callable[[Any, np.random.Generator], None]
    """Puts an environment into a random state."""
    variables: Callable[[Any], Mapping[str, float]] = reported_state
    """Reads the state variables that the concepts speak of."""
    camera: Camera
    """The camera of the scene's tasks."""
    random_camera: Callable[[np.random.Generator], Camera]
    """Draws another camera that has the body in its picture."""
    textured_colours: tuple[str, str]
    """Names in `COLOURS` of the thing's colour and of that behind it, in the look ``textured``."""
    plain_colours: tuple[str, str]
    """The same in the look ``plain``."""
    behind: Literal["sky", "floor"] = "sky"
    """Part of a `Look` that is behind the body, as the camera sees it."""
    paints_body: bool = False
    """Whether another look changes the colour of the thing; parts told apart by their colours keep them."""

    def draw(
        self, make: Maker, count: int, *, rng: np.random.Generator, preprocessing: "Preprocessing", own_look: float
    ) -> tuple[UInt8[np.ndarray, "n s s 3"], Columns]:
        """Draw random pictures, `own_look` of them in the tasks' looks and from their camera; see `Pictures.draw`."""
        frames: list[NDArray[np.uint8]] = []
        rows: list[Shown] = []
        while len(frames) < count:
            env, colours = self._environment(make, rng, preprocessing.size_px, own_look)
            with closing(env):
                for _ in range(min(_SHARED, count - len(frames))):
                    self.randomise(env.unwrapped, rng)
                    frames.append(env.render())
                    rows.append({**self.variables(env.unwrapped), **colours, **_places(env)})
        return np.stack(frames), as_columns(rows)

    def _environment(
        self, make: Maker, rng: np.random.Generator, size_px: int, own_look: float
    ) -> tuple[RenderMujoco, Shown]:
        """An environment with a look and a camera, and the two colours it has."""
        plain = bool(rng.random() < 0.2)
        look: Look | str = "plain" if plain else "textured"
        camera = self.camera
        thing, ground = (COLOURS.index(name) for name in (self.plain_colours if plain else self.textured_colours))
        if rng.random() >= own_look:
            camera = self.random_camera(rng)
        if rng.random() >= own_look:
            look, painted = random_look(rng)
            ground = painted[self.behind]
            thing = painted["body"] if self.paints_body else thing
        env = RenderMujoco(make(render_mode="rgb_array", look=look), camera, quality="fast", size_px=size_px)
        env.reset(seed=0)
        return env, {"thing": thing, "ground": ground}


def _places(env: RenderMujoco) -> Shown:
    """Where the parts that move are in the picture, 0 to 1 from its left (``at_GEOM_x``) and its top (``at_GEOM_y``).

    Nothing is said of them; they help a model to find the body.
    """
    inner: Any = env.unwrapped
    places = {}
    for i in np.flatnonzero(inner.model.geom_bodyid > 0):
        places[f"at_{i}_x"], places[f"at_{i}_y"] = env.place_in_picture(inner.data.geom_xpos[i])
    return places


def random_look(rng: np.random.Generator) -> tuple[Look, dict[str, int]]:
    """Any colours that stand out from the sky, and the index in `COLOURS` of ``sky``, ``body`` and ``floor``."""
    (sky, body, floor, tiles), names = random_colours(rng, 4)
    light = float(rng.uniform(0.5, 1.0))
    horizon = np.array(sky) / 255 * 0.5 + 0.5 * rng.random()

    def unit(colour: Any) -> tuple[float, float, float]:
        red, green, blue = (float(channel) / 255 for channel in colour)
        return red, green, blue

    near = np.array(floor) * 0.75 + np.array(tiles) * 0.25  # tiles that differ less than floor and body do
    look = Look(
        sky=unit(sky), horizon=unit(255 * horizon), floor=unit(floor), tiles=unit(near), body=unit(body), light=light
    )
    return look, dict(zip(("sky", "body", "floor"), names, strict=False))


def random_height_and_distance(rng: np.random.Generator) -> tuple[float, float]:
    """Elevation of another camera in degrees, and its distance as a share of the usual one."""
    return float(rng.uniform(-25, 2)), float(rng.uniform(0.85, 1.3))


def camera_beside_torso(rng: np.random.Generator) -> Camera:
    """Another camera for a body that moves in a plane: from its side, following its torso."""
    elevation, distance = random_height_and_distance(rng)
    azimuth = float(90 + rng.uniform(-20, 20))
    return Camera(track="torso", distance_m=3.2 * distance, azimuth_deg=azimuth, elevation_deg=elevation)


def any_plane_body(inner: Any, rng: np.random.Generator) -> None:
    """A body that moves in a plane: any tilt, joints anywhere but more often near the start, on the floor or above."""
    position, model = inner.init_qpos.copy(), inner.model
    position[2] = rng.normal(0, 0.2) if rng.random() < 0.3 else rng.uniform(-np.pi, np.pi)
    for i in range(3, model.njnt):
        low, high = model.jnt_range[i]
        spread = rng.choice([0.1, 0.4, 1.0])
        position[model.jnt_qposadr[i]] = np.clip(spread * rng.uniform(low, high), low, high)
    inner.set_on_floor(position, lift_m=float(rng.uniform(0.1, 0.5)) if rng.random() < 0.12 else -SINK_M)


def state_and_lowest_point(inner: Any) -> Mapping[str, float]:
    """What an environment says of its state, and ``lowest_m``, the height of the body's lowest point."""
    return {**reported_state(inner), "lowest_m": lowest_point_m(inner.model, inner.data)}
