"""Rewards over episodes: whether they rise with time, and whether they tell success from failure."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from vlmrm.errors import SpecError
from vlmrm.metrics.checks import column, require_one_each
from vlmrm.metrics.correlations import spearman
from vlmrm.metrics.labelled_scores import auroc

_SHORTEST = 3  # the order of two frames is right or wrong by chance


def value_order_correlation(scores: ArrayLike, steps: ArrayLike, episodes: ArrayLike) -> float:
    """Spearman's correlation of score and time within an episode, averaged over episodes (VOC).

    Generative Value Learning, arXiv 2411.04549. 1 rises with every step of every episode, 0 does not follow time.

    It cannot see failure: in "TOPReward" (arXiv 2602.19313, section 5.2) it is 0.946 for failed trajectories and 0.943
    for successful ones. Read it beside `episode_auroc`, never alone.

    Args:
        scores: One per frame.
        steps: When each frame was seen, in any unit.
        episodes: Name or number of the episode of each frame. Episodes of fewer than 3 frames are left out.

    Returns:
        -1 to 1. An episode whose scores are all the same counts as 0.

    Raises:
        SpecError: Lengths differ, a number is not finite, or no episode has 3 frames.

    Example:
        >>> value_order_correlation([1, 2, 3, 6, 5, 4], [0, 1, 2, 0, 1, 2], ["a", "a", "a", "b", "b", "b"])
        0.0
    """
    values, times = column(scores, "scores"), column(steps, "steps")
    require_one_each(len(values), "steps", times)
    rows = [rows for rows in _frames_of_each(values, episodes).values() if len(rows) >= _SHORTEST]
    if not rows:
        raise SpecError(f"no episode has {_SHORTEST} frames, so there is no order in time to compare with.")
    return float(np.mean([spearman(values[of_one], times[of_one]) for of_one in rows]))


def episode_auroc(
    scores: ArrayLike,
    episodes: ArrayLike,
    succeeded: Mapping[Any, bool | np.bool_],
    *,
    reduce: Callable[[Float[np.ndarray, " t"]], float | np.floating] = np.mean,
) -> float:
    """Chance that an episode that succeeds is scored above one that fails, ties counting half.

    Args:
        scores: One per frame, those of an episode in the order of time.
        episodes: Name or number of the episode of each frame.
        succeeded: Whether each episode succeeds, by its name or number.
        reduce: Makes one score of those of an episode: their mean, or ``lambda scores: scores[-1]`` for the last one.

    Raises:
        SpecError: Lengths differ, a score is not finite, episodes and `succeeded` do not name the same, or all succeed
            or none does.

    Example:
        >>> episode_auroc([0.1, 0.9, 0.3, 0.4], ["a", "a", "b", "b"], {"a": True, "b": False})
        1.0
    """
    values = column(scores, "scores")
    frames = _frames_of_each(values, episodes)
    unknown = sorted(map(str, frames.keys() ^ succeeded.keys()))
    if unknown:
        raise SpecError(f"scores and succeeded are of the same episodes; only one of them knows {', '.join(unknown)}.")
    reduced = [float(reduce(values[rows])) for rows in frames.values()]
    return auroc(reduced, np.array([bool(succeeded[name]) for name in frames]))


def _frames_of_each(values: Float[np.ndarray, " n"], episodes: ArrayLike) -> dict[Any, Int[np.ndarray, " t"]]:
    names = np.asarray(episodes)
    if names.shape != values.shape:
        raise SpecError(f"episodes are one name or number per score; got {names.shape} for {values.shape} scores.")
    known, which = np.unique(names, return_inverse=True)
    rows = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which))[:-1])
    return dict(zip(known.tolist(), rows, strict=True))
