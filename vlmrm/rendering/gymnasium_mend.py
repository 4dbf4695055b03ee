"""Two faults of Gymnasium's offscreen viewer for MuJoCo, mended in its class, since nobody holds all viewers.

- It draws into the OpenGL context that was made last, be it another viewer's (Gymnasium 1.0 to 1.4).
- Its buffers are freed whenever Python comes to it, in whichever context is current then: another viewer's buffers of
  the same number are gone, and its pictures black.
"""

import sys
from contextlib import suppress
from functools import wraps
from typing import Any

from vlmrm.rendering import egl

_MODULE = "gymnasium.envs.mujoco.mujoco_rendering"


def mend_gymnasiums_viewer() -> None:
    """Let each viewer draw into its own context and free its buffers there; costs nothing where it is not imported."""
    viewer: Any = getattr(sys.modules.get(_MODULE), "OffScreenViewer", None)
    if viewer is None or hasattr(viewer.render, "__wrapped__"):
        return
    render, free = viewer.render, viewer.free

    @wraps(render)
    def render_in_own_context(self: Any, *arguments: Any, **options: Any) -> Any:
        self.make_context_current()
        return render(self, *arguments, **options)

    @wraps(free)
    def free_in_own_context(self: Any) -> None:
        buffers = vars(self).pop("con", None)
        if buffers is not None and not egl.inherited_gl():
            with egl.put_back(), suppress(Exception):  # when Python ends, the context may be gone, and all with it
                self.make_context_current()
                buffers.free()
        free(self)

    viewer.render, viewer.free = render_in_own_context, free_in_own_context
