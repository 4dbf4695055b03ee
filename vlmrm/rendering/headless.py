"""Rendering on a machine without a display, set up in one place."""

import ctypes
import os
import sys
import traceback
from typing import Any

from vlmrm.errors import FrameError
from vlmrm.rendering import egl

_NO_GL = (
    "MuJoCo cannot draw on this machine ({error}). On Debian or Ubuntu: apt-get install libegl1; the variable "
    "MUJOCO_GL must be egl (or osmesa, with libosmesa6) before mujoco is imported, and is {value}."
)
_EGL = "libEGL.so.1"
_GL_MODULES = ("mujoco.egl", "mujoco.osmesa", "mujoco.glfw", "mujoco.gl_context", "mujoco.rendering.classic.gl_context")


def render_offscreen() -> None:
    """On Linux without a display, let MuJoCo and pygame draw into memory.

    Variables that are set already stay as they are; without libEGL MuJoCo is left to its own choice, so that what needs
    no pictures works, and drawing one says what is missing. Importing `vlmrm.wrappers` calls this; call it yourself
    only where an environment renders before that. It must happen before the first picture, for `mujoco.Renderer` before
    the import of mujoco.

    Example:
        >>> render_offscreen()
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")  # else a program that draws once does not end at SIGTERM
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame looks for a display although it only draws into memory
    if "MUJOCO_GL" not in os.environ and _loads(_EGL):  # without libEGL mujoco, told to use it, cannot even be imported
        os.environ["MUJOCO_GL"] = "egl"  # its own choice is a window system, which fails without a display


def no_gl(error: BaseException) -> str:
    """What to do where MuJoCo cannot draw.

    Args:
        error: What it said.
    """
    value = os.environ.get("MUJOCO_GL")
    return _NO_GL.format(error=error, value="not set" if value is None else repr(value))


def why_no_gl(error: BaseException) -> str | None:
    """What to do, if an error comes from MuJoCo's search for GL; it searches when it is imported.

    Args:
        error: Of importing mujoco, or of what does so.

    Returns:
        `no_gl` of where it began; None for any other error.
    """
    first: BaseException | None = error
    while first is not None:
        for frame, _ in traceback.walk_tb(first.__traceback__):
            if f"{frame.f_globals.get('__name__')}.".startswith(tuple(f"{name}." for name in _GL_MODULES)):
                return no_gl(first)
        first = first.__cause__ or (None if first.__suppress_context__ else first.__context__)
    return None


def require_own_gl() -> None:
    """Refuse to draw with MuJoCo in a process that was forked from one that had: it would wait for ever.

    Raises:
        FrameError: It was.
    """
    if egl.inherited_gl():
        raise FrameError(
            "this process was forked from one that had already drawn with MuJoCo, and OpenGL does not survive a fork. "
            'Start it afresh, AsyncVectorEnv(..., context="forkserver") for one, or draw nothing before.'
        )


def _after_fork() -> None:
    torch: Any = sys.modules.get("torch")
    if torch is not None:  # its other threads stayed behind, and shrinking a large frame would wait for them for ever
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
