"""What a reward is made of, where its head has parts: how much of its spread each of them brings."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vlmrm.metrics import auroc

REST = "what is not linear in them"
_LEAST = 1e-6  # of the spread; a smaller rest is rounding
_FRAMES_A_PART = 3  # at least; of fewer, weights say nothing


@dataclass(frozen=True, kw_only=True)
class PartShare:
    """One part of a reward."""

    name: str
    """What the head calls it."""
    share: float
    """Share of the reward's variance over the frames; all shares sum to 1, and one that works against it is below 0."""
    auroc: float | None
    """Chance that the part pays a goal frame more than another frame. None: of the rest it is not known."""


def shares_of_parts(
    scores: Float[np.ndarray, " n"], parts: Mapping[str, Float[np.ndarray, " n"]], in_goal: Bool[np.ndarray, " n"]
) -> list[PartShare]:
    """Return the share of each part: the covariance of the weighted part with the reward, over the reward's variance.

    Weights are those with which the parts add up to the reward, as nearly as they do; what clips, thresholds and other
    steps after the head change is the rest.

    Args:
        scores: The reward of each frame.
        parts: Every part on the same frames, by name.
        in_goal: Labels of the frames.

    Returns:
        Largest share first, the rest last; empty where there are no parts, too few frames, or the reward is constant.

    Example:
        >>> first, second = np.array([0.0, 0.0, 3.0, 3.0]), np.array([0.0, 1.0, 0.0, 1.0])
        >>> inside = np.array([False, True, False, True])
        >>> found = shares_of_parts(np.tile(first + second, 2), {"a": np.tile(first, 2), "b": np.tile(second, 2)},
        ...                         np.tile(inside, 2))
        >>> [(one.name, round(one.share, 3), one.auroc) for one in found]
        [('a', 0.9, 0.5), ('b', 0.1, 1.0)]
    """
    if not parts or len(scores) < _FRAMES_A_PART * len(parts) or np.ptp(scores) == 0:
        return []
    columns = np.stack(list(parts.values()), axis=1)
    centred, reward = columns - columns.mean(axis=0), scores - scores.mean()
    weights = np.linalg.lstsq(centred, reward, rcond=None)[0]
    shares = weights * (centred.T @ reward) / (reward @ reward)
    found = [
        PartShare(name=name, share=float(share), auroc=auroc(column, in_goal))
        for (name, column), share in zip(parts.items(), shares, strict=True)
    ]
    rest = 1 - float(shares.sum())
    ranked = sorted(found, key=lambda one: -one.share)
    return ranked if rest < _LEAST else [*ranked, PartShare(name=REST, share=rest, auroc=None)]
