"""Thresholds on a score: what one lets through, and which one to choose.

A score fires above its threshold, and not at it, as a reward with a ``threshold`` in its spec pays. The thresholds
chosen here are scores of frames.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from vlmrm.errors import SpecError
from vlmrm.metrics.checks import checked
from vlmrm.metrics.tally import false_positive_rate_of, tally_of


@dataclass(frozen=True, kw_only=True)
class Operating:
    """What a score does as a detector of the goal, at one threshold."""

    threshold: float
    """Score above which it fires."""
    recall: float
    """Share of the goal frames on which it fires."""
    false_positive_rate: float
    """Share of the other frames on which it fires."""
    precision: float | None
    """Share of goal frames among those on which it fires. None: it never fires."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RocCurve:
    """Recall over false positives, from a threshold above which nothing lies to one above which all do."""

    false_positive_rates: Float[np.ndarray, " t"]
    """Share of the other frames above each threshold, from 0 to 1."""
    recalls: Float[np.ndarray, " t"]
    """Share of the goal frames above each threshold, from 0 to 1."""
    thresholds: Float[np.ndarray, " t"]
    """The different scores, descending, and -inf."""


def at_threshold(scores: ArrayLike, in_goal: ArrayLike, threshold: int | float) -> Operating:
    """Recall, false positives and precision of a threshold.

    Args:
        scores: One per frame, any scale.
        in_goal: Whether each frame shows the goal.
        threshold: Score above which a frame counts as found.

    Raises:
        SpecError: As in `auroc`, or the threshold is NaN.

    Example:
        >>> found = at_threshold([0.9, 0.5, 0.6, 0.1], [True, True, False, False], 0.5)
        >>> found.recall, found.false_positive_rate, found.precision
        (0.5, 0.5, 0.5)
    """
    if np.isnan(threshold):
        raise SpecError("threshold is NaN, which no score is above or below. Give a number, inf or -inf.")
    values, labels = checked(scores, in_goal)
    fires = values > threshold
    return Operating(
        threshold=float(threshold),
        recall=float(fires[labels].mean()),
        false_positive_rate=float(fires[~labels].mean()),
        precision=float(labels[fires].mean()) if fires.any() else None,
    )


def threshold_at_false_positives(scores: ArrayLike, in_goal: ArrayLike, *, share: int | float = 0.05) -> float:
    """The lowest threshold above which at most a given share of the other frames lies.

    `vlmrm.fitting.calibrate` chooses the same one.

    Args:
        scores: One per frame, any scale.
        in_goal: Whether each frame shows the goal.
        share: Share of the other frames that may be let through, 0 to below 1.

    Returns:
        The score of one of the other frames. If there are fewer than 1 / `share`, that of the highest one.

    Raises:
        SpecError: As in `auroc`, or the share is not below 1.

    Example:
        >>> threshold_at_false_positives([0.9, 0.5, 0.6, 0.1], [True, True, False, False], share=0.5)
        0.1
    """
    if not 0 <= share < 1:
        raise SpecError(f"share is that of the other frames which may pass, 0 to below 1; got {share}.")
    values, labels = checked(scores, in_goal)
    other = np.sort(values[~labels])[::-1]
    passing = np.arange(len(other)) / len(other)  # the shares above each, at most
    return float(other[passing <= share][-1])


def false_positive_rate(scores: ArrayLike, in_goal: ArrayLike, *, recall: int | float = 0.9) -> float:
    """Share of the other frames that a threshold lets through which finds a given share of the goal frames.

    What an agent is paid for without having done it, if the reward is made binary. 0 is best, `recall` is chance.

    Args:
        scores: One per frame, any scale.
        in_goal: Whether each frame shows the goal.
        recall: Share of the goal frames that must be found, above 0 to 1.

    Raises:
        SpecError: As in `auroc`, or the recall is not a share.

    Example:
        >>> false_positive_rate([0.9, 0.5, 0.6, 0.1], [True, True, False, False], recall=1.0)
        0.5
    """
    if not 0 < recall <= 1:
        raise SpecError(f"recall is a share of the goal frames, above 0 to 1; got {recall}.")
    return float(false_positive_rate_of(tally_of(*checked(scores, in_goal)), recall)[0])


def roc_curve(scores: ArrayLike, in_goal: ArrayLike) -> RocCurve:
    """Recall over false positives at every threshold, frames of one score passing together.

    Args:
        scores: One per frame, any scale.
        in_goal: Whether each frame shows the goal.

    Raises:
        SpecError: As in `auroc`.

    Example:
        >>> curve = roc_curve([0.9, 0.5, 0.5, 0.1], [True, True, False, False])
        >>> curve.false_positive_rates.tolist(), curve.recalls.tolist(), curve.thresholds.tolist()
        ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0], [0.9, 0.5, 0.1, -inf])
    """
    tally = tally_of(*checked(scores, in_goal))
    return RocCurve(
        false_positive_rates=_passed(tally.other[0]),
        recalls=_passed(tally.goal[0]),
        thresholds=np.append(tally.levels[::-1], -np.inf),
    )


def _passed(counts: Float[np.ndarray, " l"]) -> Float[np.ndarray, " t"]:
    """The share above each score, from the highest score down, and above -inf."""
    shares: Float[np.ndarray, " t"] = np.append(0.0, np.cumsum(counts[::-1])) / counts.sum()
    return shares
