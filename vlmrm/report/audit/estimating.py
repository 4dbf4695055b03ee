"""Effects with their intervals: frames are drawn anew by groups, as reports draw them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from vlmrm.data.labelled import LabelledFrames
from vlmrm.metrics import Estimate, auroc, estimate, paired_difference
from vlmrm.metrics.resampling import FEWEST, drawn_counts, resampled
from vlmrm.metrics.tally import auroc_of, tally_of
from vlmrm.report.measures import RESAMPLES, resampling_of

_MOST_WAYS = 100.0


def too_few(labels: LabelledFrames) -> bool:
    """Whether there are fewer than five frames of a label, or five groups of them, too few for an interval.

    Args:
        labels: What is known of the frames.
    """
    every = np.arange(len(labels))
    return min(_units(labels, every[labels.in_goal]), _units(labels, every[~labels.in_goal])) < FEWEST


def _units(labels: LabelledFrames, rows: Int[np.ndarray, " k"]) -> int:
    """Number of groups among some frames; of frames themselves, where states were made on purpose."""
    if not labels.groups or labels.kinds:
        return len(set(rows.tolist()))
    return len({labels.groups[row] for row in rows})


def _drawing(labels: LabelledFrames) -> Mapping[str, Any] | None:
    """How frames are drawn anew; None: there are too few for an interval."""
    return None if too_few(labels) else resampling_of(labels)


def estimate_on(
    metric: Callable[[Any, Any], float], values: Float[np.ndarray, " n"], labels: LabelledFrames
) -> Estimate:
    """Return a metric of labelled frames with its interval, where there is one.

    Args:
        metric: A function of values and labels.
        values: One per frame.
        labels: What is known of the frames.

    Raises:
        SpecError: As the metric.
    """
    drawn = _drawing(labels)
    if drawn is None:
        return Estimate.alone(metric(values, labels.in_goal))
    return estimate(metric, values, labels.in_goal, **drawn)


def estimate_aurocs(
    combine: Callable[[Any], Any], columns: Float[np.ndarray, "n k"], labels: LabelledFrames
) -> Estimate:
    """Return one number made of the AUROCs of several columns, with its interval.

    Args:
        combine: Makes it of k AUROCs, along the first axis of an array, as ``lambda aurocs: aurocs.mean(axis=0)``.
        columns: Scores of the same frames, a column each.
        labels: What is known of the frames.
    """
    value = float(combine(np.array([auroc(column, labels.in_goal) for column in columns.T])))
    drawing = _drawing(labels)
    if drawing is None:
        return Estimate.alone(value)
    drawn = [
        combine(np.stack([auroc_of(tally_of(column, labels.in_goal, counts)) for column in columns.T]))
        for counts in resampled(labels.in_goal, seed=0, **drawing)
    ]
    return Estimate.of(value, np.concatenate(drawn))


def estimate_pairs(
    right: Float[np.ndarray, " p"],
    frames: tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"]],
    labels: LabelledFrames,
    *,
    seed: int,
) -> Estimate:
    """Return the mean over pairs of frames with its interval: frames are drawn anew by groups, and pairs with them.

    Args:
        right: One number per pair, at least one.
        frames: Numbers of the first and of the second frame of each pair.
        labels: What is known of the frames; without groups each frame is one.
        seed: Decides the draws.

    Returns:
        Without an interval where the frames of either side are fewer than five, or of fewer than five groups.
    """
    first, second = frames
    if min(_units(labels, first), _units(labels, second)) < FEWEST:
        return Estimate.alone(float(right.mean()))
    return _estimate_drawn(  # a pair is there as often as both of its frames
        right, lambda times: times[first] * times[second], labels, seed=seed
    )


def estimate_some(
    values: Float[np.ndarray, " k"], rows: Int[np.ndarray, " k"], labels: LabelledFrames, *, seed: int
) -> Estimate:
    """Return the mean over some of the frames with its interval: groups are drawn anew, and these frames with them.

    Args:
        values: One number for each of these frames, at least one.
        rows: Numbers of the frames.
        labels: What is known of all frames; without groups each frame is one.
        seed: Decides the draws.

    Returns:
        Without an interval where all of these frames are of one group.
    """
    if len({labels.groups[row] if labels.groups else str(row) for row in rows}) < 2:
        return Estimate.alone(float(values.mean()))
    return _estimate_drawn(values, lambda times: times[rows], labels, seed=seed)


def _estimate_drawn(
    values: Float[np.ndarray, " p"],
    weigh: Callable[[Float[np.ndarray, " n"]], Float[np.ndarray, " p"]],
    labels: LabelledFrames,
    *,
    seed: int,
) -> Estimate:
    """The mean with its interval over draws of groups; `weigh` returns how often each value is there, given frames."""
    groups: Any = labels.groups or [str(row) for row in range(len(labels))]
    names, which = np.unique(np.array(groups), return_inverse=True)
    value = float(values.mean())
    if len(names) < 2:
        return Estimate.alone(value)
    drawn = []
    for counts in drawn_counts(np.random.default_rng(seed), len(names), RESAMPLES):
        weights = weigh(counts[which])
        if weights.sum() > 0:
            drawn.append(float(values @ weights / weights.sum()))
    return Estimate.of(value, drawn) if drawn else Estimate.alone(value)


def difference_on(
    metric: Callable[[Any, Any], float],
    first: Float[np.ndarray, " n"],
    second: Float[np.ndarray, " n"],
    labels: LabelledFrames,
) -> Estimate:
    """Return a metric of one column less that of another, on the same resamples.

    Args:
        metric: A function of values and labels.
        first: One value per frame.
        second: Another value per frame.
        labels: What is known of the frames.

    Raises:
        SpecError: As the metric.
    """
    drawn = _drawing(labels)
    if drawn is None:
        return Estimate.alone(metric(first, labels.in_goal) - metric(second, labels.in_goal))
    return paired_difference(metric, first, second, labels.in_goal, **drawn)


def goal_mean(values: ArrayLike, in_goal: ArrayLike) -> float:
    """Mean over the frames in the goal.

    Example:
        >>> goal_mean([1, 0, 0], [True, True, False])
        0.5
    """
    return float(np.asarray(values, dtype=float)[np.asarray(in_goal)].mean())


def other_mean(values: ArrayLike, in_goal: ArrayLike) -> float:
    """Mean over the frames outside of the goal.

    Example:
        >>> other_mean([1, 0, 1], [True, False, False])
        0.5
    """
    return float(np.asarray(values, dtype=float)[~np.asarray(in_goal)].mean())


def preferred(first: Float[np.ndarray, "..."], second: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """1 where the first is higher, 0 where it is lower, and a half where both are alike.

    Example:
        >>> preferred(np.array([2.0, 1.0, 1.0]), np.array([1.0, 1.0, 2.0])).tolist()
        [1.0, 0.5, 0.0]
    """
    higher: Float[np.ndarray, ...] = (np.sign(first - second) + 1) / 2
    return higher


def share_of_way(value: float, way: float) -> float:
    """Return a number as a share of the way from what other frames are paid to what goal frames are.

    Frames drawn anew may have no such way; then, and where there is hardly one, it is 100 times the way at most.

    Args:
        value: What is compared.
        way: Length of the way.

    Example:
        >>> share_of_way(1.0, 4.0), share_of_way(1.0, 0.0), share_of_way(-1.0, -2.0), share_of_way(0.0, 0.0)
        (0.25, 100.0, -100.0, 0.0)
    """
    share = value / way if way > 0 else float(np.sign(value)) * _MOST_WAYS
    return min(max(share, -_MOST_WAYS), _MOST_WAYS)


def highest_first(values: Float[np.ndarray, " n"], rows: Bool[np.ndarray, " n"], most: int) -> list[int]:
    """Numbers of the frames with the highest values among some, the highest first.

    Args:
        values: One per frame.
        rows: Which frames to look at.
        most: How many to return.

    Example:
        >>> highest_first(np.array([3.0, 1.0, 2.0]), np.array([False, True, True]), 1)
        [2]
    """
    asked = np.flatnonzero(rows)
    order = np.argsort(-values[asked], kind="stable")[:most]
    return [int(row) for row in asked[order]]
