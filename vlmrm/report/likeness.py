"""Why frames fool a reward: the frame with the other label that its encoder takes for nearly the same."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vlmrm.report.fooling import Fooling


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """The nearest frame that has the other label."""

    name: str
    """Name of that frame."""
    cosine: float
    """Cosine of both frames' embeddings; 1: the encoder cannot tell them apart."""


def likenesses(
    fooling: Fooling, embeddings: Float[np.ndarray, "n d"], in_goal: Bool[np.ndarray, " n"], names: list[str]
) -> dict[int, Likeness]:
    """Return the nearest frame of the other label for each frame that fools a reward, by its number.

    Args:
        fooling: Frames that fool the reward.
        embeddings: Unit-length embedding of every frame.
        in_goal: Label of every frame.
        names: Name of every frame.
    """
    found = {}
    for shown in (*fooling.paid, *fooling.missed):
        cosines = embeddings @ embeddings[shown.row]
        nearest = int(np.where(in_goal != in_goal[shown.row], cosines, -np.inf).argmax())
        found[shown.row] = Likeness(name=names[nearest], cosine=float(cosines[nearest]))
    return found
