"""The reward over the variables of the simulator's state, from labelled frames: does it peak where the goal is?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vlmrm.tasks import SuccessRule

_MOST_BINS, _FEWEST_BINS = 40, 5
_FRAMES_A_BIN, _FEWEST = 8, 3  # on average, and at least: fewer tell nothing


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """The reward over one variable, whatever the others are."""

    variable: str
    """Name of the variable."""
    centres: Float[np.ndarray, " b"]
    """Middle of each bin that has frames enough."""
    mean: Float[np.ndarray, " b"]
    """Mean reward of each bin."""
    low: Float[np.ndarray, " b"]
    """Reward that a tenth of the frames of each bin stay below."""
    high: Float[np.ndarray, " b"]
    """Reward that a tenth of the frames of each bin exceed."""
    bounds: tuple[float, float]
    """Success bounds; infinite where there is none."""

    @property
    def peak(self) -> float:
        """Where the mean is highest."""
        return float(self.centres[self.mean.argmax()])

    @property
    def off(self) -> float:
        """Distance from the peak's bin to the success bounds; 0: it lies inside, or reaches in."""
        half = float(np.diff(self.centres).min()) / 2 if len(self.centres) > 1 else 0.0
        low, high = self.bounds
        return max(low - (self.peak + half), (self.peak - half) - high, 0.0)


def curves_over_state(
    scores: Float[np.ndarray, " n"], states: Mapping[str, Float[np.ndarray, " n"]], rule: SuccessRule | None
) -> list[Curve]:
    """Return the reward over each variable that success is judged on, or over all where there is no rule.

    Args:
        scores: One per frame.
        states: Variables of the state, by name.
        rule: Success bounds; None: there are none.
    """
    bounds = {} if rule is None else rule.where
    names = [name for name in states if name in bounds] or list(states)
    found = [_curve(name, scores, states[name], *bounds.get(name, (-np.inf, np.inf))) for name in names]
    return [curve for curve in found if curve is not None]


def _curve(
    name: str, scores: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"], lowest: float, highest: float
) -> Curve | None:
    count = min(max(len(values) // _FRAMES_A_BIN, _FEWEST_BINS), _MOST_BINS)
    edges = np.linspace(values.min(), values.max(), count + 1)
    which = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, count - 1)
    bins = [scores[which == one] for one in range(count)]
    full = [one for one in range(count) if len(bins[one]) >= _FEWEST]
    if len(full) < 2:
        return None
    return Curve(
        variable=name,
        centres=((edges[1:] + edges[:-1]) / 2)[full],
        mean=np.array([bins[one].mean() for one in full]),
        low=np.array([np.quantile(bins[one], 0.1) for one in full]),
        high=np.array([np.quantile(bins[one], 0.9) for one in full]),
        bounds=(float(lowest), float(highest)),
    )
