"""Graded truth from bounds on the simulator's state, for what can be said of the MuJoCo scenes.

A pose is true entirely inside some bounds on the state and falls with the distance from them, in units that each bound
brings along: a knee 6 cm too high weighs as much as a torso 15 degrees too far from upright.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmrm_envs.states import LogTruth, SceneStates

Numbers = NDArray[np.floating[Any]]
Bounds = tuple[float, float, float]  # low, high, and how far outside is one unit

_LOWEST = -8.0  # of one bound: a pose that is wrong in two ways is not twice as wrong


def inside(**bounds: Bounds) -> LogTruth:
    """Within bounds on variables of the state: 0 inside all, and -½ (distance in units)² for each, outside.

    Example:
        >>> upright = inside(tilt_deg=(0, 20, 15))
        >>> upright(SceneStates.of("hopper", tilt_deg=[10.0, 35.0, 50.0])).tolist()
        [0.0, -0.5, -2.0]
    """

    def log_truth(states: SceneStates) -> Numbers:
        total: Numbers = np.zeros(len(states))
        for name, (low, high, unit) in bounds.items():
            value = states[name].astype(float)
            outside = np.maximum(low - value, 0) + np.maximum(value - high, 0)
            total += np.maximum(-0.5 * (outside / unit) ** 2, _LOWEST)
        return total

    return log_truth


def negation(concept: LogTruth) -> LogTruth:
    """True where the other is clearly false."""
    return lambda states: -2 * np.exp(np.minimum(concept(states), 0.0))


def conjunction(*parts: LogTruth) -> LogTruth:
    """True where all are."""
    return lambda states: np.sum([part(states) for part in parts], axis=0)
