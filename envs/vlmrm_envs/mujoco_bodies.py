"""MuJoCo bodies in the world: environments whose episodes only the clock ends, and bodies set on the floor."""

from collections.abc import Mapping
from typing import Any, ClassVar

import mujoco
import numpy as np
from gymnasium.envs.mujoco.mujoco_env import MujocoEnv
from gymnasium.utils import EzPickle
from numpy.typing import NDArray

from vlmrm_envs.mujoco_looks import Look, find_look, load_model

SINK_M = 0.001
"""How far a body that is set on the floor sinks in, so that what should touch it does."""
ON_THE_FLOOR = (-1.0, 0.06, 0.05)
"""Bounds for `vlmrm_envs.concepts.inside` on the lowest point of a body that touches the floor, in m."""


class EndlessMujoco(MujocoEnv, EzPickle):
    """A mixin before one of Gymnasium's MuJoCo environments: nothing terminates, and `info` has the state.

    Its subclass says in `state_variables` what the state is, and in `place` how to come by one.

    Args:
        render_mode: ``rgb_array``, ``human`` or None.
        look: ``plain``, as Gymnasium draws it, ``textured``, or colours of one's own.
    """

    _options: ClassVar[Mapping[str, Any]] = {}  # arguments of Gymnasium's environment
    _height_at = 2  # where `qpos` has the body's height

    def __init__(self, render_mode: str | None = None, look: str | Look = "textured") -> None:
        self._look = find_look(look)
        gymnasiums: Any = super()  # the environment that this is mixed into takes these
        gymnasiums.__init__(render_mode=render_mode, **self._options)
        EzPickle.__init__(self, render_mode=render_mode, look=look)

    def set_on_floor(self, position: NDArray[np.float64], *, lift_m: float = -SINK_M) -> None:
        """Put the body into a position, at rest, its lowest point on the floor.

        Args:
            position: The ``qpos`` of the body; its height is changed.
            lift_m: Height of the lowest point above the floor.
        """
        speeds = np.zeros(self.model.nv)
        self.set_state(position, speeds)
        position[self._height_at] += lift_m - lowest_point_m(self.model, self.data)
        self.set_state(position, speeds)

    def step(  # type: ignore[override]  # Gymnasium's says that `info` has only numbers
        self, action: Any
    ) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """One step of Gymnasium's physics; never terminates."""
        observation, reward, _, truncated, info = super().step(action)
        return observation, float(reward), False, bool(truncated), info | {"state": self.state_variables()}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Gymnasium's own starts."""
        observation, info = super().reset(seed=seed, options=options)
        return observation, info | {"state": self.state_variables()}

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the terms that success is judged in."""
        raise NotImplementedError(f"{type(self).__name__} says nothing of its state.")

    def _initialize_simulation(self) -> tuple[Any, Any]:
        model = load_model(self.fullpath, self._look)
        size = model.vis.global_
        size.offwidth, size.offheight = max(size.offwidth, self.width), max(size.offheight, self.height)
        return model, mujoco.MjData(model)


def lowest_point_m(model: Any, data: Any, geom: str | None = None) -> float:
    """Height of the lowest point of everything but planes; for models of spheres and capsules.

    Args:
        model: The `mujoco.MjModel`.
        data: Its `mujoco.MjData`, after `mj_forward`.
        geom: Name of the only geom that counts; None: all count.
    """
    plane, capsule = int(mujoco.mjtGeom.mjGEOM_PLANE), int(mujoco.mjtGeom.mjGEOM_CAPSULE)
    lowest = np.inf
    for i in range(model.ngeom) if geom is None else [model.geom(geom).id]:
        kind = int(model.geom_type[i])  # mujoco's own numbers are equal to no number of numpy
        if kind == plane:
            continue
        half = model.geom_size[i, 1] * abs(data.geom_xmat[i, 8]) if kind == capsule else 0.0
        lowest = min(lowest, data.geom_xpos[i, 2] - half - model.geom_size[i, 0])
    return float(lowest)


def joint_bounds_deg(model: Any) -> dict[str, tuple[float, float]]:
    """Limits of the hinges that have some, in degrees, by the name of the joint and ``_deg``.

    Args:
        model: The `mujoco.MjModel`.
    """
    hinge = int(mujoco.mjtJoint.mjJNT_HINGE)
    limited = [i for i in range(model.njnt) if int(model.jnt_type[i]) == hinge and model.jnt_limited[i]]
    degrees = np.degrees(model.jnt_range)
    return {f"{model.joint(i).name}_deg": (float(degrees[i, 0]), float(degrees[i, 1])) for i in limited}


def set_joints_deg(model: Any, position: NDArray[np.float64], values: Mapping[str, float]) -> None:
    """Write the angles of the joints of `joint_bounds_deg` into a position.

    Args:
        model: The `mujoco.MjModel`.
        position: The ``qpos`` of the body, which is changed.
        values: Angles by the names of `joint_bounds_deg`.
    """
    for name in joint_bounds_deg(model):
        position[model.joint(name.removesuffix("_deg")).qposadr[0]] = np.radians(values[name])


def wrapped_deg(angle_rad: float) -> float:
    """An angle in degrees, -180 up to 180.

    Example:
        >>> wrapped_deg(3.5 * np.pi)
        -90.0
    """
    return float((np.degrees(angle_rad) + 180.0) % 360.0 - 180.0)
