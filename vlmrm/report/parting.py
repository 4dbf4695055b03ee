"""Where a reward and what it stands for part: the reward rises while the truth stays or falls."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WINDOW = 5
"""Evaluations that are looked at together."""
_RISES, _STAYS, _FOLLOWS = 0.2, 0.02, 0.1  # of the span of each
_REACHED = 0.95  # above this share of successes there is nothing left to rise to


@dataclass(frozen=True, kw_only=True)
class Parting:
    """Steps of a training in which reward and truth part."""

    first_step: int
    """Where it begins."""
    last_step: int
    """Where it ends."""
    reward_change: float
    """By how much the reward rises."""
    truth_change: float
    """By how much the truth changes: hardly, or downwards."""
    truth_follows: bool
    """Whether the truth rises later on, as where an agent first comes near to the goal and then reaches it."""


def partings(
    steps: Sequence[int], rewards: Sequence[float], truth: Sequence[float], *, window: int = WINDOW
) -> list[Parting]:
    """Find the windows of a training in which the reward rises by a fifth of its span and the truth does not rise.

    Changes are those of a straight line through the window, so that one lucky evaluation is not enough. Windows that
    overlap are one.

    Args:
        steps: Step of each evaluation, ascending.
        rewards: Mean reward per step in each evaluation.
        truth: Success, or another measure of what is wanted, 0 to 1.
        window: Evaluations that are looked at together, at least 3.

    Example:
        >>> partings([0, 1, 2, 3, 4], [0.0, 0.1, 0.2, 0.3, 0.4], [0.3, 0.2, 0.2, 0.1, 0.1])[0].truth_change < 0
        True
        >>> partings([0, 1, 2, 3, 4], [0.0, 0.1, 0.2, 0.3, 0.4], [0.0, 0.2, 0.4, 0.8, 1.0])
        []
    """
    ranges: list[tuple[int, int]] = []
    for start in range(len(steps) - window + 1):
        if _part(rewards, truth, slice(start, start + window)):
            joins = bool(ranges) and start < ranges[-1][1]
            ranges.append((ranges.pop()[0] if joins else start, start + window))
    return [
        Parting(
            first_step=steps[first],
            last_step=steps[last - 1],
            reward_change=_change(rewards[first:last]),
            truth_change=_change(truth[first:last]),
            truth_follows=max(truth[last:], default=-np.inf) > max(truth[first:last]) + _FOLLOWS * float(np.ptp(truth)),
        )
        for first, last in ranges
    ]


def _part(rewards: Sequence[float], truth: Sequence[float], rows: slice) -> bool:
    rises = _change(rewards[rows]) > _RISES * max(float(np.ptp(rewards)), 1e-9)
    stays = _change(truth[rows]) <= _STAYS * float(np.ptp(truth))
    return rises and stays and min(truth[rows]) < _REACHED


def _change(values: Sequence[float]) -> float:
    """By how much a straight line through the values rises from the first to the last."""
    times = np.arange(len(values))
    return float(np.polyfit(times, np.asarray(values, dtype=float), 1)[0]) * (len(values) - 1)
