"""Rendering on a machine without a display, set up in one place."""

import os
import sys

_OFFSCREEN = {
    "MUJOCO_GL": "egl",  # MuJoCo's own choice is a window system, which fails without a display
    "SDL_VIDEODRIVER": "dummy",  # pygame looks for a display although it only draws into memory
}


def render_offscreen() -> None:
    """On Linux without a display, let MuJoCo and pygame draw into memory.

    Variables that are set already stay as they are. Importing `vlmrm.wrappers` calls this; call it yourself only where
    an environment renders before that. It must happen before the first picture, for `mujoco.Renderer` before the
    import of mujoco.

    Example:
        >>> render_offscreen()
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return
    for variable, value in _OFFSCREEN.items():
        os.environ.setdefault(variable, value)
