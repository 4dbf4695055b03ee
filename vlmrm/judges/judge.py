"""What judges of frames offer.

- `Judge`: every judge does.
- `PixelJudge`: one whose answer has a gradient to the pixels.
"""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from vlmrm.types import Frames, Rewards


@runtime_checkable
class Judge(Protocol):
    """Says of each frame by itself how probable it is that it shows what is wanted."""

    def probabilities(self, frames: Frames) -> Rewards:
        """Return 0 to 1 for each frame, whatever the other frames are."""


@runtime_checkable
class PixelJudge(Judge, Protocol):
    """A judge whose answer has a gradient to the pixels of the frame."""

    def log_odds_of_pixels(self, pixels: Float[Tensor, "n 3 h w"]) -> Rewards:
        """Return what the sigmoid makes probabilities of, for pixels of 0 to 1, with a gradient that reaches them."""
