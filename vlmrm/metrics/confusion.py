"""Rewards of several goals on frames of each goal: whether each one is highest where it should be."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from vlmrm.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class DiagonalWins:
    """How often a goal's reward and its own frames belong together."""

    rows: float
    """Share of rewards that are highest on average on frames of their own goal."""
    columns: float
    """Share of goals on whose frames their own reward is the highest on average."""


def confusion_matrix(scores: ArrayLike, shown: ArrayLike) -> Float[np.ndarray, "k k"]:
    """Mean score by each goal's reward (rows) of the frames that show each goal (columns), as a z-score.

    Each row is centred and divided by the standard deviation of its reward over all frames, the frames of every goal
    counting for as much, so that rewards of different scales compare. One that tells nothing has entries near 0.

    Args:
        scores: By each of k rewards, in the order of the goals, of n frames.
        shown: Which goal each frame shows, 0 to k - 1.

    Returns:
        A row per reward; zeros where it is constant.

    Raises:
        SpecError: There are not two rewards, a score is not finite, or there is not a frame of every goal and no other.

    Example:
        >>> confusion_matrix([[1.0, 0.0, 0.0], [0.0, 5.0, 5.0]], [0, 1, 1]).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    table, labels = np.asarray(scores, dtype=float), np.asarray(shown)
    if table.ndim != 2 or len(table) < 2 or labels.shape != table.shape[1:]:
        raise SpecError(
            f"needs scores by two or more rewards and one goal per frame; got {table.shape}, {labels.shape}."
        )
    if not np.isfinite(table).all():
        raise SpecError(f"{int((~np.isfinite(table)).sum())} of {table.size} scores are NaN or infinite.")
    k = len(table)
    if not np.array_equal(np.unique(labels), np.arange(k)):
        raise SpecError(f"needs frames of each goal, numbered 0 to {k - 1}; got {np.unique(labels).tolist()}.")
    of_goal = labels == np.arange(k)[:, None]
    weights = of_goal / of_goal.sum(axis=1, keepdims=True)  # each row a mean over the frames of one goal
    table = np.where(np.ptp(table, axis=1, keepdims=True) > 0, table - table[:, :1], 0.0)  # a constant is exactly 0
    means = table @ weights.T
    centred = means - means.mean(axis=1, keepdims=True)
    spread = np.sqrt(((table - means.mean(axis=1, keepdims=True)) ** 2 @ weights.T).mean(axis=1, keepdims=True))
    matrix: Float[np.ndarray, "k k"] = centred / np.where(spread > 0, spread, 1.0)
    return matrix


def diagonal_wins(matrix: ArrayLike) -> DiagonalWins:
    """How often the entry on the diagonal of a confusion matrix is higher than all others of its row or column.

    Args:
        matrix: From `confusion_matrix`.

    Raises:
        SpecError: The matrix is not square, or has only one row.

    Example:
        >>> diagonal_wins([[1.0, 0.5], [2.0, 1.5]])
        DiagonalWins(rows=0.5, columns=0.5)
    """
    table = np.asarray(matrix, dtype=float)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or len(table) < 2:
        raise SpecError(f"a confusion matrix has as many rows as columns, two or more; got shape {table.shape}.")
    own = np.diag(table)
    others = np.where(np.eye(len(table), dtype=bool), -np.inf, table)
    return DiagonalWins(rows=float((own > others.max(axis=1)).mean()), columns=float((own > others.max(axis=0)).mean()))
