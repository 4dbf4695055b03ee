"""`StillFrames`: a warning where all frames of several episodes are one picture, black or not."""

import numpy as np
from jaxtyping import UInt8

from vlmrm.errors import StillFramesWarning, warn_user

_EPISODES = 2  # in a row, of one picture each, before it is said
_STEPS = 10  # frames of an episode below which it says nothing: some environments end at once
_LONG = 500  # frames of one episode that are enough alone


class StillFrames:
    """Looks at the frames of one environment, and warns once where they never change.

    A frame is compared with the first of its episode, and no longer once one was different.
    """

    def __init__(self) -> None:
        self._first: UInt8[np.ndarray, "h w 3"] | None = None
        self._frames, self._still, self._episodes = 0, True, 0
        self._warned = False

    def begin(self, frame: UInt8[np.ndarray, "h w 3"]) -> None:
        """Take the first frame of an episode."""
        if self._frames >= _STEPS:
            self._episodes = self._episodes + 1 if self._still else 0
        self._first, self._frames, self._still = frame, 1, True
        self._warn_if(self._episodes >= _EPISODES)

    def add(self, frame: UInt8[np.ndarray, "h w 3"]) -> None:
        """Take the next frame of the episode."""
        self._frames += 1
        self._still = self._still and self._first is not None and np.array_equal(self._first, frame)
        self._warn_if(self._still and self._frames >= _LONG)

    def _warn_if(self, enough: bool) -> None:
        if not enough or self._warned or self._first is None:
            return
        self._warned = True
        picture = "black" if not self._first.any() else "one and the same picture"
        warn_user(
            f"all frames of {max(self._episodes, 1)} whole episode(s) are {picture}, so that every step gets the same "
            "reward. Look at env.render(): the camera may look past the scene, or the environment draws only what a "
            "window would show.",
            StillFramesWarning,
        )
