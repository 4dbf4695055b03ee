"""`Separation`: how well scores part goal frames from others, as a number to rank by."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vlmrm.metrics import auroc, average_precision

_DIGITS = 9  # float32 scores of the same frames in another batch are the same number up to here


@dataclass(frozen=True, kw_only=True, order=True)
class Separation:
    """AUROC; where two have the same, average precision decides, then the margin.

    On a few dozen frames many rewards reach an AUROC of 1, and both of the first two say no more.

    Example:
        >>> wide, narrow = (Separation(auroc=1.0, average_precision=1.0, margin=m) for m in (3.0, 2.0))
        >>> max(narrow, wide).margin
        3.0
    """

    auroc: float
    """Chance that a goal frame scores above another frame."""
    average_precision: float
    """Area under precision over recall."""
    margin: float
    """Mean of goal frames less mean of others, in units of the standard deviation within both; 0 if all are alike."""


def separation_of(scores: Float[np.ndarray, " n"], in_goal: Bool[np.ndarray, " n"]) -> Separation:
    """Measure how well scores part goal frames from others.

    Args:
        scores: One per frame.
        in_goal: Whether each frame shows the goal.

    Raises:
        SpecError: If a score is not finite, or all labels are the same.

    Example:
        >>> separation_of(np.array([1.0, 3.0, 5.0, 7.0]), np.array([False, False, True, True]))
        Separation(auroc=1.0, average_precision=1.0, margin=4.0)
    """
    found = auroc(scores, in_goal), average_precision(scores, in_goal)
    goal, other = scores[in_goal], scores[~in_goal]
    within = float(np.sqrt((goal.var() + other.var()) / 2))
    apart = float(goal.mean() - other.mean())
    margin = apart / within if within > 0 else float(np.sign(apart)) * np.inf if apart else 0.0
    return Separation(auroc=found[0], average_precision=found[1], margin=round(float(margin), _DIGITS))
