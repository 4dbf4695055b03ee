"""`Pessimism`: a score less some of its standard deviations, wherever these are known from."""

from collections.abc import Callable
from dataclasses import dataclass

from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import ScoreTransform
from vlmrm.rewards.transforms.uncertainty.moments import lower_confidence
from vlmrm.types import Rewards


@dataclass(frozen=True, eq=False)
class Pessimism(ScoreTransform):
    """A score less `kappa` standard deviations.

    Example:
        >>> import torch
        >>> unsure = Pessimism(lambda seen: seen.extra["variance"].sqrt(), kappa=1.0)
        >>> seen = FrameFeatures(embeddings=torch.zeros(2, 0), extra={"variance": torch.tensor([0.0, 0.25])})
        >>> unsure(torch.tensor([0.5, 0.75]), seen)
        tensor([0.5000, 0.2500])
    """

    std_of: Callable[[FrameFeatures], Rewards]
    """Returns the standard deviation of the score of each frame."""
    kappa: float
    """Number of standard deviations to take off: above 0 pessimistic, 0 the score itself."""

    def __call__(self, scores: Rewards, seen: FrameFeatures) -> Rewards:
        """Return the pessimistic score of each frame."""
        return lower_confidence(scores, self.std_of(seen), kappa=self.kappa) if self.kappa else scores

    def std(self, std: Rewards | None, seen: FrameFeatures) -> Rewards | None:
        """Return the standard deviation of the score of each frame."""
        return self.std_of(seen)
