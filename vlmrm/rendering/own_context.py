"""`OwnContext`: environments that draw with OpenGL in one thread, each into the context of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from vlmrm.errors import FrameError
from vlmrm.rendering import egl
from vlmrm.rendering.gymnasium_mend import mend_gymnasiums_viewer
from vlmrm.rendering.headless import require_own_gl
from vlmrm.rendering.parts import mujoco_model_in


class OwnContext:
    """Keeps the OpenGL context that one environment draws into apart from all others.

    A context is current in a thread until another one is made so, and many bindings, Gymnasium's among them, make
    theirs current once and never again: with two environments one is drawn into the other's buffers, and the pictures
    are wrong without a word. Here the environment finds its own context current whenever it works, or none before it
    has made one, and other environments never find it so.

    Args:
        env: Any environment, by whatever it draws.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
        >>> own = OwnContext(env)
        >>> with own.current():
        ...     _ = env.reset(seed=0)
        >>> own.draw(env.render).shape
        (400, 600, 3)
    """

    def __init__(self, env: Any) -> None:
        self._env = env
        self._own: egl.Current | None = None
        self._without_gl = False  # its pictures are the same whatever is current

    @contextmanager
    def current(self) -> Iterator[None]:
        """Let the environment work: reset, step, draw or close.

        Raises:
            FrameError: It would draw in a process that was forked from one that had drawn.
        """
        mend_gymnasiums_viewer()
        if egl.inherited_gl() and (self._own is not None or mujoco_model_in(self._env) is not None):
            require_own_gl()
        found = egl.current()
        if not self._without_gl and found != self._own:
            egl.make_current(self._own)
        untouched = found if self._without_gl else None
        try:
            yield
        finally:
            after = egl.current()
            self._own = None if after == untouched else after
            self._without_gl = self._without_gl and self._own is None
            if after != found:
                egl.make_current(found)

    def draw(self, render: Callable[[], Any]) -> Any:
        """Return what `render` does, drawn into the environment's own context.

        Args:
            render: The environment's `render`.

        Raises:
            FrameError: If the picture is of whatever context happens to be current, so that it may be another's.
        """
        with self.current():
            picture = render()
        if self._own is None and not self._without_gl and isinstance(picture, np.ndarray):
            picture = np.array(picture)
            self._require_no_context(picture, render)
            self._without_gl = True
        return picture

    def _require_no_context(self, picture: np.ndarray, render: Callable[[], Any]) -> None:
        """Compare a picture drawn while no context was current with one drawn while somebody's is."""
        of_mujoco = mujoco_model_in(self._env) is not None
        depends = of_mujoco and not picture.any()
        if not depends and egl.current() is not None and not np.array_equal(picture, render()):
            with self.current():
                again = render()
            depends = of_mujoco or np.array_equal(picture, again)  # else its pictures are random
        if depends:
            raise FrameError(
                f"{self._env} draws into whichever OpenGL context is current and had made its own before CaptureFrame "
                "was put around it, so that its pictures may be another environment's. Let its render() make its "
                "context current each time, or make the context in reset() or render()."
            )

    def __getstate__(self) -> dict[str, Any]:
        """A copy makes a context of its own."""
        return self.__dict__ | {"_own": None, "_without_gl": False}
