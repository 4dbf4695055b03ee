"""Where MuJoCo's pictures of an environment are taken from: a view that was asked for, or the environment's own."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from jaxtyping import Float

from vlmrm.errors import FrameError, MissingExtra, SpecError, near_matches
from vlmrm.rendering.camera import Camera
from vlmrm.rendering.env_camera import OwnView

_APART_M = 1e-3


@runtime_checkable
class View(Protocol):
    """Where pictures are taken from."""

    def require_in(self, model: Any) -> None:
        """Refuse a model that cannot be seen so.

        Args:
            model: A `mujoco.MjModel`, which an environment may have made anew.

        Raises:
            SpecError: If it lacks the camera or the body.
        """

    def camera(self) -> Any:
        """Return what `mujoco.Renderer` takes for a camera."""

    def require_applied(self, drawn_from: Float[np.ndarray, "3"]) -> None:
        """Compare where a picture was taken from with where it should be, by a formula of our own.

        Args:
            drawn_from: Position of the lens.

        Raises:
            FrameError: If they are apart.
        """


@dataclass(frozen=True)
class CameraView:
    """The view of a `Camera` in an environment."""

    env: gym.Env[Any, Any]
    """A MuJoCo environment."""
    aim: Camera
    """Camera of the XML, or a free one."""

    def require_in(self, model: Any) -> None:
        """Refuse a model without the camera or body."""
        cameras = [model.camera(i).name for i in range(model.ncam)]
        bodies = [model.body(i).name for i in range(model.nbody)]
        for what, name, known in (("camera", self.aim.name, cameras), ("body", self.aim.track, bodies)):
            named = [other for other in known if other]
            if name is not None and name not in named:
                raise SpecError(f"the model has no {what} {name!r}. Near: {near_matches(name, named)}.")

    def camera(self) -> Any:
        """Return the name of the camera, or an `MjvCamera`."""
        import mujoco

        if self.aim.name is not None:
            return self.aim.name
        view = mujoco.MjvCamera()
        view.type = mujoco.mjtCamera.mjCAMERA_FREE
        view.lookat[:] = self._lookat()
        view.distance, view.azimuth, view.elevation = self.aim.distance_m, self.aim.azimuth_deg, self.aim.elevation_deg
        return view

    def require_applied(self, drawn_from: Float[np.ndarray, "3"]) -> None:
        """Compare the lens with the named camera, or with the place that azimuth, elevation and distance give."""
        if self.aim.name is not None:
            wanted = np.array(model_of(self.env)[1].camera(self.aim.name).xpos)
        else:
            wanted = np.array(self._lookat()) - (self.aim.distance_m or 0) * np.array(self.aim.direction())
        if float(np.abs(drawn_from - wanted).max()) > _APART_M:
            raise FrameError(
                f"the camera of {self.env} did not apply: it stands at {drawn_from.round(3).tolist()} and should at "
                f"{wanted.round(3).tolist()}. This is a fault of the MuJoCo version; please report it."
            )

    def _lookat(self) -> Any:
        return self.aim.lookat_m if self.aim.track is None else model_of(self.env)[1].body(self.aim.track).xpos


def require_view(env: gym.Env[Any, Any], camera: Camera | None) -> View:
    """Refuse a camera that an environment cannot be drawn from, without drawing.

    Args:
        env: A MuJoCo environment, whether it draws or not.
        camera: Where the picture is to be taken from; None: from where the environment draws itself.

    Returns:
        The view of the camera, or the environment's own.

    Raises:
        FrameError: It is no MuJoCo environment, or its own view cannot be known.
        SpecError: There is no such camera or body.
    """
    model, _ = model_of(env)
    view: View = OwnView(env) if camera is None else CameraView(env, camera)
    view.require_in(model)
    return view


def model_of(env: gym.Env[Any, Any]) -> tuple[Any, Any]:
    """Return the `mujoco.MjModel` and `mujoco.MjData` of an environment as they are now.

    Some environments make them anew in `reset`, and all copies do, so nobody keeps them.

    Args:
        env: A MuJoCo environment of Gymnasium's kind.

    Raises:
        FrameError: It is none.
        MissingExtra: mujoco is not installed.
    """
    try:
        import mujoco
    except ImportError as error:
        raise MissingExtra('MuJoCo environments need mujoco: pip install "vlmrm[mujoco]"') from error
    inner: Any = env.unwrapped
    model, data = getattr(inner, "model", None), getattr(inner, "data", None)
    if not isinstance(model, mujoco.MjModel) or not isinstance(data, mujoco.MjData):
        if any(hasattr(part, "physics") for part in (inner, getattr(inner, "_env", None))):  # as shimmy wraps it
            raise FrameError(
                f"{env} is of dm_control, which keeps its model in physics: not supported. Its pictures are drawn by "
                "the environment itself; leave camera and render quality out."
            )
        raise FrameError(
            f"{env} is no MuJoCo environment (it has no MjModel and MjData), so it has no camera and no render "
            "quality to choose. Leave both out."
        )
    return model, data


def lens_of(scene: Any) -> Float[np.ndarray, "3"]:
    """Return where the last picture of a `mujoco.MjvScene` was taken from."""
    return np.asarray((np.array(scene.camera[0].pos) + np.array(scene.camera[1].pos)) / 2)  # two eyes, for stereo
