"""Bootstrap resamples as counts of how often each frame is drawn, and `Estimate`, a number with its interval."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike, NDArray

from vlmrm.errors import SpecError

FEWEST = 5
"""Frames of each label, or groups of them, for an interval: of fewer, those that are drawn anew are nearly the same."""
_AT_ONCE = 2**20  # counts in a block of resamples, 8 MB
_ATTEMPTS = 200
_OF_MEANS = 2_000  # resamples


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with the interval that it may well lie in."""

    value: float
    """Value on all that was measured."""
    low: float
    """Lower end of the interval; not a number where there is none."""
    high: float
    """Upper end of the interval; not a number where there is none."""

    def __str__(self) -> str:
        return (
            f"{self.value:z.3f} [{self.low:z.3f}, {self.high:z.3f}]"
            if self.known
            else f"{self.value:z.3f} (no interval)"
        )

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    @classmethod
    def alone(cls, value: float) -> "Estimate":
        """Return a value of which nobody can say how far it would move on other frames.

        Example:
            >>> print(Estimate.alone(0.5))
            0.500 (no interval)
        """
        return cls(value=float(value), low=float("nan"), high=float("nan"))

    @classmethod
    def of(cls, value: float, drawn: ArrayLike) -> "Estimate":
        """Return a value with the interval in which 95 % of its resamples lie.

        Example:
            >>> print(Estimate.of(0.5, np.linspace(0, 1, 201)))
            0.500 [0.025, 0.975]
        """
        low, high = np.quantile(np.asarray(drawn, dtype=float), [0.025, 0.975])
        return cls(value=float(value), low=float(low), high=float(high))


def resampled(
    labels: Bool[np.ndarray, " n"], *, groups: ArrayLike | None, resamples: int, seed: int
) -> Iterator[Float[np.ndarray, "r n"]]:
    """Draw frames anew with replacement, and count how often each one is drawn.

    Args:
        labels: Whether each frame shows the goal.
        groups: Of each frame, whatever it shares with others. Whole groups are drawn, as many as there are, and a
            resample without a goal frame or without another frame is drawn again. None: goal frames and others are
            drawn one by one, each as many as there are.
        resamples: How often to draw anew.
        seed: Random seed.

    Yields:
        Blocks of resamples, a row each.

    Raises:
        SpecError: `resamples` is below 1, or there are not two groups, one for each frame.
    """
    if resamples < 1:
        raise SpecError(f"needs at least 1 resample; got {resamples}.")
    rng, block = np.random.default_rng(seed), max(1, _AT_ONCE // len(labels))
    which = None if groups is None else _numbered(labels, np.asarray(groups))
    for first in range(0, resamples, block):
        rows = min(block, resamples - first)
        yield _of_each(rng, labels, rows) if which is None else _of_groups(rng, labels, which, rows)


def drawn_counts(rng: np.random.Generator, n: int, rows: int) -> Float[np.ndarray, "r n"]:
    """Draw n of n things with replacement, and count how often each one is drawn.

    Args:
        rng: Decides the draws.
        n: How many things there are.
        rows: How often to draw anew.

    Example:
        >>> drawn_counts(np.random.default_rng(0), 3, 2).sum(axis=1).tolist()
        [3.0, 3.0]
    """
    drawn = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(float)


def mean_estimate(values: ArrayLike, *, groups: ArrayLike | None = None, seed: int = 0) -> Estimate:
    """Return the mean with its 95 % interval; of differences between pairs, the paired difference.

    Args:
        values: One number for each picture.
        groups: What pictures share, such as the cell that they are of, whose means count alike: pictures are drawn anew
            within each group. None: one group.
        seed: Random seed of the bootstrap.

    Raises:
        SpecError: There are no numbers, or not one group for each.

    Example:
        >>> print(mean_estimate([1, 1, 0, 0] * 25))
        0.500 [0.400, 0.590]
    """
    each = np.asarray(values, dtype=float)
    which = np.zeros(each.shape, dtype=int) if groups is None else np.unique(groups, return_inverse=True)[1]
    if each.ndim != 1 or not len(each) or which.shape != each.shape:
        raise SpecError(f"needs numbers, and a group for each; got {each.shape} numbers and {which.shape} groups.")
    rng = np.random.default_rng(seed)
    parts = [each[which == one] for one in range(int(which.max()) + 1)]
    drawn = sum(drawn_counts(rng, len(part), _OF_MEANS) @ part / len(part) for part in parts)
    return Estimate.of(float(np.mean([part.mean() for part in parts])), drawn / len(parts))


def _of_each(rng: np.random.Generator, labels: Bool[np.ndarray, " n"], rows: int) -> Float[np.ndarray, "r n"]:
    counts = np.empty((rows, len(labels)))
    for part in (labels, ~labels):
        counts[:, part] = drawn_counts(rng, int(part.sum()), rows)
    return counts


def _of_groups(
    rng: np.random.Generator, labels: Bool[np.ndarray, " n"], which: Int[np.ndarray, " n"], rows: int
) -> Float[np.ndarray, "r n"]:
    """Whole groups; never only frames in the goal or only others.

    At least half of all draws will do: the worst case is two groups, one of each kind.
    """
    number = int(which.max()) + 1
    holds = np.stack([np.bincount(which[part], minlength=number) > 0 for part in (labels, ~labels)], axis=1)
    counts, missing = np.zeros((rows, number)), np.arange(rows)
    for _ in range(_ATTEMPTS):
        counts[missing] = drawn_counts(rng, number, len(missing))
        missing = missing[~(counts[missing] @ holds > 0).all(axis=1)]
        if not missing.size:
            return np.take(counts, which, axis=1)
    raise SpecError(
        f"{len(missing)} of {rows} resamples of {number} groups hold only goal frames or only others, after "
        f"{_ATTEMPTS} draws. Give groups that hold both, or no groups."
    )


def _numbered(labels: Bool[np.ndarray, " n"], groups: NDArray[Any]) -> Int[np.ndarray, " n"]:
    if groups.shape == labels.shape:
        names, which = np.unique(groups, return_inverse=True)
        if len(names) >= 2:
            return which
    raise SpecError(f"needs one group per frame and two of them; got {groups.shape} for {labels.shape} frames.")
