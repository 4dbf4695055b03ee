"""`most_informative`: the order in which frames are worth a person's time.

With scores s, a threshold t, the standard deviations d of several sentences' scores and embeddings e, the frame that
comes next is the one whose mean of three parts is the highest; on a tie the one that was given first:

    near(i)     = 1 - |s_i - t| / max_j |s_j - t|
    disputed(i) = d_i / max_j d_j
    unlike(i)   = min_k |e_i - e_k| / max_j min_k |e_j - e_k|       k: labelled, or earlier in the order

Each maximum is over the frames that are not labelled, so that every part lies in 0 to 1. A part of which nothing is
known is left out of the mean. The first two are uncertainty sampling and query by committee, the third is k-center
greedy (Sener & Savarese 2018, arXiv 1708.00489); alone, the first two ask about near copies of one frame again and
again.

What the labels say does not count, only which frames have one. Two raters of the same frames therefore see them in one
order, and share as many as the slower of them labels.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

_ROWS_AT_ONCE = 256  # of labelled frames, whose distances to all others are in memory


def most_informative(
    scores: Float[np.ndarray, " n"] | None,
    disagreement: Float[np.ndarray, " n"] | None,
    embeddings: Float[np.ndarray, "n d"],
    labelled: Sequence[int],
    threshold: float | None = None,
    first: int | None = None,
) -> Int[np.ndarray, " m"]:
    """Order the frames that are not labelled, the most informative first; see the module for the formula.

    Args:
        scores: Score of each frame. None: not known.
        disagreement: Standard deviation of several sentences' scores of each frame. None: not known.
        embeddings: Rows that are close where frames look alike.
        labelled: Indices of the frames that are labelled.
        threshold: Score that should tell goal frames from others. None: `split_scores` chooses one.
        first: How many frames to choose one by one; those after them follow by their mean at that point. None: all.

    Returns:
        Indices of all frames that are not labelled.

    Example:
        >>> line = np.array([[0.0], [0.1], [1.0], [0.4]])
        >>> most_informative(None, None, line, labelled=[0])
        array([2, 3, 1])
        >>> most_informative(np.array([0.9, 0.5, 0.1, 0.2]), None, line, labelled=[0], threshold=0.5)
        array([1, 2, 3])
    """
    rest: Int[np.ndarray, " m"] = np.setdiff1d(np.arange(len(embeddings)), np.asarray(labelled, dtype=int))
    if not len(rest):
        return rest
    known, parts = _known(scores, disagreement, rest, threshold)
    rows = embeddings[rest].astype(np.float32)
    unlike = _nearest(rows, embeddings[np.asarray(labelled, dtype=int)].astype(np.float32))
    left, order = np.ones(len(rest), dtype=bool), []
    for _ in range(len(rest) if first is None else min(first, len(rest))):
        value = np.where(left, (known + _share(unlike, left)) / (parts + 1), -np.inf)
        chosen = int(value.argmax())
        order.append(chosen)
        left[chosen] = False
        unlike = np.minimum(unlike, _distances(rows, rows[chosen : chosen + 1])[:, 0])
    after = np.flatnonzero(left)
    if len(after):
        value = known[after] + _share(unlike, left)[after]
        after = after[np.argsort(-value, kind="stable")]
    ordered: Int[np.ndarray, " m"] = rest[np.array([*order, *after], dtype=int)]
    return ordered


def split_scores(scores: Float[np.ndarray, " n"]) -> float:
    """Return the score that splits the scores into the two groups with the least variance within them (Otsu 1979).

    Args:
        scores: At least one.

    Example:
        >>> split_scores(np.array([0.0, 0.1, 0.8, 1.0]))
        0.45
    """
    ordered = np.sort(scores.astype(np.float64))
    if ordered[0] == ordered[-1]:
        return float(ordered[0])
    below = np.arange(1, len(ordered))  # how many are in the lower group
    sums = ordered.cumsum()
    lower = sums[:-1] / below
    upper = (sums[-1] - sums[:-1]) / (len(ordered) - below)
    place = int((below * (len(ordered) - below) * (upper - lower) ** 2).argmax())
    return float((ordered[place] + ordered[place + 1]) / 2)


def _known(
    scores: Float[np.ndarray, " n"] | None,
    disagreement: Float[np.ndarray, " n"] | None,
    rest: Int[np.ndarray, " m"],
    threshold: float | None,
) -> tuple[Float[np.ndarray, " m"], int]:
    """The sum of the parts that no choice changes, and how many they are."""
    everywhere = np.ones(len(rest), dtype=bool)
    parts = []
    if scores is not None:
        limit = split_scores(scores) if threshold is None else threshold
        parts.append(1 - _share(np.abs(scores[rest].astype(np.float64) - limit), everywhere))
    if disagreement is not None:
        parts.append(_share(disagreement[rest].astype(np.float64), everywhere))
    return sum(parts, np.zeros(len(rest))), len(parts)


def _share(values: Float[np.ndarray, " m"], of: np.ndarray) -> Float[np.ndarray, " m"]:
    """Each value as a share of the largest of some; 0 where that is 0, and 1 where it is infinite."""
    largest = float(values[of].max(initial=0.0))
    if np.isinf(largest):
        values, largest = np.isinf(values), 1.0
    shares: Float[np.ndarray, " m"] = values.astype(np.float64) / (largest or 1.0)
    return shares


def _nearest(rows: Float[np.ndarray, "m d"], labelled: Float[np.ndarray, "k d"]) -> Float[np.ndarray, " m"]:
    """The distance of each row to the nearest of the labelled ones; infinite where there are none."""
    nearest = np.full(len(rows), np.inf, dtype=np.float32)
    for start in range(0, len(labelled), _ROWS_AT_ONCE):
        nearest = np.minimum(nearest, _distances(rows, labelled[start : start + _ROWS_AT_ONCE]).min(axis=1))
    return nearest


def _distances(rows: Float[np.ndarray, "m d"], others: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "m k"]:
    squared = np.square(rows).sum(axis=1)[:, None] + np.square(others).sum(axis=1) - 2 * rows @ others.T
    distances: Float[np.ndarray, "m k"] = np.sqrt(np.maximum(squared, 0))
    return distances
