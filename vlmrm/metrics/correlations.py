"""How far two columns of numbers go together: Spearman's and Kendall's correlation of ranks.

Where one column is constant there is no correlation, and 0 is returned: a reward that never changes tells nothing.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from vlmrm.metrics.checks import column, require_one_each


def spearman(first: ArrayLike, second: ArrayLike) -> float:
    """Pearson's correlation of the ranks, ties sharing their middle rank: 1 where one column only rises with the other.

    Args:
        first: One number per frame.
        second: Another number per frame.

    Returns:
        -1 to 1; 0 where either column is constant.

    Raises:
        SpecError: There is no number, a number is not finite, or lengths differ.

    Example:
        >>> round(spearman([1, 2, 3], [0, 5, 5]), 4)
        0.866
    """
    a, b = _pair(first, second)
    return float(np.clip(unit_deviations(_middle_ranks(a)) @ unit_deviations(_middle_ranks(b)), -1.0, 1.0))


def kendall(first: ArrayLike, second: ArrayLike) -> float:
    """Kendall's tau-b: pairs of frames in the same order less pairs in opposite order, corrected for ties.

    Args:
        first: One number per frame.
        second: Another number per frame.

    Returns:
        -1 to 1; 0 where either column is constant.

    Raises:
        SpecError: As in `spearman`.

    Example:
        >>> round(kendall([1, 2, 3, 4], [1, 3, 2, 4]), 4)
        0.6667
    """
    a, b = (np.unique(numbers, return_inverse=True)[1] for numbers in _pair(first, second))
    order = np.lexsort((b, a))
    a, b = a[order], b[order]
    both = a * (int(b.max()) + 1) + b
    pairs = len(a) * (len(a) - 1) // 2
    tied_a, tied_b, tied_both = (_tied_pairs(numbers) for numbers in (a, b, both))
    if pairs in (tied_a, tied_b):
        return 0.0
    apart = pairs - tied_a - tied_b + tied_both - 2 * _inversions(b)
    return float(np.clip(apart / np.sqrt(pairs - tied_a) / np.sqrt(pairs - tied_b), -1.0, 1.0))


def unit_deviations(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Deviations from the mean, scaled to a vector of unit length; zeros where all values are the same."""
    if np.ptp(values) == 0:
        return np.zeros_like(values)
    deviations = values - values.mean()
    deviations = deviations / np.abs(deviations).max()  # squares of large numbers would be infinite
    unit: Float[np.ndarray, " n"] = deviations / np.linalg.norm(deviations)
    return unit


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    a, b = column(first, "values"), column(second, "values")
    require_one_each(len(a), "values to compare with", b)
    return a, b


def _middle_ranks(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """1 to n, ties sharing the mean of theirs."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Float[np.ndarray, " n"] = (np.cumsum(counts) - (counts - 1) / 2)[index]
    return ranks


def _tied_pairs(values: Int[np.ndarray, " n"]) -> int:
    counts = np.unique(values, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())


def _inversions(ranks: Int[np.ndarray, " n"]) -> int:
    """How many pairs stand in falling order, in n log² n steps.

    Two ranks differ first in one bit, from the highest down. Ranks that are alike above a bit form a block; in it, each
    one before a zero in that bit is a pair in falling order.
    """
    total = 0
    for bit in reversed(range(int(ranks.max()).bit_length())):
        ranks = ranks[np.argsort(ranks >> (bit + 1), kind="stable")]
        block = ranks >> (bit + 1)
        ones = (ranks >> bit) & 1
        before = np.cumsum(ones) - ones
        starts = np.searchsorted(block, block)  # where each one's block begins
        total += int((before - before[starts])[ones == 0].sum())
    return total
