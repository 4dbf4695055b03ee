"""Scores on another scale: centred, divided by their spread, clipped.

What an agent learns from does not change with the scale, but its step sizes, its entropy bonus and the weight of other
rewards do. The scale is fixed: one that runs along with training pays different rewards for the same frame, and a
replay buffer keeps the old ones. Where it should run along, Gymnasium's `NormalizeReward` and Stable-Baselines3's
`VecNormalize` do that around `VLMReward` and `VecVLMReward`.
"""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from vlmrm.errors import SpecError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import Context, ScoreTransform
from vlmrm.rewards.transforms.options import TransformOptions
from vlmrm.types import Rewards
from vlmrm.values import require_above_0, require_number


@dataclass(frozen=True, kw_only=True)
class ScalingOptions(TransformOptions):
    """Options of ``scaling``: ``(score - subtract) / divide``, clipped to `lowest` and `highest`.

    Example:
        >>> ScalingOptions(divide=0.05).subtract
        0.0
    """

    rescales: ClassVar[bool] = True
    names_a_score: ClassVar[bool] = True
    subtract: int | float = 0.0
    """Number that is taken off the score first."""
    divide: int | float = 1.0
    """Number that the rest is divided by, above 0."""
    lowest: int | float | None = None
    """Smallest result. None: as low as it gets."""
    highest: int | float | None = None
    """Largest result, above `lowest`. None: as high as it gets."""

    def __post_init__(self) -> None:
        require_number("subtract", self.subtract)
        require_above_0("divide", self.divide)
        for name in ("lowest", "highest"):
            if getattr(self, name) is not None:
                require_number(name, getattr(self, name))
        low = -math.inf if self.lowest is None else self.lowest
        high = math.inf if self.highest is None else self.highest
        if low >= high:
            raise SpecError(f"nothing lies between lowest={self.lowest} and highest={self.highest}.")

    def less(self, constant: float) -> "ScalingOptions":
        """Return the scale whose results are smaller by a constant.

        Args:
            constant: Number that is taken off after everything else, clipping included.

        Example:
            >>> ScalingOptions(divide=0.5, highest=1.0).less(0.6)
            ScalingOptions(subtract=0.3, divide=0.5, lowest=None, highest=0.4)
        """
        low, high = (None if bound is None else bound - constant for bound in (self.lowest, self.highest))
        return replace(self, subtract=self.subtract + self.divide * constant, lowest=low, highest=high)

    def apply(self, context: Context) -> Context:
        """Return the context with scores on this scale."""
        low, high = self.lowest, self.highest
        return context.then(
            Scale(
                float(self.subtract),
                float(self.divide),
                -math.inf if low is None else float(low),
                math.inf if high is None else float(high),
            )
        )


@dataclass(frozen=True, eq=False)
class Scale(ScoreTransform):
    """``(score - subtract) / divide``, clipped to `lowest` and `highest`.

    Example:
        >>> import torch
        >>> scale = Scale(subtract=0.5, divide=0.25, highest=1.0)
        >>> scale(torch.tensor([1.0, 0.0]), FrameFeatures(embeddings=torch.zeros(2, 0)))
        tensor([ 1., -2.])
    """

    subtract: float = 0.0
    """Number that is taken off the score first."""
    divide: float = 1.0
    """Number that the rest is divided by, above 0."""
    lowest: float = -math.inf
    """Smallest score that comes out."""
    highest: float = math.inf
    """Largest score that comes out."""

    def __call__(self, scores: Rewards, seen: FrameFeatures) -> Rewards:
        """Return the scores on the new scale."""
        return ((scores - self.subtract) / self.divide).clamp(self.lowest, self.highest)

    def std(self, std: Rewards | None, seen: FrameFeatures) -> Rewards | None:
        """Return the deviation on the new scale."""
        return None if std is None else std / self.divide


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
