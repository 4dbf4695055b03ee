"""What a score is made of: how much each part moves, and how well it tells the goal alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vlmrm.metrics import auroc


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a score."""

    name: str
    """Name of the part, as `explain` has it."""
    share: float
    """Its deviation over the frames, of the sum of all parts' deviations."""
    auroc: float
    """How well it tells goal frames from others, alone."""


def parts_of(columns: Mapping[str, Float[np.ndarray, " n"]], in_goal: Bool[np.ndarray, " n"]) -> list[Part]:
    """Return the parts of a score, the one that moves most first; without those that are not finite.

    Args:
        columns: One value per frame for each part.
        in_goal: Label of each frame.

    Example:
        >>> found = parts_of({"a": np.array([0.0, 3.0]), "b": np.array([1.0, 0.0])}, np.array([False, True]))
        >>> [(part.name, part.share, part.auroc) for part in found]
        [('a', 0.75, 1.0), ('b', 0.25, 0.0)]
    """
    finite = {name: column for name, column in columns.items() if np.isfinite(column).all()}
    spread = {name: float(np.std(column)) for name, column in finite.items()}
    total = sum(spread.values())
    moving = sorted((name for name in finite if spread[name] > 0), key=lambda name: -spread[name])
    return [Part(name=name, share=spread[name] / total, auroc=auroc(finite[name], in_goal)) for name in moving]
