"""Scores on another scale: centred, divided by their spread, clipped.

What an agent learns from does not change with the scale, but its step sizes, its entropy bonus and the weight of other
rewards do. The scale is fixed: one that runs along with training pays different rewards for the same frame, and a
replay buffer keeps the old ones. Where it should run along, Gymnasium's `NormalizeReward` and Stable-Baselines3's
`VecNormalize` do that around `VLMReward` and `VecVLMReward`.
"""

import math
from dataclasses import dataclass

from vlmrm.errors import SpecError
from vlmrm.rewards.head import Head
from vlmrm.types import Embeddings, Rewards


@dataclass(frozen=True, eq=False)
class ScaledHead:
    """``(score - subtract) / divide`` of another head, clipped to `lowest` and `highest`.

    Example:
        >>> import torch
        >>> head = ScaledHead(lambda embeddings: embeddings[:, 0], subtract=0.5, divide=0.25, highest=1.0)
        >>> head(torch.eye(2))
        tensor([ 1., -2.])
    """

    head: Head
    """Scores the frames."""
    subtract: float = 0.0
    """First."""
    divide: float = 1.0
    """Above 0."""
    lowest: float = -math.inf
    """Of the results."""
    highest: float = math.inf
    """Of the results."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One score per embedding."""
        return ((self.head(embeddings) - self.subtract) / self.divide).clamp(self.lowest, self.highest)


def mean_and_spread(scores: Rewards) -> tuple[float, float]:
    """What to subtract and what to divide by, so that these scores get a mean of 0 and a standard deviation of 1.

    Args:
        scores: Of frames as the agent will see them, at least 2.

    Raises:
        SpecError: There are fewer than two, or they are all the same.

    Example:
        >>> import torch
        >>> mean_and_spread(torch.tensor([1.0, 3.0]))
        (2.0, 1.0)
    """
    if len(scores) < 2:
        raise SpecError(f"the scale of a reward shows on at least 2 frames; got {len(scores)}.")
    mean, spread = float(scores.double().mean()), float(scores.double().std(correction=0))
    if spread <= 1e-6 * abs(mean):
        raise SpecError(f"all {len(scores)} frames have the same score {mean:.4g}, which has no scale. Give others.")
    return mean, spread
