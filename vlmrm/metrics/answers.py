"""Two classifiers on the same pictures: how much better one is, and which answers it turned."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vlmrm.errors import SpecError
from vlmrm.metrics.resampling import Estimate, mean_estimate


@dataclass(frozen=True, kw_only=True)
class Flips:
    """Answers that one classifier turned."""

    mended: int
    """Pictures that the first one answers wrongly and the second one rightly."""
    spoilt: int
    """Pictures that the first one answers rightly and the second one wrongly."""


def flips(before: ArrayLike, after: ArrayLike) -> Flips:
    """Count the answers that became right, and those that became wrong.

    Args:
        before: Whether each answer of the first classifier is right.
        after: Whether each answer of the second one is right.

    Raises:
        SpecError: They are not of the same pictures.

    Example:
        >>> flips([True, False, False], [False, True, True])
        Flips(mended=2, spoilt=1)
    """
    first, second = _pair(before, after)
    return Flips(mended=int((~first & second).sum()), spoilt=int((first & ~second).sum()))


def accuracy_difference(
    before: ArrayLike, after: ArrayLike, *, groups: ArrayLike | None = None, seed: int = 0
) -> Estimate:
    """By how much the second classifier is right more often, with a 95 % interval over paired pictures.

    Args:
        before: Whether each answer of the first classifier is right.
        after: Whether each answer of the second one is right.
        groups: As in `mean_estimate`: what pictures share whose differences count alike. None: one group.
        seed: Random seed of the bootstrap.

    Raises:
        SpecError: They are not of the same pictures.

    Example:
        >>> accuracy_difference([0, 0, 1, 1], [1, 1, 1, 1]).value
        0.5
    """
    first, second = _pair(before, after)
    return mean_estimate(second.astype(float) - first.astype(float), groups=groups, seed=seed)


def _pair(before: ArrayLike, after: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(before, dtype=bool), np.asarray(after, dtype=bool)
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise SpecError(f"both classifiers answer the same pictures; got {first.shape} and {second.shape} answers.")
    return first, second
