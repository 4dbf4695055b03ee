"""Whether probabilities of the goal are what they say: expected calibration error, Brier score, reliability."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from vlmrm.errors import SpecError
from vlmrm.metrics.checks import one_label_each


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Frames of nearly one probability, and how many of them show the goal."""

    predicted: float
    """Mean probability of these frames."""
    in_goal: float
    """Share of these frames that show the goal."""
    count: int
    """Number of these frames."""


def expected_calibration_error(probabilities: ArrayLike, in_goal: ArrayLike, *, bins: int = 10) -> float:
    """How far probabilities are from the share of goal frames, over bins, each weighted by its frames.

    Guo et al. 2017 (arXiv 1706.04599), equation 3, of the probability of the goal rather than of the likelier class.

    Args:
        probabilities: Probability that each frame shows the goal, 0 to 1.
        in_goal: Whether each frame shows the goal.
        bins: Number of bins of equal width, as in `reliability`.

    Returns:
        0 to 1; 0 is calibrated.

    Raises:
        SpecError: As in `reliability`.

    Example:
        >>> round(expected_calibration_error([0.9, 0.9, 0.2, 0.2], [True, False, False, False]), 3)
        0.3
    """
    found = reliability(probabilities, in_goal, bins=bins)
    frames = sum(one.count for one in found)
    return sum(one.count / frames * abs(one.in_goal - one.predicted) for one in found)


def brier_score(probabilities: ArrayLike, in_goal: ArrayLike) -> float:
    """Mean square of the difference between the probability and 1 for a goal frame, 0 for another.

    0 is best. Always saying the share of goal frames, p, gives p (1 - p).

    Args:
        probabilities: Probability that each frame shows the goal, 0 to 1.
        in_goal: Whether each frame shows the goal.

    Raises:
        SpecError: As in `reliability`.

    Example:
        >>> round(brier_score([0.9, 0.2], [True, False]), 3)
        0.025
    """
    values, labels = _probabilities(probabilities, in_goal)
    return float(np.mean((values - labels) ** 2))


def reliability(probabilities: ArrayLike, in_goal: ArrayLike, *, bins: int = 10) -> list[ReliabilityBin]:
    """The share of goal frames beside the mean probability, in bins of equal width.

    Args:
        probabilities: Probability that each frame shows the goal, 0 to 1.
        in_goal: Whether each frame shows the goal.
        bins: Number of bins. Each holds its upper end and the first also 0.

    Returns:
        The bins that hold a frame, in ascending order.

    Raises:
        SpecError: Lengths differ, there are no frames, a probability is outside of 0 to 1, or there is not one bin.

    Example:
        >>> reliability([0.9, 0.9, 0.2], [True, False, False])[1]
        ReliabilityBin(predicted=0.9, in_goal=0.5, count=2)
    """
    if bins < 1:
        raise SpecError(f"needs at least 1 bin; got {bins}.")
    values, labels = _probabilities(probabilities, in_goal)
    which = np.searchsorted(np.arange(1, bins) / bins, values, side="left")
    counts = np.bincount(which, minlength=bins)
    predicted, shown = (np.bincount(which, column, bins) for column in (values, labels.astype(float)))
    return [
        ReliabilityBin(
            predicted=float(predicted[i] / counts[i]), in_goal=float(shown[i] / counts[i]), count=int(counts[i])
        )
        for i in np.flatnonzero(counts)
    ]


def _probabilities(
    probabilities: ArrayLike, in_goal: ArrayLike
) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    values, labels = one_label_each(probabilities, in_goal)
    if values.min() < 0 or values.max() > 1:
        raise SpecError(
            f"only probabilities are calibrated, 0 to 1; got scores from {values.min():.4g} to {values.max():.4g}. "
            "Make probabilities of them first, with a sigmoid or softmax head, or use auroc, which takes any scale."
        )
    return values, labels
