"""`Judge`: what every judge of frames offers."""

from typing import Protocol, runtime_checkable

from vlmrm.types import Frames, Rewards


@runtime_checkable
class Judge(Protocol):
    """Says of each frame by itself how probable it is that it shows what is wanted."""

    def probabilities(self, frames: Frames) -> Rewards:
        """Return 0 to 1 for each frame, whatever the other frames are."""
