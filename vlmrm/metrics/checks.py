"""Checks of what every metric is given: scores, labels and other columns with one value per frame."""

from collections.abc import Collection

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from vlmrm.errors import SpecError


def checked(scores: ArrayLike, in_goal: ArrayLike) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Return scores and labels as arrays, one of each per frame.

    Args:
        scores: One per frame, any scale.
        in_goal: Whether each frame shows the goal.

    Raises:
        SpecError: Lengths differ, a score is not finite, or all labels are the same.
    """
    values, labels = one_label_each(scores, in_goal)
    if labels.all() or not labels.any():
        given = f"{len(labels)} frames, all {'in' if labels.all() else 'outside'}"
        raise SpecError(f"needs frames in the goal and frames outside of it; got {given}.")
    return values, labels


def one_label_each(scores: ArrayLike, in_goal: ArrayLike) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Return scores and labels as arrays, of which all may be the same.

    Args:
        scores: One per frame, any scale.
        in_goal: Whether each frame shows the goal.

    Raises:
        SpecError: Lengths differ, a score is not finite, or there are no frames.
    """
    values, labels = np.asarray(scores, dtype=float), np.asarray(in_goal)
    if not labels.size:
        raise SpecError("needs frames in the goal and frames outside of it; got no frames.")
    if labels.dtype != bool:
        raise SpecError(f"in_goal is one True or False per frame; got {labels.dtype}. Threshold it first.")
    if values.ndim != 1 or values.shape != labels.shape:
        raise SpecError(f"scores and labels are one per frame; got shapes {values.shape} and {labels.shape}.")
    _require_finite(values, "scores")
    return values, labels


def column(values: ArrayLike, name: str) -> Float[np.ndarray, " n"]:
    """Return numbers as an array with one axis.

    Args:
        values: At least one number.
        name: What they are, for the error.

    Raises:
        SpecError: There is no number, more than one axis, or a number that is not finite.
    """
    numbers = np.asarray(values, dtype=float)
    if numbers.ndim != 1 or not numbers.size:
        raise SpecError(f"{name} are numbers along one axis, at least one; got shape {numbers.shape}.")
    _require_finite(numbers, name)
    return numbers


def require_one_each(n: int, name: str, values: Collection[object]) -> None:
    """Check that something is given once for each frame.

    Raises:
        SpecError: There are more or fewer.
    """
    if len(values) != n:
        raise SpecError(f"{name} are one per score; got {len(values)} for {n} scores.")


def _require_finite(values: Float[np.ndarray, "..."], name: str) -> None:
    if not np.isfinite(values).all():
        raise SpecError(f"{int((~np.isfinite(values)).sum())} of {values.size} {name} are NaN or infinite.")
