"""`RenderMujoco`: pictures of a MuJoCo environment from a camera of one's choice, at the size and quality asked for.

Gymnasium's own MuJoCo viewer has three traps, all of them silent: its versions 1.0 to 1.3 ignore the camera that some
environments configure, it draws into whichever GL context was made last when there are two different environments in
one process, and at its fixed quality a frame of a humanoid takes a tenth of a second on a CPU. This wrapper draws with
`mujoco.Renderer` instead and checks that the camera stands where it should.
"""

import math
import os
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from jaxtyping import UInt8
from numpy.typing import NDArray

from vlmrm.errors import FrameError, SpecError
from vlmrm.rendering import Camera, RenderQuality, egl
from vlmrm.rendering.camera import read_cameras
from vlmrm.rendering.env_camera import max_geom_of, visual_options_of, why_not_drawn
from vlmrm.rendering.headless import no_gl, require_own_gl
from vlmrm.rendering.view import lens_of, model_of, require_view

_LARGEST_PX = 8192  # beyond this drivers refuse, each in its own way
_IMPORTED_TOO_EARLY = (
    "MuJoCo cannot draw on this machine ({error}): mujoco was imported before MUJOCO_GL was set to {value!r}, and "
    "looks at it only then. Import vlmrm.wrappers or vlmrm_envs, which set it, before mujoco and "
    "gymnasium.envs.mujoco, or start Python with MUJOCO_GL={value}."
)


class RenderMujoco(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Draw a MuJoCo environment oneself; everything but `render` stays as it is.

    Args:
        env: A MuJoCo environment of Gymnasium's kind, made with ``render_mode="rgb_array"``.
        camera: Where the picture is taken from; None: from where the environment draws itself, which its
            ``camera_id``, ``camera_name`` or ``default_camera_config`` says. A string names one of the model's.
        quality: ``full``, as the XML says, or ``fast``, without shadows, reflections and antialiasing.
        size_px: Side of the picture; drawing at the encoder's size saves a resize.
        cameras: Several cameras by name instead of one; their pictures of one state lie side by side.

    Raises:
        FrameError: It is no MuJoCo environment, does not render, cannot be drawn at this size or on this machine, or
            has no camera that can be known.
        SpecError: There is no such camera, body or quality, or a camera is given beside several.

    Example:
        >>> env = gym.make("InvertedPendulum-v5", render_mode="rgb_array")
        >>> env = RenderMujoco(env, Camera(track="cart", distance_m=3.0), quality="fast", size_px=96)
        >>> _ = env.reset(seed=0)
        >>> env.render().shape
        (96, 96, 3)
        >>> env.close()
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        camera: Camera | Mapping[str, Any] | str | None = None,
        *,
        quality: str = RenderQuality.FULL,
        size_px: int = 480,
        cameras: Mapping[str, Camera | Mapping[str, Any] | str] | None = None,
    ) -> None:
        if isinstance(camera, Mapping):  # as `env.spec` and TOML write it down
            camera = Camera.from_dict(camera)
        elif isinstance(camera, str):
            camera = Camera(name=camera)
        written = None if camera is None else camera.to_dict()
        named = read_cameras(cameras or {})
        if named and camera is not None:
            raise SpecError(f"RenderMujoco takes one camera, or several by name; got {camera} and {', '.join(named)}.")
        several: dict[str, Any] = {"cameras": {name: one.to_dict() for name, one in named.items()}} if named else {}
        RecordConstructorArgs.__init__(self, camera=written, quality=str(quality), size_px=size_px, **several)
        gym.Wrapper.__init__(self, env)
        self.quality = RenderQuality.named(quality)
        """What the pictures are drawn with."""
        self._size_px = _checked_size(size_px)
        self._renderer: Any = None
        self._model: Any = None  # that the renderer was made for
        self._options: Any = None
        self._camera, self._cameras = camera, named
        self._views = [require_view(env, one) for one in named.values() or [camera]]
        visual_options_of(env)
        if env.render_mode != "rgb_array":
            raise FrameError(
                f'{env} has render_mode={env.render_mode!r}. Make it with gym.make(..., render_mode="rgb_array").'
            )

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Names of the cameras whose pictures lie side by side; none: there is one picture."""
        return tuple(self._cameras)

    def render(self) -> UInt8[np.ndarray, "s w2 3"]:
        """The picture (size_px, size_px, 3) of the present state; of several cameras, side by side.

        Raises:
            FrameError: MuJoCo cannot draw on this machine or in this process, or the camera is not where it should be.
            SpecError: The environment has made its model anew, and this one lacks the camera or body.
        """
        require_own_gl()
        with egl.put_back():
            return self._draw()

    def _draw(self) -> UInt8[np.ndarray, "s w2 3"]:
        model, data = model_of(self.env)
        first = model is not self._model
        if first:
            self.free()
            for view in self._views:
                view.require_in(model)
            self._renderer = _make_renderer(model, self._size_px, self.quality, max_geom_of(self.env))
            self._model, self._options = model, visual_options_of(self.env)
        pictures: list[np.ndarray] = []
        for view in self._views:
            self._renderer.update_scene(data, camera=view.camera(), scene_option=self._options)
            pictures.append(self._renderer.render())
            if first:
                view.require_applied(lens_of(self._renderer.scene))
        return pictures[0] if len(pictures) == 1 else np.concatenate(pictures, axis=1)

    def place_in_picture(self, point_m: Sequence[int | float] | NDArray[np.floating]) -> tuple[float, float]:
        """Where a point of the world is in the last picture.

        Args:
            point_m: x, y, z.

        Returns:
            0 to 1 from the left edge, and 0 to 1 from the top edge; beyond them for a point that is not in the picture,
            and NaN for one behind the camera.

        Raises:
            FrameError: Nothing has been drawn yet, or there are several pictures.
        """
        if len(self._views) > 1:
            raise FrameError(f"a point has a place in each picture of {', '.join(self._cameras)}. Draw one camera.")
        if self._renderer is None:
            raise FrameError("nothing has been drawn yet, so no point is anywhere. Call render() first.")
        eyes = self._renderer.scene.camera  # two, for stereo
        eye, ahead, up = ((np.array(getattr(eyes[0], k)) + getattr(eyes[1], k)) / 2 for k in ("pos", "forward", "up"))
        offset = np.asarray(point_m, dtype=float) - eye
        if offset @ ahead <= 0:
            return math.nan, math.nan
        half = float(offset @ ahead) * eyes[0].frustum_top / eyes[0].frustum_near  # of the picture's height, in m there
        return 0.5 + float(offset @ np.cross(ahead, up)) / half / 2, 0.5 - float(offset @ up) / half / 2

    def at_size(self, size_px: int) -> "RenderMujoco":
        """The same view of the same environment at another size: a picture for people beside one for the encoder.

        Args:
            size_px: Side of its pictures.
        """
        other = RenderMujoco(
            self.env, self._camera, quality=self.quality, size_px=size_px, cameras=self._cameras or None
        )
        other._views = self._views  # the first picture decides where an environment's own free camera stands
        return other

    def free(self) -> None:
        """Free what drawing took; the environment stays open, and drawing again takes it anew."""
        if self._renderer is not None:
            with egl.put_back():
                egl.make_current(None)  # MuJoCo before 4.0 would free buffers of the context that is current
                self._renderer.close()
        self._renderer = self._model = self._options = None

    def __getstate__(self) -> dict[str, Any]:
        """What can be copied and pickled: a copy makes its own renderer when it draws."""
        return self.__dict__ | {"_renderer": None, "_model": None, "_options": None}

    def close(self) -> None:
        """As the environment's, and free what drawing took."""
        self.free()
        super().close()


def _checked_size(size_px: Any) -> int:
    if not isinstance(size_px, Integral) or isinstance(size_px, bool) or not 1 <= int(size_px) <= _LARGEST_PX:
        raise FrameError(f"size_px must be a whole number in 1 to {_LARGEST_PX}; got {size_px!r}.")
    return int(size_px)


def _make_renderer(model: Any, size_px: int, quality: RenderQuality, max_geom: int) -> Any:
    """A renderer of its own GL context, which it makes current each time it draws."""
    import mujoco

    size, samples = model.vis.global_, model.vis.quality.offsamples
    size.offwidth, size.offheight = max(size.offwidth, size_px), max(size.offheight, size_px)
    if quality is RenderQuality.FAST:
        model.vis.quality.offsamples = 0  # read when the context is made
    try:
        renderer = mujoco.Renderer(model, size_px, size_px, max_geom)
    except (ImportError, AttributeError, RuntimeError, ValueError, OSError, mujoco.FatalError) as error:
        too_large = why_not_drawn(error, model)
        if too_large is not None:
            raise FrameError(too_large) from error
        value = os.environ.get("MUJOCO_GL")
        other = value in ("egl", "osmesa") and mujoco.GLContext.__module__ != f"mujoco.{value}"
        early = other and "Failed to import OpenGL backend" not in str(error)  # which it had looked for as it was told
        message = _IMPORTED_TOO_EARLY.format(error=error, value=value) if early else no_gl(error)
        raise FrameError(message) from error
    finally:
        model.vis.quality.offsamples = samples
    if quality is RenderQuality.FAST:
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            renderer.scene.flags[flag] = 0
    return renderer
