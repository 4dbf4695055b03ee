"""Intervals of shares: so many of so many episodes succeeded, and what that says."""

import math

from vlmrm.errors import SpecError
from vlmrm.metrics.resampling import Estimate

_Z = 1.959963984540054  # 97.5 % of a normal distribution lie below


def share_estimate(successes: int | float, count: int) -> Estimate:
    """A share with its 95 % interval by Wilson's score, which holds for few episodes and for shares of 0 and 1.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    Args:
        successes: How many succeeded; a tie counts a half.
        count: Of how many.

    Raises:
        SpecError: `count` is below 1, or there are more successes, or fewer than none.

    Example:
        >>> print(share_estimate(6, 6))
        1.000 [0.610, 1.000]
    """
    if count < 1 or not 0 <= successes <= count:
        raise SpecError(f"a share is that of successes among 1 or more; got {successes} of {count}.")
    share, scale = successes / count, 1 + _Z**2 / count
    middle = (share + _Z**2 / (2 * count)) / scale
    half = _Z / scale * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return Estimate(value=share, low=max(middle - half, 0.0), high=min(middle + half, 1.0))
