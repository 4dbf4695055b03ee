"""How well a reward tells goal states from others, given labels: AUROC, average precision, EPIC; each with an interval.

All of them take one score per frame and whether the frame shows the goal, and look at nothing else, so they serve any
reward. `estimate`, `estimates` and `paired_difference` add bootstrap intervals to these and to any other such function.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from vlmrm.metrics.checks import checked
from vlmrm.metrics.resampling import Estimate, resampled
from vlmrm.metrics.tally import (
    Tally,
    auroc_of,
    average_precision_of,
    false_positive_rate_of,
    goal_epic_of,
    tally_of,
)
from vlmrm.metrics.thresholds import false_positive_rate

Metric = Callable[[ArrayLike, ArrayLike], float]


def auroc(scores: ArrayLike, in_goal: ArrayLike) -> float:
    """Chance that a goal frame scores above another frame, ties counting half (area under the ROC curve).

    1 ranks every goal frame above every other, 0.5 is chance, 0 is the opposite of the goal.

    Args:
        scores: One per frame, any scale.
        in_goal: Whether each frame shows the goal.

    Raises:
        SpecError: Lengths differ, a score is not finite, or all labels are the same.

    Example:
        >>> auroc([0.1, 0.4, 0.4, 0.9], [False, False, True, True])
        0.875
    """
    return float(auroc_of(tally_of(*checked(scores, in_goal)))[0])


def average_precision(scores: ArrayLike, in_goal: ArrayLike) -> float:
    """Precision averaged over the recall steps of all thresholds; the share of goal frames is chance.

    Args:
        scores: One per frame, any scale.
        in_goal: Whether each frame shows the goal.

    Raises:
        SpecError: As in `auroc`.

    Example:
        >>> round(average_precision([0.9, 0.8, 0.7, 0.6], [True, False, True, False]), 4)
        0.8333
    """
    return float(average_precision_of(tally_of(*checked(scores, in_goal)))[0])


def goal_epic(rewards: ArrayLike, in_goal: ArrayLike) -> float:
    """EPIC distance of a state-only reward to the goal's indicator, sqrt((1 - r) / 2) with r Pearson's correlation.

    Rocamonde et al. 2024, Lemma 1. 0 is the indicator itself up to scale and offset, 0.71 is unrelated, 1 its opposite.
    Unlike `auroc` it also asks that goal frames score alike and others as well. A constant reward, which has no
    correlation, counts as unrelated. `epic` takes rewards of whole transitions.

    Args:
        rewards: One per frame.
        in_goal: Whether each frame shows the goal.

    Raises:
        SpecError: As in `auroc`.

    Example:
        >>> goal_epic([3.0, 3.0, 5.0], [False, False, True]), round(goal_epic([1.0, 1.0, 1.0], [False, True, True]), 3)
        (0.0, 0.707)
    """
    return float(goal_epic_of(tally_of(*checked(rewards, in_goal)))[0])


_BY_TALLY: tuple[tuple[Metric, Callable[[Tally], Float[np.ndarray, " r"]]], ...] = (
    (auroc, auroc_of),
    (average_precision, average_precision_of),
    (goal_epic, goal_epic_of),
    (false_positive_rate, false_positive_rate_of),
)
"""Metrics that take all resamples at once; others are called for each."""


def estimate(
    metric: Metric,
    scores: ArrayLike,
    in_goal: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    resamples: int = 300,
    seed: int = 0,
) -> Estimate:
    """A metric with its bootstrap interval, in which 95 % of the resamples lie.

    Goal frames and others are drawn anew with replacement, each as many as there are, so that their shares stay. Frames
    that share a camera, a look or an episode tell less than as many independent ones: with `groups` these are drawn
    anew, whole, and the interval covers their choice.

    Args:
        metric: `auroc`, `average_precision`, `goal_epic`, `false_positive_rate`, which take all resamples at once, or
            another function of scores and labels, for which the order of frames does not matter.
        scores: One per frame.
        in_goal: Whether each frame shows the goal.
        groups: Of each frame, whatever it shares with others; None: nothing.
        resamples: How often to draw anew.
        seed: Random seed of the draws.

    Raises:
        SpecError: As the metric; or `resamples` is below 1, or there are not two groups, one for each frame.

    Example:
        >>> print(estimate(auroc, [1, 2, 3, 4, 5, 6], [False, False, True, False, True, True]))
        0.889 [0.556, 1.000]
    """
    return estimates({"metric": metric}, scores, in_goal, groups=groups, resamples=resamples, seed=seed)["metric"]


def estimates(
    metrics: Mapping[str, Metric],
    scores: ArrayLike,
    in_goal: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    resamples: int = 300,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Several metrics, each as from `estimate`, of the same resamples.

    Args:
        metrics: Functions of scores and labels, by name.
        scores: One per frame.
        in_goal: Whether each frame shows the goal.
        groups: Of each frame, whatever it shares with others; None: nothing.
        resamples: How often to draw anew.
        seed: Random seed of the draws.

    Returns:
        An estimate for each name.

    Raises:
        SpecError: As in `estimate`.

    Example:
        >>> found = estimates({"auroc": auroc, "epic": goal_epic}, [1, 2, 3, 4], [False, True, False, True])
        >>> print(found["auroc"])
        0.750 [0.000, 1.000]
    """
    values, labels = checked(scores, in_goal)
    drawn: dict[str, list[float]] = {name: [] for name in metrics}
    for counts in resampled(labels, groups=groups, resamples=resamples, seed=seed):
        for name, found in zip(metrics, _of_resamples(metrics.values(), values, labels, counts), strict=True):
            drawn[name].extend(found)
    return {name: Estimate.of(metric(values, labels), drawn[name]) for name, metric in metrics.items()}


def paired_difference(
    metric: Metric,
    first: ArrayLike,
    second: ArrayLike,
    in_goal: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    resamples: int = 300,
) -> Estimate:
    """How much more a metric says of one reward than of another, both on the same resamples.

    Two rewards of the same frames find the same ones hard, so that their difference is known better than either.

    Args:
        metric: As in `estimate`.
        first: Scores of one reward, one per frame.
        second: Scores of the other.
        in_goal: Whether each frame shows the goal.
        groups: As in `estimate`.
        resamples: How often to draw anew; the draws are those of `estimate` with its default seed.

    Returns:
        The metric of the first less that of the second.

    Raises:
        SpecError: As in `estimate`.

    Example:
        >>> print(paired_difference(auroc, [1, 2, 3, 4], [4, 3, 2, 1], [False, False, True, True]))
        1.000 [1.000, 1.000]
    """
    (values, labels), (others, _) = checked(first, in_goal), checked(second, in_goal)
    drawn: list[float] = []
    for counts in resampled(labels, groups=groups, resamples=resamples, seed=0):
        of_first, of_second = (_of_resamples([metric], given, labels, counts)[0] for given in (values, others))
        drawn.extend(of_first - of_second)
    return Estimate.of(metric(values, labels) - metric(others, labels), drawn)


def _of_resamples(
    metrics: Iterable[Metric],
    values: Float[np.ndarray, " n"],
    labels: Bool[np.ndarray, " n"],
    counts: Float[np.ndarray, "r n"],
) -> list[Float[np.ndarray, " r"]]:
    tally, found = tally_of(values, labels, counts), []
    for metric in metrics:
        at_once = [compute for known, compute in _BY_TALLY if known is metric]
        found.append(at_once[0](tally) if at_once else _one_by_one(metric, values, labels, counts))
    return found


def _one_by_one(
    metric: Metric,
    values: Float[np.ndarray, " n"],
    labels: Bool[np.ndarray, " n"],
    counts: Float[np.ndarray, "r n"],
) -> Float[np.ndarray, " r"]:
    times = counts.astype(int)
    return np.array([metric(np.repeat(values, row), np.repeat(labels, row)) for row in times], dtype=float)
