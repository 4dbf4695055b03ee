"""EPIC: how far two rewards of transitions are apart, whatever their scale, offset and potential-based shaping.

Gleave et al. 2021, "Quantifying Differences in Reward Functions" (arXiv 2006.13900).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from vlmrm.errors import SpecError
from vlmrm.metrics.correlations import unit_deviations

TransitionReward = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], ArrayLike]
"""Takes states, actions and next states, row by row, and returns a reward for each row."""
_ROWS = 65_536  # in one call of a reward
_ROUNDING = 64  # steps of its number type that a constant reward may differ by, after means and sums


@dataclass(frozen=True, kw_only=True, eq=False)
class Transitions:
    """Transitions that two rewards are compared on."""

    states: NDArray[Any]
    """State of each transition, of any shape."""
    actions: NDArray[Any]
    """Action taken in each state."""
    next_states: NDArray[Any]
    """State that followed, or might have followed."""

    def __post_init__(self) -> None:
        lengths = len(self.states), len(self.actions), len(self.next_states)
        if len(set(lengths)) > 1 or lengths[0] < 2:
            raise SpecError(f"transitions need as many states, actions and next states, two or more; got {lengths}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class StateActions:
    """States and actions that shaping is averaged over."""

    states: NDArray[Any]
    """States an agent may come to, drawn independently of everything else."""
    actions: NDArray[Any]
    """An action beside each state, drawn independently of it."""

    def __post_init__(self) -> None:
        if len(self.states) != len(self.actions) or not len(self.states):
            raise SpecError(f"needs one action per state; got {len(self.actions)} for {len(self.states)} states.")


def epic(
    first: TransitionReward,
    second: TransitionReward,
    transitions: Transitions,
    samples: StateActions,
    *,
    discount: int | float,
) -> float:
    """EPIC distance of two rewards: sqrt((1 - r) / 2), r being Pearson's correlation of their canonical forms.

    0 means that on these transitions they differ by scale, offset and potential-based shaping alone; 0.71 is unrelated,
    1 is the opposite. A reward whose canonical form is constant, as that of shaping alone, counts as unrelated. An
    offset is not seen, though where episodes end early it pays for survival.

    The canonical form of a reward of the next state alone is that reward plus a constant. Between such a reward and the
    goal's indicator on next states this is therefore `goal_epic` on the next states, whatever the discount and the
    samples. It is the same for a reward of the state alone, unless the discount is 0: such a reward is then shaping.

    Args:
        first: One reward.
        second: The other reward.
        transitions: What they are compared on.
        samples: What the canonical form averages over. Shaping is removed exactly whatever they are; the distance of
            rewards that differ otherwise depends on them. Each reward is evaluated twice per transition and sample.
        discount: Discount of the task, 0 to 1.

    Raises:
        SpecError: The discount is not within 0 to 1, or a reward does not return one finite number per row.

    Example:
        >>> corridor = Transitions(states=np.array([0, 1, 2]), actions=np.zeros(3), next_states=np.array([1, 2, 2]))
        >>> anywhere = StateActions(states=np.array([0, 1, 2]), actions=np.zeros(3))
        >>> def reach(states, actions, next_states):
        ...     return next_states == 2
        >>> def shaped(states, actions, next_states):
        ...     return 3.0 * (next_states == 2) + 0.9 * next_states**2 - states**2
        >>> round(epic(reach, shaped, corridor, anywhere, discount=0.9), 6)
        0.0
    """
    if not 0 <= discount <= 1:
        raise SpecError(f"discount lies within 0 to 1; got {discount}.")
    u, v = (unit_deviations(_canonical(reward, transitions, samples, discount)) for reward in (first, second))
    if not u.any() or not v.any():
        return float(np.sqrt(0.5))
    return min(float(np.linalg.norm(u - v)) / 2, 1.0)  # |u - v|² = 2 - 2 r, without the rounding of 1 - r


def _canonical(
    reward: TransitionReward, transitions: Transitions, samples: StateActions, discount: int | float
) -> Float[np.ndarray, " n"]:
    """Definition 4.1 by the samples of appendix A.1, without its last term, which is the same for all transitions."""
    states, next_states = transitions.states, transitions.next_states
    plain = _rewards(reward, states, transitions.actions, next_states)
    before, after = (_means_over(reward, given, samples) for given in (states, next_states))
    canonical: Float[np.ndarray, " n"] = plain.astype(float) + discount * after - before
    step = np.finfo(plain.dtype).eps if np.issubdtype(plain.dtype, np.floating) else np.finfo(float).eps
    largest = max(np.abs(part).max() for part in (plain, before, after))
    constant = np.ptp(canonical) <= _ROUNDING * float(step) * largest
    return np.zeros_like(canonical) if constant else canonical


def _means_over(reward: TransitionReward, states: NDArray[Any], samples: StateActions) -> Float[np.ndarray, " n"]:
    """Mean reward of leaving each state by the sampled actions for the sampled states."""
    m = len(samples.states)
    at_once = max(1, _ROWS // m)
    means = []
    for first in range(0, len(states), at_once):
        some = states[first : first + at_once]
        rows = np.tile(np.arange(m), len(some))
        found = _rewards(reward, np.repeat(some, m, axis=0), samples.actions[rows], samples.states[rows])
        means.append(found.reshape(len(some), m).mean(axis=1, dtype=float))
    return np.concatenate(means)


def _rewards(
    reward: TransitionReward, states: NDArray[Any], actions: NDArray[Any], next_states: NDArray[Any]
) -> NDArray[Any]:
    found = np.asarray(reward(states, actions, next_states))
    if found.shape != (len(states),) or found.dtype.kind not in "biuf":
        raise SpecError(
            f"a reward returns one number per row; got {found.dtype}, {found.shape}, for {len(states)} rows."
        )
    if not np.isfinite(found).all():
        raise SpecError(f"{int((~np.isfinite(found)).sum())} of {len(found)} rewards are NaN or infinite.")
    return found
