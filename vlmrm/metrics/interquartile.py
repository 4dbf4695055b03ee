"""Interquartile mean: an average over training runs that a few lucky or failed ones hardly move.

Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (arXiv 2108.13264).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from vlmrm.errors import SpecError
from vlmrm.metrics.checks import column
from vlmrm.metrics.resampling import Estimate


def interquartile_mean(values: ArrayLike) -> float:
    """Mean of the middle half: a quarter of the numbers, rounded down, is left out at each end.

    Args:
        values: Numbers in any shape.

    Raises:
        SpecError: There is no number, or one is not finite.

    Example:
        >>> interquartile_mean([0, 1, 2, 100])
        1.5
    """
    return float(_middle_means(column(np.ravel(np.asarray(values, dtype=float)), "values")[None])[0])


def iqm_over_seeds(
    results: ArrayLike | Mapping[str, Sequence[float] | NDArray[np.floating]],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Interquartile mean over all runs of all tasks, with a bootstrap interval.

    The seeds of each task are drawn anew with replacement, as many as there are, independently of those of other tasks,
    so that the interval covers the choice of seeds and not that of tasks.

    Args:
        results: One number per run: an array of seeds and tasks, or the numbers of each task by its name. A task with
            more seeds counts for more.
        resamples: How often to draw anew.
        seed: Random seed of the draws.

    Raises:
        SpecError: There is no task, a task has fewer than 2 seeds, a number is not finite, or `resamples` is below 1.

    Example:
        >>> print(iqm_over_seeds({"kneel": [0.0, 1.0, 1.0], "stand": [0.5, 0.6, 0.7]}))
        0.700 [0.300, 0.850]
    """
    if resamples < 1:
        raise SpecError(f"needs at least 1 resample; got {resamples}.")
    tasks = _tasks(results)
    rng = np.random.default_rng(seed)
    drawn = [of_task[rng.integers(len(of_task), size=(resamples, len(of_task)))] for of_task in tasks]
    return Estimate.of(interquartile_mean(np.concatenate(tasks)), _middle_means(np.concatenate(drawn, axis=1)))


def _tasks(
    results: ArrayLike | Mapping[str, Sequence[float] | NDArray[np.floating]],
) -> list[Float[np.ndarray, " s"]]:
    if isinstance(results, Mapping):
        named = {name: column(values, f"results of {name}") for name, values in results.items()}
    else:
        table = np.asarray(results, dtype=float)
        if table.ndim != 2:
            raise SpecError(f"results are an array of seeds and tasks, or numbers by task; got shape {table.shape}.")
        named = {f"task {i}": column(values, f"results of task {i}") for i, values in enumerate(table.T)}
    few = [name for name, values in named.items() if len(values) < 2]
    if few or not named:
        said = f"{', '.join(few)} has one" if few else "there is no task"
        raise SpecError(f"an interval over seeds needs two or more of each task; {said}.")
    return list(named.values())


def _middle_means(rows: Float[np.ndarray, "r n"]) -> Float[np.ndarray, " r"]:
    cut = rows.shape[1] // 4
    means: Float[np.ndarray, " r"] = np.sort(rows, axis=1)[:, cut : rows.shape[1] - cut].mean(axis=1)
    return means
