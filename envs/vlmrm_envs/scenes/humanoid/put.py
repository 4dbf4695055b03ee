"""Putting the humanoid into poses: out of the library, between two of them, or any heap of limbs.

A pose is drawn from its ranges, mirrored half of the time, and the body is set on the floor, facing any direction.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from vlmrm_envs.mujoco_bodies import SINK_M, lowest_point_m
from vlmrm_envs.scenes.humanoid.poses import ARMS, Pose
from vlmrm_envs.scenes.humanoid.state import SIDES

_STIFFNESS, _DAMPING = 200.0, 10.0  # N·m/rad and N·m·s/rad: hold a pose while it comes to rest


def put(model: Any, data: Any, pose: Pose, rng: np.random.Generator) -> None:
    """Put the humanoid into a pose drawn from the ranges, at rest, facing any direction.

    Args:
        model: The `mujoco.MjModel` of Gymnasium's humanoid.
        data: Its `mujoco.MjData`, which is overwritten.
        pose: The pose to draw from.
        rng: The only source of chance.
    """
    drawn = _draw(model, pose, rng)
    turned = (rng.uniform(-180, 180), drawn.pitch_deg, drawn.roll_deg)
    place(model, data, drawn.angles_rad, turned_deg=turned, lift_m=drawn.lift_m)
    settle(model, data, pose.settle_s)


def put_between(model: Any, data: Any, first: Pose, second: Pose, rng: np.random.Generator) -> None:
    """Put the humanoid part of the way from one pose to another, as it is while it moves: it does not come to rest.

    Args:
        model: The `mujoco.MjModel` of Gymnasium's humanoid.
        data: Its `mujoco.MjData`, which is overwritten.
        first: The pose that it comes from.
        second: The pose that it goes to.
        rng: The only source of chance.
    """
    start, end, share = _draw(model, first, rng), _draw(model, second, rng), float(rng.random())

    def between(here: float, there: float) -> float:
        return (1 - share) * here + share * there

    angles = {name: between(start.angles_rad[name], end.angles_rad[name]) for name in start.angles_rad}
    pitch, roll = between(start.pitch_deg, end.pitch_deg), between(start.roll_deg, end.roll_deg)
    lift = between(start.lift_m, end.lift_m)
    place(model, data, angles, turned_deg=(rng.uniform(-180, 180), pitch, roll), lift_m=lift)


def put_random(model: Any, data: Any, rng: np.random.Generator, *, settle_s: float = 0.6) -> None:
    """Put the humanoid into any pose: joints within their limits, turned any way, fallen to the floor and limp.

    Args:
        model: The `mujoco.MjModel` of Gymnasium's humanoid.
        data: Its `mujoco.MjData`, which is overwritten.
        rng: The only source of chance.
        settle_s: Time for which it falls.
    """
    angles = {name: rng.uniform(*model.joint(name).range) for name in _hinges(model)}
    place(model, data, angles, turned_deg=rng.uniform(-180, 180, 3).tolist())
    settle(model, data, settle_s, held=False)


def place(
    model: Any,
    data: Any,
    angles_rad: Mapping[str, float],
    *,
    turned_deg: Sequence[float] = (0, 0, 0),
    lift_m: float = 0,
) -> None:
    """Set the joints, clipped to their limits, and stand the body on its lowest point.

    Args:
        model: The `mujoco.MjModel` of Gymnasium's humanoid.
        data: Its `mujoco.MjData`, which is overwritten.
        angles_rad: Angles by joint; others are 0, or the nearest value within their limits.
        turned_deg: Yaw, the direction it faces, 0 is +x; then pitch, positive leans forwards; then roll, positive
            leans to the left.
        lift_m: Height of the lowest point above the floor.
    """
    mujoco.mj_resetData(model, data)
    data.qpos[:] = 0
    data.qpos[2] = 2.0
    yaw, pitch, roll = np.radians(turned_deg)
    data.qpos[3:7] = _turn(yaw, pitch, -roll)
    for name in _hinges(model):
        low, high = model.joint(name).range
        data.joint(name).qpos[0] = np.clip(angles_rad.get(name, 0.0), low, high)
    mujoco.mj_forward(model, data)
    data.qpos[2] += lift_m - lowest_point_m(model, data) - (SINK_M if lift_m == 0 else 0)
    mujoco.mj_forward(model, data)


def settle(model: Any, data: Any, seconds: float, *, held: bool = True) -> None:
    """Let the body fall and come to rest.

    Args:
        model: The `mujoco.MjModel` of Gymnasium's humanoid.
        data: Its `mujoco.MjData`, which is overwritten.
        seconds: Simulated time.
        held: Whether the joints are held where they are; else it is limp.
    """
    with springs(model, data, stiffness=_STIFFNESS, damping=_DAMPING) if held else implicit_steps(model):
        for _ in range(round(seconds / model.opt.timestep)):
            mujoco.mj_step(model, data)
    data.qvel[:] = 0
    mujoco.mj_forward(model, data)


@contextmanager
def springs(model: Any, data: Any, *, stiffness: float, damping: float) -> Iterator[None]:
    """Hold the joints where they are, by springs and dampers, until the block ends.

    Args:
        model: The `mujoco.MjModel` of Gymnasium's humanoid.
        data: Its `mujoco.MjData`.
        stiffness: Of each joint, N·m/rad.
        damping: Of each joint, N·m·s/rad.
    """
    usual = {name: getattr(model, name).copy() for name in ("jnt_stiffness", "dof_damping", "qpos_spring")}
    try:
        model.jnt_stiffness[1:], model.dof_damping[6:] = stiffness, damping  # but for the free joint
        model.qpos_spring[:] = data.qpos
        with implicit_steps(model):
            yield
    finally:
        for name, values in usual.items():
            getattr(model, name)[:] = values


@contextmanager
def implicit_steps(model: Any) -> Iterator[None]:
    """Integrate implicitly until the block ends: stiff dampers blow the usual integrator up.

    Args:
        model: The `mujoco.MjModel`.
    """
    integrator = model.opt.integrator
    model.opt.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    try:
        yield
    finally:
        model.opt.integrator = integrator


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """One pose out of a range of them."""

    angles_rad: Mapping[str, float]
    pitch_deg: float
    roll_deg: float
    lift_m: float


def _draw(model: Any, pose: Pose, rng: np.random.Generator) -> _Drawn:
    mirrored = bool(rng.random() < 0.5)
    wanted = dict(ARMS[str(rng.choice(pose.arms))]) | dict(pose.joints)
    angles = {}
    for name in _hinges(model):
        low, high = wanted.get(_other_side(name) if mirrored else name, (-4.0, 4.0))
        if mirrored and _turns_the_other_way(name):
            low, high = -high, -low
        angles[name] = float(np.radians(rng.uniform(low, high)))
    pitch, roll, lift = (float(rng.uniform(*limits)) for limits in (pose.pitch_deg, pose.roll_deg, pose.lift_m))
    if pose.on_its_shins:
        pitch += _pitch_on_its_shins_deg(angles)
    return _Drawn(angles_rad=angles, pitch_deg=pitch, roll_deg=-roll if mirrored else roll, lift_m=lift)


def _pitch_on_its_shins_deg(angles_rad: Mapping[str, float]) -> float:
    """Of the torso while the shins, on the average of both sides, lie flat on the floor."""
    hips, knees = (sum(angles_rad[f"{side}_{joint}"] for side in SIDES) / len(SIDES) for joint in ("hip_y", "knee"))
    return 90.0 - float(np.degrees(hips - knees))


def _hinges(model: Any) -> list[str]:
    return [model.joint(i).name for i in range(model.njnt) if model.joint(i).name != "root"]


def _other_side(name: str) -> str:
    side, _, joint = name.partition("_")
    return {"left": f"right_{joint}", "right": f"left_{joint}"}.get(side, name)


def _turns_the_other_way(name: str) -> bool:
    return "shoulder" in name or name in ("abdomen_x", "abdomen_z")


def _turn(yaw: float, pitch: float, roll: float) -> Any:
    """Quaternion of a turn about z, then about the turned y, then about the turned x."""
    quaternion = np.array([1.0, 0.0, 0.0, 0.0])
    for axis, angle in ((2, yaw), (1, pitch), (0, roll)):
        step, turned = np.zeros(4), np.zeros(4)
        mujoco.mju_axisAngle2Quat(step, np.eye(3)[axis], angle)
        mujoco.mju_mulQuat(turned, quaternion, step)
        quaternion = turned
    return quaternion
