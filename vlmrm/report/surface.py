"""The reward over two variables of the simulator's state at once, from labelled frames."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vlmrm.tasks import SuccessRule

_MOST_BINS, _FEWEST_BINS, _FRAMES_A_CELL = 24, 6, 3  # along a side, and on average


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """The mean reward in each cell of a grid."""

    variables: tuple[str, str]
    """Names of the variables, across and upwards."""
    edges: tuple[Float[np.ndarray, " a"], Float[np.ndarray, " b"]]
    """Borders of the cells, across and upwards."""
    mean: Float[np.ndarray, "h w"]
    """Mean reward of each cell, the lowest row first; NaN where there is no frame."""
    bounds: tuple[tuple[float, float], tuple[float, float]]
    """Success bounds of both variables; infinite where there is none."""

    @property
    def peak(self) -> tuple[float, float]:
        """Middle of the cell with the highest mean."""
        row, column = np.unravel_index(np.nanargmax(self.mean), self.mean.shape)
        across, up = ((edges[1:] + edges[:-1]) / 2 for edges in self.edges)
        return float(across[column]), float(up[row])


def surface_over_state(
    scores: Float[np.ndarray, " n"], states: Mapping[str, Float[np.ndarray, " n"]], rule: SuccessRule | None
) -> Surface | None:
    """Return the reward over the first two variables that success is judged on and that vary.

    Args:
        scores: One per frame.
        states: Variables of the state, by name.
        rule: Success bounds.

    Returns:
        None where there are fewer than two such variables, or too few frames.
    """
    bounds = {} if rule is None else rule.where
    moving = [name for name in bounds if name in states and np.ptp(states[name]) > 0]
    side = min(int(np.sqrt(len(scores) / _FRAMES_A_CELL)), _MOST_BINS)
    if len(moving) < 2 or side < _FEWEST_BINS:
        return None
    across, up = moving[:2]
    edges = [np.linspace(states[name].min(), states[name].max(), side + 1) for name in (across, up)]
    cells = [
        np.clip(np.searchsorted(edge, states[name], side="right") - 1, 0, side - 1)
        for name, edge in zip((across, up), edges, strict=True)
    ]
    number = cells[1] * side + cells[0]
    counts = np.bincount(number, minlength=side * side)
    sums = np.bincount(number, weights=scores, minlength=side * side)
    mean = np.divide(sums, counts, out=np.full(side * side, np.nan), where=counts > 0)
    return Surface(
        variables=(across, up),
        edges=(edges[0], edges[1]),
        mean=mean.reshape(side, side),
        bounds=((bounds[across][0], bounds[across][1]), (bounds[up][0], bounds[up][1])),
    )
