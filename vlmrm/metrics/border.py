"""Whether a reward tells each border of the goal, as an agent meets it: one success bound missed, all others met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from vlmrm.errors import SpecError, near_matches
from vlmrm.metrics.checks import column, require_one_each
from vlmrm.metrics.labelled_scores import auroc


@dataclass(frozen=True, kw_only=True)
class Border:
    """What a reward does at the bounds of one variable, on frames that meet all other bounds."""

    variable: str
    """Name of the variable."""
    inside: int
    """Number of frames that meet its bounds too."""
    outside: int
    """Number of frames that miss its bounds alone."""
    auroc: float | None
    """Chance that a frame inside scores above one outside. None: there is no frame on one side."""
    margin: float | None
    """Median score inside less median score outside, as a share of the reward's span, the highest less the lowest score
    of all frames; 0 where the span is 0. None: there is no frame on one side."""


def border_scores(
    scores: ArrayLike,
    states: Mapping[str, ArrayLike],
    bounds: Mapping[str, Sequence[int | float]],
    *,
    near: Mapping[str, int | float] | None = None,
) -> dict[str, Border]:
    """How well a reward tells each success bound while all the others are met.

    AUROC over all frames is easy to make high with frames that miss several bounds widely. An agent that learns comes
    to miss one alone, and what the reward does there decides whether it learns the rest.

    Args:
        scores: One per frame.
        states: Variables of the state by name, one number per frame.
        bounds: Low and high bound of each variable, inclusive; -inf and inf leave a side open.
        near: Of variables by name, how far beyond its bounds a frame may lie to count as outside. Of a variable that is
            not named, and of all with None: any distance.

    Returns:
        A border for each variable with bounds.

    Raises:
        SpecError: A variable with bounds is unknown, bounds are not low and high, lengths differ, a number is not
            finite, or `near` names a variable without bounds or a distance that is not above 0.

    Example:
        >>> states = {"angle": [0.0, 5.0, 20.0, 30.0], "height": [1.0, 1.0, 1.0, 0.2]}
        >>> border = border_scores([0.9, 0.7, 0.3, 0.1], states, {"angle": (-10, 10), "height": (0.8, np.inf)})["angle"]
        >>> border.inside, border.outside, border.auroc, round(border.margin, 3)
        (2, 1, 1.0, 0.625)
    """
    values = column(scores, "scores")
    beyond = {name: _beyond(values, states, name, limits) for name, limits in bounds.items()}
    widths = {} if near is None else dict(near)
    unknown = [name for name, width in widths.items() if name not in bounds or not width > 0]
    if unknown:
        raise SpecError(f"near gives distances above 0 for variables with bounds, {', '.join(bounds)}; got {near}.")
    return {
        name: _border(
            name,
            values,
            inside=np.all([distance == 0 for distance in beyond.values()], axis=0),
            outside=np.all([distance == 0 for other, distance in beyond.items() if other != name], axis=0)
            & (beyond[name] > 0)
            & (beyond[name] <= widths.get(name, np.inf)),
        )
        for name in bounds
    }


def _border(
    name: str, values: Float[np.ndarray, " n"], *, inside: Bool[np.ndarray, " n"], outside: Bool[np.ndarray, " n"]
) -> Border:
    met = inside | outside
    known = bool(inside.any() and outside.any())
    span = float(np.ptp(values))
    return Border(
        variable=name,
        inside=int(inside.sum()),
        outside=int(outside.sum()),
        auroc=auroc(values[met], inside[met]) if known else None,
        margin=float(np.median(values[inside]) - np.median(values[outside])) / (span or 1.0) if known else None,
    )


def _beyond(
    values: Float[np.ndarray, " n"], states: Mapping[str, ArrayLike], name: str, limits: Sequence[int | float]
) -> Float[np.ndarray, " n"]:
    """How far each frame lies beyond the bounds of one variable."""
    if name not in states:
        raise SpecError(f"nothing is known of {name!r}, which has bounds. Near: {near_matches(name, states)}.")
    if len(limits) != 2 or not limits[0] <= limits[1]:
        raise SpecError(f"bounds are two numbers, low and high; got {limits} for {name!r}.")
    low, high = limits
    numbers = column(states[name], name)
    require_one_each(len(values), name, numbers)
    return np.maximum(np.maximum(low - numbers, numbers - high), 0.0)
