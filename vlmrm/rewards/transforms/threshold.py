"""Rewards of 0 and 1: a score against a threshold, and a threshold for a budget of false positives.

A cosine that is a little too high a thousand times teaches more than one that is right once, so that false positives
cost an agent more than goals that are missed ("The Dark Side of Rich Rewards", arXiv 2409.15922). A binary reward says
yes only above a threshold (Baumli et al. 2023, arXiv 2312.09187), and the threshold is what false positives decide.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import Context, ScoreTransform
from vlmrm.rewards.transforms.options import TransformOptions
from vlmrm.types import Rewards


@dataclass(frozen=True, kw_only=True)
class ThresholdOptions(TransformOptions):
    """The ``threshold`` of a spec, which writes it as a plain number."""

    names_a_score: ClassVar[bool] = True
    passes_gradients: ClassVar[bool] = False
    threshold: float
    """Score above which the reward is 1, else 0."""

    def apply(self, context: Context) -> Context:
        """Return the context with rewards of 0 and 1."""
        return context.then(Threshold(self.threshold))


def above(rewards: Rewards, threshold: float) -> Rewards:
    """1 where a reward is above the threshold, 0 elsewhere.

    Example:
        >>> import torch
        >>> above(torch.tensor([0.2, 0.9]), 0.5)
        tensor([0., 1.])
    """
    return (rewards > threshold).to(rewards.dtype)


def threshold_for(negatives: Float[Tensor, " n"], false_positives: int | float) -> float:
    """The lowest of the scores given that keeps false positives within a budget.

    Args:
        negatives: Scores of frames that do not show the goal. If there are fewer than 1 / `false_positives`, none of
            them may be above the threshold.
        false_positives: Share of them that may be above it, 0 to below 1.

    Returns:
        One of the scores, so that the same frames scored again do not cross it by rounding.

    Raises:
        SpecError: There are no negatives, one is NaN, or the budget is impossible.

    Example:
        >>> import torch
        >>> round(threshold_for(torch.tensor([0.1, 0.4, 0.2, 0.3]), 0.25), 2)
        0.3
    """
    if not len(negatives):
        raise SpecError(
            "a threshold is chosen so that few frames without the goal are above it, and no such frames were given. "
            "Give frames of a random policy, say, with the label 0."
        )
    if not bool(negatives.isfinite().all()):
        raise SpecError("a score is NaN or infinite, so no threshold can be chosen from it.")
    if not 0 <= false_positives < 1:
        raise SpecError(f"false_positives is a share of the frames, 0 to below 1; got {false_positives}.")
    allowed = math.floor(len(negatives) * false_positives + 1e-9)  # 0.1 of 30 is 3, which floats do not quite say
    allowed = min(allowed, len(negatives) - 1)  # nor that 0.9999999999 of 10 is less than 10
    return float(negatives.sort(descending=True).values[allowed])


@dataclass(frozen=True, eq=False)
class Threshold(ScoreTransform):
    """1 where a score is above the threshold, 0 elsewhere."""

    threshold: float
    """Score above which a frame is paid; at it nothing is paid."""

    def __call__(self, scores: Rewards, seen: FrameFeatures) -> Rewards:
        """Return 0 or 1 for each frame."""
        return above(scores, self.threshold)

    def std(self, std: Rewards | None, seen: FrameFeatures) -> Rewards | None:
        """Refuse to give a deviation.

        Raises:
            SpecError: If one is known of the score.
        """
        if std is not None:
            raise SpecError("0 and 1 have no standard deviation; leave out the threshold.")
        return None
