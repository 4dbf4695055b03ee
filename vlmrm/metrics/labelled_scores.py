"""How well a reward tells goal states from others, given labels: AUROC, average precision, false positives, EPIC.

All of them take one score per frame and whether the frame shows the goal, and look at nothing else, so they serve any
reward. `estimate` adds a bootstrap interval to any of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike, NDArray

from vlmrm.errors import SpecError

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
    values, labels = _checked(scores, in_goal)
    positives = int(labels.sum())
    above = _middle_ranks(values)[labels].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(values) - positives)))


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
    values, labels = _checked(scores, in_goal)
    order = np.argsort(-values, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)
    hits = np.cumsum(labels[order])[last_of_ties]
    precision, recall = hits / (last_of_ties + 1), hits / labels.sum()
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def goal_epic(rewards: ArrayLike, in_goal: ArrayLike) -> float:
    """EPIC distance of a state-only reward to the goal's indicator, sqrt((1 - r) / 2) with r Pearson's correlation.

    Rocamonde et al. 2024, Lemma 1. 0 is the indicator itself up to scale and offset, 0.71 is unrelated, 1 its opposite.
    Unlike `auroc` it also asks that goal frames score alike and others as well. A constant reward, which has no
    correlation, counts as unrelated.

    Args:
        rewards: One per frame.
        in_goal: Whether each frame shows the goal.

    Raises:
        SpecError: As in `auroc`.

    Example:
        >>> goal_epic([3.0, 3.0, 5.0], [False, False, True]), round(goal_epic([1.0, 1.0, 1.0], [False, True, True]), 3)
        (0.0, 0.707)
    """
    values, labels = _checked(rewards, in_goal)
    deviations = values - values.mean()
    indicator = labels - labels.mean()
    scale = np.sqrt((deviations**2).sum() * (indicator**2).sum())
    correlation = float((deviations * indicator).sum() / scale) if np.ptp(values) > 0 else 0.0
    return float(np.sqrt(max(1 - correlation, 0.0) / 2))


def false_positive_rate(scores: ArrayLike, in_goal: ArrayLike, *, recall: float = 0.9) -> float:
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
    values, labels = _checked(scores, in_goal)
    goal = np.sort(values[labels])[::-1]
    threshold = goal[int(np.ceil(recall * len(goal) - 1e-9)) - 1]
    return float((values[~labels] >= threshold).mean())


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with the interval that it may well lie in."""

    value: float
    """On all frames."""
    low: float
    """End of the interval."""
    high: float
    """Other end of the interval."""

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


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
        metric: `auroc`, `average_precision`, `goal_epic` or another function of scores and labels.
        scores: One per frame.
        in_goal: Whether each frame shows the goal.
        groups: Of each frame, whatever it shares with others; None: nothing.
        resamples: How often to draw anew.
        seed: Decides the draws.

    Raises:
        SpecError: As the metric; or `resamples` is below 1, or there are not two groups, one for each frame.

    Example:
        >>> print(estimate(auroc, [1, 2, 3, 4, 5, 6], [False, False, True, False, True, True]))
        0.889 [0.556, 1.000]
    """
    if resamples < 1:
        raise SpecError(f"needs at least 1 resample; got {resamples}.")
    values, labels = _checked(scores, in_goal)
    rng = np.random.default_rng(seed)
    if groups is None:
        parts = [np.flatnonzero(labels), np.flatnonzero(~labels)]
        drawn = [metric(values[rows], labels[rows]) for rows in _of_each(rng, parts, resamples)]
    else:
        drawn = [metric(values[rows], labels[rows]) for rows in _of_groups(rng, labels, np.asarray(groups), resamples)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value=metric(values, labels), low=float(low), high=float(high))


def _of_each(rng: np.random.Generator, parts: list[NDArray[np.intp]], resamples: int) -> Iterator[NDArray[np.intp]]:
    for _ in range(resamples):
        yield np.concatenate([rng.choice(part, len(part)) for part in parts])


def _of_groups(
    rng: np.random.Generator, labels: Bool[np.ndarray, " n"], groups: NDArray[Any], resamples: int
) -> Iterator[NDArray[np.intp]]:
    """Whole groups, as many as there are; never only frames in the goal or only others."""
    names, which = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(which == i) for i in range(len(names))]
    if groups.shape != labels.shape or len(members) < 2:
        raise SpecError(f"needs one group per frame and two of them; got {groups.shape} for {labels.shape} frames.")
    for _ in range(resamples):
        while True:
            rows = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
            if labels[rows].any() and not labels[rows].all():
                break
        yield rows


def _checked(scores: ArrayLike, in_goal: ArrayLike) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    values, labels = np.asarray(scores, dtype=float), np.asarray(in_goal)
    if labels.dtype != bool:
        raise SpecError(f"in_goal is one True or False per frame; got {labels.dtype}. Threshold it first.")
    if values.ndim != 1 or values.shape != labels.shape:
        raise SpecError(f"scores and labels are one per frame; got shapes {values.shape} and {labels.shape}.")
    if not np.isfinite(values).all():
        raise SpecError(f"{int((~np.isfinite(values)).sum())} of {len(values)} scores are NaN or infinite.")
    if labels.all() or not labels.any():
        given = "no frames" if labels.size == 0 else f"{len(labels)} frames, all {'in' if labels.all() else 'outside'}"
        raise SpecError(f"needs frames in the goal and frames outside of it; got {given}.")
    return values, labels


def _middle_ranks(values: Float[np.ndarray, " n"]) -> NDArray[np.floating]:
    """1 to n, ties sharing the mean of theirs."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.floating] = (np.cumsum(counts) - (counts - 1) / 2)[index]
    return ranks
