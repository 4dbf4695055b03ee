"""How much of what an agent is paid varies with what it does."""

import numpy as np
from numpy.typing import ArrayLike

from vlmrm.metrics.checks import column


def signal_to_offset(rewards: ArrayLike) -> float:
    """Standard deviation of a reward over the absolute value of its mean, on frames that an agent meets.

    A cosine that stays between 0.20 and 0.22 is nearly all offset: 0.2 a step is paid for whatever is done, which a
    value function has to learn first, and which pays for survival where episodes end early.

    Args:
        rewards: One per frame, of a random policy's episodes, say.

    Returns:
        0 for a constant reward, inf for any other with a mean of 0.

    Raises:
        SpecError: There is no reward, or one is not finite.

    Example:
        >>> signal_to_offset([1.0, 3.0]), signal_to_offset([-1.0, 1.0]), signal_to_offset([0.3, 0.3, 0.3])
        (0.5, inf, 0.0)
    """
    values = column(rewards, "rewards")
    if np.ptp(values) == 0:
        return 0.0
    mean = abs(float(values.mean()))
    return float(values.std()) / mean if mean > 0 else float("inf")
