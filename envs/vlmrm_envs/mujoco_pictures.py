"""Random pictures of the MuJoCo scenes with the state they show.

Half of the pictures have the tasks' looks, the other half other colours and another light; half are from the tasks'
cameras, the other half from others. A model has to be compiled for new colours, so a few dozen pictures share theirs.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

import vlmrm_envs as envs
from vlmrm.rendering import Camera
from vlmrm.rendering.mujoco import RenderMujoco
from vlmrm_envs.humanoid_poses import POSES
from vlmrm_envs.humanoid_put import put, put_between, put_random
from vlmrm_envs.looks import COLOURS, random_colours
from vlmrm_envs.mujoco_bodies import SINK_M, lowest_point_m
from vlmrm_envs.mujoco_looks import Look
from vlmrm_envs.states import SceneStates

_SHARED = 40  # pictures with one look and one camera
_OWN_COLOURS = {  # of the thing and of what is behind it, as the tasks draw them: textured, and plain
    "inverted_pendulum": (("teal", "blue"), ("teal", "black")),
    "reacher": (("blue", "tan"), ("blue", "gray")),
    "hopper": (("gray", "blue"), ("brown", "black")),
    "half_cheetah": (("tan", "blue"), ("tan", "gray")),
    "ant": (("tan", "tan"), ("tan", "gray")),
    "humanoid": (("gray", "blue"), ("brown", "black")),
}
_SEEN_FROM_ABOVE = ("reacher", "ant")  # before their floor, not before the sky


def draw_mujoco(
    scene: str, count: int, *, rng: np.random.Generator, size_px: int, own_look: float
) -> tuple[NDArray[np.uint8], SceneStates]:
    """Pictures of one MuJoCo scene at random states; see `vlmrm_envs.scenes.random_pictures`.

    Args:
        scene: One of `vlmrm_envs.scenes.MUJOCO`.
        count: How many.
        rng: The only source of chance.
        size_px: Of the square frames.
        own_look: Share of pictures in the task's looks, and share from its camera.
    """
    frames: list[NDArray[np.uint8]] = []
    rows: list[dict[str, float]] = []
    while len(frames) < count:
        env, colours = _environment(scene, rng, size_px, own_look)
        try:
            for _ in range(min(_SHARED, count - len(frames))):
                _randomise(scene, env.unwrapped, rng)
                frames.append(env.render())
                rows.append(_variables(scene, env.unwrapped) | colours | _places(env))
        finally:
            env.close()
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return np.stack(frames), SceneStates.of(scene, **columns)


def _places(env: RenderMujoco) -> dict[str, float]:
    """Where the parts that move are in the picture, 0 to 1 from its left (``at_GEOM_x``) and its top (``at_GEOM_y``).

    Nothing is said of them; they help a model to find the body.
    """
    inner: Any = env.unwrapped
    places = {}
    for i in np.flatnonzero(inner.model.geom_bodyid > 0):
        places[f"at_{i}_x"], places[f"at_{i}_y"] = env.place_in_picture(inner.data.geom_xpos[i])
    return places


def _environment(scene: str, rng: np.random.Generator, size_px: int, own_look: float) -> tuple[Any, dict[str, float]]:
    """An environment with a look and a camera, and the two colours it has."""
    plain = bool(rng.random() < 0.2)
    look: Look | str = "plain" if plain else "textured"
    task = next(task for name, task in envs.tasks().items() if name.split("/")[0] == scene)
    camera = task.camera
    thing, ground = (COLOURS.index(name) for name in _OWN_COLOURS[scene][plain])
    if rng.random() >= own_look:
        camera = random_camera(scene, rng)
    if rng.random() >= own_look:
        look, painted = random_look(rng)
        ground = painted["floor" if scene in _SEEN_FROM_ABOVE else "sky"]
        thing = painted["body"] if scene in ("humanoid", "hopper") else thing
    env = gym.make(task.env_id, render_mode="rgb_array", look=look, disable_env_checker=True)
    drawn = RenderMujoco(env, camera, quality="fast", size_px=size_px)
    drawn.reset(seed=0)
    return drawn, {"thing": float(thing), "ground": float(ground)}


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


def random_camera(scene: str, rng: np.random.Generator) -> Camera:
    """From another side, height and distance, with the body still in the picture."""
    elevation, distance = float(rng.uniform(-25, 2)), float(rng.uniform(0.85, 1.3))
    if scene == "humanoid":
        (x, y), z = rng.uniform(-0.3, 0.3, 2).tolist(), float(rng.uniform(0.6, 1.1))
        if rng.random() < 0.3:  # looks over its head from further away, as Gymnasium's own camera does
            z, distance, elevation = float(rng.uniform(1.1, 2.0)), 1.15 * distance, float(rng.uniform(-25, -12))
        azimuth = float(rng.uniform(-180, 180))
        return Camera(lookat_m=(x, y, z), distance_m=3.4 * distance, azimuth_deg=azimuth, elevation_deg=elevation)
    if scene == "reacher":
        return Camera(
            lookat_m=[*rng.uniform(-0.02, 0.02, 2).tolist(), 0.0],
            distance_m=0.58 * distance,
            azimuth_deg=float(90 + rng.uniform(-8, 8)),
            elevation_deg=float(-90 + rng.uniform(0, 10)),
        )
    azimuth = float(90 + rng.uniform(-20, 20)) if scene != "ant" else float(rng.uniform(-180, 180))
    if scene == "inverted_pendulum":
        return Camera(lookat_m=(0, 0, 0.2), distance_m=3.2 * distance, azimuth_deg=azimuth, elevation_deg=elevation)
    if scene == "ant":
        elevation = float(rng.uniform(-40, -10))
    return Camera(track="torso", distance_m=3.2 * distance, azimuth_deg=azimuth, elevation_deg=elevation)


def _randomise(scene: str, inner: Any, rng: np.random.Generator) -> None:
    {
        "inverted_pendulum": _any_pole,
        "reacher": _any_reach,
        "hopper": _any_plane_body,
        "half_cheetah": _any_plane_body,
        "ant": _any_ant,
        "humanoid": _any_pose,
    }[scene](inner, rng)


def _any_pole(inner: Any, rng: np.random.Generator) -> None:
    angle = rng.normal(0, 0.15) if rng.random() < 0.35 else rng.uniform(-np.pi / 2, np.pi / 2)
    inner.set_state(np.array([rng.uniform(-0.95, 0.95), angle]), np.zeros(2))


def _any_reach(inner: Any, rng: np.random.Generator) -> None:
    joints = np.array([rng.uniform(-np.pi, np.pi), rng.uniform(-2.8, 2.8)])
    inner.set_state(np.array([*joints, 0.0, 0.0]), np.zeros(4))
    tip = inner.data.body("fingertip").xpos[:2]
    ball = tip + rng.normal(0, rng.choice([0.008, 0.03, 0.08]), 2) if rng.random() < 0.6 else rng.uniform(-0.2, 0.2, 2)
    inner.set_state(np.array([*joints, *np.clip(ball, -0.26, 0.26)]), np.zeros(4))


def _any_plane_body(inner: Any, rng: np.random.Generator) -> None:
    """Hopper and cheetah: any tilt, joints anywhere but more often near the start, on the floor or a little above."""
    position, model = inner.init_qpos.copy(), inner.model
    position[2] = rng.normal(0, 0.2) if rng.random() < 0.3 else rng.uniform(-np.pi, np.pi)
    for i in range(3, model.njnt):
        low, high = model.jnt_range[i]
        spread = rng.choice([0.1, 0.4, 1.0])
        position[model.jnt_qposadr[i]] = np.clip(spread * rng.uniform(low, high), low, high)
    inner.set_on_floor(position, lift_m=float(rng.uniform(0.1, 0.5)) if rng.random() < 0.12 else -SINK_M)


def _any_ant(inner: Any, rng: np.random.Generator) -> None:
    position, model = inner.init_qpos.copy(), inner.model
    near = [np.array([1.0, 0, 0, 0]), np.array([0.0, 1, 0, 0])]  # on its feet, on its back
    quaternion = rng.normal(size=4) if rng.random() < 0.4 else near[int(rng.integers(2))] + rng.normal(0, 0.08, 4)
    position[3:7] = quaternion / np.linalg.norm(quaternion)
    for i in range(1, model.njnt):
        position[model.jnt_qposadr[i]] = rng.uniform(*model.jnt_range[i])
    inner.set_on_floor(position)


def _any_pose(inner: Any, rng: np.random.Generator) -> None:
    """A pose of the library, the way from one to another, or a heap: an agent goes through all of them."""
    chance, (first, second) = rng.random(), (POSES[str(name)] for name in rng.choice(list(POSES), 2))
    if chance < 0.1:
        put_random(inner.model, inner.data, rng)
    elif chance < 0.3:
        put_between(inner.model, inner.data, first, second, rng)
    else:
        put(inner.model, inner.data, first, rng)


def _variables(scene: str, inner: Any) -> dict[str, float]:
    """What the concepts of the scene speak of."""
    state: dict[str, float] = dict(inner.state_variables())
    if scene == "inverted_pendulum":
        return {"angle": float(np.radians(state["angle_deg"])), "second": 0.0, "position": state["x_m"]}
    if scene == "reacher":
        bend = abs(float(np.degrees(inner.data.qpos[1])))
        return state | {"ball_x_m": float(inner.data.body("target").xpos[0]), "elbow_bend_deg": bend}
    if scene in ("hopper", "half_cheetah"):
        return state | {"lowest_m": lowest_point_m(inner.model, inner.data)}
    return state
