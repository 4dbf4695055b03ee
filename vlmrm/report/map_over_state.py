"""The reward over two variables of the simulator's state at once: what each of its curves hides of the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
from jaxtyping import Float

from vlmrm.report.curves_over_state import Curve

_MOST, _FEWEST = 14, 4  # cells along a side
_FRAMES_A_CELL, _FEWEST_FRAMES = 8, 3  # on average over all cells, and at least: fewer tell nothing
_LEAST_SHOWN = 4  # cells; fewer are no map


@dataclass(frozen=True, kw_only=True, eq=False)
class StateMap:
    """The mean reward in the cells of a grid over two variables, whatever the others are."""

    variables: tuple[str, str]
    """Names of the variable along the map and of the one up the map."""
    edges: tuple[Float[np.ndarray, " c1"], Float[np.ndarray, " c1"]]
    """Edges of the cells along each variable."""
    mean: Float[np.ndarray, "c c"]
    """Mean reward of each cell, a row for each value of the second variable; NaN where there are too few frames."""
    bounds: tuple[tuple[float, float], tuple[float, float]]
    """Success bounds of each variable; infinite where there is none."""

    @property
    def bounded(self) -> bool:
        """Whether success asks anything of these variables."""
        return bool(np.isfinite(self.bounds).any())

    @property
    def peak(self) -> tuple[float, float]:
        """Middle of the cell with the highest mean."""
        row, column = np.unravel_index(np.nanargmax(self.mean), self.mean.shape)
        middles = [(edges[1:] + edges[:-1]) / 2 for edges in self.edges]
        return float(middles[0][column]), float(middles[1][row])

    @property
    def peaks_inside(self) -> bool:
        """Whether that cell lies inside all bounds, or reaches in."""
        halves = [float(edges[1] - edges[0]) / 2 for edges in self.edges]
        return all(
            low <= at + half and at - half <= high
            for at, half, (low, high) in zip(self.peak, halves, self.bounds, strict=True)
        )


def map_over_state(
    scores: Float[np.ndarray, " n"], states: Mapping[str, Float[np.ndarray, " n"]], curves: Sequence[Curve]
) -> StateMap | None:
    """Return the reward over two variables: of those that have a curve, the two that it moves most with.

    Args:
        scores: One per frame.
        states: Variables of the state, by name.
        curves: The reward over each variable alone.

    Returns:
        None where there are no two variables, or too few frames for cells.
    """
    if len(curves) < 2:
        return None
    across, up = sorted(curves, key=lambda curve: float(np.ptp(curve.mean)), reverse=True)[:2]
    count = min(max(isqrt(len(scores) // _FRAMES_A_CELL), _FEWEST), _MOST)
    edges = [np.linspace(states[one.variable].min(), states[one.variable].max(), count + 1) for one in (across, up)]
    mean = _means(scores, states[across.variable], states[up.variable], edges[0], edges[1])
    if np.isfinite(mean).sum() < _LEAST_SHOWN:
        return None
    return StateMap(
        variables=(across.variable, up.variable),
        edges=(edges[0], edges[1]),
        mean=mean,
        bounds=(across.bounds, up.bounds),
    )


def _means(
    scores: Float[np.ndarray, " n"],
    across: Float[np.ndarray, " n"],
    up: Float[np.ndarray, " n"],
    columns: Float[np.ndarray, " c1"],
    rows: Float[np.ndarray, " c1"],
) -> Float[np.ndarray, "c c"]:
    cells = (rows, columns)
    total, count = (np.histogram2d(up, across, bins=cells, weights=weights)[0] for weights in (scores, None))
    mean: Float[np.ndarray, "c c"] = np.where(count >= _FEWEST_FRAMES, total / np.maximum(count, 1), np.nan)
    return mean
