"""`Tally`: how many goal frames and other frames have each score, and the metrics that need to know no more.

A bootstrap draws the same frames in other numbers. Scores are sorted once, each resample is a row of counts, and each
metric takes all rows at once; on the frames themselves there is one row, in which each frame counts once.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """Numbers of goal frames and of other frames at each score, in any number of resamples."""

    levels: Float[np.ndarray, " l"]
    """The different scores, ascending."""
    goal: Float[np.ndarray, "r l"]
    """How many goal frames have each score, in each resample; at least one in all."""
    other: Float[np.ndarray, "r l"]
    """How many other frames have each score, in each resample; at least one in all."""


def tally_of(
    values: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"], counts: Float[np.ndarray, "r n"] | None = None
) -> Tally:
    """Count the frames at each score.

    Args:
        values: Score of each frame.
        labels: Whether each frame shows the goal.
        counts: How often each resample holds each frame. None: one resample, with each frame once.

    Example:
        >>> tally_of(np.array([0.5, 0.1, 0.5]), np.array([True, False, False])).other.tolist()
        [[1.0, 1.0]]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    weights = np.ones((1, len(values))) if counts is None else np.take(counts, order, axis=1)
    goal, other = weights * labels[order], weights * ~labels[order]
    if len(starts) < len(values):
        goal, other = np.add.reduceat(goal, starts, axis=1), np.add.reduceat(other, starts, axis=1)
    return Tally(levels=ordered[starts], goal=goal, other=other)


def auroc_of(tally: Tally) -> Float[np.ndarray, " r"]:
    """Chance that a goal frame scores above another frame, ties counting half."""
    below = np.cumsum(tally.other, axis=1) - tally.other / 2
    above: Float[np.ndarray, " r"] = np.einsum("rl,rl->r", tally.goal, below)
    above /= tally.goal.sum(axis=1) * tally.other.sum(axis=1)
    return above


def average_precision_of(tally: Tally) -> Float[np.ndarray, " r"]:
    """Precision averaged over the recall steps of all thresholds."""
    goal = tally.goal[:, ::-1]
    taken = np.cumsum(goal + tally.other[:, ::-1], axis=1)
    precision = np.cumsum(goal, axis=1) / np.maximum(taken, 1)  # above all frames of a resample nothing is taken
    steps: Float[np.ndarray, " r"] = np.einsum("rl,rl->r", goal, precision)
    steps /= goal.sum(axis=1)
    return steps


def goal_epic_of(tally: Tally) -> Float[np.ndarray, " r"]:
    """EPIC distance to the goal's indicator, as half the length of the difference of two unit vectors.

    With u and v the scores and the labels, centred and of unit length, |u - v|² = 2 - 2 r, so that this is
    sqrt((1 - r) / 2) without the rounding of 1 - r near r = 1.
    """
    n = tally.goal + tally.other
    frames, positives = n.sum(axis=1, keepdims=True), tally.goal.sum(axis=1, keepdims=True)
    span = tally.levels[-1] - tally.levels[0]
    scores = (tally.levels - tally.levels[0]) / (span if span > 0 else 1.0)
    deviations = scores - (n @ scores)[:, None] / frames
    length = np.sqrt((n * deviations**2).sum(axis=1, keepdims=True))
    share = positives / frames
    scale = np.sqrt((frames - positives) * share**2 + positives * (1 - share) ** 2)  # as the length of the scores is
    unit = deviations / np.where(length > 0, length, 1.0)
    apart = tally.goal * (unit - (1 - share) / scale) ** 2 + tally.other * (unit + share / scale) ** 2
    constant = (
        length[:, 0] == 0
    )  # or not quite, by rounding: then u is the same for all frames, and at right angles to v
    distance: Float[np.ndarray, " r"] = np.where(constant, np.sqrt(0.5), np.sqrt(apart.sum(axis=1)) / 2)
    return distance.clip(max=1.0)


def false_positive_rate_of(tally: Tally, recall: int | float = 0.9) -> Float[np.ndarray, " r"]:
    """Share of the other frames above the highest threshold that finds a given share of the goal frames."""
    lowest = lowest_found(tally, recall)[:, None]
    through: Float[np.ndarray, " r"] = np.where(np.arange(len(tally.levels)) >= lowest, tally.other, 0.0).sum(axis=1)
    through /= tally.other.sum(axis=1)
    return through


def lowest_found(tally: Tally, recall: int | float) -> Int[np.ndarray, " r"]:
    """Index of the highest score such that enough goal frames have it or a higher one.

    Args:
        tally: The frames.
        recall: Share of the goal frames that is enough, above 0 to 1.
    """
    positives = tally.goal.sum(axis=1)
    needed = np.ceil(recall * positives)
    needed -= (needed - 1) / positives >= recall  # the product may be rounded up past a whole number,
    needed += needed / positives < recall  # or down to one
    found = np.cumsum(tally.goal[:, ::-1], axis=1)
    first = np.argmax(found >= needed[:, None], axis=1)
    last: Int[np.ndarray, " r"] = len(tally.levels) - 1 - first
    return last
