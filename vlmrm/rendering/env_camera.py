"""Where a MuJoCo environment of Gymnasium's kind draws itself from, and whether it does what it was told.

- `OwnView`: the same view, for another renderer.
- `visual_options_of`: what else it was told to show, contacts or transparent bodies, say.
- `max_geom_of`: how many shapes a picture of it may have.
- `require_own_view`: refuses what can be seen to go wrong without drawing.
- `require_config_applied`: compares the camera that has drawn with ``default_camera_config``.
- `require_size_in_buffer`: refuses pictures that would be black at their edges.
- `why_not_drawn`: a picture that is too large, told from a machine that cannot draw.

Gymnasium itself is silent about most of it: it draws from somewhere for a camera name that does not exist and ends the
process for such a number, and its versions 1.1 to 1.3 ignore the configuration of a model with a camera ``track``.
"""

import sys
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from vlmrm.errors import FrameError, SpecError

_FREE, _WORLD = -1, 0  # a camera and a body
_USUAL_MAX_GEOM = 10_000  # of mujoco.Renderer; Gymnasium's usual 1,000 would be fewer
_TAKE_ANOTHER = "Choose a camera here instead: --camera, or RenderMujoco(env, Camera(...))."


class OwnView:
    """Where an environment draws itself from, as Gymnasium's renderer takes it.

    Args:
        env: A MuJoCo environment.

    Raises:
        FrameError: It cannot be known, since something else draws, or its own configuration is ignored.
        SpecError: There is no such camera.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        if _gymnasiums_renderer(env) is None:
            raise FrameError(
                f"where {env} draws itself from cannot be known: its renderer is not Gymnasium's. {_TAKE_ANOTHER}"
            )
        require_own_view(env)
        self._env = env
        self._camera: Any = None
        self._model: Any = None  # that the camera was set up for

    def camera(self) -> Any:
        """An `MjvCamera`; as in Gymnasium, a free one stays where the first picture of the model put it.

        Raises:
            SpecError: The environment has made its model anew, and this one lacks the camera.
        """
        renderer = _gymnasiums_renderer(self._env)
        if renderer.model is not self._model:
            require_own_view(self._env)
            self._camera = _camera_of(renderer) if renderer.viewer is None else renderer.viewer.cam
            self._model = renderer.model
        return self._camera

    def require_in(self, model: Any) -> None:
        """Pass any model: `camera` looks at a new one."""

    def require_applied(self, drawn_from: Any) -> None:
        """Pass any place: nobody asked for another."""

    def __getstate__(self) -> dict[str, Any]:
        """A copy draws for the first time: Gymnasium makes a copied environment anew."""
        return self.__dict__ | {"_camera": None, "_model": None}


def require_own_view(env: gym.Env[Any, Any]) -> None:
    """Refuse a camera that does not exist and a configuration that is ignored; other environments pass.

    Args:
        env: Not necessarily a MuJoCo environment, and not necessarily one that draws.

    Raises:
        SpecError: There is no such camera, or no camera has such a configuration.
        FrameError: The configuration is ignored.
    """
    renderer = _gymnasiums_renderer(env)
    if renderer is None:
        return
    names = [renderer.model.camera(i).name for i in range(renderer.model.ncam)]
    known = ", ".join(name or str(i) for i, name in enumerate(names)) or "(none)"
    asked, number = getattr(env.unwrapped, "camera_name", None), renderer.camera_id
    if asked is not None and number == _FREE and asked not in names:
        raise SpecError(f"the model of {env} has no camera {asked!r}. It has: {known}.")
    if not isinstance(number, int | np.integer) or not _FREE <= number < len(names):
        raise SpecError(
            f"camera_id must be the number of one of the model's {len(names)} cameras, from 0, or -1 for a free one; "
            f"got {number!r}. The cameras of {env}: {known}."
        )
    try:
        camera = _camera_of(renderer)
    except (AttributeError, TypeError, ValueError) as error:
        raise SpecError(
            f"{env} cannot take default_camera_config={renderer.default_cam_config!r} ({error}). It is a table like "
            "{'distance': 3.0, 'azimuth': 90.0, 'elevation': -20.0, 'lookat': [0.0, 0.0, 1.0]}."
        ) from error
    require_config_applied(env, camera)


def require_config_applied(env: gym.Env[Any, Any], camera: Any = None) -> None:
    """Compare a camera with the environment's own configuration of it.

    What Gymnasium's environments have by default is not asked for by anybody, and passes.

    Args:
        env: Not necessarily a MuJoCo environment.
        camera: An `MjvCamera`; None: the one that the environment has drawn with, if that can be known.

    Raises:
        FrameError: The configuration is ignored.
    """
    renderer = getattr(env.unwrapped, "mujoco_renderer", None)
    config = getattr(renderer, "default_cam_config", None)
    camera = getattr(getattr(renderer, "viewer", None), "cam", None) if camera is None else camera
    if not isinstance(config, Mapping) or camera is None or _is_gymnasiums_default(env.unwrapped, config):
        return
    import mujoco

    fixed = camera.type == mujoco.mjtCamera.mjCAMERA_FIXED
    ignored = [key for key, value in config.items() if fixed or not _same(getattr(camera, key), value)]
    if ignored:
        where = (
            f"the model's camera {camera.fixedcamid} draws" if fixed else f"it draws with {_values(camera, ignored)}"
        )
        hint = "Gymnasium 1.1 to 1.3 do so for a model with a camera 'track', unless camera_id = -1. " if fixed else ""
        raise FrameError(
            f"the camera configuration of {env} is ignored: it says {_values(config, ignored)}, and {where}. {hint}"
            f"{_TAKE_ANOTHER}"
        )
    followed = config.get("trackbodyid", _FREE)
    if _is_configured(env.unwrapped) and followed not in (_FREE, _WORLD):
        raise FrameError(
            f"the camera configuration of {env} is ignored: it says trackbodyid = {followed}, and Gymnasium's camera "
            "follows nothing; it stays where the first picture puts it. Leave trackbodyid out, or choose a camera that "
            'follows: --camera, or RenderMujoco(env, Camera(track="torso", ...)).'
        )


def visual_options_of(env: gym.Env[Any, Any]) -> Any:
    """The environment's ``visual_options`` as `mujoco.Renderer` takes them.

    Args:
        env: A MuJoCo environment.

    Returns:
        A `mujoco.MjvOption`, as usual where the environment has none.

    Raises:
        SpecError: One of them does not exist.
    """
    import mujoco

    options = mujoco.MjvOption()
    asked = getattr(_gymnasiums_renderer(env), "_vopt", None) or {}
    try:
        for flag, shown in asked.items():
            options.flags[int(mujoco.mjtVisFlag(flag))] = shown
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise SpecError(
            f"{env} cannot take visual_options={asked!r} ({error}). It is a table of members of mujoco.mjtVisFlag with "
            "True or False, {mujoco.mjtVisFlag.mjVIS_TRANSPARENT: True}."
        ) from error
    return options


def max_geom_of(env: gym.Env[Any, Any]) -> int:
    """The number of shapes that a picture may have; MuJoCo leaves out what comes after them.

    Args:
        env: A MuJoCo environment.

    Returns:
        The environment's own ``max_geom``, and not fewer than `mujoco.Renderer` has by itself.
    """
    return max(getattr(_gymnasiums_renderer(env), "max_geom", 0), _USUAL_MAX_GEOM)


def require_size_in_buffer(env: gym.Env[Any, Any]) -> None:
    """Refuse pictures of no size, and those larger than their buffer, of which Gymnasium leaves the rest black.

    Args:
        env: Not necessarily a MuJoCo environment.

    Raises:
        FrameError: They have no pixel, or are larger.
    """
    renderer = _gymnasiums_renderer(env)
    if renderer is None or renderer.width is None or renderer.height is None:
        return
    size = renderer.width, renderer.height
    if min(size) < 1:
        raise FrameError(f"pictures of {env} must be at least 1 pixel wide and high; got {_by(size)}.")
    buffer = _buffer_of(renderer.model)
    if size[0] > buffer[0] or size[1] > buffer[1]:
        raise FrameError(f"{env} cannot draw: {_larger_than_buffer(f'a picture of {_by(size)}', buffer)}")


def why_not_drawn(error: Exception, model: Any) -> str | None:
    """What to say of a picture that is too large; None where the size is not at fault.

    Args:
        error: What the renderer raised.
        model: The `mujoco.MjModel` that was drawn, or whatever another kind of environment has.

    Example:
        >>> why_not_drawn(RuntimeError("no display"), None) is None
        True
    """
    said = str(error)
    if not hasattr(model, "vis"):
        return None
    if "> framebuffer" in said:
        return _larger_than_buffer("the picture", _buffer_of(model))
    if "ffscreen framebuffer" in said or "ffscreen color buffer" in said or isinstance(error, MemoryError):
        return (
            f"a picture buffer of {_by(_buffer_of(model))} pixels is too large for OpenGL on this machine ({said}). "
            "Give a smaller width and height."
        )
    return None


def _gymnasiums_renderer(env: gym.Env[Any, Any]) -> Any:
    """The renderer, where it is Gymnasium's own and no subclass, which may do anything; else None."""
    renderer = getattr(env.unwrapped, "mujoco_renderer", None)
    if renderer is None:
        return None
    from gymnasium.envs.mujoco.mujoco_rendering import MujocoRenderer  # needs mujoco

    return renderer if type(renderer) is MujocoRenderer else None


def _camera_of(renderer: Any) -> Any:
    """The camera as Gymnasium sets it up for its first picture, then as it draws."""
    import mujoco

    camera = mujoco.MjvCamera()
    camera.lookat[:] = np.median(renderer.data.geom_xpos, axis=0) if renderer.model.ngeom else 0.0
    camera.distance = renderer.model.stat.extent
    for key, value in (renderer.default_cam_config or {}).items():
        if isinstance(value, np.ndarray):
            getattr(camera, key)[:] = value
        else:
            setattr(camera, key, value)
    kinds = mujoco.mjtCamera
    camera.type = kinds.mjCAMERA_FREE if renderer.camera_id == _FREE else kinds.mjCAMERA_FIXED
    camera.fixedcamid = renderer.camera_id
    return camera


def _is_configured(inner: Any) -> bool:
    return inner.spec is not None and "default_camera_config" in inner.spec.kwargs


def _is_gymnasiums_default(inner: Any, config: Mapping[str, Any]) -> bool:
    if _is_configured(inner):
        return False
    modules = [kind.__module__ for kind in type(inner).__mro__ if kind.__module__.startswith("gymnasium")]
    defaults = [getattr(sys.modules.get(module), "DEFAULT_CAMERA_CONFIG", None) for module in modules]
    return any(
        default is not None and default.keys() == config.keys() and all(_same(default[k], config[k]) for k in config)
        for default in defaults
    )


def _same(drawn: Any, asked: Any) -> bool:
    return bool(np.allclose(np.asarray(drawn, dtype=float), np.asarray(asked, dtype=float)))


def _values(source: Any, keys: list[str]) -> str:
    of = source.get if isinstance(source, Mapping) else lambda key: getattr(source, key)
    return ", ".join(f"{key} = {np.asarray(of(key)).tolist()}" for key in keys)


def _buffer_of(model: Any) -> tuple[int, int]:
    return model.vis.global_.offwidth, model.vis.global_.offheight


def _larger_than_buffer(what: str, buffer: tuple[int, int]) -> str:
    return (
        f"{what} is larger than the model's offscreen buffer of {_by(buffer)} pixels. Give a smaller width and height, "
        "or a larger offwidth and offheight in its XML (<visual><global/></visual>)."
    )


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
