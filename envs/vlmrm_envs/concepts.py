"""What can be said of a picture, and how true it is: graded predicates over the simulator's state.

A `Concept` has phrases that express it and a log-truth, 0 where it holds entirely and falling with the distance from
there. Graded truth makes near-duplicate sentences share their pictures instead of being each other's negatives, and
it makes the reward fall smoothly from the goal to its opposite, which an agent needs in order to find it.

The functions below make log-truths: `around`, `towards`, `near`, `near_tip` and `inside` of variables, the others of
other log-truths.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]
Columns = Mapping[str, Numbers]
"""What n pictures show: the name of each state variable, with one number for each picture."""
LogTruth = Callable[[Columns], Numbers]
Bounds = tuple[float, float, float]
"""Low, high, and how far outside is one unit."""

_LOWEST = -8.0  # of one bound: a pose that is wrong in two ways is not twice as wrong


@dataclass(frozen=True)
class Concept:
    """One thing that can be said, in several wordings."""

    phrases: tuple[str, ...]
    """Endings of a sentence that begins with the thing: `the pole …`; ``{p}`` is what it is fixed to or stands on."""
    log_truth: LogTruth
    """Function that tells how true it is of each picture: 0 is true, -0.7 half true, below -3 false."""


def around(centre_deg: float, sharpness: float, *, of: str = "angle") -> LogTruth:
    """True at an angle, falling as sharpness * (cos - 1) (von Mises); a sharpness of 6 halves at 28 degrees."""
    centre = math.radians(centre_deg)
    return lambda shown: sharpness * (np.cos(shown[of].astype(float) - centre) - 1)


def towards(centre_deg: float) -> LogTruth:
    """Like `around`, with a tip: half true at 18 degrees, and an agent feels every degree up to the very goal."""
    centre = math.radians(centre_deg)

    def log_truth(shown: Columns) -> Numbers:
        away = shown["angle"].astype(float) - centre
        falling: Numbers = 3 * (np.cos(away) - 1) - 4 * np.abs(np.sin(away / 2))
        return falling

    return log_truth


def near(centre: float, width: float) -> LogTruth:
    """True at a position, falling like a Gaussian of this width."""
    return lambda shown: -0.5 * ((shown["position"].astype(float) - centre) / width) ** 2


def near_tip(centre: float, width: float) -> LogTruth:
    """Like `near`, with a tip."""

    def log_truth(shown: Columns) -> Numbers:
        away = np.abs(shown["position"].astype(float) - centre) / width
        falling: Numbers = -0.4 * away**2 - 0.8 * away
        return falling

    return log_truth


def inside(**bounds: Bounds) -> LogTruth:
    """Within bounds on variables of the state: 0 inside all, and -½ (distance in units)² for each, outside.

    Each bound brings its unit along: a knee 6 cm too high weighs as much as a torso 15 degrees too far from upright.

    Example:
        >>> upright = inside(tilt_deg=(0, 20, 15))
        >>> upright({"tilt_deg": np.array([10.0, 35.0, 50.0])}).tolist()
        [0.0, -0.5, -2.0]
    """

    def log_truth(shown: Columns) -> Numbers:
        total: Numbers = np.zeros(len(next(iter(shown.values()))))
        for name, (low, high, unit) in bounds.items():
            value = shown[name].astype(float)
            outside = np.maximum(low - value, 0) + np.maximum(value - high, 0)
            total += np.maximum(-0.5 * (outside / unit) ** 2, _LOWEST)
        return total

    return log_truth


def beyond(signed: LogTruth, width: float) -> LogTruth:
    """Soft step: true where a signed distance is well above 0."""
    return lambda shown: -np.logaddexp(0.0, -signed(shown) / width)


def negation(concept: LogTruth) -> LogTruth:
    """True where the other is clearly false."""
    return lambda shown: -2 * np.exp(np.minimum(concept(shown), 0.0))


def conjunction(*parts: LogTruth) -> LogTruth:
    """True where all are."""
    return lambda shown: np.sum([part(shown) for part in parts], axis=0)


def either(first: LogTruth, second: LogTruth) -> LogTruth:
    """True where one of the two is."""
    return lambda shown: np.maximum(first(shown), second(shown))
